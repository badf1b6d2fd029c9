/* SPDX-License-Identifier: Apache-2.0 */
/* ruleset_private.h - what decide() sees of a rule set: candidates and compiled patterns. */
#ifndef POLICY_RULESET_PRIVATE_H
#define POLICY_RULESET_PRIVATE_H

#include "policy/id_table.h"
#include "policy/path_pattern.h"
#include "policy/permission.h"
#include "policy/ruleset.h"

/*
 * Rules of one effect whose words can match, ascending. A rule with users stands under each of its
 * users, a rule with groups only under each of its groups, the others under any: a rule that
 * matches a subject stands in at least one list of that subject.
 */
struct rule_list ruleset_of_any(const struct ruleset *ruleset, enum rule_effect effect);
struct rule_list ruleset_of_user(
	const struct ruleset *ruleset, enum rule_effect effect, uint32_t uid);
struct rule_list ruleset_of_group(
	const struct ruleset *ruleset, enum rule_effect effect, uint32_t gid);
/* Does any rule of this effect name the permission? */
bool ruleset_has(
	const struct ruleset *ruleset, enum rule_effect effect, enum permission permission);
const struct path_pattern *ruleset_pattern(const struct ruleset *ruleset, size_t index);

#endif
