/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aside.h - what gives way to something else in a vault is kept: files in before-WHAT-TIME/ in the
 * vault, objects in .before-WHAT-TIME/ in the objects directory.
 */
#ifndef FS_CMD_ASIDE_H
#define FS_CMD_ASIDE_H

#include "fs/cmd/vault.h"

struct aside {
	int vault_fd; /* borrowed */
	int fd;	      /* of the directory, or -1: nothing was taken yet */
	char name[64];
};

/* what: "restore". Nothing is made before something is taken. */
void aside_init(struct aside *aside, int vault_fd, const char *what);
void aside_done(struct aside *aside);
/* Takes the file of that name, if there is one. 1: it did; 0; -errno. */
int aside_take(struct aside *aside, const char *name);
/* The same for a database, with what SQLite keeps beside it. */
int aside_take_database(struct aside *aside, const char *name);
/* Takes every object of a file that the keystore does not know. How many, or -errno. */
int aside_take_objects(const struct aside *aside, struct object_store *objects, int objects_fd,
	struct keystore *keystore);

#endif
