/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue_path.c - paths down to an inode and the names of an inode as paths up to the root. */
#include <errno.h>
#include <string.h>

#include "keystore/catalogue_private.h"
#include "keystore/keystore.h"

int catalogue_lookup(const struct catalogue *catalogue, uint64_t parent, const void *name,
	size_t len, struct inode **ret_inode)
{
	const struct inode *directory = catalogue_find(catalogue, parent);
	const struct name *found;

	if (!directory)
		return -ENOENT;
	if (!inode_is_directory(directory))
		return -ENOTDIR;
	if (len > LIMIT_NAME)
		return -ENAMETOOLONG;
	found = catalogue_find_name(catalogue, directory, name, len);
	if (!found)
		return -ENOENT;
	*ret_inode = found->inode;
	return 0;
}

int catalogue_resolve(
	const struct catalogue *catalogue, const void *path, size_t len, struct inode **ret_inode)
{
	struct inode *inode = catalogue->root;
	const char *at = path;
	int r;

	if (len > LIMIT_PATH)
		return -ENAMETOOLONG;
	while (len > 0) {
		const char *slash = memchr(at, '/', len);
		size_t part = slash ? (size_t)(slash - at) : len;

		if (part > 0) {
			r = catalogue_lookup(catalogue, inode->info.ino, at, part, &inode);
			if (r < 0)
				return r;
		}
		if (slash)
			part++;
		at += part;
		len -= part;
	}
	*ret_inode = inode;
	return 0;
}

int inode_path_measure(const struct inode *inode, size_t *ret_depth, size_t *ret_len)
{
	size_t depth = 0, len = 0;

	while (inode->info.ino != ROOT_INO) {
		const struct name *name = inode->names;

		if (!name || depth == LIMIT_DEPTH)
			return -EBADMSG;
		len += name->len + 1U;
		depth++;
		inode = name->parent;
	}
	*ret_depth = depth;
	*ret_len = len;
	return 0;
}

/* Writes the path of a name backwards from end; the way up was measured. */
static void write_path(const struct name *name, char *end)
{
	*end = '\0';
	while (name) {
		end -= name->len;
		memcpy(end, name->bytes, name->len);
		name = name->parent->names;
		if (name)
			*--end = '/';
	}
}

static int paths_size(const struct inode *inode, size_t *ret_size)
{
	size_t size = 0, depth, len;
	int r;

	for (const struct name *name = inode->names; name; name = name->next_of_inode) {
		r = inode_path_measure(name->parent, &depth, &len);
		if (r < 0)
			return r;
		size += len + name->len + 1;
	}
	*ret_size = size;
	return 0;
}

static int root_names(struct name_list *ret_names)
{
	struct name_list names = {.count = 1};

	names.names = calloc(1, sizeof(*names.names));
	if (!names.names)
		return -ENOMEM;
	names.names[0].path = "";
	*ret_names = names;
	return 0;
}

int catalogue_names(const struct inode *inode, struct name_list *ret_names)
{
	struct name_list names = {0};
	size_t size, depth, len;
	char *text;
	int r;

	if (inode->info.ino == ROOT_INO)
		return root_names(ret_names);
	if (!inode->names)
		return -EBADMSG;
	r = paths_size(inode, &size);
	if (r < 0)
		return r;
	names.names = calloc(1, inode->name_count * sizeof(*names.names) + size);
	if (!names.names)
		return -ENOMEM;
	text = (char *)(names.names + inode->name_count);
	for (const struct name *name = inode->names; name; name = name->next_of_inode) {
		r = inode_path_measure(name->parent, &depth, &len);
		if (r < 0) {
			free(names.names);
			return r;
		}
		len += name->len;
		write_path(name, text + len);
		names.names[names.count].path = text;
		names.names[names.count++].len = len;
		text += len + 1;
	}
	*ret_names = names;
	return 0;
}

void name_list_done(struct name_list *names)
{
	free(names->names);
	*names = (struct name_list){0};
}
