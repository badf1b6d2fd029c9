/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_change.h - which files users could read, write or see after a change of rules and could
 * not before, or the other way round. Who a rule speaks of is looked at; a program, a unit, times
 * and budgets count as possibly so, and are named.
 */
#ifndef FS_CMD_ACCESS_CHANGE_H
#define FS_CMD_ACCESS_CHANGE_H

#include "fs/cmd/known_users.h"
#include "keystore/keystore.h"
#include "policy/permission.h"

/* What a rule that changes asks for beside the user. */
enum access_need {
	NEED_PROGRAM = 1 << 0,
	NEED_UNIT = 1 << 1,
	NEED_HOURS = 1 << 2, /* and days */
	NEED_DATES = 1 << 3,
	NEED_BUDGET = 1 << 4,
};
#define ACCESS_NEEDS 5

struct access_change {
	const struct known_user *user;
	enum permission permission;
	bool is_gain;
	uint64_t files;
	const char *path; /* of one of them; borrowed */
	size_t len;
	unsigned needs; /* access_need bits */
};

/*
 * each(arg, change) for every user and permission of which there is one, gains and losses apart; a
 * negative result ends. *ret_whole: false when there was more work than is done for an answer, and
 * some users or files were left out.
 */
int access_changes(struct keystore *keystore, const struct ruleset *before,
	const struct ruleset *after, const struct known_users *users,
	int (*each)(void *arg, const struct access_change *change), void *arg, bool *ret_whole);

#endif
