/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of policy/time_zone.c and time_words.c, with zones whose clocks are set in odd ways. */
#include "policy/time_zone.h"

#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#include <cmocka.h>

#include "keystore/base/clock.h"

#define DAY_SECONDS 86400

static void set(const char *zone)
{
	if (time_zone_set(zone) == -ENOENT) {
		print_message("no tzdata on this machine\n");
		skip();
	}
	assert_string_equal(time_zone_name(), zone);
}

static int64_t moment(const char *text)
{
	int64_t ns;

	if (time_from_text(text, &ns) < 0)
		fail_msg("%s", text);
	return ns;
}

static void test_names(void **state)
{
	static const char *const none[] = {"", "CET-1CEST", "EST5", "UTC0", ":UTC", "Europe",
		"Europe/", "Europe/Nowhere", "/usr/share/zoneinfo/Europe/Berlin",
		"../zoneinfo/Europe/Berlin", "Europe/../Europe/Berlin", "./UTC", "Europe//Berlin",
		"localtime", "posixrules", "right/Europe/Berlin", "zone.tab", "tzdata.zi", "utc"};

	(void)state;
	assert_string_equal(time_zone_name(), "UTC");
	assert_int_equal(time_zone_check("UTC"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		if (time_zone_check(none[i]) != -ENOENT || time_zone_set(none[i]) != -ENOENT)
			fail_msg("%s is taken for a zone", none[i]);
	}
	assert_string_equal(time_zone_name(), "UTC");
	set("Europe/Berlin");
	assert_int_equal(time_zone_set("Europe/Nowhere"), -ENOENT);
	assert_string_equal(time_zone_name(), "Europe/Berlin");
	assert_int_equal(time_zone_check("Asia/Kolkata"), 0);
}

/* Without the database there is UTC, and nothing else that would pass for it. */
static void test_no_database(void **state)
{
	struct local_time local;

	(void)state;
	setenv("TZDIR", "/nonexistent", 1);
	assert_int_equal(time_zone_check("Europe/Berlin"), -ENOENT);
	assert_int_equal(time_zone_set("Europe/Berlin"), -ENOENT);
	assert_int_equal(time_zone_set("UTC"), 0);
	time_zone_local(moment("2027-07-01T12:34:56Z"), &local);
	assert_int_equal(local.minute, 12 * 60 + 34);
	unsetenv("TZDIR");
}

/* The machine's own zone is not the vault's. */
static void test_not_the_environment(void **state)
{
	struct local_time local;
	char text[TIME_WORDS_SIZE];

	(void)state;
	setenv("TZ", "EST5", 1);
	tzset();
	time_zone_local(0, &local);
	assert_int_equal(local.minute, 0);
	time_to_words(0, text);
	assert_string_equal(text, "1970-01-01 00:00 UTC");
	assert_int_equal(time_zone_moment(0, 60), 3600 * NS_PER_S);
	assert_int_equal(time_zone_set("UTC"), 0);
	time_zone_local(-1, &local);
	assert_int_equal(local.day, -1);
	assert_int_equal(local.minute, 1439);
	assert_int_equal(local.second, 59);
	assert_int_equal(local.weekday, 2);
}

static void test_local(void **state)
{
	static const struct {
		const char *zone, *utc, *shown; /* shown: read as UTC */
		unsigned weekday;
	} cases[] = {
		{"UTC", "1970-01-01T00:00:00Z", "1970-01-01T00:00:00Z", 3},
		{"Europe/Berlin", "2027-01-01T00:00:00Z", "2027-01-01T01:00:00Z", 4},
		{"Europe/Berlin", "2027-03-28T00:59:59Z", "2027-03-28T01:59:59Z", 6},
		{"Europe/Berlin", "2027-03-28T01:00:00Z", "2027-03-28T03:00:00Z", 6},
		{"Europe/Berlin", "2027-10-31T00:59:59Z", "2027-10-31T02:59:59Z", 6},
		{"Europe/Berlin", "2027-10-31T01:00:00Z", "2027-10-31T02:00:00Z", 6},
		{"Pacific/Apia", "2011-12-30T09:59:59Z", "2011-12-29T23:59:59Z", 3},
		{"Pacific/Apia", "2011-12-30T10:00:00Z", "2011-12-31T00:00:00Z", 5},
		{"Australia/Lord_Howe", "2027-04-03T14:59:00Z", "2027-04-04T01:59:00Z", 6},
		{"Australia/Lord_Howe", "2027-04-03T15:00:00Z", "2027-04-04T01:30:00Z", 6},
		/* Set at 00:01, a minute that is none of a quarter. */
		{"America/St_Johns", "2010-11-07T02:30:59Z", "2010-11-07T00:00:59Z", 6},
		{"America/St_Johns", "2010-11-07T02:31:00Z", "2010-11-06T23:01:00Z", 5},
		/* Set in the middle of a minute. */
		{"Africa/Monrovia", "1972-01-07T00:44:29Z", "1972-01-06T23:59:59Z", 3},
		{"Africa/Monrovia", "1972-01-07T00:44:30Z", "1972-01-07T00:44:30Z", 4},
		{"Asia/Kathmandu", "2260-12-31T18:14:59Z", "2260-12-31T23:59:59Z", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t shown = moment(cases[i].shown) / NS_PER_S;
		struct local_time local;

		set(cases[i].zone);
		for (int round = 0; round < 2; round++) {
			time_zone_local(moment(cases[i].utc) + 999999999, &local);
			if (local.day * DAY_SECONDS + local.minute * 60 + local.second != shown ||
				local.weekday != cases[i].weekday)
				fail_msg("%s %s: day %ld %02d:%02d:%02d, weekday %d", cases[i].zone,
					cases[i].utc, (long)local.day, local.minute / 60,
					local.minute % 60, local.second, local.weekday);
		}
	}
}

/* Minute by minute over days on which the clock is set, as localtime_r says it. */
static void test_every_minute(void **state)
{
	static const char *const zones[] = {"Europe/Berlin", "America/St_Johns", "Asia/Gaza",
		"Australia/Lord_Howe", "Africa/Casablanca", "Antarctica/Troll", "Pacific/Guam",
		"America/Sao_Paulo", "UTC"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		set(zones[i]);
		for (time_t t = 0; t < 4000000000; t += t % 7 ? 7919 : 60 * 1231) {
			struct local_time local;
			struct tm tm;

			localtime_r(&t, &tm);
			time_zone_local(t * NS_PER_S, &local);
			assert_int_equal(local.minute, tm.tm_hour * 60 + tm.tm_min);
			assert_int_equal(local.second, tm.tm_sec);
			assert_int_equal((local.weekday + 1) % 7, tm.tm_wday);
		}
	}
}

static void test_moment(void **state)
{
	static const struct {
		const char *zone, *shown, *utc;
	} cases[] = {
		{"UTC", "1970-01-01", "1970-01-01T00:00:00Z"},
		{"Europe/Berlin", "2027-03-01", "2027-02-28T23:00:00Z"},
		{"Europe/Berlin", "2027-03-01 18:00", "2027-03-01T17:00:00Z"},
		{"Europe/Berlin", "2027-03-01T18:00", "2027-03-01T17:00:00Z"},
		{"Europe/Berlin", "2027-07-01T18:00:30", "2027-07-01T16:00:30Z"},
		{"Europe/Berlin", "2027-07-01T18:00:30Z", "2027-07-01T18:00:30Z"},
		{"Europe/Berlin", "2027-07-01 18:00:30-04:00", "2027-07-01T22:00:30Z"},
		/* Left out: when it would have been. */
		{"Europe/Berlin", "2027-03-28 02:30", "2027-03-28T01:30:00Z"},
		{"Europe/Berlin", "2027-03-28 01:59", "2027-03-28T00:59:00Z"},
		{"Europe/Berlin", "2027-03-28 03:00", "2027-03-28T01:00:00Z"},
		/* Twice: the first. */
		{"Europe/Berlin", "2027-10-31 02:00", "2027-10-31T00:00:00Z"},
		{"Europe/Berlin", "2027-10-31 02:59:59", "2027-10-31T00:59:59Z"},
		{"Europe/Berlin", "2027-10-31 03:00", "2027-10-31T02:00:00Z"},
		{"America/St_Johns", "2010-11-06 23:01", "2010-11-07T01:31:00Z"},
		{"America/St_Johns", "2010-11-07 00:00", "2010-11-07T02:30:00Z"},
		{"America/St_Johns", "2010-11-07 00:01", "2010-11-07T03:31:00Z"},
		{"Pacific/Apia", "2011-12-30 12:00", "2011-12-30T22:00:00Z"},
		{"Pacific/Apia", "2011-12-31 00:00", "2011-12-30T10:00:00Z"},
		{"America/Sao_Paulo", "2018-11-04", "2018-11-04T03:00:00Z"},
		{"Asia/Kolkata", "2027-03-01", "2027-02-28T18:30:00Z"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ns = -1;
		char text[TIME_TEXT_SIZE];

		set(cases[i].zone);
		if (time_from_words(cases[i].shown, &ns) < 0)
			fail_msg("%s is refused", cases[i].shown);
		time_to_text(ns, text);
		if (ns != moment(cases[i].utc))
			fail_msg("%s %s: %s", cases[i].zone, cases[i].shown, text);
	}
	assert_int_equal(time_zone_moment(INT64_MAX, 0), INT64_MAX);
	assert_int_equal(time_zone_moment(INT64_MIN, 0), INT64_MIN);
	assert_int_equal(time_zone_moment(200000, 0), INT64_MAX);
}

/* Whatever the clock shows was first shown at its moment, or it is shown then. */
static void test_moment_is_earliest(void **state)
{
	static const char *const zones[] = {"Europe/Berlin", "America/St_Johns", "Asia/Gaza",
		"Australia/Lord_Howe", "Africa/Casablanca", "Antarctica/Troll"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		set(zones[i]);
		for (int64_t t = 1100000040; t < 1300000000; t += 60 * 67) {
			struct local_time local, again;
			int64_t first;

			time_zone_local(t * NS_PER_S, &local);
			first = time_zone_moment(local.day, local.minute);
			time_zone_local(first, &again);
			assert_int_equal(again.day, local.day);
			assert_int_equal(again.minute, local.minute);
			assert_true(first <= t * NS_PER_S);
			assert_true(first > (t - 4 * 3600) * NS_PER_S);
		}
	}
}

static void test_shift(void **state)
{
	int64_t before;

	(void)state;
	set("Europe/Berlin");
	before = moment("2027-03-27T20:00:00Z");
	assert_int_equal(time_zone_next_shift(before, before + DAY_SECONDS * NS_PER_S),
		moment("2027-03-28T01:00:00Z"));
	assert_int_equal(
		time_zone_next_shift(before, before + 3600 * NS_PER_S), before + 3600 * NS_PER_S);
	assert_int_equal(time_zone_next_shift(before, moment("2027-03-28T01:00:00Z")),
		moment("2027-03-28T01:00:00Z"));
	assert_int_equal(time_zone_next_shift(
				 moment("2027-03-28T01:00:00Z"), moment("2027-03-29T01:00:00.5Z")),
		moment("2027-03-29T01:00:00.5Z"));
	set("Africa/Monrovia");
	assert_int_equal(time_zone_next_shift(
				 moment("1972-01-06T12:00:00Z"), moment("1972-01-07T12:00:00Z")),
		moment("1972-01-07T00:44:30Z"));
}

static void test_not_times(void **state)
{
	static const struct {
		const char *text;
		int result;
	} cases[] = {{"", -EINVAL}, {"tomorrow", -EINVAL}, {"2027-02-30", -EINVAL},
		{"2027-03-01 25:00", -EINVAL}, {"2027-03-01 24:00", -EINVAL},
		{"2027-03-01T", -EINVAL}, {"2027-03-01 ", -EINVAL}, {"2027-3-1", -EINVAL},
		{"01.03.2027", -EINVAL}, {"2027-03-01T18:00Z", -EINVAL},
		{"2027-03-01x18:00", -EINVAL}, {"2027-03-01 18", -EINVAL},
		{"2027-03-01 18:00:30.5", -EINVAL}, {"2263-01-01", -ERANGE},
		{"9999-12-31", -ERANGE}, {"9999-12-32", -EINVAL}, {"9998-02-29", -EINVAL},
		{"9996-02-29", -ERANGE}, {"2262-12-31", -ERANGE}, {"1969-12-31", -ERANGE},
		{"0000-01-01T00:00:00Z", -ERANGE}, {"2262-04-11 23:59", -ERANGE},
		{"12345-01-01", -EINVAL},
		{"2027-03-01T18:00:00Z                           ", -EINVAL},
		{"2027-03-01T18:00:00ZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZZ", -EINVAL}};

	(void)state;
	assert_int_equal(time_zone_set("UTC"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ns = 42;

		if (time_from_words(cases[i].text, &ns) != cases[i].result)
			fail_msg("%s: %d", cases[i].text, time_from_words(cases[i].text, &ns));
		assert_int_equal(ns, 42);
	}
	if (time_zone_set("Europe/Berlin") == 0) {
		int64_t ns;

		/* An hour before 1970 began, and no rule's time. */
		assert_int_equal(time_from_words("1970-01-01", &ns), -ERANGE);
	}
}

static void test_durations(void **state)
{
	static const struct {
		const char *text;
		int64_t seconds;
		int result;
	} cases[] = {{"30s", 30, 0}, {"30m", 1800, 0}, {"8h", 28800, 0}, {"7d", 604800, 0},
		{"2w", 1209600, 0}, {"0h", 0, 0}, {"9223372036s", 9223372036, 0},
		{"9223372037s", 0, -ERANGE}, {"99999999999999999999h", 0, -ERANGE},
		{"15251w", 0, -ERANGE}, {"", 0, -EINVAL}, {"8", 0, -EINVAL}, {"h", 0, -EINVAL},
		{"8hours", 0, -EINVAL}, {"8H", 0, -EINVAL}, {"-8h", 0, -EINVAL},
		{"+8h", 0, -EINVAL}, {"8 h", 0, -EINVAL}, {"1h30m", 0, -EINVAL},
		{"1.5h", 0, -EINVAL}, {"8y", 0, -EINVAL}, {"99999999999999999999y", 0, -EINVAL}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int64_t ns = 0;

		if (duration_from_words(cases[i].text, &ns) != cases[i].result ||
			ns != cases[i].seconds * NS_PER_S)
			fail_msg("%s", cases[i].text);
	}
}

static void test_words(void **state)
{
	static const struct {
		const char *zone, *utc, *words;
	} cases[] = {
		{"UTC", "2027-03-01T00:00:00Z", "2027-03-01 00:00 UTC"},
		{"Europe/Berlin", "2027-03-01T17:00:00Z", "2027-03-01 18:00 CET"},
		{"Europe/Berlin", "2027-07-01T17:00:09.5Z", "2027-07-01 19:00:09 CEST"},
		{"America/Sao_Paulo", "2027-07-01T17:00:00Z", "2027-07-01 14:00 -03"},
	};
	char text[TIME_WORDS_SIZE];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		set(cases[i].zone);
		time_to_words(moment(cases[i].utc), text);
		assert_string_equal(text, cases[i].words);
	}
	time_to_words(INT64_MIN, text);
	time_to_words(INT64_MAX, text);
}

static void *ask(void *arg)
{
	for (int i = 0; i < 200000; i++) {
		struct local_time local;

		time_zone_local(moment("2027-07-01T12:00:00Z") + i % 3 * 60 * NS_PER_S, &local);
		if (local.minute / 60 != 12 && local.minute / 60 != 14)
			return arg;
	}
	return NULL;
}

/* While the zone changes, answers are of one zone or the other. */
static void test_threads(void **state)
{
	pthread_t threads[4];
	struct local_time local;

	(void)state;
	set("Europe/Berlin");
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++)
		assert_int_equal(pthread_create(&threads[i], NULL, ask, threads), 0);
	for (int i = 0; i < 200; i++)
		assert_int_equal(time_zone_set(i % 2 ? "Europe/Berlin" : "UTC"), 0);
	for (size_t i = 0; i < ARRAY_SIZE(threads); i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		assert_null(failed);
	}
	time_zone_local(moment("2027-07-01T12:00:00Z"), &local);
	assert_int_equal(local.minute, 14 * 60);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_the_environment),
		cmocka_unit_test(test_no_database),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_local),
		cmocka_unit_test(test_every_minute),
		cmocka_unit_test(test_moment),
		cmocka_unit_test(test_moment_is_earliest),
		cmocka_unit_test(test_shift),
		cmocka_unit_test(test_not_times),
		cmocka_unit_test(test_durations),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_threads),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
