/* SPDX-License-Identifier: Apache-2.0 */
/* keystore_tree.c - reading the tree and the keys of its files, under the read lock alone. */
#include <errno.h>
#include <string.h>

#include "keystore/keystore_private.h"

/* 0 with the read lock held, or -ENOKEY without. */
static int begin_read(struct keystore *keystore)
{
	if (!keystore_is_unlocked(keystore))
		return -ENOKEY;
	pthread_rwlock_rdlock(&keystore->tree_lock);
	return 0;
}

static void end_read(struct keystore *keystore)
{
	pthread_rwlock_unlock(&keystore->tree_lock);
}

int keystore_stat(struct keystore *keystore, uint64_t ino, struct entry_info *ret_info)
{
	const struct inode *inode;
	int r;

	r = begin_read(keystore);
	if (r < 0)
		return r;
	inode = catalogue_find(keystore->catalogue, ino);
	if (inode)
		*ret_info = inode->info;
	end_read(keystore);
	return inode ? 0 : -ENOENT;
}

int keystore_lookup(struct keystore *keystore, uint64_t parent, const void *name, size_t len,
	struct entry_info *ret_info)
{
	struct inode *inode;
	int r;

	r = begin_read(keystore);
	if (r < 0)
		return r;
	r = catalogue_lookup(keystore->catalogue, parent, name, len, &inode);
	if (r == 0)
		*ret_info = inode->info;
	end_read(keystore);
	return r;
}

int keystore_resolve(
	struct keystore *keystore, const void *path, size_t len, struct entry_info *ret_info)
{
	struct inode *inode;
	int r;

	r = begin_read(keystore);
	if (r < 0)
		return r;
	r = catalogue_resolve(keystore->catalogue, path, len, &inode);
	if (r == 0)
		*ret_info = inode->info;
	end_read(keystore);
	return r;
}

/* An inode whose rows can be believed. */
static int find_sound(struct keystore *keystore, uint64_t ino, const struct inode **ret_inode)
{
	const struct inode *inode = catalogue_find(keystore->catalogue, ino);

	if (!inode)
		return -ENOENT;
	if (inode->info.damaged)
		return -EBADMSG;
	*ret_inode = inode;
	return 0;
}

static int copy_target(const struct inode *inode, char **ret_target, size_t *ret_len)
{
	char *target;

	if (inode->info.kind != ENTRY_SYMLINK)
		return -EINVAL;
	target = strdup(inode->target);
	if (!target)
		return -ENOMEM;
	*ret_target = target;
	*ret_len = inode->info.size;
	return 0;
}

int keystore_link_target(
	struct keystore *keystore, uint64_t ino, char **ret_target, size_t *ret_len)
{
	const struct inode *inode;
	int r;

	r = begin_read(keystore);
	if (r < 0)
		return r;
	r = find_sound(keystore, ino, &inode);
	if (r == 0)
		r = copy_target(inode, ret_target, ret_len);
	end_read(keystore);
	return r;
}

int keystore_list(struct keystore *keystore, uint64_t ino, uint64_t cookie,
	int (*each)(void *arg, uint64_t cookie, const char *name, size_t len,
		const struct entry_info *info),
	void *arg)
{
	int r;

	r = begin_read(keystore);
	if (r < 0)
		return r;
	r = catalogue_list(keystore->catalogue, ino, cookie, each, arg);
	end_read(keystore);
	return r;
}

int keystore_names(struct keystore *keystore, uint64_t ino, struct name_list *ret_names)
{
	const struct inode *inode;
	int r;

	r = begin_read(keystore);
	if (r < 0)
		return r;
	inode = catalogue_find(keystore->catalogue, ino);
	r = inode ? catalogue_names(inode, ret_names) : -ENOENT;
	end_read(keystore);
	return r;
}

ssize_t keystore_xattr(
	struct keystore *keystore, uint64_t ino, const char *name, void *value, size_t size)
{
	const struct inode *inode;
	ssize_t r;

	r = begin_read(keystore);
	if (r < 0)
		return r;
	r = find_sound(keystore, ino, &inode);
	if (r == 0)
		r = xattr_list_get(inode->xattrs, name, value, size);
	end_read(keystore);
	return r;
}

ssize_t keystore_xattr_names(struct keystore *keystore, uint64_t ino, void *list, size_t size)
{
	const struct inode *inode;
	ssize_t r;

	r = begin_read(keystore);
	if (r < 0)
		return r;
	r = find_sound(keystore, ino, &inode);
	if (r == 0)
		r = xattr_list_names(inode->xattrs, list, size);
	end_read(keystore);
	return r;
}

void keystore_counts(struct keystore *keystore, struct catalogue_counts *ret_counts)
{
	struct catalogue_counts counts = {0};

	if (begin_read(keystore) == 0) {
		counts.files = keystore->catalogue->files;
		counts.directories = keystore->catalogue->directories;
		counts.symlinks = keystore->catalogue->symlinks;
		counts.bytes = keystore->catalogue->bytes;
		end_read(keystore);
	}
	*ret_counts = counts;
}

bool keystore_knows_file(struct keystore *keystore, const uint8_t file_id[ID_SIZE])
{
	bool known;

	/* Locked, nothing is known: an object must not be collected on that ground. */
	if (begin_read(keystore) < 0)
		return true;
	known = catalogue_knows_file(keystore->catalogue, file_id);
	end_read(keystore);
	return known;
}

int keystore_file_key(struct keystore *keystore, uint64_t ino, struct secret **ret_dek)
{
	const struct inode *inode;
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	pthread_rwlock_rdlock(&keystore->tree_lock);
	r = find_sound(keystore, ino, &inode);
	if (r == 0 && inode->info.kind != ENTRY_FILE)
		r = -ENOENT;
	if (r == 0)
		r = dek_unwrap(keystore->keks, inode->info.file_id, &inode->dek, ret_dek);
	end_read(keystore);
	return r;
}
