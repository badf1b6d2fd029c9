/* SPDX-License-Identifier: Apache-2.0 */
/*
 * role_table.h - the members of roles, indexed: which roles has a user, or a group? Immutable and
 * shared by all rule sets until a role changes.
 */
#ifndef POLICY_ROLE_TABLE_H
#define POLICY_ROLE_TABLE_H

#include "policy/id_table.h"
#include "policy/role.h"

#include <stdatomic.h>

struct role_table {
	atomic_size_t references;
	struct role_members members;
	struct role_span {
		const char *name;
		uint32_t hash; /* of the name: role_hash() */
		uint32_t first, count;
	} * roles; /* ascending by name */
	size_t role_count;
	struct id_table users, groups; /* to indexes of roles */
};

uint32_t role_hash(const char *name);
/* Copies the members. */
int role_table_new(const struct role_members *members, struct role_table **ret_table);
struct role_table *role_table_ref(struct role_table *table);
/* Drops one reference. Returns NULL. */
struct role_table *role_table_unref(struct role_table *table);
/* By uid, primary or supplementary group. */
bool role_table_holds(
	const struct role_table *table, const char *role, const struct subject *subject);

SCOPE_FUNCTION(struct role_table *, role_table_unref);

#endif
