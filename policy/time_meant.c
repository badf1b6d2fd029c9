/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_meant.c - a day, perhaps with a time of it, as people write it elsewhere: "2127-3-1",
 * "01.03.2127", "1 March", "tomorrow", "18:00". For "did you mean" alone.
 */
#include <stdio.h>
#include <time.h>

#include "keystore/base/clock.h"
#include "policy/rule_condition_private.h"
#include "policy/shell_word.h"

#define DIGITS	    "0123456789"
#define DAY_SECONDS 86400
#define BETWEEN	    "-/., "

/* What was read so far; 0: not said. */
struct said {
	unsigned year, month; /* month: by its name */
	unsigned numbers[2];  /* of one or two digits, in the order in which they stand */
	size_t count;
	bool year_first;
	char between; /* what stands between the first two words */
	unsigned hour, minute;
	bool has_time;
};

/* "mar", "March": the number of the month; 0: none. */
static unsigned month_named(const char *word, size_t len)
{
	static const char *const months[] = {"january", "february", "march", "april", "may", "june",
		"july", "august", "september", "october", "november", "december"};

	for (unsigned i = 0; i < ARRAY_SIZE(months) && len >= 3; i++)
		if (len <= strlen(months[i]) && strncasecmp(word, months[i], len) == 0)
			return i + 1;
	return 0;
}

static bool read_number(const char *word, size_t len, struct said *said)
{
	size_t digits = strspn(word, DIGITS);
	unsigned number = 0;

	for (size_t i = 0; i < digits && i < 4; i++)
		number = 10 * number + (unsigned)(word[i] - '0');
	if (digits == 4 && len == 4 && !said->year) {
		said->year = number;
		said->year_first = said->count == 0 && !said->month;
		return true;
	}
	/* "1st" and the like. */
	if (digits < 1 || digits > 2 || (len != digits && len != digits + 2) ||
		said->count == ARRAY_SIZE(said->numbers) || number == 0)
		return false;
	said->numbers[said->count++] = number;
	return true;
}

/* "18:00", "6pm", and behind a whole date "18". 24:00 is the day after. */
static bool read_time(const char *word, size_t len, struct said *said)
{
	const char *at = word;
	unsigned minute;

	if (said->has_time || !loose_minute(&at, &minute) || (size_t)(at - word) != len ||
		minute > MINUTES_OF_DAY - 1)
		return false;
	said->hour = minute / 60;
	said->minute = minute % 60;
	said->has_time = true;
	return true;
}

/* "18:00", "6pm", or what stands behind year, month and day. */
static bool is_time(const char *word, size_t len, const struct said *said)
{
	return memchr(word, ':', len) ||
	       (len > 2 && strchr(DIGITS, *word) && (word[len - 1] | 0x20) == 'm') ||
	       (said->year && said->count == ARRAY_SIZE(said->numbers));
}

static bool read_words(const char *text, struct said *said)
{
	for (const char *at = text + strspn(text, " "); *at;) {
		size_t len = strcspn(at, BETWEEN);
		unsigned month = month_named(at, len);

		if (is_time(at, len, said) ? !read_time(at, len, said)
					   : !month && !read_number(at, len, said))
			return false;
		if (month && said->month)
			return false;
		said->month = month ? month : said->month;
		at += len;
		said->between = said->between ? said->between : *at;
		at += strspn(at, BETWEEN);
	}
	return true;
}

/* Appends the word, when there is such a day. */
static bool add_day(
	const struct said *said, unsigned year, unsigned month, unsigned day, struct buffer *to)
{
	char text[64];
	int64_t unused;
	int len;

	len = snprintf(text, sizeof(text), "%04u-%02u-%02u", year, month, day);
	if (said->has_time)
		snprintf(text + len, sizeof(text) - (size_t)len, " %02u:%02u", said->hour,
			said->minute);
	if (time_from_words(text, &unused) < 0)
		return false;
	if (to->len)
		buffer_add_text(to, " or ");
	shell_word_write(text, strlen(text), to);
	return true;
}

static void date_of(int64_t day, struct said *ret_said)
{
	time_t seconds = day * DAY_SECONDS;
	struct tm tm = {0};

	gmtime_r(&seconds, &tm);
	ret_said->year = (unsigned)tm.tm_year + 1900;
	ret_said->month = (unsigned)tm.tm_mon + 1;
	ret_said->numbers[0] = (unsigned)tm.tm_mday;
}

/* A month by its name: the next of that name when no year is said. */
static bool add_of_month(const struct said *said, int64_t now_ns, struct buffer *to)
{
	unsigned day = said->count ? said->numbers[0] : 1, year = said->year;
	struct local_time now;
	struct said today = {0};

	time_zone_local(now_ns, &now);
	date_of(now.day, &today);
	if (!year)
		year = today.year + (said->month < today.month || (said->month == today.month &&
									  day <= today.numbers[0]));
	return said->count < 2 && add_day(said, year, said->month, day, to);
}

static bool add_of_numbers(const struct said *said, struct buffer *to)
{
	unsigned first = said->numbers[0], second = said->numbers[1];
	bool any = false;

	if (!said->year || !said->count)
		return false;
	if (said->count == 1)
		return add_day(said, said->year, first, 1, to);
	if (said->year_first)
		return add_day(said, said->year, first, second, to);
	/* 01.03. is the first of March; 01/03/ is so for some, and the third of January for others.
	 */
	any = add_day(said, said->year, second, first, to);
	if (said->between != '.' && first != second)
		any = add_day(said, said->year, first, second, to) || any;
	return any;
}

/* How many days from now "today", "tomorrow" or "friday" is, which is the next one; -1: none. */
static int days_ahead(const char *text, const struct local_time *now)
{
	static const char *const names[] = {
		"monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"};
	size_t len = strlen(text);
	/* The first of 1970 was a Thursday. */
	int today = (int)((now->day + 3) % DAYS);

	if (strcasecmp(text, "today") == 0 || strcasecmp(text, "tomorrow") == 0)
		return strcasecmp(text, "tomorrow") == 0;
	for (int i = 0; i < DAYS; i++)
		if ((len == 3 || len == strlen(names[i])) && strncasecmp(text, names[i], len) == 0)
			return (i - today + DAYS - 1) % DAYS + 1;
	return -1;
}

/* "20270301" as "2027-03-01". */
static bool add_of_digits(const char *text, struct buffer *to)
{
	const struct said said = {0};
	unsigned year, month, day;

	return strlen(text) == 8 && strspn(text, DIGITS) == 8 &&
	       sscanf(text, "%4u%2u%2u", &year, &month, &day) == 3 &&
	       add_day(&said, year, month, day, to);
}

bool time_meant(const char *text, int64_t now_ns, struct buffer *to)
{
	struct said said = {0}, today = {0};
	struct local_time now;
	bool alone;

	time_zone_local(now_ns, &now);
	if (days_ahead(text, &now) >= 0) {
		date_of(now.day + days_ahead(text, &now), &today);
		return add_day(&said, today.year, today.month, today.numbers[0], to);
	}
	if (add_of_digits(text, to))
		return true;
	if (!read_words(text, &said))
		return false;
	if (said.month)
		return add_of_month(&said, now_ns, to);
	alone = said.has_time && !said.year && !said.count;
	if (!alone)
		return add_of_numbers(&said, to);
	date_of(now.day + (60 * said.hour + said.minute <= now.minute), &today);
	return add_day(&said, today.year, today.month, today.numbers[0], to);
}
