/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_lock.h - two commands that change one path come one after the other: the second waits for a
 * while, then says who is busy with what. A lock is held for one request of a client, never longer.
 */
#ifndef FS_CMD_PATH_LOCK_H
#define FS_CMD_PATH_LOCK_H

#include "fs/cmd/vault.h"

enum path_extent { PATH_ALONE, PATH_AND_BELOW };

struct path_locks;
struct path_lock;

int path_locks_new(struct path_locks **ret_locks);
struct path_locks *path_locks_free(struct path_locks *locks);

/*
 * Locks a path of the vault for the command under way (its name, for messages), after waiting up to
 * 5 s. Exit code; complains.
 */
int path_lock_take(struct vault *vault, const struct verb_call *call, const char *command,
	const char *path, size_t len, enum path_extent extent, struct path_lock **ret_lock);
struct path_lock *path_lock_free(struct path_lock *lock);

SCOPE_FUNCTION(struct path_lock *, path_lock_free);

#endif
