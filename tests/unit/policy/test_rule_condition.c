/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of policy/rule_condition*.c: the words, the stored text, and when a rule applies. */
#include "policy/rule_condition.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "keystore/base/clock.h"
#include "policy/rule.h"
#include "policy/shell_word.h"

static int64_t moment(const char *text)
{
	int64_t ns;

	if (time_from_text(text, &ns) < 0)
		fail_msg("%s", text);
	return ns;
}

static void set_zone(const char *zone)
{
	if (time_zone_set(zone) == -ENOENT) {
		print_message("no tzdata on this machine\n");
		skip();
	}
}

#define NOW "2027-01-01T10:20:30.5Z"

/* "--until 2027-03-01 --days mon-fri" as a shell would split it. */
static int set_all(struct rule_condition *condition, const char *options, char **ret_mistake)
{
	const char *at = options, *end = options + strlen(options);
	int r = 0;

	while (r == 0 && at < end) {
		scope_buffer struct buffer name = {0}, value = {0};

		assert_int_equal(shell_word_read(&at, end, &name), 0);
		at++;
		assert_int_equal(shell_word_read(&at, end, &value), 0);
		at += at < end;
		r = rule_condition_set(condition, buffer_text(&name) + 2, buffer_text(&value),
			moment(NOW), ret_mistake);
	}
	return r;
}

/* The stored text, as rule_from_text will hand it in; "" is no condition. */
static int from_text(struct rule_condition *condition, const char *text)
{
	const char *at = text + 1, *end = text + strlen(text);
	unsigned order = 0;

	while (at < end) {
		scope_buffer struct buffer name = {0}, value = {0};
		int r;

		assert_int_equal(shell_word_read(&at, end, &name), 0);
		at++;
		assert_int_equal(shell_word_read(&at, end, &value), 0);
		at++;
		r = rule_condition_from_text(
			condition, buffer_text(&name) + 2, buffer_text(&value), &order);
		if (r < 0)
			return r;
	}
	return 0;
}

static void assert_text(const struct rule_condition *condition, const char *expected)
{
	scope_buffer struct buffer text = {0};

	rule_condition_to_text(condition, &text);
	assert_string_equal(buffer_text(&text), expected);
}

static void test_words(void **state)
{
	static const struct {
		const char *words, *text;
	} cases[] = {
		{"--until 2027-03-01", " --until 2027-02-28T23:00:00Z"},
		{"--until '2027-03-01 18:00'", " --until 2027-03-01T17:00:00Z"},
		{"--until 2027-03-01T18:00:00Z --from 2027-03-01",
			" --from 2027-02-28T23:00:00Z --until 2027-03-01T18:00:00Z"},
		{"--until 2027-03-01T18:00:00.25Z", " --until 2027-03-01T18:00:00.250000000Z"},
		{"--for 8h", " --until 2027-01-01T18:20:31Z"},
		{"--from 1970-01-01T00:00:00Z", ""},
		{"--hours 09:00-18:00", " --hours 09:00-18:00"},
		{"--hours 22:00-06:00", " --hours 22:00-06:00"},
		{"--hours 00:00-24:00", " --hours 00:00-24:00"},
		{"--hours 18:00-00:00", " --hours 18:00-00:00"},
		{"--days mon-fri", " --days mon-fri"},
		{"--days FRI-Mon", " --days mon,fri-sun"},
		{"--days sun,sat", " --days sat,sun"},
		{"--days tue", " --days tue"},
		{"--days mon,wed-thu,sun", " --days mon,wed,thu,sun"},
		{"--days sun-sat", " --days mon-sun"},
		{"--max-opens 5/day", " --max-opens 5/day"},
		{"--max-opens 1024/hour", " --max-opens 1024/hour"},
		{"--max-bytes 200G/day", " --max-bytes 200G/day"},
		{"--max-bytes 1536M/week", " --max-bytes 1536M/week"},
		{"--max-bytes 2048M/week", " --max-bytes 2G/week"},
		{"--max-bytes 1000/hour", " --max-bytes 1000/hour"},
		{"--max-bytes 4096P/hour", " --max-bytes 4096P/hour"},
		{"--max-bytes 4611686018427387903/hour", " --max-bytes 4611686018427387903/hour"},
		{"--note x --max-bytes 1K/day --max-opens 1/week --days sun --hours 01:02-03:04 "
		 "--for 1w --from 2027-01-01",
			" --from 2026-12-31T23:00:00Z --until 2027-01-08T10:20:31Z --hours "
			"01:02-03:04 --days sun --max-opens 1/week --max-bytes 1K/day --note x"},
	};

	(void)state;
	set_zone("Europe/Berlin");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scope_rule_condition struct rule_condition condition = {0}, again = {0}, copy = {0};
		scope_buffer struct buffer text = {0};
		char *mistake = NULL;

		if (set_all(&condition, cases[i].words, &mistake) < 0)
			fail_msg("%s: %s", cases[i].words, mistake);
		assert_text(&condition, cases[i].text);
		rule_condition_to_text(&condition, &text);
		assert_int_equal(from_text(&again, buffer_text(&text)), 0);
		assert_text(&again, cases[i].text);
		assert_int_equal(rule_condition_copy(&condition, &copy), 0);
		assert_text(&copy, cases[i].text);
	}
}

static void test_note(void **state)
{
	static const char *const notes[] = {
		"for the caf\xc3\xa9", "it's", "--until \\ June", "'", "a\\nb"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(notes); i++) {
		scope_rule_condition struct rule_condition condition = {0}, again = {0};
		scope_buffer struct buffer text = {0};
		char *mistake = NULL;

		assert_int_equal(rule_condition_set(&condition, "note", notes[i], 0, &mistake), 0);
		assert_string_equal(condition.note, notes[i]);
		rule_condition_to_text(&condition, &text);
		assert_int_equal(from_text(&again, buffer_text(&text)), 0);
		assert_string_equal(again.note, notes[i]);
	}
}

static void test_word_mistakes(void **state)
{
	static const char *const wrong[][3] = {
		{"until", "2027-02-30",
			"there is no day 2027-02-30; that month ends with 2027-02-28"},
		{"until", "2027-13-01", "there is no day 2027-13-01; the month is 01 to 12"},
		{"until", "2027-03-01 18", "did you mean '2027-03-01 18:00'?"},
		{"until", "2027-03-01 6pm", "did you mean '2027-03-01 18:00'?"},
		{"until", "20270301", "did you mean 2027-03-01?"},
		{"until", "+30d", "that is a duration: did you mean --for 30d?"},
		{"until", "Friday", "did you mean 2027-01-08?"},
		{"until", "sun", "did you mean 2027-01-03?"},
		{"from", "now", "without --from it begins at once"},
		{"until", "2027-03-01 25:00",
			"what follows the day is no time of it, 00:00 to 23:59: 2027-03-01, "
			"'2027-03-01 18:00' or 2027-03-01T18:00:00Z"},
		{"until", "2027-03-01T18:00Z",
			"what follows the day is no time of it, 00:00 to 23:59: 2027-03-01, "
			"'2027-03-01 18:00' or 2027-03-01T18:00:00Z"},
		{"until", "tomorrow", "did you mean 2027-01-02?"},
		{"until", "March", "did you mean 2027-03-01?"},
		{"until", "january", "did you mean 2028-01-01?"},
		{"until", "01.03.2027", "did you mean 2027-03-01?"},
		{"until", "2027-3-1", "did you mean 2027-03-01?"},
		{"until", "2027/03/01", "did you mean 2027-03-01?"},
		{"until", "2027-03", "did you mean 2027-03-01?"},
		{"until", "1.3.2027 9:30", "did you mean '2027-03-01 09:30'?"},
		{"until", "31/03/2027", "did you mean 2027-03-31?"},
		{"until", "03/01/2027", "did you mean 2027-01-03 or 2027-03-01?"},
		{"until", "March 2027", "did you mean 2027-03-01?"},
		{"until", "1st Mar 2027", "did you mean 2027-03-01?"},
		{"until", "31.02.2027",
			"a time is written 2027-03-01, '2027-03-01 18:00' or "
			"2027-03-01T18:00:00Z"},
		{"until", "soon",
			"a time is written 2027-03-01, '2027-03-01 18:00' or "
			"2027-03-01T18:00:00Z"},
		{"until", "",
			"a time is written 2027-03-01, '2027-03-01 18:00' or "
			"2027-03-01T18:00:00Z"},
		{"until", "8h",
			"that is a duration, which --for takes; a time is 2027-03-01, "
			"'2027-03-01 18:00' or 2027-03-01T18:00:00Z"},
		{"until", "9999-12-31",
			"times are from 1970 to 2262; without --until there is no "
			"end"},
		{"from", "1900-01-01",
			"times are from 1970 to 2262; without --from there is no "
			"beginning"},
		{"until", "1970-01-01T00:00:00Z", "that is over already"},
		{"for", "8", "8 of what? 8m, 8h, 8d or 8w"},
		{"for", "8hours", "did you mean 8h?"},
		{"for", "8 h", "a duration is one number and one unit: 30m, 8h, 7d or 2w"},
		{"for", "90 Minutes", "did you mean 90m?"},
		{"for", "8H", "did you mean 8h?"},
		{"for", "3 months",
			"months and years are of no one length: --until takes a day, as in "
			"2027-03-01; --for takes m (minutes), h, d and w"},
		{"for", "3M",
			"months and years are of no one length: --until takes a day, as in "
			"2027-03-01; --for takes m (minutes), h, d and w"},
		{"for", "1y",
			"months and years are of no one length: --until takes a day, as in "
			"2027-03-01; --for takes m (minutes), h, d and w"},
		{"for", "1h30m", "a duration is one number and one unit: 30m, 8h, 7d or 2w"},
		{"for", "-8h", "a duration is one number and one unit: 30m, 8h, 7d or 2w"},
		{"for", "", "a duration is one number and one unit: 30m, 8h, 7d or 2w"},
		{"for", "2027-03-01", "that is a time, which --until takes"},
		{"for", "0h", "that would be over at once"},
		{"for", "300000d", "that ends after 2262; without --for there is no end"},
		{"for", "12300w", "that ends after 2262; without --for there is no end"},
		{"hours", "9-18", "did you mean 09:00-18:00?"},
		{"hours", "9am-5:30pm", "did you mean 09:00-17:30?"},
		{"hours", "10pm to 6am", "did you mean 22:00-06:00?"},
		{"hours", "0900-1730", "did you mean 09:00-17:30?"},
		{"hours", "09:00..17:00", "did you mean 09:00-17:00?"},
		{"hours", "09:00,17:00", "did you mean 09:00-17:00?"},
		{"hours", "09:00:00-17:00:00", "did you mean 09:00-17:00?"},
		{"hours",
			"09:00\xe2\x80\x93"
			"17:00",
			"did you mean 09:00-17:00?"},
		{"hours", "9:00 - 18:30", "did you mean 09:00-18:30?"},
		{"hours", "22.00-6h30", "did you mean 22:00-06:30?"},
		{"hours", "24:00-06:00", "did you mean 00:00-06:00?"},
		{"hours", "18:00", "from when until when? 09:00-18:00, or 18:00-24:00"},
		{"hours", "09:00-09:00",
			"begins and ends at the same minute; without --hours it "
			"is the whole day"},
		{"hours", "9am-5pm", "did you mean 09:00-17:00?"},
		{"hours", "13pm-17:00",
			"hours are written HH:MM-HH:MM, 00:00 to 24:00: 09:00-18:00, "
			"or 22:00-06:00 across midnight"},
		{"hours", "09:00-25:00",
			"hours are written HH:MM-HH:MM, 00:00 to 24:00: "
			"09:00-18:00, or 22:00-06:00 across midnight"},
		{"hours", "09:60-18:00",
			"hours are written HH:MM-HH:MM, 00:00 to 24:00: "
			"09:00-18:00, or 22:00-06:00 across midnight"},
		{"hours", "",
			"hours are written HH:MM-HH:MM, 00:00 to 24:00: 09:00-18:00, or "
			"22:00-06:00 across midnight"},
		{"days", "monday-friday", "did you mean mon-fri?"},
		{"days", "Mondays, Sun", "did you mean mon,sun?"},
		{"days", "weekdays", "did you mean mon-fri?"},
		{"days", "mo-fr", "did you mean mon-fri?"},
		{"days", "mon..fri", "did you mean mon-fri?"},
		{"days", "mon to fri", "did you mean mon-fri?"},
		{"days", "daily", "without --days it is every day"},
		{"days", "weekend", "did you mean sat,sun?"},
		{"days", "mon-fri,", "did you mean mon-fri?"},
		{"days", "mon,mon", "names a day twice: each day once, as in mon-fri,sun"},
		{"days", "mon-wed,tue", "names a day twice: each day once, as in mon-fri,sun"},
		{"days", "mon-mon", "names a day twice: each day once, as in mon-fri,sun"},
		{"days", "m-f",
			"days are mon, tue, wed, thu, fri, sat, sun: mon-fri, or "
			"sat,sun"},
		{"days", "", "days are mon, tue, wed, thu, fri, sat, sun: mon-fri, or sat,sun"},
		{"max-opens", "5", "in what time? 5/hour, 5/day or 5/week"},
		{"max-opens", "5/month", "in what time? 5/hour, 5/day or 5/week"},
		{"max-opens", "5/days", "did you mean 5/day?"},
		{"max-opens", "5/H", "did you mean 5/hour?"},
		{"max-opens", "20 per day", "did you mean 20/day?"},
		{"max-opens", "20perday", "did you mean 20/day?"},
		{"max-opens", "20-day", "did you mean 20/day?"},
		{"max-opens", "20 a week", "did you mean 20/week?"},
		{"max-opens", "20 opens/day", "did you mean 20/day?"},
		{"max-opens", "20/24h", "did you mean 20/day?"},
		{"max-bytes", "200 GB per day", "did you mean 200G/day?"},
		{"max-opens", "5K/day",
			"opens are counted: a whole number and a period, as in "
			"5/day"},
		{"max-opens", "05/day",
			"opens are counted: a whole number and a period, as in "
			"5/day"},
		{"max-opens", "-1/day",
			"opens are counted: a whole number and a period, as in "
			"5/day"},
		{"max-opens", "", "opens are counted: a whole number and a period, as in 5/day"},
		{"max-opens", "0/day", "nothing at all is what no rule, or deny, is for"},
		{"max-opens", "9223372036854775807/day",
			"is more than can be counted; without --max-opens there is no limit"},
		{"max-bytes", "200GB/day", "did you mean 200G/day?"},
		{"max-bytes", "200GiB/day", "did you mean 200G/day?"},
		{"max-bytes", "200 gb/daily", "did you mean 200G/day?"},
		{"max-bytes", "200g", "in what time? 200G/hour, 200G/day or 200G/week"},
		{"max-bytes", "200G/", "in what time? 200G/hour, 200G/day or 200G/week"},
		{"max-bytes", "1.5T/day",
			"a size is a whole number with K, M, G, T or P (1024 "
			"each), and a period: 200G/day"},
		{"max-bytes", "200X/day",
			"a size is a whole number with K, M, G, T or P (1024 "
			"each), and a period: 200G/day"},
		{"max-bytes", "/day",
			"a size is a whole number with K, M, G, T or P (1024 each), "
			"and a period: 200G/day"},
		{"max-bytes", "0G/day", "nothing at all is what no rule, or deny, is for"},
		{"max-bytes", "9999999P/day",
			"is more than can be counted; without --max-bytes there is no limit"},
		{"note", "", "the note is empty"},
		{"note", "a\nb", "a note is one line of UTF-8 without control characters"},
		{"note", "a\x1b[31m", "a note is one line of UTF-8 without control characters"},
		{"note", "\xff", "a note is one line of UTF-8 without control characters"},
		{"note", "a\xe2\x80\xae",
			"a note is one line of UTF-8 without control "
			"characters"},
	};

	(void)state;
	set_zone("Europe/Berlin");
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		scope_rule_condition struct rule_condition condition = {0};
		scope_buffer struct buffer expected = {0};
		scope_free char *mistake = NULL;

		buffer_add_format(&expected, "--%s ", wrong[i][0]);
		shell_word_write(wrong[i][1], strlen(wrong[i][1]), &expected);
		buffer_add_format(&expected, ": %s", wrong[i][2]);
		assert_int_equal(rule_condition_set(&condition, wrong[i][0], wrong[i][1],
					 moment(NOW), &mistake),
			-EINVAL);
		if (strcmp(mistake, buffer_text(&expected)) != 0)
			fail_msg("%s\nexpected %s", mistake, buffer_text(&expected));
	}
}

static void test_given_twice(void **state)
{
	static const char *const wrong[][2] = {
		{"--until 2027-03-01 --until 2027-03-01",
			"--until 2027-03-01: an end is set already: --until or --for, one of "
			"them, once"},
		{"--until 2027-03-01 --for 8h",
			"--for 8h: an end is set already: --until or --for, one of them, once"},
		{"--for 8h --until 2027-03-01",
			"--until 2027-03-01: an end is set already: --until or --for, one of "
			"them, once"},
		{"--from 2027-03-01 --from 2027-03-01",
			"--from 2027-03-01: --from was given already: once is enough"},
		{"--hours 09:00-18:00 --hours 18:00-19:00",
			"--hours 18:00-19:00: --hours was given already: once is enough"},
		{"--days mon --days tue", "--days tue: --days was given already: once is enough"},
		{"--max-opens 1/day --max-opens 2/day",
			"--max-opens 2/day: --max-opens was given already: once is enough"},
		{"--max-bytes 1/day --max-bytes 2/day",
			"--max-bytes 2/day: --max-bytes was given already: once is enough"},
		{"--note x --note x", "--note x: --note was given already: once is enough"},
	};
	scope_rule_condition struct rule_condition none = {0};
	scope_free char *long_note = malloc(1026), *mistake = NULL;
	char *unused = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		scope_rule_condition struct rule_condition condition = {0};
		scope_free char *says = NULL;

		assert_int_equal(set_all(&condition, wrong[i][0], &says), -EINVAL);
		assert_string_equal(says, wrong[i][1]);
	}
	assert_int_equal(rule_condition_set(&none, "untill", "x", 0, &unused), -ENOENT);
	memset(long_note, 'x', 1025);
	long_note[1025] = '\0';
	assert_int_equal(rule_condition_set(&none, "note", long_note, 0, &mistake), -EINVAL);
	assert_string_equal(mistake, "--note ...: a note is at most 1024 bytes");
	long_note[1024] = '\0';
	assert_int_equal(rule_condition_set(&none, "note", long_note, 0, &unused), 0);
}

/* Together. NULL: nothing is wrong. */
static void test_check(void **state)
{
	static const struct {
		const char *words;
		bool allows_read;
		const char *says;
	} cases[] = {
		{"", false, NULL},
		{"--until 2027-01-01T10:20:30Z", true,
			"--until 2027-01-01 11:20:30 CET is over already"},
		{"--until 2027-01-01T10:20:31Z", true, NULL},
		{"--until 2027-03-01 --from 2027-04-01", true,
			"--until 2027-03-01 00:00 CET is not after --from 2027-04-01 00:00 CEST"},
		{"--until 2027-03-01 --from 2027-03-01", true,
			"--until 2027-03-01 00:00 CET is not after --from 2027-03-01 00:00 CET"},
		{"--max-opens 5/day", false,
			"--max-opens counts what is read: it stands with a rule that allows read"},
		{"--max-bytes 5/day", false,
			"--max-bytes counts what is read: it stands with a rule that allows read"},
		{"--max-bytes 5/day", true, NULL},
		/* A Friday it is, 11:20. */
		{"--for 8h --days sat", true,
			"the --hours and --days do not come before --until 2027-01-01 19:20:31 "
			"CET: it would never apply"},
		{"--for 8h --hours 20:00-22:00", true,
			"the --hours and --days do not come before --until 2027-01-01 19:20:31 "
			"CET: it would never apply"},
		{"--for 8h --hours 19:20-22:00", true, NULL},
		{"--for 14h --days sat", true, NULL},
		{"--for 14h --hours 09:00-11:20 --days sat", true,
			"the --hours and --days do not come before --until 2027-01-02 01:20:31 "
			"CET: it would never apply"},
		{"--for 6d --days thu --hours 23:00-06:00", true,
			"the --hours and --days do not come before --until 2027-01-07 11:20:31 "
			"CET: it would never apply"},
		{"--for 7d --days thu --hours 23:00-06:00", true, NULL},
		{"--from 2028-01-01 --until 2028-01-02 --days sun", true,
			"the --hours and --days do not come before --until 2028-01-02 00:00 CET: "
			"it would never apply"},
		{"--from 2028-01-01 --until 2028-01-02 --days sat", true, NULL},
		{"--days tue --hours 03:00-02:59", true, NULL},
		{"--from 2261-12-31 --until 2262-04-11", true, NULL},
		/* The only hour of that day that there is not. */
		{"--from 2027-03-28 --until 2027-03-29 --hours 02:00-03:00", true,
			"the --hours and --days do not come before --until 2027-03-29 00:00 CEST: "
			"it would never apply"},
	};

	(void)state;
	set_zone("Europe/Berlin");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scope_rule_condition struct rule_condition condition = {0};
		scope_free char *mistake = NULL;
		int r;

		assert_int_equal(set_all(&condition, cases[i].words, &mistake), 0);
		r = rule_condition_check(&condition, cases[i].allows_read, moment(NOW), &mistake);
		if (r != (cases[i].says ? -EINVAL : 0))
			fail_msg("%s: %d", cases[i].words, r);
		if (r < 0)
			assert_string_equal(mistake, cases[i].says);
	}
}

/* Neither the clock nor another zone makes a stored rule wrong. */
static void test_check_stored(void **state)
{
	static const char *const lines[] = {
		" --until 2020-01-01T00:00:00Z",
		" --from 2027-01-08T20:00:00Z --until 2027-01-08T22:00:00Z --days sat",
		" --from 2027-03-27T23:00:00Z --until 2027-03-28T22:00:00Z --hours 02:00-03:00",
	};
	scope_rule_condition struct rule_condition wrong = {0};
	scope_free char *mistake = NULL;
	char *unused = NULL;

	(void)state;
	set_zone("Europe/Berlin");
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		scope_rule_condition struct rule_condition condition = {0};

		assert_int_equal(from_text(&condition, lines[i]), 0);
		assert_int_equal(rule_condition_check(&condition, false, INT64_MIN, &unused), 0);
	}
	assert_int_equal(from_text(&wrong, " --from 2027-01-02T00:00:00Z --until "
					   "2027-01-01T00:00:00Z"),
		0);
	assert_int_equal(rule_condition_check(&wrong, false, INT64_MIN, &mistake), -EINVAL);
}

static void test_not_text(void **state)
{
	static const char *const lines[] = {
		" --until 2027-03-01",
		" --until '2027-03-01 18:00'",
		" --until 2027-03-01T18:00:00+01:00",
		" --until 2027-03-01T18:00:00.0Z",
		" --until 2027-03-01T18:00:00.000000000Z",
		" --until 1970-01-01T00:00:00Z",
		" --from 1970-01-01T00:00:00Z",
		" --for 8h",
		" --Until 2027-03-01T00:00:00Z",
		" --frobnicate 1",
		" --until 2027-03-01T00:00:00Z --from 2027-01-01T00:00:00Z",
		" --days mon --days tue",
		" --days mon,mon",
		" --days Mon",
		" --days tue,mon",
		" --days mon,tue,wed",
		" --days fri-mon",
		" --days ''",
		" --hours 9:00-18:00",
		" --hours 09:00-09:00",
		" --hours 24:00-09:00",
		" --hours 09:00-24:01",
		" --max-opens 5",
		" --max-opens 05/day",
		" --max-opens 1K/day",
		" --max-opens 0/day",
		" --max-bytes 1024M/day",
		" --max-bytes 1024/day",
		" --max-bytes 4097P/day",
		" --max-bytes 18014398509481984K/day",
		" --note ''",
		" --note $'a\\nb'",
		" --note $'\\xff'",
		" --note x --days mon",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
		scope_rule_condition struct rule_condition condition = {0};

		if (from_text(&condition, lines[i]) != -EUCLEAN)
			fail_msg("%s is taken", lines[i]);
	}
}

static void test_kinds(void **state)
{
	scope_rule_condition struct rule_condition none = {0}, note = {0};

	(void)state;
	assert_false(rule_condition_is_timed(&none));
	assert_int_equal(from_text(&note, " --note x"), 0);
	assert_false(rule_condition_is_timed(&note));
	for (size_t i = 0; i < 6; i++) {
		static const char *const timed[] = {" --from 2027-01-01T00:00:00Z",
			" --until 2027-01-01T00:00:00Z", " --hours 09:00-18:00", " --days mon",
			" --max-opens 5/day", " --max-bytes 5/day"};
		scope_rule_condition struct rule_condition condition = {0};

		assert_int_equal(from_text(&condition, timed[i]), 0);
		assert_true(rule_condition_is_timed(&condition));
		assert_int_equal(rule_condition_has_budget(&condition), i >= 4);
	}
}

static bool holds_at(const struct rule_condition *condition, int64_t now_ns)
{
	struct local_time local;

	time_zone_local(now_ns, &local);
	return rule_condition_holds(condition, now_ns, &local);
}

static void test_holds(void **state)
{
	static const struct {
		const char *text, *now;
		bool holds;
	} cases[] = {
		{"", NOW, true},
		{" --from 2027-01-01T00:00:00Z", "2026-12-31T23:59:59.999999999Z", false},
		{" --from 2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", true},
		{" --until 2027-01-01T00:00:00Z", "2026-12-31T23:59:59.999999999Z", true},
		{" --until 2027-01-01T00:00:00Z", "2027-01-01T00:00:00Z", false},
		/* Berlin; 2027-01-01 is a Friday. */
		{" --hours 09:00-18:00", "2027-01-01T07:59:59Z", false},
		{" --hours 09:00-18:00", "2027-01-01T08:00:00Z", true},
		{" --hours 09:00-18:00", "2027-01-01T16:59:59Z", true},
		{" --hours 09:00-18:00", "2027-01-01T17:00:00Z", false},
		{" --hours 09:00-18:00 --days mon-fri", "2027-01-02T12:00:00Z", false},
		{" --days fri", "2026-12-31T23:00:00Z", true},
		{" --days fri", "2027-01-01T23:00:00Z", false},
		{" --hours 22:00-06:00 --days fri", "2027-01-01T04:59:00Z", false},
		{" --hours 22:00-06:00 --days fri", "2027-01-01T20:59:00Z", false},
		{" --hours 22:00-06:00 --days fri", "2027-01-01T21:00:00Z", true},
		{" --hours 22:00-06:00 --days fri", "2027-01-02T04:59:59Z", true},
		{" --hours 22:00-06:00 --days fri", "2027-01-02T05:00:00Z", false},
		{" --hours 22:00-06:00 --days sun", "2027-01-04T04:00:00Z", true},
		{" --hours 18:00-00:00 --days fri", "2027-01-01T22:59:59Z", true},
		{" --hours 18:00-00:00 --days fri", "2027-01-01T23:00:00Z", false},
		{" --hours 00:00-24:00 --days fri", "2027-01-01T22:59:59Z", true},
		{" --hours 00:00-24:00", "2027-01-01T23:00:00Z", true},
		/* Left out, and twice. */
		{" --hours 01:30-02:30", "2027-03-28T00:59:59Z", true},
		{" --hours 01:30-02:30", "2027-03-28T01:00:00Z", false},
		{" --hours 02:30-04:00", "2027-03-28T01:00:00Z", true},
		{" --hours 02:30-02:45", "2027-10-31T00:30:00Z", true},
		{" --hours 02:30-02:45", "2027-10-31T00:45:00Z", false},
		{" --hours 02:30-02:45", "2027-10-31T01:30:00Z", true},
	};

	(void)state;
	set_zone("Europe/Berlin");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scope_rule_condition struct rule_condition condition = {0};

		assert_int_equal(from_text(&condition, cases[i].text), 0);
		if (holds_at(&condition, moment(cases[i].now)) != cases[i].holds)
			fail_msg("%s at %s", cases[i].text, cases[i].now);
	}
}

/* From one change that is announced to the next nothing changes, second by second. */
static void test_next_change(void **state)
{
	static const struct {
		const char *zone, *text, *begin, *end;
		int most; /* changes that are announced on the way */
	} cases[] = {
		{"Europe/Berlin", " --hours 09:00-18:00 --days mon-fri", "2027-03-26T00:00:00Z",
			"2027-04-02T00:00:00Z", 15},
		{"Europe/Berlin", " --hours 02:30-04:00", "2027-03-26T00:00:00Z",
			"2027-03-30T00:00:00Z", 10},
		{"Europe/Berlin", " --hours 01:30-02:30", "2027-03-26T00:00:00Z",
			"2027-03-30T00:00:00Z", 10},
		{"Europe/Berlin", " --hours 02:30-02:45", "2027-10-29T00:00:00Z",
			"2027-11-02T00:00:00Z", 12},
		{"Europe/Berlin", " --hours 22:00-06:00 --days sat,sun", "2027-10-29T00:00:00Z",
			"2027-11-02T00:00:00Z", 12},
		{"Europe/Berlin", " --hours 18:00-00:00 --days sat", "2027-10-29T00:00:00Z",
			"2027-11-02T00:00:00Z", 12},
		{"Europe/Berlin", " --hours 00:00-24:00 --days sat", "2027-10-29T00:00:00Z",
			"2027-11-02T00:00:00Z", 6},
		{"America/St_Johns", " --days sat", "2010-11-05T00:00:00Z", "2010-11-08T00:00:00Z",
			5},
		{"America/Sao_Paulo", " --hours 00:00-01:00 --days sun", "2018-11-02T00:00:00Z",
			"2018-11-06T00:00:00Z", 10},
		{"Australia/Lord_Howe", " --hours 01:40-01:50", "2027-04-02T00:00:00Z",
			"2027-04-05T00:00:00Z", 9},
		{"Pacific/Apia", " --days fri", "2011-12-29T00:00:00Z", "2012-01-01T00:00:00Z", 4},
		{"UTC",
			" --from 2027-01-02T03:04:05.000000006Z --until "
			"2027-01-03T03:04:05.000000007Z --hours 00:00-12:00",
			"2027-01-01T00:00:00Z", "2027-01-04T00:00:00Z", 4},
		{"UTC", " --hours 00:00-24:00 --days mon-sun", "2027-01-01T00:00:00Z",
			"2027-01-04T00:00:00Z", 0},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scope_rule_condition struct rule_condition condition = {0};
		int64_t at = moment(cases[i].begin), end = moment(cases[i].end), next = at;
		bool holds = false;
		int changes = -1;

		set_zone(cases[i].zone);
		assert_int_equal(from_text(&condition, cases[i].text), 0);
		for (; at < end; at += 13 * NS_PER_S) {
			while (at >= next) {
				int64_t before = next;

				holds = holds_at(&condition, next);
				next = rule_condition_next_change(&condition, next);
				if (next < before + NS_PER_S)
					fail_msg("%s spins", cases[i].text);
				changes++;
				if (next < end)
					assert_int_equal(holds_at(&condition, next - 1), holds);
			}
			if (holds_at(&condition, at) != holds)
				fail_msg("%s %s: %ld", cases[i].zone, cases[i].text, (long)at);
		}
		if (changes > cases[i].most)
			fail_msg("%s %s: %d changes", cases[i].zone, cases[i].text, changes);
	}
}

static void test_next_change_ends(void **state)
{
	scope_rule_condition struct rule_condition none = {0}, until = {0}, hours = {0};
	int64_t end = moment("2027-01-01T00:00:00Z");

	(void)state;
	assert_int_equal(rule_condition_next_change(&none, 0), INT64_MAX);
	assert_int_equal(from_text(&until, " --until 2027-01-01T00:00:00Z --days mon"), 0);
	assert_int_equal(rule_condition_next_change(&until, end), INT64_MAX);
	assert_true(rule_condition_next_change(&until, end - 1) == end);
	assert_int_equal(from_text(&hours, " --hours 09:00-18:00"), 0);
	assert_int_equal(rule_condition_next_change(&hours, INT64_MAX), INT64_MAX);
	assert_true(rule_condition_next_change(&hours, INT64_MIN) > INT64_MIN);
}

/* Numbers rise by one, at the wall clock's hours, midnights and Mondays. */
static void test_periods(void **state)
{
	static const char *const begins[PERIOD_COUNT] = {
		[PERIOD_HOUR] = "2027-01-04T08:00:00Z",
		[PERIOD_DAY] = "2027-01-04T23:00:00Z",
		[PERIOD_WEEK] = "2027-01-03T23:00:00Z",
	};
	static const int64_t seconds[PERIOD_COUNT] = {3600, 86400, 7 * 86400};
	struct local_time before, at, last, next;

	(void)state;
	set_zone("Europe/Berlin");
	for (unsigned period = 0; period < PERIOD_COUNT; period++) {
		int64_t begin = moment(begins[period]), number;

		time_zone_local(begin - 1, &before);
		time_zone_local(begin, &at);
		time_zone_local(begin + seconds[period] * NS_PER_S - 1, &last);
		time_zone_local(begin + seconds[period] * NS_PER_S, &next);
		number = rule_period_number(period, &at);
		assert_int_equal(rule_period_number(period, &before), number - 1);
		assert_int_equal(rule_period_number(period, &last), number);
		assert_int_equal(rule_period_number(period, &next), number + 1);
	}
	/* The hour that comes twice is one. */
	time_zone_local(moment("2027-10-31T00:30:00Z"), &before);
	time_zone_local(moment("2027-10-31T01:30:00Z"), &at);
	assert_int_equal(
		rule_period_number(PERIOD_HOUR, &before), rule_period_number(PERIOD_HOUR, &at));
	time_zone_local(-30 * 86400 * NS_PER_S, &before);
	time_zone_local(-23 * 86400 * NS_PER_S, &at);
	assert_int_equal(
		rule_period_number(PERIOD_WEEK, &before) + 1, rule_period_number(PERIOD_WEEK, &at));
}

static void test_describe(void **state)
{
	static const char *const cases[][2] = {
		{"", ""},
		{" --from 2026-12-31T23:00:00Z --until 2027-06-30T22:00:00Z --hours 09:00-18:00 "
		 "--days mon-fri --max-opens 5/day --max-bytes 200G/day --note 'x y'",
			" from 2027-01-01 00:00 CET until 2027-07-01 00:00 CEST, between 09:00 and "
			"18:00 (Europe/Berlin), mon-fri, at most 5 opens a day for each user, at "
			"most 200G a day for each user (note: 'x y')"},
		{" --until 2027-03-01T00:00:30Z", " until 2027-03-01 01:00:30 CET"},
		{" --hours 22:00-06:00", " between 22:00 and 06:00 (Europe/Berlin)"},
		{" --days sat,sun", " sat,sun (Europe/Berlin)"},
		{" --max-opens 1/hour", " at most 1 open an hour for each user"},
		{" --max-bytes 1000/week", " at most 1000 bytes a week for each user"},
		{" --note x", " (note: x)"},
	};

	(void)state;
	set_zone("Europe/Berlin");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scope_rule_condition struct rule_condition condition = {0};
		scope_buffer struct buffer text = {0};

		buffer_add_text(&text, "rule 3");
		assert_int_equal(from_text(&condition, cases[i][0]), 0);
		rule_condition_describe(&condition, &text);
		assert_string_equal(buffer_text(&text) + 6, cases[i][1]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_note),
		cmocka_unit_test(test_word_mistakes),
		cmocka_unit_test(test_given_twice),
		cmocka_unit_test(test_check),
		cmocka_unit_test(test_check_stored),
		cmocka_unit_test(test_not_text),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_holds),
		cmocka_unit_test(test_next_change),
		cmocka_unit_test(test_next_change_ends),
		cmocka_unit_test(test_periods),
		cmocka_unit_test(test_describe),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
