/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_sight.h - what of the tree the caller of a verb may see (fs/mount/visibility.h): for verbs
 * that everybody may call, so that their answers tell nothing of hidden names.
 */
#ifndef FS_CMD_VAULT_SIGHT_H
#define FS_CMD_VAULT_SIGHT_H

#include "fs/cmd/vault.h"
#include "fs/mount/visibility.h"

void vault_viewer_begin(struct vault *vault, const struct verb_call *call, struct viewer *viewer);
/*
 * keystore_resolve for this caller: -ENOENT for all that he does not see, however it is hidden or
 * whatever is missing (also where a name is too long, or what is above is no directory). What
 * would tell of hidden names is taken out of *ret_info.
 */
int vault_find_seen(struct vault *vault, const struct verb_call *call, const char *path, size_t len,
	struct entry_info *ret_info);

#endif
