/* SPDX-License-Identifier: Apache-2.0 */
/* ruleset_private.h - what decide() sees of a rule set: candidates and compiled rules. */
#ifndef POLICY_RULESET_PRIVATE_H
#define POLICY_RULESET_PRIVATE_H

#include "policy/compiled_rule.h"
#include "policy/permission.h"
#include "policy/role_table.h"
#include "policy/rule_index.h"
#include "policy/ruleset.h"

/*
 * The rules of one effect. A rule with users stands under each of its users, else one with roles
 * under each of its roles, else one with groups under each of its groups, the others under any: a
 * rule that matches a subject stands in at least one list of that subject.
 */
struct effect_index {
	struct rule_index users, roles, groups; /* roles: by role_hash */
	struct rule_index any;			/* all under key 0 */
	unsigned permissions;			/* of all of them together */
};

struct ruleset {
	atomic_size_t references;
	struct compiled_rule **rules; /* ascending numbers */
	size_t count;
	struct role_table *roles;
	bool is_private, has_budgets;
	unsigned kinds;
	uint32_t *timed; /* indexes of rules that the clock begins and ends */
	size_t timed_count;
	const char **exes; /* distinct paths, ascending; borrowed from the rules */
	size_t exe_count;
	struct effect_index effects[RULE_EFFECTS];
};

static inline const struct compiled_rule *ruleset_compiled(
	const struct ruleset *ruleset, size_t index)
{
	return ruleset->rules[index];
}

#endif
