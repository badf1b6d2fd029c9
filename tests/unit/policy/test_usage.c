/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of policy/usage.c over sealed rows: what is counted is stored, once, and never taken back;
 * nobody gets more than the budget, however many ask at once.
 */
#include "policy/usage.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/rule_text.h"
#include "tests/unit/policy/rows_fixture.h"

struct fixture {
	struct rows_fixture store;
	struct usage *usage;
	pthread_mutex_t lock;
	atomic_int asked; /* for the lock */
};

static void lock_rows(void *arg)
{
	struct fixture *f = arg;

	atomic_fetch_add(&f->asked, 1);
	pthread_mutex_lock(&f->lock);
}

static void unlock_rows(void *arg)
{
	pthread_mutex_unlock(&((struct fixture *)arg)->lock);
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	pthread_mutex_init(&f->lock, NULL);
	rows_fixture_make(&f->store);
	assert_int_equal(usage_open(f->store.rows, lock_rows, unlock_rows, f, &f->usage), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	usage_close(f->usage);
	rows_fixture_done(&f->store);
	pthread_mutex_destroy(&f->lock);
	free(f);
	return 0;
}

/* As after the server was started anew. */
static int load_again(struct fixture *f)
{
	f->usage = usage_close(f->usage);
	rows_fixture_open_again(&f->store);
	return usage_open(f->store.rows, lock_rows, unlock_rows, f, &f->usage);
}

static struct rule rule_of(uint64_t number, uint64_t opens, uint64_t bytes)
{
	return (struct rule){.number = number,
		.condition = {.max_opens = {opens, PERIOD_DAY}, .max_bytes = {bytes, PERIOD_HOUR}}};
}

#define RULES(...)                                 \
	(const struct rule *const[]){__VA_ARGS__}, \
		sizeof((const struct rule *const[]){__VA_ARGS__}) / sizeof(struct rule *)

static const struct local_time today = {.day = 20000, .minute = 600, .weekday = 5};
static const struct local_time later_today = {.day = 20000, .minute = 660, .weekday = 5};
static const struct local_time tomorrow = {.day = 20001, .minute = 0, .weekday = 6};
static const struct local_time yesterday = {.day = 19999, .minute = 1439, .weekday = 4};

static bool suffices(struct fixture *f, const struct rule *rule, uint32_t uid, uint64_t size,
	const struct local_time *local)
{
	struct usage_question question;

	usage_ask(f->usage, size, local, &question);
	return question.view.suffices(question.view.arg, rule, uid);
}

static int charge(struct fixture *f, const struct rule *rule, uint32_t uid, uint64_t size,
	const struct local_time *local)
{
	bool before = suffices(f, rule, uid, size, local);
	int r = usage_charge(f->usage, &rule, 1, uid, size, local);

	assert_int_equal(r, before ? 0 : -EDQUOT);
	return r;
}

static void assert_count(
	struct fixture *f, uint64_t rule, uint32_t uid, uint64_t opens, uint64_t bytes)
{
	struct usage_count count;

	usage_read(f->usage, rule, uid, &count);
	assert_int_equal(count.opens, opens);
	assert_int_equal(count.bytes, bytes);
}

static void test_opens(void **state)
{
	struct rule rule = rule_of(3, 2, 0), other = rule_of(4, 1, 0);
	struct fixture *f = *state;

	assert_count(f, 3, 1001, 0, 0);
	assert_int_equal(charge(f, &rule, 1001, 500, &today), 0);
	assert_int_equal(charge(f, &rule, 1001, 500, &today), 0);
	assert_int_equal(charge(f, &rule, 1001, 500, &later_today), -EDQUOT);
	assert_count(f, 3, 1001, 2, 0);
	/* Another user and another rule have their own. */
	assert_int_equal(charge(f, &rule, 1002, 500, &today), 0);
	assert_int_equal(charge(f, &other, 1001, 500, &today), 0);
	assert_int_equal(charge(f, &rule, 1001, 500, &tomorrow), 0);
	assert_count(f, 3, 1001, 1, 0);
}

static void test_bytes(void **state)
{
	struct rule rule = rule_of(3, 0, 1000);
	struct fixture *f = *state;

	assert_int_equal(charge(f, &rule, 0, 1001, &today), -EDQUOT);
	assert_int_equal(charge(f, &rule, 0, 0, &today), 0);
	assert_int_equal(charge(f, &rule, 0, 600, &today), 0);
	assert_int_equal(charge(f, &rule, 0, 401, &today), -EDQUOT);
	assert_int_equal(charge(f, &rule, 0, 400, &today), 0);
	assert_int_equal(charge(f, &rule, 0, 1, &today), -EDQUOT);
	assert_int_equal(charge(f, &rule, 0, 0, &today), 0);
	assert_int_equal(charge(f, &rule, 0, 1, &later_today), 0);
	assert_count(f, 3, 0, 0, 1);
}

static void test_both(void **state)
{
	struct rule rule = rule_of(3, 2, 1000);
	struct fixture *f = *state;

	assert_int_equal(charge(f, &rule, 7, 900, &today), 0);
	/* What does not suffice is not counted in part. */
	assert_int_equal(charge(f, &rule, 7, 900, &today), -EDQUOT);
	assert_count(f, 3, 7, 1, 900);
	assert_int_equal(charge(f, &rule, 7, 900, &later_today), 0);
	assert_count(f, 3, 7, 2, 900);
	assert_int_equal(charge(f, &rule, 7, 1, &later_today), -EDQUOT);
}

static void test_nothing_to_count(void **state)
{
	struct rule rule = rule_of(3, 0, 0);
	struct fixture *f = *state;
	uint64_t epoch = sealed_rows_epoch(f->store.rows, SEALED_POLICY);

	assert_int_equal(charge(f, &rule, 7, UINT64_MAX, &today), 0);
	assert_int_equal(sealed_rows_epoch(f->store.rows, SEALED_POLICY), epoch);
}

/* One open, counted under each of the rules, or under none. */
static void test_all_or_nothing(void **state)
{
	struct rule many = rule_of(3, 9, 0), few = rule_of(4, 1, 0), free_rule = rule_of(5, 0, 0);
	struct fixture *f = *state;
	uint64_t epoch = sealed_rows_epoch(f->store.rows, SEALED_POLICY);

	assert_int_equal(usage_charge(f->usage, RULES(&many, &free_rule, &few), 7, 0, &today), 0);
	assert_int_equal(sealed_rows_epoch(f->store.rows, SEALED_POLICY), epoch + 1);
	assert_int_equal(
		usage_charge(f->usage, RULES(&many, &free_rule, &few), 7, 0, &today), -EDQUOT);
	assert_int_equal(usage_charge(f->usage, RULES(&few, &many), 7, 0, &today), -EDQUOT);
	assert_count(f, 3, 7, 1, 0);
	assert_count(f, 4, 7, 1, 0);
	assert_int_equal(charge(f, &many, 7, 0, &today), 0);
	assert_int_equal(load_again(f), 0);
	assert_count(f, 3, 7, 2, 0);
	assert_count(f, 4, 7, 1, 0);
}

static void test_ends(void **state)
{
	struct rule rule = rule_of(INT64_MAX, LIMIT_BUDGET, LIMIT_BUDGET);
	const struct local_time first = {.day = -100}, last = {.day = 106751};
	struct fixture *f = *state;

	assert_int_equal(charge(f, &rule, UINT32_MAX - 1, LIMIT_BUDGET, &first), 0);
	assert_int_equal(charge(f, &rule, UINT32_MAX - 1, 1, &first), -EDQUOT);
	assert_int_equal(charge(f, &rule, UINT32_MAX - 1, UINT64_MAX, &first), -EDQUOT);
	assert_int_equal(charge(f, &rule, UINT32_MAX - 1, LIMIT_BUDGET, &last), 0);
	assert_int_equal(load_again(f), 0);
	assert_count(f, INT64_MAX, UINT32_MAX - 1, 1, LIMIT_BUDGET);
	assert_int_equal(charge(f, &rule, UINT32_MAX - 1, 1, &last), -EDQUOT);
}

/* A clock that goes back gives nothing back. */
static void test_clock_back(void **state)
{
	struct rule rule = rule_of(3, 2, 0);
	struct usage_count count;
	struct fixture *f = *state;

	assert_int_equal(charge(f, &rule, 7, 0, &today), 0);
	assert_int_equal(charge(f, &rule, 7, 0, &yesterday), 0);
	assert_int_equal(charge(f, &rule, 7, 0, &yesterday), -EDQUOT);
	assert_int_equal(charge(f, &rule, 7, 0, &today), -EDQUOT);
	usage_read(f->usage, 3, 7, &count);
	assert_int_equal(count.opens_period, today.day);
	assert_int_equal(load_again(f), 0);
	assert_int_equal(charge(f, &rule, 7, 0, &yesterday), -EDQUOT);
	assert_int_equal(charge(f, &rule, 7, 0, &tomorrow), 0);
}

static void test_stored(void **state)
{
	struct rule rule = rule_of(3, 5, 1000);
	struct fixture *f = *state;
	struct usage_count before, after;
	uint64_t epoch;

	for (uint32_t uid = 0; uid < 300; uid++)
		assert_int_equal(charge(f, &rule, uid, uid, &today), 0);
	assert_int_equal(charge(f, &rule, 5, 10, &today), 0);
	epoch = sealed_rows_epoch(f->store.rows, SEALED_POLICY);
	usage_read(f->usage, 3, 5, &before);
	assert_int_equal(load_again(f), 0);
	assert_true(sealed_rows_is_intact(f->store.rows));
	assert_int_equal(sealed_rows_epoch(f->store.rows, SEALED_POLICY), epoch);
	usage_read(f->usage, 3, 5, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	assert_int_equal(after.opens, 2);
	assert_int_equal(after.bytes, 15);
	for (uint32_t uid = 6; uid < 300; uid++)
		assert_count(f, 3, uid, 1, uid);
}

/* What could not be stored is not counted, and the next one is. */
static void test_not_stored(void **state)
{
	struct rule rule = rule_of(3, 2, 0);
	struct fixture *f = *state;

	assert_int_equal(sealed_rows_begin(f->store.rows), 0);
	assert_int_equal(usage_charge(f->usage, RULES(&rule), 7, 0, &today), -EBUSY);
	sealed_rows_abort(f->store.rows);
	assert_count(f, 3, 7, 0, 0);
	assert_int_equal(charge(f, &rule, 7, 0, &today), 0);
	assert_int_equal(
		db_exec(f->store.db,
			"DROP TABLE usage; CREATE TABLE usage(rule, uid, opens_period, opens,"
			" bytes_period, bytes, bucket, mac)"),
		0);
	assert_int_equal(usage_charge(f->usage, RULES(&rule), 7, 0, &today), -EBADMSG);
	assert_count(f, 3, 7, 1, 0);
	assert_false(sealed_rows_in_change(f->store.rows));
}

/* A set of this one rule. */
static struct ruleset *set_of(uint64_t number)
{
	static const char line[] = "allow any read a";
	static const struct role_members none = {0};
	scope_rule struct rule rule = {0};
	const struct ruleset_parts parts = {.added = &rule, .added_count = 1, .members = &none};
	struct ruleset *set = NULL;

	assert_int_equal(rule_from_text(line, strlen(line), &rule), 0);
	rule.number = number;
	assert_int_equal(ruleset_build(&parts, &set), 0);
	return set;
}

static void forget_rows(struct fixture *f, const struct ruleset *kept, uint64_t end)
{
	assert_int_equal(sealed_rows_begin(f->store.rows), 0);
	assert_int_equal(usage_store_forget(f->usage, kept, end), 0);
	assert_int_equal(sealed_rows_commit(f->store.rows), 0);
}

/* Rules 3, 4 and 5, of which 4 is kept, and 5 came after the change. */
static void use_rules(struct fixture *f)
{
	for (uint64_t number = 3; number <= 5; number++) {
		struct rule rule = rule_of(number, 2, 0);

		for (uint32_t uid = 0; uid < 40; uid++)
			assert_int_equal(charge(f, &rule, uid, 0, &today), 0);
	}
}

static void assert_forgotten(struct fixture *f)
{
	for (int i = 0; i < 2; i++) {
		assert_count(f, 3, 1, 0, 0);
		assert_count(f, 3, 39, 0, 0);
		assert_count(f, 4, 39, 1, 0);
		assert_count(f, 5, 1, 1, 0);
		assert_int_equal(load_again(f), 0);
	}
}

static void test_forget(void **state)
{
	scope(ruleset_unref) struct ruleset *kept = set_of(4);
	struct fixture *f = *state;

	use_rules(f);
	forget_rows(f, kept, 5);
	/* Until it is enacted it is counted on. */
	assert_count(f, 3, 1, 1, 0);
	usage_forget(f->usage, kept, 5);
	assert_forgotten(f);
}

/* Taking away is in force before it is stored. */
static void test_forget_memory_first(void **state)
{
	scope(ruleset_unref) struct ruleset *kept = set_of(4);
	struct rule rule = rule_of(3, 2, 0);
	struct fixture *f = *state;

	use_rules(f);
	usage_forget(f->usage, kept, 5);
	forget_rows(f, kept, 5);
	assert_forgotten(f);
	/* What was decided before is charged after: that goes with the next change. */
	assert_int_equal(charge(f, &rule, 1, 0, &today), 0);
	usage_forget(f->usage, kept, 5);
	forget_rows(f, kept, 5);
	assert_forgotten(f);
}

/* Rows that a charge did not write: edited, or sealed with values that no charge has. */
static void test_forged(void **state)
{
	static const int64_t wrong[][6] = {{0, 7, 1, 1, 1, 1}, {-3, 7, 1, 1, 1, 1},
		{3, -1, 1, 1, 1, 1}, {3, UINT32_MAX, 1, 1, 1, 1}, {3, 7, 1, -1, 1, 1},
		{3, 7, 1, 1, 1, -1}, {3, 7, 1, INT64_MAX, 1, 1}, {3, 7, 1, 1, 1, INT64_MAX}};
	struct rule rule = rule_of(5, 2, 0);
	struct fixture *f = *state;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct db_value values[6];

		for (size_t j = 0; j < 6; j++)
			values[j] = db_integer(wrong[i][j]);
		assert_int_equal(sealed_rows_begin(f->store.rows), 0);
		assert_int_equal(sealed_rows_put(f->store.rows, "usage", values), 0);
		assert_int_equal(sealed_rows_commit(f->store.rows), 0);
		assert_int_equal(load_again(f), -EUCLEAN);
		assert_int_equal(sealed_rows_begin(f->store.rows), 0);
		assert_int_equal(sealed_rows_delete(f->store.rows, "usage", values), 0);
		assert_int_equal(sealed_rows_commit(f->store.rows), 0);
	}
	assert_int_equal(load_again(f), 0);
	assert_int_equal(charge(f, &rule, 7, 0, &today), 0);
	assert_int_equal(db_exec(f->store.db, "UPDATE usage SET opens = 0"), 0);
	assert_int_equal(load_again(f), -EUCLEAN);
	assert_true(sealed_rows_policy_is_broken(f->store.rows));
	assert_int_equal(db_exec(f->store.db, "UPDATE usage SET opens = 1"), 0);
	assert_int_equal(load_again(f), 0);
}

struct crowd {
	struct fixture *fixture;
	struct rule rule, second; /* second: of few opens, or without a budget */
	atomic_int allowed, wrong;
};

static void *open_often(void *arg)
{
	struct crowd *crowd = arg;

	for (int i = 0; i < 40; i++) {
		int r = usage_charge(crowd->fixture->usage, RULES(&crowd->rule), 7, 10, &today);

		atomic_fetch_add(r == 0 ? &crowd->allowed : &crowd->wrong, r == 0 || r != -EDQUOT);
		suffices(crowd->fixture, &crowd->rule, 7, 10, &today);
	}
	return NULL;
}

static void test_crowd(void **state)
{
	struct crowd crowd = {.fixture = *state, .rule = rule_of(3, 100, 0)};
	pthread_t threads[4];

	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_often, &crowd), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&crowd.allowed), 100);
	assert_int_equal(atomic_load(&crowd.wrong), 0);
	assert_count(*state, 3, 7, 100, 0);
}

static void *open_once(void *arg)
{
	struct crowd *crowd = arg;
	int r = usage_charge(
		crowd->fixture->usage, RULES(&crowd->rule, &crowd->second), 7, 10, &today);

	atomic_fetch_add(r == 0 ? &crowd->allowed : &crowd->wrong, r == 0 || r != -EDQUOT);
	return NULL;
}

static void open_together(struct crowd *crowd)
{
	struct fixture *f = crowd->fixture;
	pthread_t threads[8];

	pthread_mutex_lock(&f->lock);
	atomic_store(&f->asked, 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, open_once, crowd), 0);
	while (atomic_load(&f->asked) < (int)ARRAY_SIZE(threads))
		sched_yield();
	pthread_mutex_unlock(&f->lock);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	assert_int_equal(atomic_load(&crowd->wrong), 0);
}

/* All who wait for the rows are stored together, and none of them gets what another has taken. */
static void test_together(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd = {.fixture = f, .rule = rule_of(3, 5, 0)};
	uint64_t epoch = sealed_rows_epoch(f->store.rows, SEALED_POLICY);

	open_together(&crowd);
	assert_int_equal(atomic_load(&crowd.allowed), 5);
	assert_count(f, 3, 7, 5, 0);
	assert_int_equal(sealed_rows_epoch(f->store.rows, SEALED_POLICY), epoch + 1);
}

/* Who is refused for the one rule takes nothing of the other from those who wait with him. */
static void test_together_of_two(void **state)
{
	struct fixture *f = *state;
	struct crowd crowd = {.fixture = f, .rule = rule_of(3, 9, 0), .second = rule_of(4, 3, 0)};

	open_together(&crowd);
	assert_int_equal(atomic_load(&crowd.allowed), 3);
	assert_count(f, 3, 7, 3, 0);
	assert_count(f, 4, 7, 3, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_opens, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_both, setup, teardown),
		cmocka_unit_test_setup_teardown(test_nothing_to_count, setup, teardown),
		cmocka_unit_test_setup_teardown(test_all_or_nothing, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock_back, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_stored, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forget_memory_first, setup, teardown),
		cmocka_unit_test_setup_teardown(test_forged, setup, teardown),
		cmocka_unit_test_setup_teardown(test_crowd, setup, teardown),
		cmocka_unit_test_setup_teardown(test_together, setup, teardown),
		cmocka_unit_test_setup_teardown(test_together_of_two, setup, teardown),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
