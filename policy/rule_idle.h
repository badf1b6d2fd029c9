/* SPDX-License-Identifier: Apache-2.0 */
/* rule_idle.h - does a rule do anything beside the others of its set? */
#ifndef POLICY_RULE_IDLE_H
#define POLICY_RULE_IDLE_H

#include "policy/ruleset.h"

/*
 * The rule that leaves this one nothing to do: a deny of all that it lets, or else one of the same
 * effect that says all of it, at any time or at the same ones, without a budget. The lowest number;
 * NULL: none. Borrowed from the set.
 */
const struct rule *rule_idle_by(const struct ruleset *ruleset, uint64_t number);

#endif
