/* SPDX-License-Identifier: Apache-2.0 */
/*
 * admission.c - what an open needs beside the decision: the hash of its program, its share of a
 * budget.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "keystore/base/clock.h"
#include "policy/policy_private.h"
#include "policy/surroundings.h"
#include "policy/usage.h"

/*
 * Threads that wait for hashes at once: others go on to answer whoever needs none. A user with many
 * programs that take long leaves some to others.
 */
#define AWAITING_MAX	 192
#define AWAITING_OF_USER (AWAITING_MAX / 3)
/* A file takes at most 5 s, and two of one user's may be before it. */
#define AWAIT_NS (15 * NS_PER_S)
/* The caller holds the rules meanwhile. Each try but the first was lost to another open's count. */
#define ADMIT_TRIES    16
#define REFUSED_TRY_NS (5 * NS_PER_MS)

struct awaited {
	pthread_mutex_t lock;
	pthread_cond_t done_cond;
	bool done;
	int result;
	uint8_t sha256[DIGEST_SIZE];
};

static void hash_is_done(void *arg, int result, const uint8_t *sha256)
{
	struct awaited *awaited = arg;

	pthread_mutex_lock(&awaited->lock);
	if (result == 0)
		memcpy(awaited->sha256, sha256, DIGEST_SIZE);
	awaited->done = true;
	awaited->result = result;
	pthread_cond_signal(&awaited->done_cond);
	pthread_mutex_unlock(&awaited->lock);
}

/* The hasher promises an end. */
static int await(struct awaited *awaited)
{
	pthread_mutex_lock(&awaited->lock);
	while (!awaited->done)
		pthread_cond_wait(&awaited->done_cond, &awaited->lock);
	pthread_mutex_unlock(&awaited->lock);
	return awaited->result;
}

/* While the user has another file in work he waits his turn. */
static int ask_for_hash(
	struct exe_hasher *hasher, const struct subject *subject, struct awaited *awaited)
{
	const struct timespec pause = {.tv_nsec = REFUSED_TRY_NS};
	int64_t end_ns = clock_monotonic_ns() + AWAIT_NS;
	int r;

	for (;;) {
		r = exe_hasher_ask(hasher, subject, hash_is_done, awaited, awaited->sha256);
		if ((r != -EDQUOT && r != -EAGAIN) || clock_monotonic_ns() > end_ns)
			return r;
		nanosleep(&pause, NULL);
	}
}

/* Who waits: a uid for each thread. */
static pthread_mutex_t awaiting_lock = PTHREAD_MUTEX_INITIALIZER; /* guards both; a leaf */
static uint32_t awaiting[AWAITING_MAX];
static size_t awaiting_count;

static bool begin_awaiting(uint32_t uid)
{
	size_t of_user = 0;
	bool may;

	pthread_mutex_lock(&awaiting_lock);
	for (size_t i = 0; i < awaiting_count; i++)
		of_user += awaiting[i] == uid;
	may = awaiting_count < AWAITING_MAX && of_user < AWAITING_OF_USER;
	if (may)
		awaiting[awaiting_count++] = uid;
	pthread_mutex_unlock(&awaiting_lock);
	return may;
}

static void end_awaiting(uint32_t uid)
{
	size_t at = 0;

	pthread_mutex_lock(&awaiting_lock);
	while (awaiting[at] != uid)
		at++;
	awaiting[at] = awaiting[--awaiting_count];
	pthread_mutex_unlock(&awaiting_lock);
}

bool policy_await_hash(struct policy *policy, struct subject *subject)
{
	struct awaited awaited = {.done = false};
	int r = -EAGAIN;

	if (begin_awaiting(subject->uid)) {
		pthread_mutex_init(&awaited.lock, NULL);
		pthread_cond_init(&awaited.done_cond, NULL);
		r = ask_for_hash(policy_exe_hasher(policy), subject, &awaited);
		if (r == 1)
			r = await(&awaited);
		memcpy(subject->sha256, awaited.sha256, DIGEST_SIZE);
		subject->sha256_known = r == 0;
		pthread_cond_destroy(&awaited.done_cond);
		pthread_mutex_destroy(&awaited.lock);
		end_awaiting(subject->uid);
	}
	return r == 0;
}

void policy_know_hash(struct policy *policy, struct subject *subject)
{
	if (!subject->sha256_known)
		subject->sha256_known = exe_hasher_ask(policy_exe_hasher(policy), subject, NULL,
						NULL, subject->sha256) == 0;
}

/* The rules that an open is counted under. Borrows from the rule set. */
struct charges {
	const struct rule **rules;
	size_t count;
};

static void charges_done(struct charges *charges)
{
	free(charges->rules);
}

#define scope_charges __attribute__((cleanup(charges_done)))

/*
 * Each name may have been allowed by a rule of its own; every one of them counts it, once. All are
 * looked for before the first is counted: what that leaves must not decide about the next.
 */
static int find_charges(struct policy *policy, const struct ruleset *ruleset,
	const struct inquiry *inquiry, uint64_t admitting, struct charges *charges)
{
	struct inquiry one = *inquiry;

	charges->rules = calloc(inquiry->name_count, sizeof(struct rule *));
	if (!charges->rules)
		return -ENOMEM;
	one.ruleset = ruleset;
	one.name_count = 1;
	for (size_t i = 0; i < inquiry->name_count; i++) {
		struct decision decision;
		const struct rule *rule;
		size_t at = 0;

		one.names = &inquiry->names[i];
		decision = policy_inquire(policy, &one);
		/* By the rule that the record will name, or it is decided again. */
		if (decision.reason != REASON_RULE_ALLOW || (i == 0 && decision.rule != admitting))
			return -EDQUOT;
		rule = ruleset_find(ruleset, decision.rule);
		if (!rule)
			continue;
		while (at < charges->count && charges->rules[at] != rule)
			at++;
		if (at == charges->count)
			charges->rules[charges->count++] = rule;
	}
	return 0;
}

static void tell_charged(const struct charges *charges, struct charged_rules *ret_charged)
{
	ret_charged->count = charges->count;
	for (size_t i = 0; i < charges->count && i < CHARGED_MAX; i++)
		ret_charged->numbers[i] = charges->rules[i]->number;
}

static int charge(struct policy *policy, const struct inquiry *inquiry, uint64_t admitting)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(policy);
	scope_charges struct charges charges = {0};
	struct local_time local;
	int r;

	if (!ruleset_has_budgets(ruleset))
		return 0;
	r = find_charges(policy, ruleset, inquiry, admitting, &charges);
	if (r < 0)
		return r;
	time_zone_local(clock_now_ns(), &local);
	r = usage_charge(policy_usage(policy), charges.rules, charges.count,
		subject_account(inquiry->subject), inquiry->size, &local);
	if (r == 0 && inquiry->charged)
		tell_charged(&charges, inquiry->charged);
	return r;
}

struct decision policy_admit(struct policy *policy, const struct inquiry *inquiry)
{
	struct decision decision = {.reason = REASON_NOT_COUNTED};
	int r = -EDQUOT;

	if (inquiry->charged)
		inquiry->charged->count = 0;
	/* Somebody else may have taken the last of a budget between question and count. */
	for (int i = 0; i < ADMIT_TRIES && r == -EDQUOT; i++) {
		decision = policy_inquire(policy, inquiry);
		/* What is learned no budget allowed, also where its rule lets in to one of the
		 * names. */
		if (decision.reason != REASON_RULE_ALLOW || decision.wants_hash)
			return decision;
		r = charge(policy, inquiry, decision.rule);
	}
	if (r < 0)
		decision = (struct decision){.reason = REASON_NOT_COUNTED};
	return decision;
}
