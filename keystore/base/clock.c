/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clock.c - clocks, and times as text. Reading text is strict: a date that does not exist, a leap
 * second or anything after the time is refused, because rules end at these times.
 */
#include "keystore/base/clock.h"

#include <errno.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>
#include <time.h>

#define FIRST_YEAR 1970
#define LAST_YEAR  2262 /* int64 nanoseconds end on 2262-04-11 */

static int64_t read_clock(clockid_t clock)
{
	struct timespec now;

	clock_gettime(clock, &now); /* cannot fail for the clocks below */
	return now.tv_sec * NS_PER_S + now.tv_nsec;
}

int64_t clock_now_ns(void)
{
	return read_clock(CLOCK_REALTIME);
}

int64_t clock_monotonic_ns(void)
{
	return read_clock(CLOCK_MONOTONIC);
}

int64_t clock_boot_ns(void)
{
	return read_clock(CLOCK_BOOTTIME);
}

void time_to_text(int64_t time_ns, char ret_text[TIME_TEXT_SIZE])
{
	int64_t ns = time_ns % NS_PER_S;
	time_t seconds = time_ns / NS_PER_S;
	struct tm tm;
	size_t len;

	if (ns < 0) {
		ns += NS_PER_S;
		seconds--;
	}
	gmtime_r(&seconds, &tm); /* int64 nanoseconds span the years 1677 to 2262 */
	len = strftime(ret_text, TIME_TEXT_SIZE, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(ret_text + len, TIME_TEXT_SIZE - len, ".%09dZ", (int)ns);
}

/* Text that is read from the left; what does not fit sets failed, which stays. */
struct reader {
	const char *at;
	bool failed;
};

/* The next character when it is this one. */
static bool skip(struct reader *reader, char expected)
{
	if (*reader->at != expected)
		return false;
	reader->at++;
	return true;
}

static void expect(struct reader *reader, char expected)
{
	if (!skip(reader, expected))
		reader->failed = true;
}

static bool at_digit(const struct reader *reader)
{
	return *reader->at >= '0' && *reader->at <= '9';
}

/* Exactly so many digits, for a number from min to max. */
static int number(struct reader *reader, int digits, int min, int max)
{
	int value = 0;

	for (; digits > 0 && at_digit(reader); digits--)
		value = 10 * value + (*reader->at++ - '0');
	if (digits > 0 || value < min || value > max)
		reader->failed = true;
	return value;
}

static int days_in_month(int year, int month)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

	return days[month - 1] + (month == 2 && leap);
}

/* YYYY-MM-DD as days since 1970-01-01. */
static int date(struct reader *reader)
{
	int year, month, day, days = 0;

	year = number(reader, 4, FIRST_YEAR, LAST_YEAR);
	expect(reader, '-');
	month = number(reader, 2, 1, 12);
	expect(reader, '-');
	if (reader->failed)
		return 0;
	day = number(reader, 2, 1, days_in_month(year, month));
	for (int y = FIRST_YEAR; y < year; y++)
		days += days_in_month(y, 2) == 29 ? 366 : 365;
	for (int m = 1; m < month; m++)
		days += days_in_month(year, m);
	return days + day - 1;
}

/* HH:MM[:SS] as seconds. */
static int time_of_day(struct reader *reader, bool seconds_are_optional)
{
	int seconds;

	seconds = 3600 * number(reader, 2, 0, 23);
	expect(reader, ':');
	seconds += 60 * number(reader, 2, 0, 59);
	if (seconds_are_optional && *reader->at != ':')
		return seconds;
	expect(reader, ':');
	return seconds + number(reader, 2, 0, 59);
}

/* [.digits] as nanoseconds, at most nine digits. */
static int fraction(struct reader *reader)
{
	int ns = 0;
	int scale = NS_PER_S;

	if (!skip(reader, '.'))
		return 0;
	if (!at_digit(reader))
		reader->failed = true;
	for (; at_digit(reader) && scale > 1; reader->at++) {
		scale /= 10;
		ns += scale * (*reader->at - '0');
	}
	return ns;
}

/* Z, +HH:MM or -HH:MM as seconds east of Greenwich. */
static int zone(struct reader *reader)
{
	int sign, seconds;

	if (skip(reader, 'Z'))
		return 0;
	sign = skip(reader, '-') ? -1 : 1;
	if (sign == 1)
		expect(reader, '+');
	seconds = 3600 * number(reader, 2, 0, 23);
	expect(reader, ':');
	seconds += 60 * number(reader, 2, 0, 59);
	return sign * seconds;
}

int time_from_text(const char *text, int64_t *ret_time_ns)
{
	struct reader reader = {.at = text};
	int64_t seconds, time_ns;
	int ns = 0;

	seconds = date(&reader) * 86400LL;
	if (reader.failed)
		return -EINVAL;
	if (skip(&reader, ' ')) {
		seconds += time_of_day(&reader, true);
	} else if (skip(&reader, 'T')) {
		seconds += time_of_day(&reader, false);
		ns = fraction(&reader);
		seconds -= zone(&reader);
	}
	if (reader.failed || *reader.at || seconds < 0)
		return -EINVAL;
	if (__builtin_mul_overflow(seconds, (int64_t)NS_PER_S, &time_ns) ||
		__builtin_add_overflow(time_ns, (int64_t)ns, &time_ns))
		return -EINVAL;
	*ret_time_ns = time_ns;
	return 0;
}
