/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backup_copy.h - files and objects copied whole: as shared blocks where the file system can
 * (reflink), never as hard links: damage to one copy must not be damage to the other.
 */
#ifndef FS_CMD_BACKUP_COPY_H
#define FS_CMD_BACKUP_COPY_H

#include "fs/cmd/vault.h"

/* The whole of from_fd to a file of that name in dir_fd, 0600, synced, replaced atomically. */
int copy_file_to(int from_fd, int dir_fd, const char *name);

struct object_copy {
	struct object_store *from, *to;
	/* Asked now and then; true ends the copying with -ECANCELED. NULL: never. */
	bool (*is_over)(void *arg);
	void *arg;
	uint64_t copied, copied_bytes; /* out */
	uint64_t present;	       /* out: were there already, of the same size */
	uint64_t missing;	       /* out: have no object to copy */
};
/* Copies the object of this file unless it is there. Counts; 0 also for a missing one. */
int copy_object(struct object_copy *copy, const uint8_t file_id[ID_SIZE]);

#endif
