/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore_rename.c - a name moves: the old row goes, the new one comes and what it replaces loses
 * a name, all in one transaction. The inode stays, and with it everything below a directory.
 */
#include <errno.h>
#include <string.h>

#include "keystore/catalogue_store.h"
#include "keystore/keystore_private.h"

/* The directories that the name leaves and enters, perhaps one and the same. */
struct rename {
	struct change from, to;
	struct inode *inode;	/* that is moved */
	struct inode *replaced; /* or NULL */
	bool last;		/* the replaced one goes with its name */
};

static bool is_below(const struct inode *inode, const struct inode *directory)
{
	for (;; inode = inode->names->parent) {
		if (inode == directory)
			return true;
		if (inode->info.ino == ROOT_INO || !inode->names)
			return false;
	}
}

/* How many directories lie one in the other below this one, and the longest path there. */
static void measure_below(
	const struct inode *directory, size_t depth, size_t len, size_t *deepest, size_t *longest)
{
	*deepest = depth > *deepest ? depth : *deepest;
	*longest = len > *longest ? len : *longest;
	for (size_t i = 0; i < directory->child_count && depth <= LIMIT_DEPTH; i++) {
		const struct name *name = directory->children[i].name;

		if (!name)
			continue;
		if (len + name->len + 1 > *longest)
			*longest = len + name->len + 1;
		if (inode_is_directory(name->inode))
			measure_below(
				name->inode, depth + 1, len + name->len + 1, deepest, longest);
	}
}

/* May everything that moves lie there? */
static int check_place(const struct rename *rename, size_t name_len)
{
	size_t depth, len, deepest = 0, longest = 0;
	int r;

	if (!inode_is_directory(rename->inode))
		return 0;
	if (is_below(rename->to.parent, rename->inode))
		return -EINVAL;
	r = inode_path_measure(rename->to.parent, &depth, &len);
	if (r < 0)
		return r;
	measure_below(rename->inode, depth + 1, len + name_len, &deepest, &longest);
	if (deepest > LIMIT_DEPTH)
		return -ELOOP;
	return longest > LIMIT_PATH ? -ENAMETOOLONG : 0;
}

static int check_replaced(struct rename *rename, bool replace)
{
	const struct name *there = rename->to.old_name;

	if (!there)
		return 0;
	if (!replace || there->inode == rename->inode)
		return -EEXIST;
	if (inode_is_directory(there->inode))
		return -EISDIR;
	if (inode_is_directory(rename->inode))
		return -ENOTDIR;
	rename->replaced = there->inode;
	return 0;
}

static int prepare(struct rename *rename, size_t name_len, bool replace)
{
	const struct name *name = rename->from.old_name;
	int r;

	if (!name)
		return -ENOENT;
	rename->inode = name->inode;
	if (name->damaged || rename->inode->info.damaged)
		return -EBADMSG;
	r = check_replaced(rename, replace);
	if (r < 0)
		return r;
	r = check_place(rename, name_len);
	return r < 0 ? r : change_reserve(&rename->to, name_len);
}

static int put_rename(struct rename *rename, const struct name *name, uint64_t cookie)
{
	struct change *from = &rename->from, *to = &rename->to;
	struct entry_info info = rename->inode->info;
	int r;

	info.ctime_ns = to->now_ns;
	r = catalogue_delete_name(from->rows, from->old_name);
	if (r == 0 && rename->replaced)
		r = change_put_loss(to, rename->replaced, &rename->last);
	if (r == 0)
		r = catalogue_put_name(to->rows, to->parent->info.ino, name, info.ino, cookie);
	if (r == 0)
		r = catalogue_put_inode(
			to->rows, &info, rename->inode->name_count, rename->inode->target);
	if (r == 0)
		r = change_put_parent(to);
	if (r == 0 && from->parent != to->parent)
		r = change_put_parent(from);
	return r;
}

/* The same in memory. Takes the name over. */
static void apply(
	struct rename *rename, struct name *name, uint64_t cookie, uint8_t ret_old_id[ID_SIZE])
{
	struct change *from = &rename->from, *to = &rename->to;
	struct catalogue *catalogue = to->keystore->catalogue;

	pthread_rwlock_wrlock(&to->keystore->tree_lock);
	catalogue_drop_name(catalogue, from->old_name);
	if (rename->replaced) {
		catalogue_drop_name(catalogue, to->old_name);
		change_apply_loss(to, rename->replaced, ret_old_id);
	}
	catalogue_add_name(catalogue, to->parent, name, rename->inode, cookie);
	rename->inode->info.ctime_ns = to->now_ns;
	change_touch_parent(to);
	change_touch_parent(from);
	pthread_rwlock_unlock(&to->keystore->tree_lock);
}

static int rename_locked(struct keystore *keystore, const struct entry_name *from,
	const struct entry_name *to, bool replace, uint8_t ret_old_id[ID_SIZE])
{
	scope(name_free) struct name *name = NULL;
	struct rename rename = {0};
	uint64_t cookie;
	int r;

	r = change_init(&rename.from, keystore, from->parent, from->name, from->len);
	if (r == 0)
		r = change_init(&rename.to, keystore, to->parent, to->name, to->len);
	if (r == 0)
		r = prepare(&rename, to->len, replace);
	if (r < 0)
		return r;
	name = name_new(to->name, to->len);
	if (!name)
		return -ENOMEM;
	cookie = rename.to.parent->next_cookie;
	r = sealed_rows_begin(rename.to.rows);
	if (r < 0)
		return r;
	r = change_commit(&rename.to, put_rename(&rename, name, cookie));
	if (r < 0)
		return r;
	apply(&rename, take(&name), cookie, ret_old_id);
	return 0;
}

int keystore_rename(struct keystore *keystore, const struct entry_name *from,
	const struct entry_name *to, bool replace, uint8_t ret_old_id[ID_SIZE])
{
	uint8_t old_id[ID_SIZE] = {0};
	int r;

	keystore_lock_rows(keystore);
	r = rename_locked(keystore, from, to, replace, old_id);
	keystore_unlock_rows(keystore);
	if (r == 0 && ret_old_id)
		memcpy(ret_old_id, old_id, ID_SIZE);
	return r;
}
