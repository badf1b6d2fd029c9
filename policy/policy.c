/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - the facade: what is in force, and changes that are prepared, stored, enacted. A
 * change builds the whole next rule set beside the present one and exchanges a pointer.
 */
#include "policy/policy.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "policy/rule_store.h"

struct policy {
	struct sealed_rows *rows; /* borrowed */
	atomic_bool broken;
	struct role_members members; /* never changed after policy_open */
	uint64_t next_number;	     /* of the one change at a time */
	pthread_mutex_t lock; /* guards the pointer `ruleset`; held for no longer than a copy */
	struct ruleset *ruleset;
};

struct policy_change {
	struct rule added; /* number 0: nothing */
	uint64_t *removed;
	size_t removed_count;
	uint64_t next_number; /* after the change */
	struct ruleset *ruleset;
};

/* Nothing is left in force of what cannot be believed. */
static int load_broken(struct policy *policy)
{
	role_members_done(&policy->members);
	policy->ruleset = ruleset_unref(policy->ruleset);
	policy_set_broken(policy);
	return ruleset_new(NULL, 0, &policy->ruleset);
}

static int load_ruleset(struct policy *policy)
{
	__attribute__((cleanup(stored_rules_done))) struct stored_rules stored = {0};
	int r;

	r = rule_store_load(policy->rows, &stored);
	if (r < 0)
		return r;
	policy->next_number = stored.next_number;
	r = ruleset_new(stored.rules, stored.count, &policy->ruleset);
	return r == -EINVAL ? -EUCLEAN : r;
}

static int load(struct policy *policy)
{
	int r;

	if (sealed_rows_policy_is_broken(policy->rows))
		return load_broken(policy);
	r = load_ruleset(policy);
	if (r == 0)
		r = role_store_load(policy->rows, &policy->members);
	return r == -EUCLEAN ? load_broken(policy) : r;
}

int policy_open(struct sealed_rows *rows, struct policy **ret_policy)
{
	scope(policy_close) struct policy *policy = calloc(1, sizeof(*policy));
	int r;

	if (!policy)
		return -ENOMEM;
	policy->rows = rows;
	pthread_mutex_init(&policy->lock, NULL);
	r = load(policy);
	if (r < 0)
		return r;
	*ret_policy = take(&policy);
	return 0;
}

struct policy *policy_close(struct policy *policy)
{
	if (!policy)
		return NULL;
	ruleset_unref(policy->ruleset);
	role_members_done(&policy->members);
	pthread_mutex_destroy(&policy->lock);
	free(policy);
	return NULL;
}

void policy_set_broken(struct policy *policy)
{
	atomic_store(&policy->broken, true);
}

bool policy_is_broken(const struct policy *policy)
{
	return atomic_load(&policy->broken);
}

struct ruleset *policy_ruleset(struct policy *policy)
{
	struct ruleset *ruleset;

	pthread_mutex_lock(&policy->lock);
	ruleset = ruleset_ref(policy->ruleset);
	pthread_mutex_unlock(&policy->lock);
	return ruleset;
}

struct decision policy_decide(struct policy *policy, const struct question *question)
{
	scope(ruleset_unref) struct ruleset *ruleset = NULL;

	if (policy_is_broken(policy))
		return (struct decision){VERDICT_DENY, 0, REASON_SEAL_BROKEN};
	ruleset = policy_ruleset(policy);
	return decide(ruleset, question);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

	return (first > second) - (first < second);
}

static bool is_removed(const struct policy_change *change, uint64_t number)
{
	return change->removed_count && bsearch(&number, change->removed, change->removed_count,
						sizeof(number), compare_numbers);
}

/* Sorted; a number that is given twice stands once. */
static int copy_removed(struct policy_change *change, const uint64_t *numbers, size_t count)
{
	change->removed = calloc(count + 1, sizeof(*change->removed));
	if (!change->removed)
		return -ENOMEM;
	memcpy(change->removed, numbers, count * sizeof(*numbers));
	qsort(change->removed, count, sizeof(*numbers), compare_numbers);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || change->removed[i] != change->removed[change->removed_count - 1])
			change->removed[change->removed_count++] = change->removed[i];
	return 0;
}

/* The rules in force, less the removed, with the added: borrowed, in one array, compiled. */
static int build_ruleset(struct policy *policy, struct policy_change *change)
{
	scope(ruleset_unref) struct ruleset *present = policy_ruleset(policy);
	size_t present_count = ruleset_count(present), count = 0;
	scope_free struct rule *rules = calloc(present_count + 1, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	for (size_t i = 0; i < present_count; i++)
		if (!is_removed(change, ruleset_at(present, i)->number))
			rules[count++] = *ruleset_at(present, i);
	if (change->added.number)
		rules[count++] = change->added;
	return ruleset_new(rules, count, &change->ruleset);
}

int policy_prepare_grant(
	struct policy *policy, struct rule *rule, struct policy_change **ret_change)
{
	scope(policy_change_free) struct policy_change *change = NULL;
	int r;

	if (policy_is_broken(policy))
		return -EBADMSG;
	if (policy->next_number >= INT64_MAX)
		return -EOVERFLOW;
	change = calloc(1, sizeof(*change));
	if (!change)
		return -ENOMEM;
	r = rule_copy(rule, &change->added);
	if (r < 0)
		return r;
	change->added.number = policy->next_number;
	change->next_number = policy->next_number + 1;
	r = build_ruleset(policy, change);
	if (r < 0)
		return r;
	rule->number = change->added.number;
	*ret_change = take(&change);
	return 0;
}

/* Each of the numbers is a rule in force. */
static int check_present(struct policy *policy, const uint64_t *numbers, size_t count)
{
	scope(ruleset_unref) struct ruleset *present = policy_ruleset(policy);

	for (size_t i = 0; i < count; i++)
		if (!ruleset_find(present, numbers[i]))
			return -ENOENT;
	return 0;
}

int policy_prepare_revoke(struct policy *policy, const uint64_t *numbers, size_t count,
	struct policy_change **ret_change)
{
	scope(policy_change_free) struct policy_change *change = NULL;
	int r;

	if (policy_is_broken(policy))
		return -EBADMSG;
	r = check_present(policy, numbers, count);
	if (r < 0)
		return r;
	change = calloc(1, sizeof(*change));
	if (!change)
		return -ENOMEM;
	change->next_number = policy->next_number;
	r = copy_removed(change, numbers, count);
	if (r < 0)
		return r;
	r = build_ruleset(policy, change);
	if (r < 0)
		return r;
	*ret_change = take(&change);
	return 0;
}

int policy_store_change(struct policy *policy, struct policy_change *change)
{
	int r;

	for (size_t i = 0; i < change->removed_count; i++) {
		r = rule_store_delete(policy->rows, change->removed[i]);
		if (r < 0)
			return r;
	}
	if (!change->added.number)
		return 0;
	r = rule_store_put(policy->rows, &change->added);
	if (r < 0)
		return r;
	return rule_store_put_next_number(policy->rows, change->next_number);
}

void policy_enact_change(struct policy *policy, struct policy_change *change)
{
	struct ruleset *next = ruleset_ref(change->ruleset), *old;

	policy->next_number = change->next_number;
	pthread_mutex_lock(&policy->lock);
	old = policy->ruleset;
	policy->ruleset = next;
	pthread_mutex_unlock(&policy->lock);
	ruleset_unref(old);
}

struct ruleset *policy_change_ruleset(struct policy_change *change)
{
	return change->ruleset;
}

struct policy_change *policy_change_free(struct policy_change *change)
{
	if (!change)
		return NULL;
	rule_done(&change->added);
	free(change->removed);
	ruleset_unref(change->ruleset);
	free(change);
	return NULL;
}

bool policy_holds_role(struct policy *policy, enum role role, const struct subject *subject)
{
	return !policy_is_broken(policy) && role_members_hold(&policy->members, role, subject);
}

int policy_store_first_holder(struct sealed_rows *rows, uint32_t uid, const char *name)
{
	struct role_member member = {
		.kind = WORD_USER, .number = uid, .name = (char *)(uintptr_t)name};
	int r;

	if (uid == SUBJECT_ID_UNKNOWN)
		return -EINVAL;
	for (int role = 0; role < ROLE_COUNT; role++) {
		member.role = role;
		r = role_store_put(rows, &member);
		if (r < 0)
			return r;
	}
	return 0;
}
