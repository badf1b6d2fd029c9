/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_mark.h - the file `backup` in a directory that a backup is made in: "modelvault-backup 1
 * ID incomplete", and when everything is there "... complete". With it such a directory is known
 * again; a vault that is taken into use has none.
 */
#ifndef FS_CMD_BACKUP_MARK_H
#define FS_CMD_BACKUP_MARK_H

#include "fs/cmd/vault.h"

struct backup_mark {
	uint8_t vault_id[ID_SIZE];
	bool complete;
};

/* -ENOENT: no backup; -EUCLEAN: the file is not of this form. */
int backup_mark_read(int dir_fd, struct backup_mark *ret_mark);
int backup_mark_write(int dir_fd, const struct backup_mark *mark);
/* A missing one is no error. */
void backup_mark_remove(const char *path);

#endif
