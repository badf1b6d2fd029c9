/* SPDX-License-Identifier: Apache-2.0 */
/* mounts.h - modelvault mounts as the kernel lists them (/proc/self/mountinfo, proc(5)). */
#ifndef FS_CMD_MOUNTS_H
#define FS_CMD_MOUNTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct mount_entry {
	const char *mountpoint;
	const char *source; /* the vault's path */
	uint32_t user;	    /* who mounted it */
	dev_t device;
};
/*
 * Calls each for every mount of type fuse.modelvault, topmost last; non-zero ends and is returned.
 * Only mounts made by root or by the caller are shown: of others the source could be a lie.
 */
int mounts_each(int (*each)(void *arg, const struct mount_entry *entry), void *arg);
/* The vault that is mounted exactly at this path, malloc'ed, or NULL. */
char *mounts_vault_at(const char *path);
/* The device of what is mounted there; 0: no vault. */
dev_t mounts_device_at(const char *path);
/*
 * The absolute path of what the user calls so, malloc'ed, or NULL with errno. Of a mount point its
 * last component is not looked at, since nobody may answer there.
 */
char *mounts_absolute(const char *operand);
/* The mount that path is at or below: *ret_rest points into path. The vault's path, or NULL. */
char *mounts_vault_above(const char *path, const char **ret_rest);
/* True when something of any kind is mounted exactly at this path. */
bool mounts_is_mountpoint(const char *path);

#endif
