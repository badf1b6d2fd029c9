/* SPDX-License-Identifier: Apache-2.0 */
/* keystore_destroy.c - a file goes with all its names and its key, in one transaction. */
#include <errno.h>

#include "keystore/base/clock.h"
#include "keystore/catalogue_store.h"
#include "keystore/keystore_private.h"

/* The directory that loses the name, with new times; twice when it loses two. */
static int put_parent(struct keystore *keystore, const struct inode *parent, int64_t now_ns)
{
	struct entry_info info = parent->info;

	if (info.damaged)
		return -EBADMSG;
	info.mtime_ns = info.ctime_ns = now_ns;
	return catalogue_put_inode(keystore->rows, &info, parent->name_count, NULL);
}

static int put_destruction(struct keystore *keystore, const struct inode *inode, int64_t now_ns)
{
	int r = 0;

	for (const struct name *name = inode->names; name && r == 0; name = name->next_of_inode) {
		r = catalogue_delete_name(keystore->rows, name);
		if (r == 0)
			r = put_parent(keystore, name->parent, now_ns);
	}
	return r < 0 ? r : catalogue_delete_inode(keystore->rows, inode);
}

static void apply(struct keystore *keystore, struct inode *inode, int64_t now_ns,
	struct destroyed_file *destroyed)
{
	pthread_rwlock_wrlock(&keystore->tree_lock);
	while (inode->names) {
		struct inode *parent = inode->names->parent;

		parent->info.mtime_ns = parent->info.ctime_ns = now_ns;
		destroyed->parents[destroyed->count++] = parent->info.ino;
		catalogue_drop_name(keystore->catalogue, inode->names);
	}
	catalogue_drop_inode(keystore->catalogue, inode);
	pthread_rwlock_unlock(&keystore->tree_lock);
}

static int destroy_locked(
	struct keystore *keystore, uint64_t ino, struct destroyed_file *ret_destroyed)
{
	struct inode *inode = catalogue_find(keystore->catalogue, ino);
	struct destroyed_file destroyed = {0};
	int64_t now_ns = clock_now_ns();
	int r;

	if (!inode)
		return -ENOENT;
	if (inode->info.kind != ENTRY_FILE)
		return -EINVAL;
	if (inode->info.damaged)
		return -EBADMSG;
	destroyed.parents = calloc(inode->name_count + 1, sizeof(*destroyed.parents));
	if (!destroyed.parents)
		return -ENOMEM;
	r = sealed_rows_begin(keystore->rows);
	if (r == 0)
		r = put_destruction(keystore, inode, now_ns);
	if (r == 0)
		r = sealed_rows_commit(keystore->rows);
	if (r < 0) {
		sealed_rows_abort(keystore->rows);
		free(destroyed.parents);
		return r;
	}
	keystore_unsettle_file(keystore, inode);
	apply(keystore, inode, now_ns, &destroyed);
	*ret_destroyed = destroyed;
	return 0;
}

int keystore_destroy(struct keystore *keystore, uint64_t ino, struct destroyed_file *ret_destroyed)
{
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	keystore_lock_rows(keystore);
	r = destroy_locked(keystore, ino, ret_destroyed);
	keystore_unlock_rows(keystore);
	return r;
}
