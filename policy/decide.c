/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.c - THE decision. Among the rules that can match the subject (ruleset_private.h) the
 * lowest number that applies is looked for: a deny on any name first, then an allow on each name.
 */
#include "policy/decide.h"

#include "policy/ruleset_private.h"

#define RULE_INDEX_NONE UINT32_MAX

static bool word_matches(const struct subject_word *word, const struct subject *subject)
{
	switch (word->kind) {
	case WORD_ANY:
		return true;
	case WORD_USER:
		return word->number == subject->uid && word->number != SUBJECT_ID_UNKNOWN;
	case WORD_GROUP:
		return subject_in_group(subject, word->number);
	case WORD_KINDS:
		break;
	}
	return false;
}

/* Words of one kind are alternatives, words of different kinds must all match. */
bool rule_matches_subject(const struct rule *rule, const struct subject *subject)
{
	unsigned present = 0, matched = 0;

	for (size_t i = 0; i < rule->word_count; i++) {
		unsigned kind = 1u << rule->words[i].kind;

		present |= kind;
		if (!(matched & kind) && word_matches(&rule->words[i], subject))
			matched |= kind;
	}
	return present && matched == present;
}

static bool matches_name(const struct ruleset *ruleset, size_t index, const struct path_name *name)
{
	return path_pattern_matches(ruleset_pattern(ruleset, index), name->path, name->len);
}

/* What is looked for: the lowest rule of an effect that applies to this one name. */
struct search {
	const struct ruleset *ruleset;
	const struct question *question;
	const struct path_name *name;
	enum rule_effect effect;
	uint32_t lowest;
};

static void search_list(struct search *search, struct rule_list list)
{
	for (size_t i = 0; i < list.count && list.rules[i] < search->lowest; i++) {
		uint32_t index = list.rules[i];
		const struct rule *rule = ruleset_at(search->ruleset, index);

		if ((rule->permissions & search->question->permission) &&
			matches_name(search->ruleset, index, search->name) &&
			rule_matches_subject(rule, search->question->subject)) {
			search->lowest = index;
			return;
		}
	}
}

/* Lowers search->lowest if there is a lower rule for the name. */
static void search_name(struct search *search, const struct path_name *name)
{
	const struct subject *subject = search->question->subject;

	search->name = name;
	search_list(search, ruleset_of_any(search->ruleset, search->effect));
	search_list(search, ruleset_of_user(search->ruleset, search->effect, subject->uid));
	search_list(search, ruleset_of_group(search->ruleset, search->effect, subject->gid));
	for (size_t i = 0; i < subject->group_count; i++)
		search_list(search,
			ruleset_of_group(search->ruleset, search->effect, subject->groups[i]));
}

/* The lowest deny on any of the names. */
static uint32_t find_deny(const struct ruleset *ruleset, const struct question *question)
{
	struct search search = {ruleset, question, NULL, RULE_DENY, RULE_INDEX_NONE};

	if (ruleset_has(ruleset, RULE_DENY, question->permission))
		for (size_t i = 0; i < question->name_count; i++)
			search_name(&search, &question->names[i]);
	return search.lowest;
}

/* The lowest allow on the first name, if each of the other names has one as well. */
static uint32_t find_allow(const struct ruleset *ruleset, const struct question *question)
{
	uint32_t first = RULE_INDEX_NONE;

	if (!ruleset_has(ruleset, RULE_ALLOW, question->permission))
		return RULE_INDEX_NONE;
	for (size_t i = 0; i < question->name_count; i++) {
		struct search search = {ruleset, question, NULL, RULE_ALLOW, RULE_INDEX_NONE};

		search_name(&search, &question->names[i]);
		if (search.lowest == RULE_INDEX_NONE)
			return RULE_INDEX_NONE;
		if (i == 0)
			first = search.lowest;
	}
	return first;
}

/* What no rule can answer, odd identities above all: REASON_NONE when rules decide. */
static enum reason refused_before_rules(const struct question *question)
{
	unsigned permission = question->permission;

	if (question->subject->uid == SUBJECT_ID_UNKNOWN)
		return REASON_UID_UNKNOWN;
	if (!question->subject->initial_userns)
		return REASON_USER_NAMESPACE;
	if (question->name_count == 0 || permission == 0 || (permission & ~PERMISSION_ALL) ||
		(permission & (permission - 1)))
		return REASON_SERVER_ERROR;
	return REASON_NONE;
}

struct decision decide(const struct ruleset *ruleset, const struct question *question)
{
	enum reason refused = refused_before_rules(question);
	uint32_t index;

	if (refused != REASON_NONE)
		return (struct decision){VERDICT_DENY, 0, refused};
	index = find_deny(ruleset, question);
	if (index != RULE_INDEX_NONE)
		return (struct decision){
			VERDICT_DENY, ruleset_at(ruleset, index)->number, REASON_RULE_DENY};
	index = find_allow(ruleset, question);
	if (index != RULE_INDEX_NONE)
		return (struct decision){
			VERDICT_ALLOW, ruleset_at(ruleset, index)->number, REASON_RULE_ALLOW};
	if (question->permission == PERMISSION_LIST)
		return (struct decision){VERDICT_ALLOW, 0, REASON_DEFAULT_LIST};
	return (struct decision){VERDICT_DENY, 0, REASON_NO_RULE};
}

static bool matches_names(
	const struct ruleset *ruleset, size_t index, const struct question *question)
{
	bool deny = ruleset_at(ruleset, index)->effect == RULE_DENY;

	for (size_t i = 0; i < question->name_count; i++)
		if (matches_name(ruleset, index, &question->names[i]) == deny)
			return deny;
	return !deny;
}

struct decision decide_traced(const struct ruleset *ruleset, const struct question *question,
	void (*consider)(void *arg, const struct consideration *consideration), void *arg)
{
	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct rule *rule = ruleset_at(ruleset, i);
		struct consideration consideration = {
			.rule = rule,
			.permission_matches = rule->permissions & question->permission,
			.subject_matches = rule_matches_subject(rule, question->subject),
			.path_matches = matches_names(ruleset, i, question),
		};

		consider(arg, &consideration);
	}
	return decide(ruleset, question);
}
