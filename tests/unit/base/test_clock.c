/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of keystore/base/clock.c: known instants, and texts that are no time. */
#include "keystore/base/clock.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/base/scope.h"

/* Known pairs: RFC 3339 section 5.8 (without its leap second), and POSIX time's round numbers. */
static const struct {
	const char *text;
	int64_t seconds;
	int64_t ns;
} times[] = {
	{"1970-01-01T00:00:00Z", 0, 0},
	{"1970-01-01", 0, 0},
	{"2001-09-09T01:46:40Z", 1000000000, 0},
	{"2001-09-09 01:46:40", 1000000000, 0},
	{"2001-09-09 01:46", 999999960, 0},
	{"2009-02-13T23:31:30Z", 1234567890, 0},
	{"2033-05-18T03:33:20.000000001Z", 2000000000, 1},
	{"1985-04-12T23:20:50.52Z", 482196050, 520000000},
	{"1996-12-19T16:39:57-08:00", 851042397, 0},
	{"1996-12-20T00:39:57Z", 851042397, 0},
	{"1970-01-01T01:30:00+01:30", 0, 0},
	{"2000-02-29T00:00:00Z", 951782400, 0},
	{"2000-03-01", 951868800, 0},
	{"2262-04-11T23:47:16.854775807Z", 9223372036, 854775807},
};

static void test_known(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		int64_t time_ns = -1;

		if (time_from_text(times[i].text, &time_ns) != 0)
			fail_msg("refused: %s", times[i].text);
		assert_int_equal(time_ns, times[i].seconds * NS_PER_S + times[i].ns);
	}
}

static void test_refused(void **state)
{
	static const char *const texts[] = {"", "x", "2026", "2026-11", "2026-11-22T",
		"2026-11-22 ", "2026-13-01", "2026-00-01", "2026-01-00", "2026-02-29", "2026-02-30",
		"2100-02-29", "2026-04-31", "1969-12-31", "2263-01-01", "9999-01-01", "02026-01-01",
		"2026-1-1", "2026-11-22T24:00:00Z", "2026-11-22T23:60:00Z", "1990-12-31T23:59:60Z",
		"2026-11-22T05:00:00", "2026-11-22T05:00Z", "2026-11-22T05:00:00.Z",
		"2026-11-22T05:00:00.1234567890Z", "2026-11-22T05:00:00+24:00",
		"2026-11-22T05:00:00+01:60", "2026-11-22T05:00:00+0100", "2026-11-22T05:00:00 Z",
		"2026-11-22T05:00:00Zx", "2026-11-22t05:00:00z", "2026-11-22 05:00:00Z",
		"2026-11-22 5:00", "2026-11-22x", " 2026-11-22", "2026-11-22 05:00:", "+026-11-22",
		"2026-11-22T05:00:00.-1Z", "1970-01-01T00:00:00+00:01",
		"2262-04-11T23:47:16.854775808Z", "2262-12-31"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		int64_t time_ns = 42;

		if (time_from_text(texts[i], &time_ns) != -EINVAL)
			fail_msg("accepted: %s", texts[i]);
		assert_int_equal(time_ns, 42);
	}
}

static void test_text(void **state)
{
	char text[TIME_TEXT_SIZE];

	(void)state;
	time_to_text(1234567890 * NS_PER_S + 7, text);
	assert_string_equal(text, "2009-02-13T23:31:30.000000007Z");
	time_to_text(-1, text);
	assert_string_equal(text, "1969-12-31T23:59:59.999999999Z");
	time_to_text(INT64_MAX, text);
	assert_string_equal(text, "2262-04-11T23:47:16.854775807Z");
	time_to_text(INT64_MIN, text);
	assert_string_equal(text, "1677-09-21T00:12:43.145224192Z");
}

static void test_clocks(void **state)
{
	int64_t before = clock_monotonic_ns();

	(void)state;
	assert_true(clock_monotonic_ns() >= before);
	assert_true(clock_boot_ns() >= before);
	assert_true(clock_now_ns() > 1700000000 * NS_PER_S);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_text),
		cmocka_unit_test(test_clocks),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
