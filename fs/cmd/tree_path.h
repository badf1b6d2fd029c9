/* SPDX-License-Identifier: Apache-2.0 */
/* tree_path.h - the path of a walk through a tree: a name comes, a name goes. */
#ifndef FS_CMD_TREE_PATH_H
#define FS_CMD_TREE_PATH_H

#include "keystore/base/bytes.h"

static inline void tree_path_push(struct buffer *path, const char *name, size_t len)
{
	if (path->len && path->data[path->len - 1] != '/')
		buffer_add_text(path, "/");
	buffer_add(path, name, len);
}

/* Back to the length that it had. */
static inline void tree_path_pop(struct buffer *path, size_t len)
{
	if (path->failed || !path->data)
		return;
	path->len = len;
	path->data[len] = '\0';
}

#endif
