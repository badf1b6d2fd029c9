/* SPDX-License-Identifier: Apache-2.0 */
/* tree_walk.c - copies one directory's names at a time out of the catalogue's lock, then descends.
 */
#include "fs/cmd/tree_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keystore/base/bytes.h"

struct child {
	struct entry_info info;
	size_t name_at, name_len; /* in names */
};

struct listing {
	struct child *children;
	size_t count, capacity;
	struct buffer names;
	bool failed;
};

static int add_child(
	void *arg, uint64_t cookie, const char *name, size_t len, const struct entry_info *info)
{
	struct listing *listing = arg;
	struct child *grown;

	(void)cookie;
	if (listing->count == listing->capacity) {
		grown = reallocarray(listing->children, listing->capacity * 2 + 16, sizeof(*grown));
		if (!grown) {
			listing->failed = true;
			return 1;
		}
		listing->children = grown;
		listing->capacity = listing->capacity * 2 + 16;
	}
	listing->children[listing->count++] =
		(struct child){.info = *info, .name_at = listing->names.len, .name_len = len};
	buffer_add(&listing->names, name, len);
	return 0;
}

static int walk_directory(struct keystore *keystore, struct buffer *path, uint64_t ino,
	unsigned depth,
	int (*each)(void *arg, const char *path, size_t len, const struct entry_info *info),
	void *arg)
{
	struct listing listing = {0};
	size_t before = path->len;
	int r;

	if (depth > LIMIT_DEPTH)
		return -ELOOP;
	r = keystore_list(keystore, ino, 0, add_child, &listing);
	/* Removed since the directory above was listed. */
	if (r == -ENOENT && depth)
		r = 0;
	if (r >= 0)
		r = listing.failed || listing.names.failed ? -ENOMEM : 0;
	for (size_t i = 0; i < listing.count && r == 0; i++) {
		const struct child *child = &listing.children[i];

		if (before)
			buffer_add_text(path, "/");
		buffer_add(path, listing.names.data + child->name_at, child->name_len);
		r = path->failed ? -ENOMEM : each(arg, path->data, path->len, &child->info);
		if (r == 0 && child->info.kind == ENTRY_DIRECTORY)
			r = walk_directory(keystore, path, child->info.ino, depth + 1, each, arg);
		path->len = before;
	}
	free(listing.children);
	buffer_done(&listing.names);
	return r;
}

int tree_walk(struct keystore *keystore, const char *path, size_t len,
	const struct entry_info *info,
	int (*each)(void *arg, const char *path, size_t len, const struct entry_info *info),
	void *arg)
{
	scope_buffer struct buffer current = {0};
	int r;

	while (len && *path == '/') {
		path++;
		len--;
	}
	while (len && path[len - 1] == '/')
		len--;
	buffer_add(&current, path, len);
	if (current.failed)
		return -ENOMEM;
	r = each(arg, buffer_text(&current), len, info);
	if (r == 0 && info->kind == ENTRY_DIRECTORY)
		r = walk_directory(keystore, &current, info->ino, 0, each, arg);
	return r;
}
