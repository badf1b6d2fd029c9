/* SPDX-License-Identifier: Apache-2.0 */
/* tree_walk.h - every entry of the catalogue at or below an inode, parents before children. */
#ifndef FS_CMD_TREE_WALK_H
#define FS_CMD_TREE_WALK_H

#include "keystore/keystore.h"

/*
 * each(arg, path, len, info): path from the vault's root, "" for the root; called with no lock
 * held. A non-zero result ends the walk and is returned. path/len: the path of the inode `info` to
 * start with. Names that come or go meanwhile may or may not be seen.
 */
int tree_walk(struct keystore *keystore, const char *path, size_t len,
	const struct entry_info *info,
	int (*each)(void *arg, const char *path, size_t len, const struct entry_info *info),
	void *arg);

#endif
