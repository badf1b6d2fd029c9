/* SPDX-License-Identifier: Apache-2.0 */
/* role.h - who holds which role: members as plain data, and the question. */
#ifndef POLICY_ROLE_H
#define POLICY_ROLE_H

#include "policy/rule.h"
#include "policy/subject.h"

enum role { ROLE_ADMIN, ROLE_AUDITOR, ROLE_CUSTODIAN, ROLE_COUNT };

const char *role_name(enum role role);
/* -EINVAL for a word that is no role. */
int role_from_name(const char *name, enum role *ret_role);

/* A user or a group in a role. */
struct role_member {
	enum role role;
	enum subject_word_kind kind; /* WORD_USER or WORD_GROUP */
	uint32_t number;
	char *name; /* owned */
};

struct role_members {
	struct role_member *list; /* owned */
	size_t count;
};

void role_members_done(struct role_members *members);
/* Copies the name. */
int role_members_add(struct role_members *members, const struct role_member *member);
/* By uid, primary or supplementary group; an odd identity holds none. */
bool role_members_hold(
	const struct role_members *members, enum role role, const struct subject *subject);

#endif
