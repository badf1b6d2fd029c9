/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role.h - roles: named sets of users and groups. Three of them are held over the vault itself;
 * any other is there as long as it has a member. Members as plain data, and the questions.
 */
#ifndef POLICY_ROLE_H
#define POLICY_ROLE_H

#include "policy/rule.h"
#include "policy/subject.h"

/* The roles over the vault. */
enum role { ROLE_ADMIN, ROLE_AUDITOR, ROLE_CUSTODIAN, ROLE_COUNT };

#define ROLE_NAME_MAX 32

const char *role_name(enum role role);
/* -EINVAL for a word that is none of the three. */
int role_from_name(const char *name, enum role *ret_role);
/* [a-z0-9][a-z0-9_-]*, at most ROLE_NAME_MAX bytes. */
bool role_name_is_valid(const char *name);

/* A user or a group in a role. */
struct role_member {
	char *role;		     /* owned */
	enum subject_word_kind kind; /* WORD_USER or WORD_GROUP */
	uint32_t number;
	char *name; /* owned */
};

struct role_members {
	struct role_member *list; /* owned; by role, kind, number */
	size_t count;
};

void role_members_done(struct role_members *members);
int role_members_copy(const struct role_members *members, struct role_members *ret_copy);
/* Copies role and name. -EEXIST when it is there. */
int role_members_add(struct role_members *members, const struct role_member *member);
/* -ENOENT when it is not there. */
int role_members_remove(struct role_members *members, const struct role_member *member);
/* Its place, by role, kind and number, or where it would stand. */
size_t role_members_find(
	const struct role_members *members, const struct role_member *member, bool *ret_found);
/* By uid, primary or supplementary group; an odd identity holds none. */
bool role_members_hold(
	const struct role_members *members, const char *role, const struct subject *subject);
bool role_has_members(const struct role_members *members, const char *role);

#endif
