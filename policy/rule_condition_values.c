/* SPDX-License-Identifier: Apache-2.0 */
/* rule_condition_values.c - hours, days, budgets and notes, each strictly from its one text. */
#include <errno.h>

#include "keystore/base/limits.h"
#include "policy/rule_condition_private.h"

const char *const rule_period_words[PERIOD_COUNT] = {
	[PERIOD_HOUR] = "hour", [PERIOD_DAY] = "day", [PERIOD_WEEK] = "week"};
static const char day_names[DAYS][4] = {"mon", "tue", "wed", "thu", "fri", "sat", "sun"};

/* Two digits at *at, which moves. */
static bool two_digits(const char **at, unsigned *ret_value)
{
	const char *text = *at;

	if (text[0] < '0' || text[0] > '9' || text[1] < '0' || text[1] > '9')
		return false;
	*ret_value = 10 * (text[0] - '0') + (text[1] - '0');
	*at += 2;
	return true;
}

/* "18:00" as the minute of the day; "24:00" is the last one's end. */
static bool minute_at(const char **at, unsigned *ret_minute)
{
	unsigned hour, minute;

	if (!two_digits(at, &hour) || *(*at)++ != ':' || !two_digits(at, &minute))
		return false;
	*ret_minute = 60 * hour + minute;
	return minute < 60 && *ret_minute <= MINUTES_OF_DAY;
}

int hours_from_text(const char *text, uint16_t *ret_from, uint16_t *ret_until)
{
	const char *at = text;
	unsigned from, until;

	if (!minute_at(&at, &from) || *at++ != '-' || !minute_at(&at, &until) || *at)
		return -EINVAL;
	if (from == MINUTES_OF_DAY)
		return -EINVAL;
	if (from == until)
		return -ERANGE;
	*ret_from = from;
	*ret_until = until;
	return 0;
}

void minute_to_text(unsigned minute, struct buffer *to)
{
	buffer_add_format(to, "%02u:%02u", minute / 60, minute % 60);
}

/* The number of the day that is named at *at, which moves; DAYS for none. */
static unsigned day_at(const char **at)
{
	for (unsigned day = 0; day < DAYS; day++) {
		if (strncasecmp(*at, day_names[day], 3) == 0) {
			*at += 3;
			return day;
		}
	}
	return DAYS;
}

int days_from_text(const char *text, uint8_t *ret_days)
{
	const char *at = text;
	uint8_t days = 0;

	for (;; at++) {
		unsigned day = day_at(&at), last = day;

		if (day < DAYS && *at == '-') {
			at++;
			last = day_at(&at);
			if (last == day)
				return -EEXIST;
		}
		if (day == DAYS || last == DAYS || (*at && *at != ','))
			return -EINVAL;
		for (;; day = (day + 1) % DAYS) {
			if (days & 1u << day)
				return -EEXIST;
			days |= 1u << day;
			if (day == last)
				break;
		}
		if (!*at)
			break;
	}
	*ret_days = days;
	return 0;
}

void days_to_text(uint8_t days, struct buffer *to)
{
	const char *before = "";

	for (unsigned day = 0; day < DAYS; day++) {
		unsigned last = day;

		if (!(days & 1u << day))
			continue;
		while (last + 1 < DAYS && days & 1u << (last + 1))
			last++;
		buffer_add_format(to, "%s%s", before, day_names[day]);
		if (last > day)
			buffer_add_format(to, "%c%s", last == day + 1 ? ',' : '-', day_names[last]);
		before = ",";
		day = last;
	}
}

int amount_from_text(const char *text, size_t len, const char *units, uint64_t *ret_amount)
{
	uint64_t amount = 0;
	size_t digits = 0, unit = 0;

	for (; digits < len && text[digits] >= '0' && text[digits] <= '9'; digits++)
		if (__builtin_mul_overflow(amount, UINT64_C(10), &amount) ||
			__builtin_add_overflow(amount, (uint64_t)(text[digits] - '0'), &amount))
			return -ERANGE;
	if (digits < len && strchr(units, text[digits]))
		unit = strchr(units, text[digits]) - units + 1;
	if (digits == 0 || digits + (unit > 0) != len || (text[0] == '0' && digits > 1))
		return -EINVAL;
	for (; unit > 0; unit--)
		if (__builtin_mul_overflow(amount, UINT64_C(1024), &amount))
			return -ERANGE;
	if (amount == 0 || amount > LIMIT_BUDGET)
		return -ERANGE;
	*ret_amount = amount;
	return 0;
}

void amount_to_text(uint64_t amount, const char *units, struct buffer *to)
{
	size_t unit = 0;

	for (; units[unit] && amount % 1024 == 0; unit++)
		amount /= 1024;
	buffer_add_format(to, "%llu", (unsigned long long)amount);
	if (unit)
		buffer_add_u8(to, units[unit - 1]);
}

int budget_from_text(const char *text, const char *units, struct rule_budget *ret_budget)
{
	const char *slash = strchr(text, '/');
	struct rule_budget budget;
	int r;

	if (!slash)
		return -EINVAL;
	r = amount_from_text(text, slash - text, units, &budget.limit);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < PERIOD_COUNT; i++) {
		if (strcmp(slash + 1, rule_period_words[i]) != 0)
			continue;
		budget.period = i;
		*ret_budget = budget;
		return 0;
	}
	return -ENOENT;
}

int note_check(const char *note)
{
	scope_free char *plain = NULL;

	if (*note == '\0')
		return -EINVAL;
	if (strlen(note) > LIMIT_NOTE)
		return -EMSGSIZE;
	plain = text_as_line(note);
	if (!plain)
		return -ENOMEM;
	return strcmp(plain, note) == 0 ? 0 : -EILSEQ;
}
