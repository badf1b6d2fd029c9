/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.c - THE decision. Among the rules that can match subject and path (ruleset_private.h) the
 * lowest number that applies is looked for: a deny on any name first, then an allow on each name,
 * then a learn on each.
 */
#include "policy/decide.h"

#include "policy/decide_match.h"

#define RULE_INDEX_NONE UINT32_MAX

/* What is looked for: the lowest rule of an effect that applies to this one name. */
struct search {
	const struct ruleset *ruleset;
	const struct question *question;
	const struct path_name *name;
	enum rule_effect effect;
	unsigned permissions; /* any of these */
	const char *via_role; /* by which the list at hand was found, or NULL */
	uint32_t lowest;
	/* Of allows that nothing but this kept from applying to the name. */
	enum obstacle nearest;
	bool wants_hash;
};

static void consider_rule(void *arg, uint32_t index)
{
	struct search *search = arg;
	const struct compiled_rule *compiled = ruleset_compiled(search->ruleset, index);
	enum obstacle obstacle;

	if (!(compiled->rule.permissions & search->permissions) ||
		!path_pattern_matches(compiled->pattern, search->name->path, search->name->len))
		return;
	obstacle = rule_match(search->ruleset, compiled, search->question, search->via_role);
	if (obstacle == OBSTACLE_NONE)
		search->lowest = index;
	if (obstacle == OBSTACLE_SHA256 && hash_is_open(search->question))
		search->wants_hash = true;
	if (obstacle > search->nearest)
		search->nearest = obstacle;
}

/* Lists that are looked for together: their places in memory are far apart. */
#define BATCH 32

struct batch {
	struct search *search;
	const struct path_keys *keys;
	size_t count;
	struct wanted_list {
		const struct rule_index *index;
		uint32_t number;
		const char *via_role;
		struct rule_list list;
	} wanted[BATCH];
};

static void search_batch(struct batch *batch)
{
	struct search *search = batch->search;

	for (size_t i = 0; i < batch->count; i++)
		batch->wanted[i].list =
			rule_index_find(batch->wanted[i].index, batch->wanted[i].number);
	for (size_t i = 0; i < batch->count; i++) {
		search->via_role = batch->wanted[i].via_role;
		if (batch->wanted[i].list.count)
			rule_list_visit(batch->wanted[i].list, batch->keys, &search->lowest,
				consider_rule, search);
	}
	batch->count = 0;
}

static void want_list(
	struct batch *batch, const struct rule_index *index, uint32_t number, const char *via_role)
{
	if (!index->slots)
		return;
	if (batch->count == BATCH)
		search_batch(batch);
	rule_index_prefetch(index, number);
	batch->wanted[batch->count++] =
		(struct wanted_list){.index = index, .number = number, .via_role = via_role};
}

static void want_roles(struct batch *batch, const struct id_table *table, uint32_t id)
{
	const struct search *search = batch->search;
	const struct role_table *roles = search->ruleset->roles;
	const struct rule_index *index = &search->ruleset->effects[search->effect].roles;
	struct id_list held = id_table_find(table, id);

	for (size_t i = 0; i < held.count; i++) {
		const struct role_span *role = &roles->roles[held.values[i]];

		want_list(batch, index, role->hash, role->name);
	}
}

/* Lowers search->lowest if there is a lower rule for the name. */
static void search_name(struct search *search, const struct path_name *name)
{
	const struct subject *subject = search->question->subject;
	const struct effect_index *index = &search->ruleset->effects[search->effect];
	const struct role_table *roles = search->ruleset->roles;
	struct path_keys keys;
	struct batch batch;

	search->name = name;
	path_keys_of(name->path, name->len, &keys);
	batch.search = search;
	batch.keys = &keys;
	batch.count = 0;
	want_list(&batch, &index->any, 0, NULL);
	/* Who is who in another user namespace counts for nothing. */
	if (subject->initial_userns) {
		want_list(&batch, &index->users, subject->uid, NULL);
		want_list(&batch, &index->groups, subject->gid, NULL);
		for (size_t i = 0; i < subject->group_count; i++)
			want_list(&batch, &index->groups, subject->groups[i], NULL);
	}
	if (subject->initial_userns && index->roles.slots) {
		want_roles(&batch, &roles->users, subject->uid);
		want_roles(&batch, &roles->groups, subject->gid);
		for (size_t i = 0; i < subject->group_count; i++)
			want_roles(&batch, &roles->groups, subject->groups[i]);
	}
	search_batch(&batch);
}

/* The lowest deny on any of the names. */
static uint32_t find_deny(struct search *search)
{
	search->effect = RULE_DENY;
	search->permissions = search->question->permission;
	search->lowest = RULE_INDEX_NONE;
	if (search->ruleset->effects[RULE_DENY].permissions & search->permissions)
		for (size_t i = 0; i < search->question->name_count; i++)
			search_name(search, &search->question->names[i]);
	return search->lowest;
}

/* The lowest rule of the effect on the first name, if each of the other names has one as well. */
static uint32_t find_allow(struct search *search, enum rule_effect effect)
{
	uint32_t first = RULE_INDEX_NONE;

	search->effect = effect;
	search->nearest = OBSTACLE_NONE;
	search->permissions = search->question->permission;
	/* Where names are hidden, who may do anything else with a file sees it. */
	if (search->permissions == PERMISSION_LIST && search->ruleset->is_private)
		search->permissions = PERMISSION_ALL;
	if (!(search->ruleset->effects[effect].permissions & search->permissions))
		return RULE_INDEX_NONE;
	for (size_t i = 0; i < search->question->name_count; i++) {
		search->lowest = RULE_INDEX_NONE;
		search->nearest = OBSTACLE_NONE;
		search_name(search, &search->question->names[i]);
		if (search->lowest == RULE_INDEX_NONE)
			return RULE_INDEX_NONE;
		if (i == 0)
			first = search->lowest;
	}
	return first;
}

/* What no rule can answer, odd identities above all: REASON_NONE when rules decide. */
static enum reason refused_before_rules(const struct question *question)
{
	unsigned permission = question->permission;

	if (question->subject->uid == SUBJECT_ID_UNKNOWN)
		return REASON_UID_UNKNOWN;
	if (!question->subject->initial_userns && !question->subject->contained_userns)
		return REASON_USER_NAMESPACE;
	if (question->name_count == 0 || permission == 0 || (permission & ~PERMISSION_ALL) ||
		(permission & (permission - 1)))
		return REASON_SERVER_ERROR;
	return REASON_NONE;
}

static const enum reason reason_of_obstacle[OBSTACLES] = {
	[OBSTACLE_NONE] = REASON_NO_RULE,
	[OBSTACLE_PERMISSION] = REASON_NO_RULE,
	[OBSTACLE_PATH] = REASON_NO_RULE,
	[OBSTACLE_SUBJECT] = REASON_NO_RULE,
	[OBSTACLE_EXE] = REASON_EXE_DIFFERS,
	[OBSTACLE_UNIT] = REASON_UNIT_DIFFERS,
	[OBSTACLE_CLOCK] = REASON_CLOCK_STEP,
	[OBSTACLE_NOT_YET] = REASON_NOT_YET,
	[OBSTACLE_EXPIRED] = REASON_EXPIRED,
	[OBSTACLE_HOURS] = REASON_OUTSIDE_HOURS,
	[OBSTACLE_SHA256] = REASON_HASH_DIFFERS,
	[OBSTACLE_BUDGET] = REASON_OVER_BUDGET,
};

static enum reason reason_of_refusal(const struct question *question, enum obstacle nearest)
{
	if (question->permission == PERMISSION_LIST)
		return REASON_PRIVATE_LIST;
	/* Of a caller in another namespace nobody is told more. */
	if (!question->subject->initial_userns)
		return REASON_USER_NAMESPACE;
	if (nearest == OBSTACLE_SHA256 &&
		!(question->surroundings && question->surroundings->sha256))
		return REASON_HASH_UNKNOWN;
	return reason_of_obstacle[nearest];
}

static struct decision decided(
	const struct search *search, enum verdict verdict, uint32_t index, enum reason reason)
{
	return (struct decision){
		.verdict = verdict,
		.rule = index == RULE_INDEX_NONE
				? 0
				: ruleset_compiled(search->ruleset, index)->rule.number,
		.reason = reason,
		.wants_hash = search->wants_hash,
	};
}

struct decision decide(const struct ruleset *ruleset, const struct question *question)
{
	enum reason refused = refused_before_rules(question);
	struct search search = {.ruleset = ruleset, .question = question};
	enum obstacle nearest;
	uint32_t index;

	if (refused != REASON_NONE)
		return (struct decision){.reason = refused};
	index = find_deny(&search);
	if (index != RULE_INDEX_NONE)
		return decided(&search, VERDICT_DENY, index, REASON_RULE_DENY);
	index = find_allow(&search, RULE_ALLOW);
	nearest = search.nearest;
	if (index != RULE_INDEX_NONE)
		return decided(&search, VERDICT_ALLOW, index, REASON_RULE_ALLOW);
	if (question->permission == PERMISSION_LIST && !ruleset->is_private)
		return decided(&search, VERDICT_ALLOW, RULE_INDEX_NONE, REASON_DEFAULT_LIST);
	index = find_allow(&search, RULE_LEARN);
	if (index != RULE_INDEX_NONE)
		return decided(&search, VERDICT_ALLOW, index, REASON_LEARNED);
	return decided(
		&search, VERDICT_DENY, RULE_INDEX_NONE, reason_of_refusal(question, nearest));
}

struct decision decide_traced(const struct ruleset *ruleset, const struct question *question,
	void (*consider)(void *arg, const struct consideration *consideration), void *arg)
{
	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		struct consideration consideration = {
			.rule = ruleset_at(ruleset, i),
			.obstacle = rule_obstacle(ruleset, i, question),
		};

		consider(arg, &consideration);
	}
	return decide(ruleset, question);
}
