/* SPDX-License-Identifier: Apache-2.0 */
/* handle_private.h - the table of handles, for handle*.c only. */
#ifndef FS_MOUNT_HANDLE_PRIVATE_H
#define FS_MOUNT_HANDLE_PRIVATE_H

#include <pthread.h>

#include "fs/mount/handle.h"

#define SHARE_BUCKETS 256

/* How many handles a user has; one entry for each user who has some. */
struct handle_share;
struct handle_shares {
	struct handle_share *buckets[SHARE_BUCKETS];
};

struct slot {
	struct handle *handle;
	uint32_t generation;
	uint32_t next_free; /* index + 1 of the next free slot */
};

struct handle_table {
	/* Guards all below but files, and the last part of every handle; a leaf lock. */
	pthread_mutex_t mutex;
	pthread_cond_t drained; /* some handle's readers went to zero, or its pages are gone */
	struct slot *slots;
	uint32_t slot_count;
	uint32_t first_free; /* index + 1; 0: none */
	uint64_t count;
	uint64_t endings;
	unsigned waiting; /* threads in handle_await_ended or handle_remove */
	struct handle_shares shares;
	struct open_file_table *files;
};

/* handle_share.c; with the table's mutex held */

bool handle_share_is_used_up(const struct handle_shares *shares, uint32_t uid);
int handle_share_add(struct handle_shares *shares, uint32_t uid);
void handle_share_remove(struct handle_shares *shares, uint32_t uid);
void handle_shares_done(struct handle_shares *shares);

#endif
