/* SPDX-License-Identifier: Apache-2.0 */
/* vault_name.h - a path in the vault as a directory that is there and a name in it. */
#ifndef FS_CMD_VAULT_NAME_H
#define FS_CMD_VAULT_NAME_H

#include "fs/cmd/vault.h"

/* Without the slashes around it. */
void vault_path_trim(const char **path, size_t *len);
/*
 * The name points into path, which is trimmed. -EINVAL: the root, which has no name; -ENOENT,
 * -ENOTDIR: its directory.
 */
int vault_name_find(struct vault *vault, const char *path, size_t len, struct entry_name *ret_name);

#endif
