/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of keystore/base/clock_watch.c: what is a step of the clock, and what is none. */
#include "keystore/base/clock_watch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "keystore/base/clock.h"

#define WALL  (1800000000 * NS_PER_S)
#define BOOT  (5000 * NS_PER_S)
#define DAY_S 86400

/* One look after each: so much passed, and the wall clock went so much more. */
static int64_t look(struct clock_watch *watch, int64_t passed_ns, int64_t more_ns)
{
	int64_t step = 42;
	bool seen = clock_watch_look(
		watch, watch->wall_ns + passed_ns + more_ns, watch->boot_ns + passed_ns, &step);

	assert_int_equal(seen, step != 0);
	return step;
}

static void test_steps(void **state)
{
	static const int64_t steps[] = {2000000001, -2000000001, 3600 * NS_PER_S, -3600 * NS_PER_S,
		365 * DAY_S * NS_PER_S, -WALL};

	(void)state;
	for (size_t i = 0; i < sizeof(steps) / sizeof(steps[0]); i++) {
		struct clock_watch watch;

		clock_watch_begin(&watch, WALL, BOOT);
		assert_int_equal(look(&watch, 0, steps[i]), steps[i]);
		/* Once. */
		assert_int_equal(look(&watch, NS_PER_S, 0), 0);
		/* And back is another one. */
		assert_int_equal(look(&watch, 0, -steps[i]), -steps[i]);
		assert_int_equal(look(&watch, NS_PER_S, 0), 0);
	}
}

static void test_no_steps(void **state)
{
	struct clock_watch watch;

	(void)state;
	clock_watch_begin(&watch, WALL, BOOT);
	assert_int_equal(look(&watch, 0, 0), 0);
	assert_int_equal(look(&watch, 0, 2 * NS_PER_S), 0);
	assert_int_equal(look(&watch, 0, -4 * NS_PER_S), 0);
	/* A leap second. */
	clock_watch_begin(&watch, WALL, BOOT);
	assert_int_equal(look(&watch, NS_PER_S, -NS_PER_S), 0);
	/* Suspended for a month: both clocks went on. */
	assert_int_equal(look(&watch, 30 * DAY_S * NS_PER_S, 0), 0);
}

/* NTP slews by at most 500 in a million, for ever. */
static void test_slew(void **state)
{
	struct clock_watch watch;

	(void)state;
	for (int sign = -1; sign <= 1; sign += 2) {
		clock_watch_begin(&watch, WALL, BOOT);
		for (int i = 0; i < 30 * DAY_S; i++)
			assert_int_equal(look(&watch, NS_PER_S, sign * 500000), 0);
		/* After all that time a step is still one. */
		assert_int_equal(look(&watch, NS_PER_S, 3 * NS_PER_S), 3 * NS_PER_S);
	}
}

static void test_small_steps(void **state)
{
	struct clock_watch watch;
	int64_t sum = 0, step = 0;

	(void)state;
	clock_watch_begin(&watch, WALL, BOOT);
	for (int i = 0; i < 100 && step == 0; i++) {
		sum += NS_PER_S / 4;
		step = look(&watch, NS_PER_S, NS_PER_S / 4);
	}
	assert_true(step > 2 * NS_PER_S && step < 3 * NS_PER_S);
	assert_true(sum < 3 * NS_PER_S);
	/* A clock that runs faster than any clock drifts. */
	step = 0;
	for (int i = 0; i < DAY_S && step == 0; i++)
		step = look(&watch, NS_PER_S, NS_PER_S / 500);
	assert_true(step > 2 * NS_PER_S);
}

static void test_ends_of_the_range(void **state)
{
	struct clock_watch watch;
	int64_t step;

	(void)state;
	clock_watch_begin(&watch, INT64_MIN, 0);
	assert_true(clock_watch_look(&watch, INT64_MAX, 1, &step));
	assert_true(step > 0);
	assert_true(clock_watch_look(&watch, INT64_MIN, INT64_MAX, &step));
	assert_true(step < 0);
	assert_true(clock_watch_look(&watch, INT64_MAX, 0, &step));
	assert_true(step > 0);
	assert_false(clock_watch_look(&watch, INT64_MAX, 0, &step));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_steps),
		cmocka_unit_test(test_no_steps),
		cmocka_unit_test(test_slew),
		cmocka_unit_test(test_small_steps),
		cmocka_unit_test(test_ends_of_the_range),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
