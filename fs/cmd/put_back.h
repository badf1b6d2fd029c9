/* SPDX-License-Identifier: Apache-2.0 */
/*
 * put_back.h - a keystore.db from elsewhere takes the place of a vault's own: copied beside it,
 * unlocked and checked there, and only then renamed; what was there is kept aside.
 */
#ifndef FS_CMD_PUT_BACK_H
#define FS_CMD_PUT_BACK_H

#include "fs/cmd/aside.h"

struct put_back {
	struct vault_place *place; /* its id is set by prepare when it was not known */
	int vault_fd, lock_fd;
	struct aside aside;
	struct keystore *keystore; /* keystore.db.new, unlocked */
	bool id_known;
};

/* Takes the vault's lock. Exit codes; all complain. */
int put_back_init(
	struct put_back *put, struct vault_place *place, const char *what, struct output *output);
/* from: path of the database. EXIT_INTEGRITY when it is not whole, or another vault's. */
int put_back_prepare(struct put_back *put, const char *from, const struct unlock_secrets *secrets,
	struct output *output);
/* Objects of files that the new database does not know. */
int put_back_keep_objects(struct put_back *put, struct output *output);
/* The exchange, and the file `id` when there was none. The lock is free after it. */
int put_back_database(struct put_back *put, struct output *output);
void put_back_done(struct put_back *put);

#endif
