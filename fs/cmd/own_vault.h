/* SPDX-License-Identifier: Apache-2.0 */
/* own_vault.h - what belongs to the vault that is imported into: its directory, its mount points.
 */
#ifndef FS_CMD_OWN_VAULT_H
#define FS_CMD_OWN_VAULT_H

#include <sys/stat.h>

#include "fs/cmd/vault.h"

#define OWN_MOUNTS_MAX 64

struct own_vault {
	char *path; /* without links */
	dev_t device;
	ino_t inode;
	dev_t mounts[OWN_MOUNTS_MAX];
	unsigned mount_count;
	const char *source; /* of mounts, while they are looked for */
};

int own_vault_init(struct own_vault *own, const struct vault_place *place);
void own_vault_done(struct own_vault *own);
/* Is it the directory, or on a mount? */
bool own_vault_is(const struct own_vault *own, const struct stat *attr);
/* True when source is, or is in, one of them; follow: a link stands for where it leads. -errno. */
int own_vault_holds(const struct own_vault *own, const char *source, bool follow);

#endif
