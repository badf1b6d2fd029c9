/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_admission.c - what an open is counted under, when somebody else takes the last of a budget
 * between the decision and the count: the rule that is named is always the one that was charged.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "keystore/base/clock.h"
#include "policy/policy_private.h"
#include "policy/policy_view.h"
#include "policy/usage.h"
#include "tests/unit/policy/rows_fixture.h"

#define ALICE 5001

struct fixture {
	struct rows_fixture store;
	struct policy *policy;
};

/* Its last open is somebody else's, right after this many decisions; 0: nobody else opens. */
static uint64_t taken_number;
static int taken_after;

struct decision __real_policy_inquire(struct policy *policy, const struct inquiry *inquiry);
struct decision __wrap_policy_inquire(struct policy *policy, const struct inquiry *inquiry);

static void take_last(struct policy *policy)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(policy);
	const struct rule *rule = ruleset_find(ruleset, taken_number);
	struct local_time local;

	time_zone_local(clock_now_ns(), &local);
	assert_int_equal(usage_charge(policy_usage(policy), &rule, 1, ALICE, 1, &local), 0);
}

struct decision __wrap_policy_inquire(struct policy *policy, const struct inquiry *inquiry)
{
	struct decision decision = __real_policy_inquire(policy, inquiry);

	if (taken_after && --taken_after == 0)
		take_last(policy);
	return decision;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	taken_after = 0;
	rows_fixture_make(&f->store);
	assert_int_equal(policy_open(f->store.rows, NULL, &f->policy), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	policy_close(f->policy);
	rows_fixture_done(&f->store);
	free(f);
	return 0;
}

static void store(struct fixture *f, struct policy_change *change)
{
	assert_int_equal(sealed_rows_begin(f->store.rows), 0);
	assert_int_equal(policy_store_change(f->policy, change), 0);
	assert_int_equal(sealed_rows_commit(f->store.rows), 0);
}

static uint64_t grant(struct fixture *f, const char *line)
{
	scope(policy_change_free) struct policy_change *change = NULL;
	scope_rule struct rule rule = {0};
	const struct policy_edit edit = {.added = &rule, .added_count = 1};

	assert_int_equal(rule_from_text(line, strlen(line), &rule), 0);
	rule.created_ns = clock_now_ns();
	rule.created_by = 77;
	assert_int_equal(policy_prepare(f->policy, &edit, &change), 0);
	store(f, change);
	policy_enact_change(f->policy, change);
	return rule.number;
}

/* An open by ALICE of a file with one name, or with two. */
static void assert_opens(
	struct fixture *f, const char *first, const char *second, enum reason reason, uint64_t rule)
{
	struct subject subject = {.uid = ALICE, .gid = 100, .initial_userns = true};
	struct path_name names[] = {{first, strlen(first)}, {second, second ? strlen(second) : 0}};
	const struct inquiry inquiry = {.subject = &subject,
		.names = names,
		.name_count = second ? 2 : 1,
		.permission = PERMISSION_READ,
		.asks_budgets = true,
		.size = 1};
	struct decision decision = policy_admit(f->policy, &inquiry);

	assert_int_equal(decision.reason, reason);
	assert_int_equal(decision.rule, rule);
	assert_int_equal(decision.verdict, reason == REASON_RULE_ALLOW || reason == REASON_LEARNED
						   ? VERDICT_ALLOW
						   : VERDICT_DENY);
}

static void assert_used(struct fixture *f, uint64_t rule, uint64_t opens)
{
	struct usage_count count;

	usage_read(policy_usage(f->policy), rule, ALICE, &count);
	assert_int_equal(count.opens, opens);
}

static void test_counted(void **state)
{
	struct fixture *f = *state;
	uint64_t limited = grant(f, "allow user:5001 read a --max-opens 1/day");
	uint64_t other = grant(f, "allow user:5001 read b --max-opens 9/day");

	assert_opens(f, "a", "b", REASON_RULE_ALLOW, limited);
	assert_used(f, limited, 1);
	assert_used(f, other, 1);
	assert_opens(f, "b", "a", REASON_OVER_BUDGET, 0);
	assert_opens(f, "b", NULL, REASON_RULE_ALLOW, other);
	assert_used(f, other, 2);
}

/* Its own rule has nothing left by then: whose turn it is is decided anew. */
static void test_last_is_taken(void **state)
{
	struct fixture *f = *state;
	uint64_t free_rule;

	taken_number = grant(f, "allow user:5001 read a --max-opens 1/day");
	taken_after = 1;
	assert_opens(f, "a", NULL, REASON_OVER_BUDGET, 0);
	taken_number = grant(f, "allow user:5001 read b --max-opens 1/day");
	free_rule = grant(f, "allow user:5001 read b");
	taken_after = 1;
	assert_opens(f, "b", NULL, REASON_RULE_ALLOW, free_rule);
	assert_used(f, taken_number, 1);
}

/* Of two names: the one rule is not charged for an open that the other refuses, nor charged twice.
 */
static void test_last_is_taken_of_one_name(void **state)
{
	struct fixture *f = *state;
	uint64_t other = grant(f, "allow user:5001 read a --max-opens 9/day");

	taken_number = grant(f, "allow user:5001 read b --max-opens 1/day");
	/* The decision, and one for each name. */
	taken_after = 3;
	assert_opens(f, "a", "b", REASON_OVER_BUDGET, 0);
	assert_used(f, other, 0);
	assert_used(f, taken_number, 1);
	taken_number = grant(f, "allow user:5001 read c --max-opens 1/day");
	grant(f, "allow user:5001 read c");
	taken_after = 3;
	assert_opens(f, "a", "c", REASON_RULE_ALLOW, other);
	assert_used(f, other, 1);
	assert_used(f, taken_number, 1);
}

static void test_last_is_taken_of_what_is_learned(void **state)
{
	struct fixture *f = *state;
	uint64_t learn = grant(f, "learn user:5001 read '**' --until 2200-01-01T00:00:00Z"), other;

	taken_number = grant(f, "allow user:5001 read a --max-opens 1/day");
	other = grant(f, "allow user:5001 read b --max-opens 9/day");
	taken_after = 1;
	assert_opens(f, "a", NULL, REASON_LEARNED, learn);
	/* Of two names: it is all learned, or all counted. */
	assert_opens(f, "b", "a", REASON_LEARNED, learn);
	assert_used(f, other, 0);
}

/* A rule that lets in to one of the names did not let in to the file. */
static void test_learned_is_not_counted(void **state)
{
	struct fixture *f = *state;
	uint64_t limited = grant(f, "allow user:5001 read a --max-opens 1/day");
	uint64_t learn = grant(f, "learn user:5001 read '**' --until 2200-01-01T00:00:00Z");

	assert_opens(f, "a", "b", REASON_LEARNED, learn);
	assert_opens(f, "b", "a", REASON_LEARNED, learn);
	assert_used(f, limited, 0);
	assert_opens(f, "a", NULL, REASON_RULE_ALLOW, limited);
	assert_opens(f, "a", NULL, REASON_LEARNED, learn);
	assert_used(f, limited, 1);
}

static void assert_row_used(struct fixture *f, uint64_t rule, uint64_t opens)
{
	scope(usage_close) struct usage *stored = NULL;
	struct usage_count count;

	assert_int_equal(usage_open(f->store.rows, NULL, NULL, NULL, &stored), 0);
	usage_read(stored, rule, ALICE, &count);
	assert_int_equal(count.opens, opens);
}

/* Given is what is stored first; taken away is what is in force first. */
static void test_revoked(void **state)
{
	struct fixture *f = *state;

	for (int taken_away = 0; taken_away < 2; taken_away++) {
		scope(policy_change_free) struct policy_change *change = NULL;
		uint64_t limited = grant(f, "allow user:5001 read a --max-opens 9/day");
		const struct policy_edit edit = {.removed = &limited, .removed_count = 1};

		assert_opens(f, "a", NULL, REASON_RULE_ALLOW, limited);
		assert_row_used(f, limited, 1);
		assert_int_equal(policy_prepare(f->policy, &edit, &change), 0);
		if (taken_away)
			policy_enact_change(f->policy, change);
		store(f, change);
		if (!taken_away)
			policy_enact_change(f->policy, change);
		assert_used(f, limited, 0);
		assert_row_used(f, limited, 0);
	}
}

/* What names are shown by doubts the clock when what opens are decided by does. */
static void test_view_doubts_the_clock(void **state)
{
	struct subject subject = {.uid = ALICE, .gid = 100, .initial_userns = true};
	const struct path_name name = {"a", 1};
	struct fixture *f = *state;

	grant(f, "allow user:5001 read a --until 2200-01-01T00:00:00Z");
	for (int set = 0; set < 2; set++) {
		struct policy_view view;
		struct decision decision;

		policy_note_clock(
			f->policy, clock_now_ns() + set * 3600 * NS_PER_S, clock_boot_ns());
		assert_opens(
			f, "a", NULL, set ? REASON_CLOCK_STEP : REASON_RULE_ALLOW, set ? 0 : 1);
		policy_view_begin(f->policy, NULL, &subject, &view);
		decision = policy_view_decide(&view, &name, 1, PERMISSION_READ);
		assert_int_equal(decision.reason, set ? REASON_CLOCK_STEP : REASON_RULE_ALLOW);
		policy_view_end(&view);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_is_taken, setup, teardown),
		cmocka_unit_test_setup_teardown(test_last_is_taken_of_one_name, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_last_is_taken_of_what_is_learned, setup, teardown),
		cmocka_unit_test_setup_teardown(test_learned_is_not_counted, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revoked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_view_doubts_the_clock, setup, teardown),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
