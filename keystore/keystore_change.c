/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore_change.c - how the tree is changed, and directories and links. Each change: look (under
 * rows_lock), make what memory needs, one transaction, then memory, which cannot fail. A row is
 * never written from a damaged inode: that would give forged values a good MAC.
 */
#include <errno.h>
#include <string.h>

#include "keystore/base/clock.h"
#include "keystore/catalogue_store.h"
#include "keystore/keystore_private.h"

static int find_parent(struct change *change, uint64_t parent, const void *name, size_t len)
{
	change->parent = catalogue_find(change->keystore->catalogue, parent);
	if (!change->parent)
		return -ENOENT;
	if (!inode_is_directory(change->parent))
		return -ENOTDIR;
	if (change->parent->info.damaged)
		return -EBADMSG;
	change->old_name =
		catalogue_find_name(change->keystore->catalogue, change->parent, name, len);
	change->parent_info = change->parent->info;
	change->parent_info.mtime_ns = change->now_ns;
	change->parent_info.ctime_ns = change->now_ns;
	return 0;
}

int change_init(struct change *change, struct keystore *keystore, uint64_t parent, const void *name,
	size_t len)
{
	int r;

	if (!name_is_valid(name, len))
		return -EINVAL;
	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	*change = (struct change){
		.keystore = keystore,
		.rows = keystore->rows,
		.now_ns = clock_now_ns(),
	};
	return find_parent(change, parent, name, len);
}

int change_reserve(struct change *change, size_t name_len)
{
	struct catalogue *catalogue = change->keystore->catalogue;
	size_t depth, len;
	int r;

	r = inode_path_measure(change->parent, &depth, &len);
	if (r < 0)
		return r;
	if (depth >= LIMIT_DEPTH)
		return -ELOOP;
	if (len + name_len > LIMIT_PATH)
		return -ENAMETOOLONG;
	if (catalogue->next_ino > INO_MAX || change->parent->next_cookie > COOKIE_MAX)
		return -ENOSPC;
	/* Readers walk what a reserve may move. */
	pthread_rwlock_wrlock(&change->keystore->tree_lock);
	r = catalogue_reserve(catalogue);
	if (r == 0)
		r = inode_reserve_child(change->parent);
	pthread_rwlock_unlock(&change->keystore->tree_lock);
	return r;
}

int change_commit(struct change *change, int r)
{
	if (r == 0)
		r = sealed_rows_commit(change->rows);
	if (r < 0)
		sealed_rows_abort(change->rows);
	return r;
}

int change_put_parent(const struct change *change)
{
	return catalogue_put_inode(
		change->rows, &change->parent_info, change->parent->name_count, NULL);
}

void change_touch_parent(const struct change *change)
{
	change->parent->info.mtime_ns = change->now_ns;
	change->parent->info.ctime_ns = change->now_ns;
}

int change_make_inode(struct change *change, const struct new_entry *entry, enum entry_kind kind,
	struct inode **ret_inode)
{
	const struct entry_info info = {
		.ino = change->keystore->catalogue->next_ino,
		.kind = kind,
		.mode = entry->mode & 07777,
		.uid = entry->uid,
		.gid = entry->gid,
		.mtime_ns = entry->mtime_ns,
		.ctime_ns = change->now_ns,
		.btime_ns = change->now_ns,
		.parent = kind == ENTRY_DIRECTORY ? entry->parent : 0,
	};
	scope(inode_free) struct inode *inode = inode_new(&info);
	int r;

	if (!inode)
		return -ENOMEM;
	inode->has_row = true;
	if (entry->xattrs) {
		r = xattr_list_parse(entry->xattrs, entry->xattrs_len, &inode->xattrs);
		if (r < 0)
			return r;
	}
	*ret_inode = take(&inode);
	return 0;
}

int change_put_entry(
	struct change *change, const struct inode *inode, const struct name *name, uint64_t cookie)
{
	int r;

	r = catalogue_put_inode(change->rows, &inode->info, 1, inode->target);
	if (r == 0 && inode->has_file_row)
		r = catalogue_put_file(change->rows, inode);
	if (r == 0)
		r = catalogue_put_xattrs(change->rows, inode);
	if (r == 0)
		r = catalogue_put_name(
			change->rows, change->parent->info.ino, name, inode->info.ino, cookie);
	if (r == 0)
		r = change_put_parent(change);
	return r;
}

int change_add_entry(struct change *change, const struct new_entry *entry, struct inode **inode)
{
	scope(name_free) struct name *name = NULL;
	uint64_t cookie = change->parent->next_cookie;
	int r;

	r = change_reserve(change, entry->name_len);
	if (r < 0)
		return r;
	name = name_new(entry->name, entry->name_len);
	if (!name)
		return -ENOMEM;
	r = sealed_rows_begin(change->rows);
	if (r < 0)
		return r;
	r = change_commit(change, change_put_entry(change, *inode, name, cookie));
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&change->keystore->tree_lock);
	catalogue_add_inode(change->keystore->catalogue, *inode);
	catalogue_add_name(
		change->keystore->catalogue, change->parent, take(&name), take(inode), cookie);
	change_touch_parent(change);
	pthread_rwlock_unlock(&change->keystore->tree_lock);
	return 0;
}

static int new_entry_init(
	struct change *change, struct keystore *keystore, const struct new_entry *entry)
{
	int r;

	r = change_init(change, keystore, entry->parent, entry->name, entry->name_len);
	if (r < 0)
		return r;
	return change->old_name ? -EEXIST : 0;
}

static int mkdir_locked(struct keystore *keystore, const struct new_entry *entry, uint64_t *ret_ino)
{
	scope(inode_free) struct inode *inode = NULL;
	struct change change;
	uint64_t ino;
	int r;

	r = new_entry_init(&change, keystore, entry);
	if (r < 0)
		return r;
	r = change_make_inode(&change, entry, ENTRY_DIRECTORY, &inode);
	if (r < 0)
		return r;
	ino = inode->info.ino;
	r = change_add_entry(&change, entry, &inode);
	if (r == 0)
		*ret_ino = ino;
	return r;
}

int keystore_mkdir(struct keystore *keystore, const struct new_entry *entry, uint64_t *ret_ino)
{
	int r;

	keystore_lock_rows(keystore);
	r = mkdir_locked(keystore, entry, ret_ino);
	keystore_unlock_rows(keystore);
	return r;
}

static int symlink_locked(struct keystore *keystore, const struct new_entry *entry,
	const void *target, size_t target_len, uint64_t *ret_ino)
{
	scope(inode_free) struct inode *inode = NULL;
	struct change change;
	uint64_t ino;
	int r;

	if (target_len == 0 || memchr(target, '\0', target_len))
		return -EINVAL;
	if (target_len > LIMIT_LINK_TARGET)
		return -ENAMETOOLONG;
	r = new_entry_init(&change, keystore, entry);
	if (r < 0)
		return r;
	r = change_make_inode(&change, entry, ENTRY_SYMLINK, &inode);
	if (r < 0)
		return r;
	inode->target = strndup(target, target_len);
	if (!inode->target)
		return -ENOMEM;
	inode->info.size = target_len;
	ino = inode->info.ino;
	r = change_add_entry(&change, entry, &inode);
	if (r == 0)
		*ret_ino = ino;
	return r;
}

int keystore_symlink(struct keystore *keystore, const struct new_entry *entry, const void *target,
	size_t target_len, uint64_t *ret_ino)
{
	int r;

	keystore_lock_rows(keystore);
	r = symlink_locked(keystore, entry, target, target_len, ret_ino);
	keystore_unlock_rows(keystore);
	return r;
}

static int put_link(
	struct change *change, const struct inode *inode, const struct name *name, uint64_t cookie)
{
	struct entry_info info = inode->info;
	int r;

	info.ctime_ns = change->now_ns;
	r = catalogue_put_inode(change->rows, &info, inode->name_count + 1, NULL);
	if (r == 0)
		r = catalogue_put_name(
			change->rows, change->parent->info.ino, name, info.ino, cookie);
	if (r == 0)
		r = change_put_parent(change);
	return r;
}

static int link_locked(struct keystore *keystore, const struct new_entry *entry, uint64_t ino)
{
	scope(name_free) struct name *name = NULL;
	struct change change;
	struct inode *inode;
	uint64_t cookie;
	int r;

	r = new_entry_init(&change, keystore, entry);
	if (r < 0)
		return r;
	inode = catalogue_find(keystore->catalogue, ino);
	if (!inode)
		return -ENOENT;
	if (inode->info.kind != ENTRY_FILE)
		return -EPERM;
	if (inode->info.damaged)
		return -EBADMSG;
	if (inode->name_count == UINT32_MAX)
		return -EMLINK;
	r = change_reserve(&change, entry->name_len);
	if (r < 0)
		return r;
	name = name_new(entry->name, entry->name_len);
	if (!name)
		return -ENOMEM;
	cookie = change.parent->next_cookie;
	r = sealed_rows_begin(change.rows);
	if (r < 0)
		return r;
	r = change_commit(&change, put_link(&change, inode, name, cookie));
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&keystore->tree_lock);
	catalogue_add_name(keystore->catalogue, change.parent, take(&name), inode, cookie);
	inode->info.ctime_ns = change.now_ns;
	change_touch_parent(&change);
	pthread_rwlock_unlock(&keystore->tree_lock);
	return 0;
}

int keystore_link(struct keystore *keystore, const struct new_entry *entry, uint64_t ino)
{
	int r;

	keystore_lock_rows(keystore);
	r = link_locked(keystore, entry, ino);
	keystore_unlock_rows(keystore);
	return r;
}
