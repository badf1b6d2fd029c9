/* SPDX-License-Identifier: Apache-2.0 */
/* widening.c - the rules of one set over the names that a file had and those it gets. */
#include "policy/widening.h"

#include <errno.h>

#include "policy/self_grant.h"

/* Words that no change of program or session makes true or false. */
#define LASTING_KINDS \
	(KIND_BIT(WORD_ANY) | KIND_BIT(WORD_USER) | KIND_BIT(WORD_GROUP) | KIND_BIT(WORD_ROLE))

struct widening {
	struct ruleset *ruleset;
	const struct subject *const *authors;
	size_t author_count;
	size_t *rules; /* those about reading: indexes */
	size_t rule_count;
	bool *near;  /* by index in rules: may match what changes */
	bool *wider; /* the same: more may be read by it */
	uint64_t files;
	bool is_for_author;
};

/* One file. */
struct renaming {
	struct widening *widening;
	const struct path_name *before, *after;
	size_t count;
	bool widens;
};

int widening_new(struct ruleset *ruleset, const struct subject *const *authors, size_t author_count,
	struct widening **ret_widening)
{
	scope(widening_free) struct widening *widening = calloc(1, sizeof(*widening));
	size_t count = ruleset_count(ruleset);

	if (!widening)
		return -ENOMEM;
	widening->rules = calloc(count + 1, sizeof(*widening->rules));
	widening->near = calloc(count + 1, sizeof(*widening->near));
	widening->wider = calloc(count + 1, sizeof(*widening->wider));
	if (!widening->rules || !widening->near || !widening->wider)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++) {
		if (!(ruleset_at(ruleset, i)->permissions & PERMISSION_READ))
			continue;
		widening->near[widening->rule_count] = true;
		widening->rules[widening->rule_count++] = i;
	}
	widening->ruleset = ruleset_ref(ruleset);
	widening->authors = authors;
	widening->author_count = author_count;
	*ret_widening = take(&widening);
	return 0;
}

struct widening *widening_free(struct widening *widening)
{
	if (!widening)
		return NULL;
	ruleset_unref(widening->ruleset);
	free(widening->rules);
	free(widening->near);
	free(widening->wider);
	free(widening);
	return NULL;
}

void widening_look_below(
	struct widening *widening, const struct path_name *before, const struct path_name *after)
{
	for (size_t i = 0; i < widening->rule_count; i++) {
		size_t index = widening->rules[i];

		/* When names go, it is the other ones of their files that count. */
		widening->near[i] =
			!after->path ||
			ruleset_may_match_below(
				widening->ruleset, index, before->path, before->len) ||
			ruleset_may_match_below(widening->ruleset, index, after->path, after->len);
	}
}

static bool matches(const struct widening *widening, size_t i, const struct path_name *name)
{
	return name->path &&
	       ruleset_matches_path(widening->ruleset, widening->rules[i], name->path, name->len);
}

static bool matches_any(
	const struct widening *widening, size_t i, const struct path_name *names, size_t count)
{
	for (size_t name = 0; name < count; name++)
		if (matches(widening, i, &names[name]))
			return true;
	return false;
}

static const struct rule *rule_of(const struct widening *widening, size_t i)
{
	return ruleset_at(widening->ruleset, widening->rules[i]);
}

/* Always, as far as it goes by who asks. */
static bool is_lasting(const struct rule *rule)
{
	return !(rule_kinds(rule) & ~LASTING_KINDS) && !rule_condition_is_timed(&rule->condition) &&
	       !rule_condition_has_budget(&rule->condition);
}

static bool is_for_everybody(const struct rule *rule)
{
	return rule_kinds(rule) == KIND_BIT(WORD_ANY) && is_lasting(rule);
}

static bool words_are_same(const struct rule *one, const struct rule *other)
{
	if (one->word_count != other->word_count)
		return false;
	for (size_t i = 0; i < one->word_count; i++) {
		const struct subject_word *a = &one->words[i], *b = &other->words[i];
		bool by_number =
			a->kind == WORD_USER || a->kind == WORD_GROUP || a->kind == WORD_LOGINUID;

		if (a->kind != b->kind || a->number != b->number)
			return false;
		if (!by_number && a->name && (!b->name || strcmp(a->name, b->name) != 0))
			return false;
	}
	return true;
}

/* Does `wide` always apply to whom `rule` may apply to? */
static bool covers(const struct rule *wide, const struct rule *rule)
{
	bool always = !rule_condition_is_timed(&wide->condition) &&
		      !rule_condition_has_budget(&wide->condition);

	/* An allow for everybody says nothing of containers. */
	if (is_for_everybody(wide) &&
		(rule->effect == RULE_DENY || !(rule_kinds(rule) & KIND_BIT(WORD_USERNS))))
		return true;
	return always && words_are_same(wide, rule);
}

static bool is_covered(const struct widening *widening, enum rule_effect effect,
	const struct rule *rule, const struct path_name *names, size_t count)
{
	for (size_t i = 0; i < widening->rule_count; i++)
		if (rule_of(widening, i)->effect == effect && covers(rule_of(widening, i), rule) &&
			matches_any(widening, i, names, count))
			return true;
	return false;
}

/* After it, is there a rule for every name? `author` NULL: for anybody. */
static bool may_be_read(const struct renaming *renaming, const struct subject *author)
{
	const struct widening *widening = renaming->widening;
	bool any = false;

	for (size_t name = 0; name < renaming->count; name++) {
		bool found = false;

		if (!renaming->after[name].path)
			continue;
		for (size_t i = 0; i < widening->rule_count && !found; i++)
			found = rule_of(widening, i)->effect != RULE_DENY &&
				(!author || self_grant_concerns(widening->ruleset,
						    widening->rules[i], author)) &&
				matches(widening, i, &renaming->after[name]);
		if (!found)
			return false;
		any = true;
	}
	return any;
}

/* After it, does a deny surely keep him out? `author` NULL: everybody. */
static bool is_surely_denied(const struct renaming *renaming, const struct subject *author)
{
	const struct widening *widening = renaming->widening;

	for (size_t i = 0; i < widening->rule_count; i++) {
		const struct rule *rule = rule_of(widening, i);

		if (rule->effect != RULE_DENY || !is_lasting(rule))
			continue;
		if (author ? !rule_may_concern(widening->ruleset, widening->rules[i], author)
			   : !is_for_everybody(rule))
			continue;
		if (matches_any(widening, i, renaming->after, renaming->count))
			return true;
	}
	return false;
}

static bool could_surely_read(const struct renaming *renaming, const struct subject *author)
{
	const struct widening *widening = renaming->widening;

	for (size_t i = 0; i < widening->rule_count; i++)
		if (rule_of(widening, i)->effect == RULE_DENY &&
			rule_may_concern(widening->ruleset, widening->rules[i], author) &&
			matches_any(widening, i, renaming->before, renaming->count))
			return false;
	for (size_t name = 0; name < renaming->count; name++) {
		bool found = false;

		for (size_t i = 0; i < widening->rule_count && !found; i++)
			found = rule_of(widening, i)->effect == RULE_ALLOW &&
				is_lasting(rule_of(widening, i)) &&
				rule_may_concern(widening->ruleset, widening->rules[i], author) &&
				matches(widening, i, &renaming->before[name]);
		if (!found)
			return false;
	}
	return true;
}

static bool is_changed(const struct path_name *before, const struct path_name *after)
{
	return !after->path || before->len != after->len ||
	       memcmp(before->path, after->path, before->len) != 0;
}

/* A name that kept its subjects out becomes one that does not, or goes. */
static bool reaches_anew(const struct renaming *renaming, size_t i)
{
	const struct widening *widening = renaming->widening;

	for (size_t name = 0; name < renaming->count; name++) {
		const struct path_name *before = &renaming->before[name];
		const struct path_name *after = &renaming->after[name];

		if (!is_changed(before, after) || matches(widening, i, before))
			continue;
		if (after->path ? !matches(widening, i, after)
				: !matches_any(widening, i, renaming->after, renaming->count))
			continue;
		if (!is_covered(widening, RULE_ALLOW, rule_of(widening, i), before, 1))
			return true;
	}
	return false;
}

static bool lets_go(const struct renaming *renaming, size_t i)
{
	const struct widening *widening = renaming->widening;

	return matches_any(widening, i, renaming->before, renaming->count) &&
	       !matches_any(widening, i, renaming->after, renaming->count) &&
	       !is_covered(
		       widening, RULE_DENY, rule_of(widening, i), renaming->after, renaming->count);
}

static void judge_rule(struct renaming *renaming, size_t i)
{
	struct widening *widening = renaming->widening;
	bool wider = rule_of(widening, i)->effect == RULE_DENY ? lets_go(renaming, i)
							       : reaches_anew(renaming, i);

	renaming->widens |= wider;
	widening->wider[i] |= wider;
}

void widening_add_file(struct widening *widening, const struct path_name *before,
	const struct path_name *after, size_t name_count)
{
	struct renaming renaming = {widening, before, after, name_count, false};

	if (!may_be_read(&renaming, NULL) || is_surely_denied(&renaming, NULL))
		return;
	for (size_t i = 0; i < widening->rule_count; i++)
		if (widening->near[i])
			judge_rule(&renaming, i);
	if (!renaming.widens)
		return;
	widening->files++;
	for (size_t i = 0; i < widening->author_count; i++)
		if (may_be_read(&renaming, widening->authors[i]) &&
			!is_surely_denied(&renaming, widening->authors[i]) &&
			!could_surely_read(&renaming, widening->authors[i]))
			widening->is_for_author = true;
}

uint64_t widening_files(const struct widening *widening)
{
	return widening->files;
}

const struct rule *widening_next_rule(const struct widening *widening, size_t *at)
{
	while (*at < widening->rule_count) {
		size_t i = (*at)++;

		if (widening->wider[i])
			return rule_of(widening, i);
	}
	return NULL;
}

bool widening_is_for_author(const struct widening *widening)
{
	return widening->is_for_author;
}
