/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.c - the facade: what is in force, and changes that are prepared, stored, enacted. A
 * change builds the whole next rule set beside the present one and exchanges a pointer.
 */
#include "policy/policy.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "keystore/base/clock.h"
#include "keystore/base/clock_watch.h"
#include "policy/rule_store.h"
#include "policy/policy_private.h"
#include "policy/surroundings.h"
#include "policy/usage.h"

struct policy {
	struct sealed_rows *rows; /* borrowed */
	atomic_bool broken, clock_distrusted;
	_Atomic int64_t clock_offset_ns; /* wall less boot time; 0: nobody looks */
	struct policy_lock row_lock;
	struct exe_hasher *hasher;
	struct usage *usage;  /* NULL when broken */
	uint64_t next_number; /* of the one change at a time */
	pthread_mutex_t lock; /* guards the pointer `ruleset`; held for no longer than a copy */
	struct ruleset *ruleset;
};

struct policy_change {
	uint64_t *removed;
	size_t removed_count;
	uint64_t first_number, next_number; /* of the rules that are added */
	bool changes_members, sets_private;
	struct ruleset *before, *ruleset;
};

struct exe_hasher *policy_exe_hasher(struct policy *policy)
{
	return policy->hasher;
}

struct usage *policy_usage(struct policy *policy)
{
	return policy->usage;
}

/* Nothing is left in force of what cannot be believed, but names that were hidden stay hidden. */
static int load_broken(struct policy *policy)
{
	struct ruleset_parts parts = {.is_private = rule_store_may_be_private(policy->rows)};

	policy->ruleset = ruleset_unref(policy->ruleset);
	policy_set_broken(policy);
	return ruleset_build(&parts, &policy->ruleset);
}

static int load_ruleset(struct policy *policy)
{
	__attribute__((cleanup(stored_rules_done))) struct stored_rules stored = {0};
	__attribute__((cleanup(role_members_done))) struct role_members members = {0};
	struct ruleset_parts parts = {.members = &members};
	int r;

	r = rule_store_load(policy->rows, &stored);
	if (r == 0)
		r = role_store_load(policy->rows, &members);
	if (r < 0)
		return r;
	policy->next_number = stored.next_number;
	policy_set_clock_distrusted(policy, stored.clock_distrusted);
	parts.added = stored.rules;
	parts.added_count = stored.count;
	parts.is_private = stored.is_private;
	r = ruleset_build(&parts, &policy->ruleset);
	if (r < 0)
		return r == -EINVAL ? -EUCLEAN : r;
	return usage_open(policy->rows, policy->row_lock.lock, policy->row_lock.unlock,
		policy->row_lock.arg, &policy->usage);
}

static int load(struct policy *policy)
{
	int r;

	if (sealed_rows_policy_is_broken(policy->rows))
		return load_broken(policy);
	r = load_ruleset(policy);
	return r == -EUCLEAN ? load_broken(policy) : r;
}

int policy_open(
	struct sealed_rows *rows, const struct policy_lock *lock, struct policy **ret_policy)
{
	scope(policy_close) struct policy *policy = calloc(1, sizeof(*policy));
	int r;

	if (!policy)
		return -ENOMEM;
	policy->rows = rows;
	if (lock)
		policy->row_lock = *lock;
	pthread_mutex_init(&policy->lock, NULL);
	r = load(policy);
	if (r == 0)
		r = exe_hasher_new(&policy->hasher);
	if (r < 0)
		return r;
	*ret_policy = take(&policy);
	return 0;
}

struct policy *policy_close(struct policy *policy)
{
	if (!policy)
		return NULL;
	exe_hasher_free(policy->hasher);
	usage_close(policy->usage);
	ruleset_unref(policy->ruleset);
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

void policy_note_clock(struct policy *policy, int64_t wall_ns, int64_t boot_ns)
{
	atomic_store(&policy->clock_offset_ns, wall_ns - boot_ns);
}

bool policy_clock_is_doubted(const struct policy *policy, int64_t now_ns)
{
	int64_t offset_ns = atomic_load(&policy->clock_offset_ns), off_ns;

	if (policy_clock_is_distrusted(policy))
		return true;
	if (!offset_ns)
		return false;
	off_ns = now_ns - clock_boot_ns() - offset_ns;
	return off_ns > CLOCK_STEP_NS || off_ns < -CLOCK_STEP_NS;
}

static struct decision inquire(
	struct policy *policy, const struct ruleset *ruleset, const struct inquiry *inquiry)
{
	int64_t now_ns = clock_now_ns();
	struct looked_at looked;
	struct surroundings around = looked_memory_look(
		inquiry->memory, ruleset, inquiry->subject, policy->hasher, &looked);
	struct question question = {
		.subject = inquiry->subject,
		.names = inquiry->names,
		.name_count = inquiry->name_count,
		.permission = inquiry->permission,
		.clock_distrusted = policy_clock_is_doubted(policy, now_ns),
		.surroundings = &around,
	};
	struct usage_question usage;
	struct decision decision;

	question_set_time(&question, now_ns);
	if (inquiry->subject->sha256_known)
		around.sha256 = inquiry->subject->sha256;
	around.hash_failed |= inquiry->hash_failed;
	if (inquiry->asks_budgets) {
		usage_ask(policy->usage, inquiry->size, &question.local, &usage);
		usage.charged = inquiry->charged;
		question.budgets = &usage.view;
	}
	decision = decide(ruleset, &question);
	if (decision.reason == REASON_EXE_DIFFERS &&
		surroundings_exe_replaced(ruleset, inquiry->subject))
		decision.reason = REASON_EXE_REPLACED;
	return decision;
}

struct decision policy_inquire(struct policy *policy, const struct inquiry *inquiry)
{
	scope(ruleset_unref) struct ruleset *present = NULL;

	if (policy_is_broken(policy))
		return (struct decision){.reason = REASON_SEAL_BROKEN};
	if (inquiry->ruleset)
		return inquire(policy, inquiry->ruleset, inquiry);
	present = policy_ruleset(policy);
	return inquire(policy, present, inquiry);
}

static int compare_numbers(const void *a, const void *b)
{
	uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

	return (first > second) - (first < second);
}

/* Sorted; a number that is given twice stands once. */
static int copy_removed(struct policy_change *change, const uint64_t *numbers, size_t count)
{
	change->removed = calloc(count + 1, sizeof(*change->removed));
	if (!change->removed)
		return -ENOMEM;
	if (count)
		memcpy(change->removed, numbers, count * sizeof(*numbers));
	qsort(change->removed, count, sizeof(*numbers), compare_numbers);
	for (size_t i = 0; i < count; i++)
		if (i == 0 || change->removed[i] != change->removed[change->removed_count - 1])
			change->removed[change->removed_count++] = change->removed[i];
	return 0;
}

/* Each of the numbers is a rule in force. */
static int check_present(const struct ruleset *present, const uint64_t *numbers, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (!ruleset_find(present, numbers[i]))
			return -ENOENT;
	return 0;
}

static int build_ruleset(const struct policy_edit *edit, struct policy_change *change)
{
	const struct ruleset_parts parts = {
		.base = change->before,
		.removed = change->removed,
		.removed_count = change->removed_count,
		.added = edit->added,
		.added_count = edit->added_count,
		.members = edit->members,
		.is_private =
			edit->set_private ? edit->is_private : ruleset_is_private(change->before),
	};

	return ruleset_build(&parts, &change->ruleset);
}

int policy_prepare(
	struct policy *policy, const struct policy_edit *edit, struct policy_change **ret_change)
{
	scope(policy_change_free) struct policy_change *change = NULL;
	int r;

	if (policy_is_broken(policy))
		return -EBADMSG;
	if (policy->next_number >= INT64_MAX - edit->added_count)
		return -EOVERFLOW;
	change = calloc(1, sizeof(*change));
	if (!change)
		return -ENOMEM;
	change->before = policy_ruleset(policy);
	change->first_number = policy->next_number;
	change->next_number = policy->next_number + edit->added_count;
	change->changes_members = edit->members;
	change->sets_private = edit->set_private;
	for (size_t i = 0; i < edit->added_count; i++)
		edit->added[i].number = change->first_number + i;
	r = check_present(change->before, edit->removed, edit->removed_count);
	if (r == 0)
		r = copy_removed(change, edit->removed, edit->removed_count);
	if (r == 0)
		r = build_ruleset(edit, change);
	if (r < 0)
		return r;
	*ret_change = take(&change);
	return 0;
}

static int store_added(struct policy *policy, struct policy_change *change)
{
	int r = 0;

	if (change->next_number == change->first_number)
		return 0;
	/* Those with the highest numbers. */
	for (size_t i = ruleset_count(change->ruleset); i > 0 && r == 0; i--) {
		const struct rule *rule = ruleset_at(change->ruleset, i - 1);

		if (rule->number < change->first_number)
			break;
		r = rule_store_put(policy->rows, rule);
	}
	return r < 0 ? r : rule_store_put_next_number(policy->rows, change->next_number);
}

int policy_store_change(struct policy *policy, struct policy_change *change)
{
	int r = 0;

	for (size_t i = 0; i < change->removed_count && r == 0; i++)
		r = rule_store_delete(policy->rows, change->removed[i]);
	if (r == 0 && change->removed_count)
		r = usage_store_forget(policy->usage, change->ruleset, change->next_number);
	if (r == 0)
		r = store_added(policy, change);
	if (r == 0 && change->changes_members)
		r = role_store_put_changes(policy->rows, ruleset_members(change->before),
			ruleset_members(change->ruleset));
	if (r == 0 && change->sets_private)
		r = rule_store_put_private(policy->rows, ruleset_is_private(change->ruleset));
	return r;
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
	if (change->removed_count)
		usage_forget(policy->usage, change->ruleset, change->next_number);
}

const uint64_t *policy_change_removed(const struct policy_change *change, size_t *ret_count)
{
	*ret_count = change->removed_count;
	return change->removed;
}

struct ruleset *policy_change_ruleset(struct policy_change *change)
{
	return change->ruleset;
}

struct policy_change *policy_change_free(struct policy_change *change)
{
	if (!change)
		return NULL;
	free(change->removed);
	ruleset_unref(change->before);
	ruleset_unref(change->ruleset);
	free(change);
	return NULL;
}

bool policy_holds_role(struct policy *policy, enum role role, const struct subject *subject)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(policy);

	return !policy_is_broken(policy) &&
	       role_members_hold(ruleset_members(ruleset), role_name(role), subject);
}

int policy_store_first_holder(struct sealed_rows *rows, uint32_t uid, const char *name)
{
	struct role_member member = {
		.kind = WORD_USER, .number = uid, .name = (char *)(uintptr_t)name};
	int r;

	if (uid == SUBJECT_ID_UNKNOWN)
		return -EINVAL;
	for (int role = 0; role < ROLE_COUNT; role++) {
		member.role = (char *)(uintptr_t)role_name(role);
		r = role_store_put(rows, &member);
		if (r < 0)
			return r;
	}
	return 0;
}

int policy_store_private(struct sealed_rows *rows, bool is_private)
{
	return rule_store_put_private(rows, is_private);
}

bool policy_clock_is_distrusted(const struct policy *policy)
{
	return atomic_load(&policy->clock_distrusted);
}

void policy_set_clock_distrusted(struct policy *policy, bool distrusted)
{
	atomic_store(&policy->clock_distrusted, distrusted);
}

int policy_store_clock(struct policy *policy, bool distrusted)
{
	return rule_store_put_clock(policy->rows, distrusted);
}
