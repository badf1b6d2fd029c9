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

/* "9" or "9:30" at *at, which moves, as people write hours. */
static bool loose_minute(const char **at, unsigned *ret_minute)
{
	unsigned hour, minute = 0;
	int len = 0;

	if (**at < '0' || **at > '9' || sscanf(*at, "%2u%n", &hour, &len) != 1)
		return false;
	*at += len;
	if (**at == ':' || **at == '.' || **at == 'h') {
		if (sscanf(*at + 1, "%2u%n", &minute, &len) != 1)
			return false;
		*at += 1 + len;
	}
	*ret_minute = 60 * hour + minute;
	return minute < 60 && *ret_minute <= MINUTES_OF_DAY;
}

bool meant_hours(const char *text, struct buffer *to)
{
	const char *at = text;
	unsigned from, until;

	if (!loose_minute(&at, &from))
		return false;
	at += strspn(at, " ");
	at += *at == '-';
	at += strspn(at, " ");
	if (!loose_minute(&at, &until) || *at || from % MINUTES_OF_DAY == until)
		return false;
	minute_to_text(from % MINUTES_OF_DAY, to);
	buffer_add_u8(to, '-');
	minute_to_text(until, to);
	return true;
}

/* "Mondays - Friday" as "mon-fri", when every word of it begins as a day of the week does. */
bool meant_days(const char *text, uint8_t *ret_days)
{
	static const char *const full[] = {"mondays", "tuesdays", "wednesdays", "thursdays",
		"fridays", "saturdays", "sundays", "weds", "tues", "thurs", "thurs"};
	scope_buffer struct buffer tidy = {0};

	if (strncasecmp(text, "weekday", 7) == 0 || strncasecmp(text, "workday", 7) == 0)
		text = "mon-fri";
	else if (strncasecmp(text, "weekend", 7) == 0)
		text = "sat,sun";
	while (*text) {
		size_t len = strcspn(text, "-, /;"), i = 0;

		while (i < ARRAY_SIZE(full) && (len < 3 || strncasecmp(text, full[i], len) != 0))
			i++;
		if (i == ARRAY_SIZE(full))
			return false;
		buffer_add_format(&tidy, "%.3s", text);
		text += len;
		len = strspn(text, "-, /;");
		if (text[len])
			buffer_add_u8(&tidy, memchr(text, '-', len) ? '-' : ',');
		text += len;
	}
	return days_from_text(buffer_text(&tidy), ret_days) == 0;
}

/* "days", "d", "DAY": the period that was meant, or NULL. */
const char *meant_period(const char *text)
{
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
