/* SPDX-License-Identifier: Apache-2.0 */
/* policy_view.c - many decisions about one caller, and the rules that he may be allowed by. */
#include "policy/policy_view.h"

#include <errno.h>

#include "keystore/base/clock.h"
#include "policy/policy_private.h"
#include "policy/ruleset_private.h"

void policy_view_begin(struct policy *policy, const struct ruleset *ruleset,
	const struct subject *subject, struct policy_view *ret_view)
{
	int64_t now_ns = clock_now_ns();

	*ret_view = (struct policy_view){.broken = policy_is_broken(policy)};
	ret_view->ruleset = ruleset ? ruleset_ref((struct ruleset *)(uintptr_t)ruleset)
				    : policy_ruleset(policy);
	surroundings_look(ret_view->ruleset, subject, policy_exe_hasher(policy), &ret_view->looked);
	ret_view->question = (struct question){
		.subject = subject,
		.clock_distrusted = policy_clock_is_doubted(policy, now_ns),
		.surroundings = &ret_view->looked.surroundings,
	};
	question_set_time(&ret_view->question, now_ns);
}

void policy_view_look_again(struct policy *policy, struct policy_view *view)
{
	surroundings_look(
		view->ruleset, view->question.subject, policy_exe_hasher(policy), &view->looked);
}

void policy_view_end(struct policy_view *view)
{
	view->ruleset = ruleset_unref(view->ruleset);
}

struct decision policy_view_decide(const struct policy_view *view, const struct path_name *names,
	size_t name_count, enum permission permission)
{
	struct question question = view->question;

	if (view->broken)
		return (struct decision){.reason = REASON_SEAL_BROKEN};
	question.names = names;
	question.name_count = name_count;
	question.permission = permission;
	return decide(view->ruleset, &question);
}

/* What may match a subject stands in one of its lists (ruleset_private.h). */
struct gathering {
	const struct ruleset *ruleset;
	const struct subject *subject;
	uint32_t *rules;
	size_t count, capacity;
	bool failed;
};

static void gather_rule(struct gathering *gathering, uint32_t rule)
{
	if (gathering->failed || !rule_may_concern(gathering->ruleset, rule, gathering->subject))
		return;
	if (gathering->count == gathering->capacity) {
		size_t capacity = gathering->capacity * 2 + 16;
		uint32_t *grown = reallocarray(gathering->rules, capacity, sizeof(*grown));

		gathering->failed = !grown;
		if (!grown)
			return;
		gathering->rules = grown;
		gathering->capacity = capacity;
	}
	gathering->rules[gathering->count++] = rule;
}

static void gather_list(struct gathering *gathering, struct rule_list list)
{
	for (uint32_t i = 0; i < list.count; i++)
		gather_rule(gathering, list.entries[i].rule);
}

static void gather_roles(struct gathering *gathering, const struct rule_index *index,
	const struct id_table *table, uint32_t id)
{
	const struct role_table *roles = gathering->ruleset->roles;
	struct id_list held = id_table_find(table, id);

	for (size_t i = 0; i < held.count; i++)
		gather_list(gathering, rule_index_find(index, roles->roles[held.values[i]].hash));
}

static void gather_group(
	struct gathering *gathering, const struct effect_index *index, uint32_t group)
{
	gather_list(gathering, rule_index_find(&index->groups, group));
	if (index->roles.slots)
		gather_roles(gathering, &index->roles, &gathering->ruleset->roles->groups, group);
}

static void gather_effect(struct gathering *gathering, enum rule_effect effect)
{
	const struct effect_index *index = &gathering->ruleset->effects[effect];
	const struct subject *subject = gathering->subject;

	gather_list(gathering, rule_index_find(&index->any, 0));
	if (!subject->initial_userns)
		return;
	gather_list(gathering, rule_index_find(&index->users, subject->uid));
	if (index->roles.slots)
		gather_roles(
			gathering, &index->roles, &gathering->ruleset->roles->users, subject->uid);
	gather_group(gathering, index, subject->gid);
	for (size_t i = 0; i < subject->group_count; i++)
		gather_group(gathering, index, subject->groups[i]);
}

static int compare_indexes(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

	return (first > second) - (first < second);
}

int ruleset_concerning(const struct ruleset *ruleset, const struct subject *subject,
	uint32_t **ret_rules, size_t *ret_count)
{
	struct gathering gathering = {.ruleset = ruleset, .subject = subject};
	size_t kept = 0;

	for (int effect = 0; effect < RULE_EFFECTS; effect++)
		if (effect != RULE_DENY)
			gather_effect(&gathering, effect);
	if (gathering.failed) {
		free(gathering.rules);
		return -ENOMEM;
	}
	if (gathering.count)
		qsort(gathering.rules, gathering.count, sizeof(*gathering.rules), compare_indexes);
	for (size_t i = 0; i < gathering.count; i++)
		if (kept == 0 || gathering.rules[kept - 1] != gathering.rules[i])
			gathering.rules[kept++] = gathering.rules[i];
	*ret_rules = gathering.rules;
	*ret_count = kept;
	return 0;
}
