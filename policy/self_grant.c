/* SPDX-License-Identifier: Apache-2.0 */
/* self_grant.c - two rule sets compared, rule by rule, as far as they concern one subject. */
#include "policy/self_grant.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/decide.h"

/* Words that no change of program or session makes true or false. */
#define LASTING_KINDS \
	(KIND_BIT(WORD_ANY) | KIND_BIT(WORD_USER) | KIND_BIT(WORD_GROUP) | KIND_BIT(WORD_ROLE))

struct side {
	const struct ruleset *ruleset;
	const struct subject *author;
};

/* Who has no login yet may take any: proc_pid_loginuid(5) takes what is written to it once. */
static bool may_concern_by_login(
	const struct ruleset *ruleset, size_t index, const struct subject *author)
{
	const struct rule *rule = ruleset_at(ruleset, index);
	struct subject logged_in = *author;

	if (logged_in.loginuid != SUBJECT_ID_UNKNOWN || rule->effect == RULE_DENY)
		return false;
	for (size_t i = 0; i < rule->word_count; i++) {
		if (rule->words[i].kind != WORD_LOGINUID)
			continue;
		logged_in.loginuid = rule->words[i].number;
		return rule_may_concern(ruleset, index, &logged_in);
	}
	return false;
}

bool self_grant_concerns(const struct ruleset *ruleset, size_t index, const struct subject *author)
{
	return rule_may_concern(ruleset, index, author) ||
	       may_concern_by_login(ruleset, index, author);
}

/* A rule about reading that may apply to the author. */
static bool concerns(const struct side *side, size_t index)
{
	return (ruleset_at(side->ruleset, index)->permissions & PERMISSION_READ) &&
	       self_grant_concerns(side->ruleset, index, side->author);
}

/* The same for a rule by its number; false when the set has none of it. */
static bool has_concerning(const struct side *side, uint64_t number)
{
	size_t index;

	return ruleset_find_index(side->ruleset, number, &index) && concerns(side, index);
}

/*
 * What the rules of one effect say of the author always, whatever he runs and when: looked up for
 * each rule of a change, of which there may be a hundred thousand.
 */
struct blanket {
	bool everything;	   /* one of them is for all there is */
	const struct rule **rules; /* owned; by pattern */
	size_t count;
};

static void blanket_done(struct blanket *blanket)
{
	free(blanket->rules);
}

static int compare_patterns(const struct rule *a, const struct rule *b)
{
	size_t len = a->pattern_len < b->pattern_len ? a->pattern_len : b->pattern_len;
	int r = memcmp(a->pattern, b->pattern, len);

	return r ? r : (a->pattern_len > b->pattern_len) - (a->pattern_len < b->pattern_len);
}

static int compare_rules(const void *a, const void *b)
{
	return compare_patterns(*(const struct rule *const *)a, *(const struct rule *const *)b);
}

static int blanket_init(struct blanket *blanket, const struct side *side, enum rule_effect effect)
{
	blanket->rules = calloc(ruleset_count(side->ruleset) + 1, sizeof(*blanket->rules));
	if (!blanket->rules)
		return -ENOMEM;
	for (size_t i = 0; i < ruleset_count(side->ruleset); i++) {
		const struct rule *wide = ruleset_at(side->ruleset, i);

		if (wide->effect == effect && !(rule_kinds(wide) & ~LASTING_KINDS) &&
			!rule_condition_is_timed(&wide->condition) && concerns(side, i)) {
			blanket->rules[blanket->count++] = wide;
			blanket->everything |= strcmp(wide->pattern, "**") == 0;
		}
	}
	qsort(blanket->rules, blanket->count, sizeof(*blanket->rules), compare_rules);
	return 0;
}

/* Does one of them apply to him wherever this rule might? */
static bool is_covered(const struct blanket *blanket, const struct rule *rule)
{
	return blanket->everything || bsearch(&rule, blanket->rules, blanket->count,
					      sizeof(*blanket->rules), compare_rules);
}

static bool may_read_anything(const struct side *side)
{
	for (size_t i = 0; i < ruleset_count(side->ruleset); i++)
		if (ruleset_at(side->ruleset, i)->effect != RULE_DENY && concerns(side, i))
			return true;
	return false;
}

/* A change, and what is always so on its two sides. */
struct comparing {
	struct side before, after;
	struct blanket allowed_before, denied_after;
};

/* An allow that is new to him, or the learning of one. */
static bool is_given(const struct comparing *comparing, size_t index)
{
	const struct rule *rule = ruleset_at(comparing->after.ruleset, index);

	return rule->effect != RULE_DENY && concerns(&comparing->after, index) &&
	       !has_concerning(&comparing->before, rule->number) &&
	       !is_covered(&comparing->allowed_before, rule) &&
	       !is_covered(&comparing->denied_after, rule);
}

/* A deny that meets him no more. */
static bool is_lifted(const struct comparing *comparing, size_t index)
{
	const struct rule *rule = ruleset_at(comparing->before.ruleset, index);

	return rule->effect == RULE_DENY && concerns(&comparing->before, index) &&
	       !has_concerning(&comparing->after, rule->number) &&
	       !is_covered(&comparing->denied_after, rule);
}

static bool find_gain(const struct comparing *comparing, uint64_t *ret_rule)
{
	const struct ruleset *before = comparing->before.ruleset;
	const struct ruleset *after = comparing->after.ruleset;

	for (size_t i = 0; i < ruleset_count(after); i++) {
		*ret_rule = ruleset_at(after, i)->number;
		if (is_given(comparing, i))
			return true;
	}
	for (size_t i = 0; i < ruleset_count(before); i++) {
		*ret_rule = ruleset_at(before, i)->number;
		if (is_lifted(comparing, i)) {
			if (may_read_anything(&comparing->after))
				return true;
			break;
		}
	}
	*ret_rule = 0;
	return false;
}

bool self_grant_gains(const struct ruleset *before, const struct ruleset *after,
	const struct subject *author, uint64_t *ret_rule)
{
	struct comparing comparing = {.before = {before, author}, .after = {after, author}};
	bool gains = true;

	*ret_rule = 0;
	if (blanket_init(&comparing.allowed_before, &comparing.before, RULE_ALLOW) == 0 &&
		blanket_init(&comparing.denied_after, &comparing.after, RULE_DENY) == 0)
		gains = find_gain(&comparing, ret_rule);
	blanket_done(&comparing.allowed_before);
	blanket_done(&comparing.denied_after);
	return gains;
}

static bool hangs_on_zone(const struct rule_condition *condition)
{
	return condition->hours_from != condition->hours_until || condition->days ||
	       rule_condition_has_budget(condition);
}

/* The rule by which other hours or days may let him read more. */
static bool find_gain_by_zone(const struct side *side, const struct blanket *allowed,
	const struct blanket *denied, uint64_t *ret_rule)
{
	for (size_t i = 0; i < ruleset_count(side->ruleset); i++) {
		const struct rule *rule = ruleset_at(side->ruleset, i);

		if (!hangs_on_zone(&rule->condition) || !concerns(side, i) ||
			is_covered(denied, rule))
			continue;
		*ret_rule = rule->number;
		if (rule->effect == RULE_DENY ? may_read_anything(side)
					      : !is_covered(allowed, rule))
			return true;
	}
	*ret_rule = 0;
	return false;
}

bool self_grant_gains_by_zone(
	const struct ruleset *ruleset, const struct subject *author, uint64_t *ret_rule)
{
	const struct side side = {ruleset, author};
	struct blanket allowed = {0}, denied = {0};
	bool gains = true;

	*ret_rule = 0;
	if (blanket_init(&allowed, &side, RULE_ALLOW) == 0 &&
		blanket_init(&denied, &side, RULE_DENY) == 0)
		gains = find_gain_by_zone(&side, &allowed, &denied, ret_rule);
	blanket_done(&allowed);
	blanket_done(&denied);
	return gains;
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
