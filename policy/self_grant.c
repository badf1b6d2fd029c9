/* SPDX-License-Identifier: Apache-2.0 */
/* self_grant.c - two rule sets compared, rule by rule, as far as they concern one subject. */
#include "policy/self_grant.h"

#include "policy/decide.h"

/* Words that no change of program or session makes true or false. */
#define LASTING_KINDS \
	(KIND_BIT(WORD_ANY) | KIND_BIT(WORD_USER) | KIND_BIT(WORD_GROUP) | KIND_BIT(WORD_ROLE))

struct side {
	const struct ruleset *ruleset;
	const struct subject *author;
};

/* Who has no login yet may take any: proc_pid_loginuid(5) takes what is written to it once. */
static bool may_concern_by_login(const struct side *side, size_t index)
{
	const struct rule *rule = ruleset_at(side->ruleset, index);
	struct subject logged_in = *side->author;

	if (logged_in.loginuid != SUBJECT_ID_UNKNOWN || rule->effect == RULE_DENY)
		return false;
	for (size_t i = 0; i < rule->word_count; i++) {
		if (rule->words[i].kind != WORD_LOGINUID)
			continue;
		logged_in.loginuid = rule->words[i].number;
		return rule_may_concern(side->ruleset, index, &logged_in);
	}
	return false;
}

/* A rule about reading that may apply to the author. */
static bool concerns(const struct side *side, size_t index)
{
	return (ruleset_at(side->ruleset, index)->permissions & PERMISSION_READ) &&
	       (rule_may_concern(side->ruleset, index, side->author) ||
		       may_concern_by_login(side, index));
}

/* The same for a rule by its number; false when the set has none of it. */
static bool has_concerning(const struct side *side, uint64_t number)
{
	size_t index;

	return ruleset_find_index(side->ruleset, number, &index) && concerns(side, index);
}

static bool pattern_covers(const struct rule *wide, const struct rule *rule)
{
	if (wide->pattern_len == 2 && memcmp(wide->pattern, "**", 2) == 0)
		return true;
	return wide->pattern_len == rule->pattern_len &&
	       memcmp(wide->pattern, rule->pattern, rule->pattern_len) == 0;
}

/* Is there a rule of the effect that always applies to him, wherever this one might? */
static bool is_covered(const struct side *side, enum rule_effect effect, const struct rule *rule)
{
	for (size_t i = 0; i < ruleset_count(side->ruleset); i++) {
		const struct rule *wide = ruleset_at(side->ruleset, i);

		if (wide->effect == effect && pattern_covers(wide, rule) &&
			!(rule_kinds(wide) & ~LASTING_KINDS) &&
			!rule_condition_is_timed(&wide->condition) && concerns(side, i))
			return true;
	}
	return false;
}

static bool may_read_anything(const struct side *side)
{
	for (size_t i = 0; i < ruleset_count(side->ruleset); i++)
		if (ruleset_at(side->ruleset, i)->effect != RULE_DENY && concerns(side, i))
			return true;
	return false;
}

/* An allow that is new to him, or the learning of one. */
static bool is_given(const struct side *before, const struct side *after, size_t index)
{
	const struct rule *rule = ruleset_at(after->ruleset, index);

	return rule->effect != RULE_DENY && concerns(after, index) &&
	       !has_concerning(before, rule->number) && !is_covered(before, RULE_ALLOW, rule) &&
	       !is_covered(after, RULE_DENY, rule);
}

/* A deny that meets him no more. */
static bool is_lifted(const struct side *before, const struct side *after, size_t index)
{
	const struct rule *rule = ruleset_at(before->ruleset, index);

	return rule->effect == RULE_DENY && concerns(before, index) &&
	       !has_concerning(after, rule->number) && !is_covered(after, RULE_DENY, rule) &&
	       may_read_anything(after);
}

bool self_grant_gains(const struct ruleset *before, const struct ruleset *after,
	const struct subject *author, uint64_t *ret_rule)
{
	const struct side was = {before, author}, is = {after, author};

	for (size_t i = 0; i < ruleset_count(after); i++) {
		*ret_rule = ruleset_at(after, i)->number;
		if (is_given(&was, &is, i))
			return true;
	}
	for (size_t i = 0; i < ruleset_count(before); i++) {
		*ret_rule = ruleset_at(before, i)->number;
		if (is_lifted(&was, &is, i))
			return true;
	}
	*ret_rule = 0;
	return false;
}

static bool hangs_on_zone(const struct rule_condition *condition)
{
	return condition->hours_from != condition->hours_until || condition->days ||
	       rule_condition_has_budget(condition);
}

bool self_grant_gains_by_zone(
	const struct ruleset *ruleset, const struct subject *author, uint64_t *ret_rule)
{
	const struct side side = {ruleset, author};

	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct rule *rule = ruleset_at(ruleset, i);

		if (!hangs_on_zone(&rule->condition) || !concerns(&side, i) ||
			is_covered(&side, RULE_DENY, rule))
			continue;
		*ret_rule = rule->number;
		if (rule->effect == RULE_DENY ? may_read_anything(&side)
					      : !is_covered(&side, RULE_ALLOW, rule))
			return true;
	}
	*ret_rule = 0;
	return false;
}

bool self_grant_is_one_person(const struct role_members *members, uint32_t uid)
{
	unsigned held = 0;

	for (size_t i = 0; i < members->count; i++) {
		const struct role_member *member = &members->list[i];
		enum role role;

		if (role_from_name(member->role, &role) < 0)
			continue;
		if (member->kind != WORD_USER || member->number != uid)
			return false;
		held |= 1u << role;
	}
	return held == (1u << ROLE_COUNT) - 1;
}
