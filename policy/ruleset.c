/* SPDX-License-Identifier: Apache-2.0 */
/* ruleset.c - all rules, sorted by number, compiled and indexed once, then only read. */
#include "policy/ruleset.h"

#include <assert.h>
#include <errno.h>
#include <stdatomic.h>

#include "policy/ruleset_private.h"

#define RULE_EFFECTS 2

/* The rules of one effect. */
struct rule_index {
	uint32_t *any;
	size_t any_count;
	struct id_table users, groups;
	unsigned permissions; /* of all of them together */
};

struct ruleset {
	atomic_size_t references;
	struct rule *rules; /* ascending numbers */
	struct path_pattern **patterns;
	size_t count;
	struct rule_index indexes[RULE_EFFECTS];
};

static_assert(RULE_ALLOW < RULE_EFFECTS && RULE_DENY < RULE_EFFECTS, "an index for every effect");

static struct ruleset *ruleset_free(struct ruleset *ruleset)
{
	for (size_t i = 0; ruleset->rules && i < ruleset->count; i++)
		rule_done(&ruleset->rules[i]);
	for (size_t i = 0; ruleset->patterns && i < ruleset->count; i++)
		path_pattern_free(ruleset->patterns[i]);
	for (size_t i = 0; i < RULE_EFFECTS; i++) {
		free(ruleset->indexes[i].any);
		id_table_done(&ruleset->indexes[i].users);
		id_table_done(&ruleset->indexes[i].groups);
	}
	free(ruleset->rules);
	free(ruleset->patterns);
	free(ruleset);
	return NULL;
}

SCOPE_FUNCTION(struct ruleset *, ruleset_free);

static bool rule_has_kind(const struct rule *rule, enum subject_word_kind kind)
{
	for (size_t i = 0; i < rule->word_count; i++)
		if (rule->words[i].kind == kind)
			return true;
	return false;
}

/* The kind whose words lead to the rule. */
static enum subject_word_kind rule_index_kind(const struct rule *rule)
{
	if (rule_has_kind(rule, WORD_USER))
		return WORD_USER;
	return rule_has_kind(rule, WORD_GROUP) ? WORD_GROUP : WORD_ANY;
}

static int compare_numbers(const void *a, const void *b)
{
	const struct rule *const *first = a, *const *second = b;

	return ((*first)->number > (*second)->number) - ((*first)->number < (*second)->number);
}

static int copy_rules(struct ruleset *ruleset, const struct rule *rules, size_t count)
{
	scope_free const struct rule **sorted = calloc(count + 1, sizeof(*sorted));
	int r;

	ruleset->rules = calloc(count + 1, sizeof(*ruleset->rules));
	ruleset->patterns = calloc(count + 1, sizeof(*ruleset->patterns));
	if (!sorted || !ruleset->rules || !ruleset->patterns)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		sorted[i] = &rules[i];
	qsort(sorted, count, sizeof(*sorted), compare_numbers);
	for (size_t i = 0; i < count; i++) {
		/* Without words a rule would match by having nothing that does not. */
		if (sorted[i]->word_count == 0)
			return -EINVAL;
		if (i > 0 && sorted[i]->number == sorted[i - 1]->number)
			return -EINVAL;
		r = rule_copy(sorted[i], &ruleset->rules[i]);
		if (r < 0)
			return r;
		ruleset->count = i + 1;
		r = path_pattern_new(
			sorted[i]->pattern, sorted[i]->pattern_len, &ruleset->patterns[i], NULL);
		if (r < 0)
			return r;
	}
	return 0;
}

static size_t count_words(const struct ruleset *ruleset)
{
	size_t count = 0;

	for (size_t i = 0; i < ruleset->count; i++)
		count += ruleset->rules[i].word_count;
	return count;
}

/* Pairs of the rules that stand under words of this kind. */
static size_t collect_pairs(const struct ruleset *ruleset, enum rule_effect effect,
	enum subject_word_kind kind, struct id_pair *pairs)
{
	size_t count = 0;

	for (size_t i = 0; i < ruleset->count; i++) {
		const struct rule *rule = &ruleset->rules[i];

		if (rule->effect != effect || rule_index_kind(rule) != kind)
			continue;
		for (size_t j = 0; j < rule->word_count; j++)
			if (rule->words[j].kind == kind)
				pairs[count++] = (struct id_pair){rule->words[j].number, i};
	}
	return count;
}

static int index_any(struct ruleset *ruleset, enum rule_effect effect)
{
	struct rule_index *index = &ruleset->indexes[effect];

	index->any = calloc(ruleset->count + 1, sizeof(*index->any));
	if (!index->any)
		return -ENOMEM;
	for (size_t i = 0; i < ruleset->count; i++) {
		const struct rule *rule = &ruleset->rules[i];

		if (rule->effect != effect)
			continue;
		index->permissions |= rule->permissions;
		if (rule_index_kind(rule) == WORD_ANY)
			index->any[index->any_count++] = i;
	}
	return 0;
}

static int index_rules(struct ruleset *ruleset, enum rule_effect effect)
{
	struct rule_index *index = &ruleset->indexes[effect];
	scope_free struct id_pair *pairs = calloc(count_words(ruleset) + 1, sizeof(*pairs));
	size_t count;
	int r;

	if (!pairs)
		return -ENOMEM;
	r = index_any(ruleset, effect);
	if (r < 0)
		return r;
	count = collect_pairs(ruleset, effect, WORD_USER, pairs);
	r = id_table_init(&index->users, pairs, count);
	if (r < 0)
		return r;
	count = collect_pairs(ruleset, effect, WORD_GROUP, pairs);
	return id_table_init(&index->groups, pairs, count);
}

int ruleset_new(const struct rule *rules, size_t count, struct ruleset **ret_ruleset)
{
	scope(ruleset_free) struct ruleset *ruleset = NULL;
	int r;

	if (count >= UINT32_MAX)
		return -E2BIG;
	ruleset = calloc(1, sizeof(*ruleset));
	if (!ruleset)
		return -ENOMEM;
	ruleset->references = 1;
	r = copy_rules(ruleset, rules, count);
	if (r < 0)
		return r;
	for (int effect = 0; effect < RULE_EFFECTS; effect++) {
		r = index_rules(ruleset, effect);
		if (r < 0)
			return r;
	}
	*ret_ruleset = take(&ruleset);
	return 0;
}

struct ruleset *ruleset_ref(struct ruleset *ruleset)
{
	atomic_fetch_add_explicit(&ruleset->references, 1, memory_order_relaxed);
	return ruleset;
}

struct ruleset *ruleset_unref(struct ruleset *ruleset)
{
	if (ruleset &&
		atomic_fetch_sub_explicit(&ruleset->references, 1, memory_order_acq_rel) == 1)
		ruleset_free(ruleset);
	return NULL;
}

size_t ruleset_count(const struct ruleset *ruleset)
{
	return ruleset->count;
}

const struct rule *ruleset_at(const struct ruleset *ruleset, size_t index)
{
	return index < ruleset->count ? &ruleset->rules[index] : NULL;
}

const struct rule *ruleset_find(const struct ruleset *ruleset, uint64_t number)
{
	size_t low = 0, high = ruleset->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ruleset->rules[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < ruleset->count && ruleset->rules[low].number == number ? &ruleset->rules[low]
									    : NULL;
}

bool ruleset_hides_names(const struct ruleset *ruleset)
{
	return ruleset_has(ruleset, RULE_DENY, PERMISSION_LIST);
}

bool ruleset_allows_anything(const struct ruleset *ruleset)
{
	return ruleset->indexes[RULE_ALLOW].permissions != 0;
}

struct rule_list ruleset_of_any(const struct ruleset *ruleset, enum rule_effect effect)
{
	const struct rule_index *index = &ruleset->indexes[effect];

	return (struct rule_list){.rules = index->any, .count = index->any_count};
}

struct rule_list ruleset_of_user(
	const struct ruleset *ruleset, enum rule_effect effect, uint32_t uid)
{
	return id_table_find(&ruleset->indexes[effect].users, uid);
}

struct rule_list ruleset_of_group(
	const struct ruleset *ruleset, enum rule_effect effect, uint32_t gid)
{
	return id_table_find(&ruleset->indexes[effect].groups, gid);
}

bool ruleset_has(const struct ruleset *ruleset, enum rule_effect effect, enum permission permission)
{
	return ruleset->indexes[effect].permissions & permission;
}

const struct path_pattern *ruleset_pattern(const struct ruleset *ruleset, size_t index)
{
	return ruleset->patterns[index];
}
