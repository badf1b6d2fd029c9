/* SPDX-License-Identifier: Apache-2.0 */
/* ruleset.c - all rules, sorted by number, compiled and indexed once, then only read. */
#include "policy/ruleset.h"

#include <assert.h>
#include <errno.h>

#include "policy/ruleset_private.h"

static struct ruleset *ruleset_free(struct ruleset *ruleset)
{
	for (size_t i = 0; ruleset->rules && i < ruleset->count; i++)
		compiled_rule_unref(ruleset->rules[i]);
	for (size_t i = 0; i < RULE_EFFECTS; i++) {
		rule_index_done(&ruleset->effects[i].users);
		rule_index_done(&ruleset->effects[i].roles);
		rule_index_done(&ruleset->effects[i].groups);
		rule_index_done(&ruleset->effects[i].any);
	}
	role_table_unref(ruleset->roles);
	free(ruleset->rules);
	free(ruleset->timed);
	free(ruleset->exes);
	free(ruleset);
	return NULL;
}

SCOPE_FUNCTION(struct ruleset *, ruleset_free);

static int compare_rules(const void *a, const void *b)
{
	const struct compiled_rule *const *first = a, *const *second = b;
	uint64_t one = (*first)->rule.number, other = (*second)->rule.number;

	return (one > other) - (one < other);
}

static bool is_removed(const struct ruleset_parts *parts, uint64_t number)
{
	size_t low = 0, high = parts->removed_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (parts->removed[middle] < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < parts->removed_count && parts->removed[low] == number;
}

static int gather_rules(struct ruleset *ruleset, const struct ruleset_parts *parts)
{
	size_t kept = parts->base ? parts->base->count : 0;
	int r;

	if (kept + parts->added_count >= UINT32_MAX)
		return -E2BIG;
	ruleset->rules = calloc(kept + parts->added_count + 1, sizeof(*ruleset->rules));
	if (!ruleset->rules)
		return -ENOMEM;
	for (size_t i = 0; i < kept; i++)
		if (!is_removed(parts, parts->base->rules[i]->rule.number))
			ruleset->rules[ruleset->count++] = compiled_rule_ref(parts->base->rules[i]);
	for (size_t i = 0; i < parts->added_count; i++) {
		r = compiled_rule_new(&parts->added[i], &ruleset->rules[ruleset->count]);
		if (r < 0)
			return r;
		ruleset->count++;
	}
	qsort(ruleset->rules, ruleset->count, sizeof(*ruleset->rules), compare_rules);
	for (size_t i = 1; i < ruleset->count; i++)
		if (compare_rules(&ruleset->rules[i - 1], &ruleset->rules[i]) == 0)
			return -EINVAL;
	return 0;
}

/* The kind whose words lead to the rule. */
static enum subject_word_kind leading_kind(unsigned kinds)
{
	return kinds & KIND_BIT(WORD_USER)    ? WORD_USER
	       : kinds & KIND_BIT(WORD_ROLE)  ? WORD_ROLE
	       : kinds & KIND_BIT(WORD_GROUP) ? WORD_GROUP
					      : WORD_ANY;
}

static uint32_t number_of(const struct subject_word *word)
{
	return word->kind == WORD_ROLE ? role_hash(word->name) : word->number;
}

/* Entries of this rule under words of the kind; entries may be NULL. Their number. */
static size_t add_entries(const struct compiled_rule *compiled, uint32_t index,
	enum subject_word_kind kind, struct keyed_entry *entries)
{
	size_t count = 0;

	for (size_t i = 0; i < compiled->rule.word_count; i++) {
		const struct subject_word *word = &compiled->rule.words[i];

		if (kind != WORD_ANY && word->kind != kind)
			continue;
		if (entries)
			entries[count] = (struct keyed_entry){
				.number = kind == WORD_ANY ? 0 : number_of(word),
				.entry = {index, compiled->path_key, compiled->suffix}};
		count++;
		if (kind == WORD_ANY)
			break;
	}
	return count;
}

static int index_kind(struct ruleset *ruleset, enum rule_effect effect, enum subject_word_kind kind,
	struct rule_index *index)
{
	scope_free struct keyed_entry *entries = NULL;

	for (int pass = 0; pass < 2; pass++) {
		size_t count = 0;

		for (size_t i = 0; i < ruleset->count; i++) {
			const struct compiled_rule *compiled = ruleset->rules[i];

			if (compiled->rule.effect == effect &&
				leading_kind(compiled->kinds) == kind)
				count += add_entries(compiled, (uint32_t)i, kind,
					entries ? entries + count : NULL);
		}
		if (count == 0)
			return 0;
		if (entries)
			return rule_index_init(index, entries, count);
		entries = calloc(count, sizeof(*entries));
		if (!entries)
			return -ENOMEM;
	}
	return 0;
}

static int index_effect(struct ruleset *ruleset, enum rule_effect effect)
{
	struct effect_index *index = &ruleset->effects[effect];
	int r;

	for (size_t i = 0; i < ruleset->count; i++)
		if (ruleset->rules[i]->rule.effect == effect)
			index->permissions |= ruleset->rules[i]->rule.permissions;
	r = index_kind(ruleset, effect, WORD_USER, &index->users);
	if (r == 0)
		r = index_kind(ruleset, effect, WORD_ROLE, &index->roles);
	if (r == 0)
		r = index_kind(ruleset, effect, WORD_GROUP, &index->groups);
	if (r == 0)
		r = index_kind(ruleset, effect, WORD_ANY, &index->any);
	return r;
}

static int compare_texts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* The paths of exe: words, each once. */
static int collect_exes(struct ruleset *ruleset)
{
	size_t count = 0, kept = 0;

	for (size_t i = 0; i < ruleset->count; i++)
		if (ruleset->rules[i]->kinds & KIND_BIT(WORD_EXE))
			count += ruleset->rules[i]->rule.word_count;
	ruleset->exes = calloc(count + 1, sizeof(*ruleset->exes));
	if (!ruleset->exes)
		return -ENOMEM;
	count = 0;
	for (size_t i = 0; i < ruleset->count; i++) {
		const struct rule *rule = &ruleset->rules[i]->rule;

		for (size_t j = 0; j < rule->word_count; j++)
			if (rule->words[j].kind == WORD_EXE)
				ruleset->exes[count++] = rule->words[j].name;
	}
	qsort(ruleset->exes, count, sizeof(*ruleset->exes), compare_texts);
	for (size_t i = 0; i < count; i++)
		if (kept == 0 || strcmp(ruleset->exes[kept - 1], ruleset->exes[i]) != 0)
			ruleset->exes[kept++] = ruleset->exes[i];
	ruleset->exe_count = kept;
	return 0;
}

static int collect_timed(struct ruleset *ruleset)
{
	ruleset->timed = calloc(ruleset->count + 1, sizeof(*ruleset->timed));
	if (!ruleset->timed)
		return -ENOMEM;
	for (size_t i = 0; i < ruleset->count; i++) {
		ruleset->kinds |= ruleset->rules[i]->kinds;
		ruleset->has_budgets |=
			rule_condition_has_budget(&ruleset->rules[i]->rule.condition);
		if (ruleset->rules[i]->is_timed)
			ruleset->timed[ruleset->timed_count++] = (uint32_t)i;
	}
	return 0;
}

static int take_roles(struct ruleset *ruleset, const struct ruleset_parts *parts)
{
	static const struct role_members nobody;

	if (!parts->members && parts->base) {
		ruleset->roles = role_table_ref(parts->base->roles);
		return 0;
	}
	return role_table_new(parts->members ? parts->members : &nobody, &ruleset->roles);
}

int ruleset_build(const struct ruleset_parts *parts, struct ruleset **ret_ruleset)
{
	scope(ruleset_free) struct ruleset *ruleset = calloc(1, sizeof(*ruleset));
	int r;

	if (!ruleset)
		return -ENOMEM;
	ruleset->references = 1;
	ruleset->is_private = parts->is_private;
	r = take_roles(ruleset, parts);
	if (r == 0)
		r = gather_rules(ruleset, parts);
	if (r == 0)
		r = collect_exes(ruleset);
	if (r == 0)
		r = collect_timed(ruleset);
	for (int effect = 0; effect < RULE_EFFECTS && r == 0; effect++)
		r = index_effect(ruleset, effect);
	if (r < 0)
		return r;
	*ret_ruleset = take(&ruleset);
	return 0;
}

int ruleset_new(const struct rule *rules, size_t count, struct ruleset **ret_ruleset)
{
	const struct ruleset_parts parts = {.added = rules, .added_count = count};

	return ruleset_build(&parts, ret_ruleset);
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
	return index < ruleset->count ? &ruleset->rules[index]->rule : NULL;
}

bool ruleset_find_index(const struct ruleset *ruleset, uint64_t number, size_t *ret_index)
{
	size_t low = 0, high = ruleset->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ruleset->rules[middle]->rule.number < number)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_index = low;
	return low < ruleset->count && ruleset->rules[low]->rule.number == number;
}

const struct rule *ruleset_find(const struct ruleset *ruleset, uint64_t number)
{
	size_t index;

	return ruleset_find_index(ruleset, number, &index) ? &ruleset->rules[index]->rule : NULL;
}

const struct role_members *ruleset_members(const struct ruleset *ruleset)
{
	return &ruleset->roles->members;
}

bool ruleset_is_private(const struct ruleset *ruleset)
{
	return ruleset->is_private;
}

bool ruleset_hides_names(const struct ruleset *ruleset)
{
	return ruleset->is_private || (ruleset->effects[RULE_DENY].permissions & PERMISSION_LIST);
}

bool ruleset_allows_anything(const struct ruleset *ruleset)
{
	return ruleset->effects[RULE_ALLOW].permissions || ruleset->effects[RULE_LEARN].permissions;
}

bool ruleset_has_budgets(const struct ruleset *ruleset)
{
	return ruleset->has_budgets;
}

unsigned ruleset_kinds(const struct ruleset *ruleset)
{
	return ruleset->kinds;
}

const char *ruleset_exe_path(const struct ruleset *ruleset, size_t index)
{
	return index < ruleset->exe_count ? ruleset->exes[index] : NULL;
}

size_t ruleset_exe_count(const struct ruleset *ruleset)
{
	return ruleset->exe_count;
}

int64_t ruleset_next_change(const struct ruleset *ruleset, int64_t now_ns)
{
	int64_t next = INT64_MAX;

	for (size_t i = 0; i < ruleset->timed_count; i++) {
		const struct rule *rule = &ruleset->rules[ruleset->timed[i]]->rule;
		int64_t change = rule_condition_next_change(&rule->condition, now_ns);

		next = change < next ? change : next;
	}
	return next;
}

bool ruleset_matches_path(const struct ruleset *ruleset, size_t index, const char *path, size_t len)
{
	return path_pattern_matches(ruleset->rules[index]->pattern, path, len);
}

bool ruleset_may_match_below(
	const struct ruleset *ruleset, size_t index, const char *path, size_t len)
{
	return path_pattern_may_match_below(ruleset->rules[index]->pattern, path, len);
}
