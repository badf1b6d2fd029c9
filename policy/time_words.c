/* SPDX-License-Identifier: Apache-2.0 */
/*
 * time_words.c - times and durations as people write and read them. Dates that do not exist are
 * refused by the one strict reader (clock.h); here their zone is added.
 */
#include <errno.h>
#include <stdio.h>
#include <time.h>

#include "keystore/base/clock.h"
#include "policy/time_zone.h"

#define DATE_LEN    10 /* 2027-03-01 */
#define WORDS_MAX   40
#define DAY_SECONDS 86400

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Z, or +HH:MM and -HH:MM behind the time of day. */
static bool has_zone(const char *text, size_t len)
{
	return len > DATE_LEN &&
	       (text[len - 1] == 'Z' || text[len - 6] == '+' || text[len - 6] == '-');
}

/* A date of a year that is out of range, but right in one like it. */
static bool is_out_of_range(char text[WORDS_MAX], size_t len)
{
	int year = 0;
	int64_t unused;
	bool leap;

	if (len < DATE_LEN)
		return false;
	for (int i = 0; i < 4; i++) {
		if (!is_digit(text[i]))
			return false;
		year = 10 * year + (text[i] - '0');
	}
	leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	memcpy(text, leap ? "2000" : "2001", 4);
	return (year < 1971 || year > 2261) && time_from_text(text, &unused) == 0;
}

int time_from_words(const char *text, int64_t *ret_ns)
{
	size_t len = strlen(text);
	char copy[WORDS_MAX] = {0};
	int64_t shown, moment, seconds;
	bool zoned;

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	zoned = has_zone(copy, len);
	if (len > DATE_LEN && (copy[DATE_LEN] == 'T' || copy[DATE_LEN] == ' '))
		copy[DATE_LEN] = zoned ? 'T' : ' ';
	if (time_from_text(copy, &shown) < 0)
		return is_out_of_range(copy, len) ? -ERANGE : -EINVAL;
	if (!zoned) {
		seconds = shown / NS_PER_S;
		moment = time_zone_moment(seconds / DAY_SECONDS, seconds % DAY_SECONDS / 60);
		if (moment < 0 || __builtin_add_overflow(moment, seconds % 60 * NS_PER_S, &shown))
			return -ERANGE;
	}
	*ret_ns = shown;
	return 0;
}

int duration_from_words(const char *text, int64_t *ret_ns)
{
	static const struct {
		char letter;
		int64_t seconds;
	} units[] = {{'s', 1}, {'m', 60}, {'h', 3600}, {'d', DAY_SECONDS}, {'w', 7 * DAY_SECONDS}};
	int64_t count = 0, ns;
	bool overflow = false;
	const char *at;

	for (at = text; is_digit(*at); at++)
		overflow |= __builtin_mul_overflow(count, INT64_C(10), &count) ||
			    __builtin_add_overflow(count, (int64_t)(*at - '0'), &count);
	if (at == text || *at == '\0' || at[1] != '\0')
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(units); i++) {
		if (units[i].letter != *at)
			continue;
		overflow |= __builtin_mul_overflow(count, units[i].seconds * NS_PER_S, &ns);
		if (overflow)
			return -ERANGE;
		*ret_ns = ns;
		return 0;
	}
	return -EINVAL;
}

void time_to_words(int64_t ns, char ret_text[TIME_WORDS_SIZE])
{
	time_t seconds = ns / NS_PER_S - (ns % NS_PER_S < 0);
	bool utc = strcmp(time_zone_name(), "UTC") == 0;
	struct tm tm = {0};
	size_t len;

	if (utc)
		gmtime_r(&seconds, &tm); /* nanoseconds in 64 bits have no year that overflows */
	else
		localtime_r(&seconds, &tm);
	len = strftime(ret_text, TIME_WORDS_SIZE, "%Y-%m-%d %H:%M", &tm);
	if (tm.tm_sec)
		len += snprintf(ret_text + len, TIME_WORDS_SIZE - len, ":%02d", tm.tm_sec);
	snprintf(ret_text + len, TIME_WORDS_SIZE - len, " %.16s", utc ? "UTC" : tm.tm_zone);
}
