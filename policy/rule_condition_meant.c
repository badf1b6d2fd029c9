/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_condition_meant.c - what somebody meant whose word is not right, for "did you mean" alone:
 * nothing that is guessed here is ever put in force.
 */
#include <stdio.h>

#include "policy/rule_condition_private.h"

#define DIGITS "0123456789"

/* The letter of a unit that somebody wrote in full; 0 for none. */
char meant_unit(const char *unit)
{
	static const struct {
		const char *begin;
		char letter;
	} known[] = {{"sec", 's'}, {"min", 'm'}, {"hour", 'h'}, {"hr", 'h'}, {"day", 'd'},
		{"week", 'w'}};

	if (*unit && !unit[1] && strchr("SHDW", *unit))
		return *unit - 'A' + 'a';
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strncasecmp(unit, known[i].begin, strlen(known[i].begin)) == 0)
			return known[i].letter;
	return 0;
}

bool is_longer_unit(const char *unit)
{
	return strcmp(unit, "M") == 0 || strncasecmp(unit, "mo", 2) == 0 ||
	       strcasecmp(unit, "y") == 0 || strncasecmp(unit, "year", 4) == 0 ||
	       strcasecmp(unit, "yr") == 0 || strcasecmp(unit, "yrs") == 0;
}

/* Every way to write a range with one '-', appended: "mon..fri", "mon to fri", long dashes. */
static void with_dashes(const char *text, struct buffer *to)
{
	static const char *const ranges[] = {
		" to ", " until ", "..", "\xe2\x80\x93", "\xe2\x80\x94", "\xe2\x88\x92"};

	while (*text) {
		size_t i = 0;

		while (i < ARRAY_SIZE(ranges) &&
			strncasecmp(text, ranges[i], strlen(ranges[i])) != 0)
			i++;
		buffer_add_u8(to, i < ARRAY_SIZE(ranges) ? '-' : (uint8_t)*text);
		text += i < ARRAY_SIZE(ranges) ? strlen(ranges[i]) : 1;
	}
}

/* "am" or "pm" behind an hour of twelve; moves *at. */
static bool half_of_day(const char **at, unsigned *hour)
{
	bool pm = strncasecmp(*at, "pm", 2) == 0;

	if (!pm && strncasecmp(*at, "am", 2) != 0)
		return true;
	*at += 2;
	if (*hour < 1 || *hour > 12)
		return false;
	*hour = *hour % 12 + (pm ? 12 : 0);
	return true;
}

/* "9", "9:30", "0930", "09:30:00" or "9am" at *at, which moves, as people write hours. */
bool loose_minute(const char **at, unsigned *ret_minute)
{
	size_t digits = strspn(*at, DIGITS);
	char of_hour[3] = "";
	unsigned hour = 0, minute = 0;
	int len = 0;

	if (digits < 1 || digits > 4)
		return false;
	memcpy(of_hour, *at, digits > 2 ? digits - 2 : digits);
	sscanf(of_hour, "%2u", &hour);
	*at += strlen(of_hour);
	if (digits > 2 || **at == ':' || **at == '.' || **at == 'h') {
		*at += digits <= 2;
		if (sscanf(*at, "%2u%n", &minute, &len) != 1)
			return false;
		*at += len;
	}
	/* Seconds say nothing here. */
	if (strncmp(*at, ":00", 3) == 0)
		*at += 3;
	if (!half_of_day(at, &hour))
		return false;
	*ret_minute = 60 * hour + minute;
	return minute < 60 && *ret_minute <= MINUTES_OF_DAY;
}

bool meant_hours(const char *text, struct buffer *to)
{
	scope_buffer struct buffer tidy = {0};
	const char *at;
	unsigned from, until;

	with_dashes(text, &tidy);
	at = buffer_text(&tidy);
	if (!loose_minute(&at, &from))
		return false;
	at += strspn(at, " ");
	at += *at == '-' || *at == ',';
	at += strspn(at, " ");
	if (!loose_minute(&at, &until) || *at || from % MINUTES_OF_DAY == until)
		return false;
	minute_to_text(from % MINUTES_OF_DAY, to);
	buffer_add_u8(to, '-');
	minute_to_text(until, to);
	return true;
}

/* The day whose name begins so, "mon"; NULL: none. */
static const char *day_begun(const char *text, size_t len)
{
	static const char *const full[] = {"mondays", "tuesdays", "wednesdays", "thursdays",
		"fridays", "saturdays", "sundays", "weds", "tues", "thurs"};

	for (size_t i = 0; i < ARRAY_SIZE(full) && len >= 2; i++)
		if (strncasecmp(text, full[i], len) == 0)
			return full[i];
	return NULL;
}

/* "Mondays - Friday" as "mon-fri", when every word of it begins as a day of the week does. */
bool meant_days(const char *text, uint8_t *ret_days)
{
	scope_buffer struct buffer dashed = {0}, tidy = {0};

	if (strncasecmp(text, "weekday", 7) == 0 || strncasecmp(text, "workday", 7) == 0)
		text = "mon-fri";
	else if (strncasecmp(text, "weekend", 7) == 0)
		text = "sat,sun";
	with_dashes(text, &dashed);
	text = buffer_text(&dashed);
	while (*text) {
		size_t len = strcspn(text, "-, /;");
		const char *day = day_begun(text, len);

		if (!day)
			return false;
		buffer_add_format(&tidy, "%.3s", day);
		text += len;
		len = strspn(text, "-, /;");
		if (text[len])
			buffer_add_u8(&tidy, memchr(text, '-', len) ? '-' : ',');
		text += len;
	}
	return days_from_text(buffer_text(&tidy), ret_days) == 0;
}

bool means_every_day(const char *text)
{
	static const char *const known[] = {
		"daily", "all", "any", "every", "everyday", "every day", "always", "*"};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasecmp(text, known[i]) == 0)
			return true;
	return false;
}

/* "20 per day", "20-day", "20/day": the period's text, and how long the amount before it is. */
const char *meant_per(const char *text, size_t *ret_len)
{
	static const char *const per[] = {
		"/", " per ", "per ", "per", " a ", " each ", " every ", " in ", "-", " "};

	for (size_t i = 0; i < ARRAY_SIZE(per); i++) {
		const char *found = strcasestr(text, per[i]);

		if (!found || found == text)
			continue;
		*ret_len = (size_t)(found - text);
		while (text[*ret_len - 1] == ' ' && *ret_len > 1)
			--*ret_len;
		found += strlen(per[i]);
		return found + strspn(found, " ");
	}
	*ret_len = strlen(text);
	return NULL;
}

/* "20 opens", "20x": how many digits of it are a number of opens; 0: it is none. */
size_t meant_count(const char *text, size_t len)
{
	static const char *const units[] = {"", "x", "open", "opens", "times", "reads", "files"};
	size_t digits = strspn(text, DIGITS), skipped = digits + strspn(text + digits, " ");

	for (size_t i = 0; i < ARRAY_SIZE(units) && digits < len && skipped < len; i++)
		if (len - skipped == strlen(units[i]) &&
			strncasecmp(text + skipped, units[i], len - skipped) == 0)
			return digits;
	return 0;
}

/* "days", "d", "DAY": the period that was meant, or NULL. */
const char *meant_period(const char *text)
{
	static const struct {
		const char *text;
		enum rule_period period;
	} lengths[] = {{"60m", PERIOD_HOUR}, {"1h", PERIOD_HOUR}, {"24h", PERIOD_DAY},
		{"1d", PERIOD_DAY}, {"7d", PERIOD_WEEK}, {"1w", PERIOD_WEEK}};

	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++)
		if (strncasecmp(text, lengths[i].text, strlen(lengths[i].text)) == 0)
			return rule_period_words[lengths[i].period];
	for (unsigned i = 0; *text && i < PERIOD_COUNT; i++) {
		const char *word = rule_period_words[i];

		if (strncasecmp(text, word, strlen(word)) == 0 || strcasecmp(text, "daily") == 0 ||
			(!text[1] && (*text | 0x20) == *word))
			return strcasecmp(text, "daily") == 0 ? rule_period_words[PERIOD_DAY]
							      : word;
	}
	return NULL;
}

/* "200GiB", "200 gb", "1.5T": how it would be right, appended; false when it is not seen. */
bool meant_size(const char *text, size_t len, struct buffer *to)
{
	size_t digits = strspn(text, DIGITS);
	char right[24];
	uint64_t unused;
	const char *unit;

	if (digits == 0 || digits > 19)
		return false;
	unit = text + digits + strspn(text + digits, " ");
	if (unit >= text + len || !strchr("KMGTPkmgtp", *unit))
		return false;
	snprintf(right, sizeof(right), "%.*s%c", (int)digits, text, *unit & ~0x20);
	unit++;
	if (unit < text + len && (*unit | 0x20) == 'i')
		unit++;
	if (unit < text + len && (*unit | 0x20) == 'b')
		unit++;
	if (unit != text + len || amount_from_text(right, strlen(right), SIZE_UNITS, &unused) < 0)
		return false;
	buffer_add_text(to, right);
	return true;
}
