/* SPDX-License-Identifier: Apache-2.0 */
/* keystore_attr.c - what an inode is like changes while its names stay. */
#include <errno.h>

#include "keystore/base/clock.h"
#include "keystore/catalogue_store.h"
#include "keystore/keystore_private.h"

static int set_mtime_locked(struct keystore *keystore, uint64_t ino, int64_t mtime_ns)
{
	struct change change = {.keystore = keystore, .rows = keystore->rows};
	struct entry_info info;
	struct inode *inode;
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	inode = catalogue_find(keystore->catalogue, ino);
	if (!inode)
		return -ENOENT;
	if (inode->info.damaged)
		return -EBADMSG;
	if (inode->info.mtime_ns == mtime_ns)
		return 0;
	info = inode->info;
	info.mtime_ns = mtime_ns;
	info.ctime_ns = clock_now_ns();
	r = sealed_rows_begin(change.rows);
	if (r < 0)
		return r;
	r = change_commit(
		&change, catalogue_put_inode(change.rows, &info, inode->name_count, inode->target));
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&keystore->tree_lock);
	inode->info.mtime_ns = info.mtime_ns;
	inode->info.ctime_ns = info.ctime_ns;
	pthread_rwlock_unlock(&keystore->tree_lock);
	return 0;
}

int keystore_set_mtime(struct keystore *keystore, uint64_t ino, int64_t mtime_ns)
{
	int r;

	keystore_lock_rows(keystore);
	r = set_mtime_locked(keystore, ino, mtime_ns);
	keystore_unlock_rows(keystore);
	return r;
}
