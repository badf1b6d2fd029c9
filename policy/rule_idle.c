/* SPDX-License-Identifier: Apache-2.0 */
/* rule_idle.c - one rule beside each other one; lint.c does it for all of them, by indexes. */
#include "policy/rule_idle.h"

#include "policy/rule_cover.h"
#include "policy/ruleset_private.h"

/* A note is for people. Each rule has a count of its own: beside a budget another allows more. */
static bool applies_whenever(const struct rule_condition *a, const struct rule_condition *b)
{
	return !rule_condition_is_timed(a) ||
	       (!rule_condition_has_budget(a) && a->from_ns == b->from_ns &&
		       a->until_ns == b->until_ns && a->hours_from == b->hours_from &&
		       a->hours_until == b->hours_until && a->days == b->days);
}

const struct rule *rule_idle_by(const struct ruleset *ruleset, uint64_t number)
{
	const struct compiled_rule *compiled = NULL;
	const struct rule *same = NULL;

	for (size_t i = 0; i < ruleset->count && !compiled; i++)
		if (ruleset->rules[i]->rule.number == number)
			compiled = ruleset->rules[i];
	for (size_t i = 0; compiled && i < ruleset->count; i++) {
		const struct compiled_rule *other = ruleset->rules[i];
		bool denies = other->rule.effect == RULE_DENY;

		if (other == compiled || (!denies && other->rule.effect != compiled->rule.effect) ||
			!applies_whenever(&other->rule.condition, &compiled->rule.condition) ||
			!rule_covers(other, compiled))
			continue;
		if (denies)
			return &other->rule;
		same = same ? same : &other->rule;
	}
	return same;
}
