/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reserve.h - VAULT/reserve, room kept on the vault's disk so that what takes access away can still
 * be saved when the disk is full. Its bytes mean nothing; a vault without it works.
 */
#ifndef FS_CMD_RESERVE_H
#define FS_CMD_RESERVE_H

/*
 * Makes the reserve of the vault in this directory whole. 0: it is; -ENOSPC: it would leave too
 * little room for everything else, later perhaps; what else fails is logged too.
 */
int reserve_fill(const char *path);
/* Gives a part of it back to the disk. -ENOENT: nothing is left to give. */
int reserve_release(const char *path);

#endif
