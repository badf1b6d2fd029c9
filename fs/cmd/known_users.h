/* SPDX-License-Identifier: Apache-2.0 */
/*
 * known_users.h - for whom a change of rules is looked at before it is made: every user that the
 * system's database tells of, every number in rules and roles, and one who is nobody in particular.
 */
#ifndef FS_CMD_KNOWN_USERS_H
#define FS_CMD_KNOWN_USERS_H

#include "policy/ruleset.h"

#define KNOWN_USERS_MAX 20000 /* of the database: a directory service may have millions */

struct known_user {
	char *name;		/* owned; NULL: the number has none */
	struct subject subject; /* logged in as himself, with the groups that he would get */
	bool is_anybody;	/* stands for all others; the last of the list */
};

struct known_users {
	struct known_user *list; /* owned; by number but for the last */
	size_t count;
	bool whole; /* the database was read to its end */
};

int known_users_collect(
	const struct ruleset *before, const struct ruleset *after, struct known_users *ret_users);
void known_users_done(struct known_users *users);

#endif
