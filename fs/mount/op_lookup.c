/* SPDX-License-Identifier: Apache-2.0 */
/*
 * op_lookup.c - names become nodes. Only a directory's entry is cached: each walk asks which node a
 * file has and which link a name is. What is below a directory that is gone or was moved is
 * answered ESTALE, and the kernel then walks the path again without believing any entry.
 */
#include <errno.h>
#include <string.h>

#include "fs/mount/mount_private.h"

void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct session *session = session_of(request);
	struct backend *backend = &session->gate->backend;
	const struct fuse_ctx *ctx = fuse_req_ctx(request);
	struct fuse_entry_param entry = {0};
	struct node_info directory, node;
	struct entry_info info;
	bool hides;
	int r;

	r = node_find(session->nodes, parent, &directory);
	if (r == 0)
		r = keystore_lookup(backend->keystore, directory.ino, name, strlen(name), &info);
	if (r == -ENOENT && keystore_stat(backend->keystore, directory.ino, &info) == -ENOENT)
		r = -ESTALE;
	if (r == 0 && directory.moved)
		r = -ESTALE;
	if (r < 0)
		return answer_error(request, r);
	hides = gate_hides_names(session->gate);
	if (hides && !gate_may_list(request, info.ino))
		return answer_error(request, -ENOENT);
	r = node_lookup(session->nodes, info.ino, info.kind, ctx->uid, ctx->pid, &node);
	if (r < 0)
		return answer_error(request, r);
	entry.ino = node.id;
	entry.generation = 0; /* ids are never reused */
	stat_of_entry(&info, &entry.attr);
	entry.attr_timeout = ATTR_TIMEOUT_S;
	/* Hidden names differ from caller to caller: then no entry may be kept for all. */
	entry.entry_timeout = info.kind != ENTRY_DIRECTORY || hides ? 0 : DIRECTORY_TIMEOUT_S;
	if (fuse_reply_entry(request, &entry) == -ENOENT)
		node_forget(session->nodes, node.id, 1);
}

void op_forget(fuse_req_t request, fuse_ino_t id, uint64_t count)
{
	node_forget(session_of(request)->nodes, id, count);
	fuse_reply_none(request);
}

void op_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets)
{
	for (size_t i = 0; i < count; i++)
		node_forget(session_of(request)->nodes, forgets[i].ino, forgets[i].nlookup);
	fuse_reply_none(request);
}
