/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_cover.c - one rule's subjects hold another's when it asks for no kind of word that the other
 * does not ask for, and of each kind it asks for has all the other's alternatives.
 */
#include "policy/rule_cover.h"

#include "policy/rule_text.h"

static bool word_covers(const struct compiled_rule *rule, size_t index,
	const struct compiled_rule *other, size_t other_index)
{
	const struct subject_word *word = &rule->rule.words[index];
	const struct subject_word *others = &other->rule.words[other_index];

	if (word->kind != others->kind)
		return false;
	if (subject_word_has_number(word->kind))
		return word->number == others->number;
	if (word->kind == WORD_UNIT)
		return path_pattern_covers(rule->globs[index], other->globs[other_index]);
	return strcmp(word->name, others->name) == 0;
}

static bool has_word_covering(
	const struct compiled_rule *rule, const struct compiled_rule *other, size_t other_index)
{
	for (size_t i = 0; i < rule->rule.word_count; i++)
		if (word_covers(rule, i, other, other_index))
			return true;
	return false;
}

bool rule_covers_subject(const struct compiled_rule *rule, const struct compiled_rule *other)
{
	bool lets_in = rule->rule.effect != RULE_DENY;

	/* Who is contained is let in by no rule that does not say so. */
	if (lets_in && (other->kinds & KIND_BIT(WORD_USERNS)) &&
		!(rule->kinds & KIND_BIT(WORD_USERNS)))
		return false;
	if (rule->kinds & KIND_BIT(WORD_ANY))
		return true;
	if (rule->kinds & ~other->kinds)
		return false;
	for (size_t i = 0; i < other->rule.word_count; i++)
		if ((rule->kinds & KIND_BIT(other->rule.words[i].kind)) &&
			!has_word_covering(rule, other, i))
			return false;
	return true;
}

bool rule_covers(const struct compiled_rule *rule, const struct compiled_rule *other)
{
	return (other->rule.permissions & ~rule->rule.permissions) == 0 &&
	       path_pattern_covers(rule->pattern, other->pattern) &&
	       rule_covers_subject(rule, other);
}
