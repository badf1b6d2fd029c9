/* SPDX-License-Identifier: Apache-2.0 */
/* link_path.h - where a symbolic link of the catalogue leads to, in the catalogue. */
#ifndef FS_CMD_LINK_PATH_H
#define FS_CMD_LINK_PATH_H

#include "keystore/keystore.h"

/*
 * The path that the link at `path` names, by its text alone: other links on the way are not
 * followed. Malloc'ed. -EXDEV: it is outside, where no rule is asked.
 */
int link_path(struct keystore *keystore, uint64_t ino, const char *path, char **ret_path);
/*
 * The entry behind the link at `path`, through links that follow, and its path (malloc'ed). -EXDEV;
 * -ENOENT: nothing is there; -ELOOP.
 */
int link_follow(struct keystore *keystore, const struct entry_info *link, const char *path,
	char **ret_path, struct entry_info *ret_info);

#endif
