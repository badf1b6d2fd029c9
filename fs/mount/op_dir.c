/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_dir.c - directories. The offset of an entry is its catalogue cookie + 2 ("." and ".." come
 * first), so that a listing goes on in the right place while names come and go.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/scope.h"

#define FIRST_COOKIE_OFFSET 2

/* Entries copied out of the catalogue's lock, to be filtered and packed after. */
struct batch {
	struct batch_entry {
		uint64_t cookie, ino;
		mode_t type;
		char name[LIMIT_NAME + 1];
	} * entries;
	size_t count, capacity;
};

static int copy_entry(
	void *arg, uint64_t cookie, const char *name, size_t len, const struct entry_info *info)
{
	struct batch *batch = arg;
	struct batch_entry *entry = &batch->entries[batch->count++];
	struct stat attr;

	stat_of_entry(info, &attr);
	entry->cookie = cookie;
	entry->ino = info->ino;
	entry->type = attr.st_mode & S_IFMT;
	memcpy(entry->name, name, len);
	entry->name[len] = '\0';
	return batch->count == batch->capacity;
}

struct packing {
	fuse_req_t request;
	char *to;
	size_t size, used;
};

/* False when it did not fit any more. */
static bool pack(struct packing *packing, const char *name, uint64_t ino, mode_t type, off_t next)
{
	struct stat attr = {.st_ino = ino, .st_mode = type};
	size_t left = packing->size - packing->used;
	size_t need = fuse_add_direntry(
		packing->request, packing->to + packing->used, left, name, &attr, next);

	if (need > left)
		return false;
	packing->used += need;
	return true;
}

/* The entries after offset, as many as fit. 0 or -errno. */
static int pack_entries(
	struct packing *packing, struct onlooker *onlooker, uint64_t directory, off_t offset)
{
	/* An entry takes at least 32 bytes on the wire. */
	struct batch batch = {.capacity = packing->size / 32 + 1};
	scope_free struct batch_entry *entries = NULL;
	int r;

	if (batch.capacity > 1024)
		batch.capacity = 1024;
	entries = calloc(batch.capacity, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	batch.entries = entries;
	for (;;) {
		batch.count = 0;
		r = keystore_list(onlooker->gate->backend.keystore, directory,
			(uint64_t)offset - FIRST_COOKIE_OFFSET, copy_entry, &batch);
		if (r < 0)
			return r;
		for (size_t i = 0; i < batch.count; i++) {
			const struct batch_entry *entry = &entries[i];

			offset = (off_t)(entry->cookie + FIRST_COOKIE_OFFSET);
			if (!onlooker_sees_entry(onlooker, entry->ino))
				continue;
			if (!pack(packing, entry->name, entry->ino, entry->type, offset))
				return 0;
		}
		/* A full batch of hidden names must not look like the end of the directory. */
		if (batch.count < batch.capacity || packing->used)
			return 0;
	}
}

void op_opendir(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi)
{
	struct session *session = session_of(request);
	scope_onlooker struct onlooker onlooker;
	struct node_info node;
	struct entry_info info;
	int r;

	onlooker_begin(request, &onlooker);
	r = node_find(session->nodes, id, &node);
	if (r == 0)
		r = keystore_stat(session->gate->backend.keystore, node.ino, &info);
	/* Removed or moved since the LOOKUP: walk again, and find that out by name. */
	if (r == -ENOENT || (r == 0 && node.moved))
		r = -ESTALE;
	if (r == 0 && info.kind != ENTRY_DIRECTORY)
		r = -ENOTDIR;
	if (r == 0 && !onlooker_sees(&onlooker, info.ino))
		r = -ESTALE;
	if (r < 0)
		return answer_error(request, r);
	fi->fh = 0;
	fuse_reply_open(request, fi);
}

void op_readdir(
	fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *fi)
{
	struct session *session = session_of(request);
	struct packing packing = {.request = request};
	scope_onlooker struct onlooker onlooker;
	scope_free char *to = NULL;
	struct node_info node;
	struct entry_info info;
	bool fits = true;
	int r;

	(void)fi;
	onlooker_begin(request, &onlooker);
	r = node_find(session->nodes, id, &node);
	if (r == 0)
		r = keystore_stat(session->gate->backend.keystore, node.ino, &info);
	/* Hidden since it was opened: as one that is gone. */
	if (r == 0 && !onlooker_sees(&onlooker, info.ino))
		r = -ENOENT;
	packing.size = size < READ_MAX ? size : READ_MAX;
	packing.to = to = malloc(packing.size);
	if (r == 0 && !to)
		r = -ENOMEM;
	if (r == 0 && offset == 0)
		fits = pack(&packing, ".", info.ino, S_IFDIR, 1);
	if (r == 0 && offset <= 1 && fits)
		fits = pack(&packing, "..", info.parent ? info.parent : info.ino, S_IFDIR,
			FIRST_COOKIE_OFFSET);
	if (r == 0 && fits)
		r = pack_entries(&packing, &onlooker, info.ino,
			offset < FIRST_COOKIE_OFFSET ? FIRST_COOKIE_OFFSET : offset);
	if (r < 0)
		return answer_error(request, r);
	fuse_reply_buf(request, packing.to, packing.used);
}

void op_releasedir(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi)
{
	(void)id, (void)fi;
	fuse_reply_err(request, 0);
}
