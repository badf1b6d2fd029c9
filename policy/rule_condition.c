/* SPDX-License-Identifier: Apache-2.0 */
/* rule_condition.c - when a rule applies, and when that may change next. */
#include "policy/rule_condition.h"

#include <errno.h>

#include "keystore/base/clock.h"
#include "policy/rule_condition_private.h"

#define DAY_SECONDS 86400

void rule_condition_done(struct rule_condition *condition)
{
	free(condition->note);
	*condition = (struct rule_condition){0};
}

int rule_condition_copy(const struct rule_condition *condition, struct rule_condition *ret_copy)
{
	struct rule_condition copy = *condition;

	if (condition->note) {
		copy.note = strdup(condition->note);
		if (!copy.note)
			return -ENOMEM;
	}
	*ret_copy = copy;
	return 0;
}

bool rule_condition_has_budget(const struct rule_condition *condition)
{
	return condition->max_opens.limit || condition->max_bytes.limit;
}

bool rule_condition_is_timed(const struct rule_condition *condition)
{
	return condition->from_ns || condition->until_ns ||
	       condition->hours_from != condition->hours_until || condition->days ||
	       rule_condition_has_budget(condition);
}

static bool day_is_set(const struct rule_condition *condition, unsigned weekday)
{
	return condition->days == 0 || condition->days >> weekday & 1;
}

/* Hours that cross midnight belong, to their end, to the day on which they began. */
static bool hours_hold(const struct rule_condition *condition, const struct local_time *local)
{
	unsigned from = condition->hours_from, until = condition->hours_until;
	unsigned yesterday = (local->weekday + DAYS - 1) % DAYS;

	if (from == until)
		return day_is_set(condition, local->weekday);
	if (from < until)
		return local->minute >= from && local->minute < until &&
		       day_is_set(condition, local->weekday);
	return (local->minute >= from && day_is_set(condition, local->weekday)) ||
	       (local->minute < until && day_is_set(condition, yesterday));
}

bool rule_condition_holds(
	const struct rule_condition *condition, int64_t now_ns, const struct local_time *local)
{
	if (condition->from_ns && now_ns < condition->from_ns)
		return false;
	if (condition->until_ns && now_ns >= condition->until_ns)
		return false;
	return hours_hold(condition, local);
}

/* The minutes of the day at which hours or days begin or end. */
static size_t borders(const struct rule_condition *condition, unsigned ret_minutes[2])
{
	unsigned from = condition->hours_from, until = condition->hours_until;

	if (from != until && until - from != MINUTES_OF_DAY) {
		ret_minutes[0] = from;
		ret_minutes[1] = until % MINUTES_OF_DAY;
		return 2;
	}
	ret_minutes[0] = 0;
	return condition->days != 0 && condition->days != EVERY_DAY;
}

/*
 * Up to the next time that the wall clock is set, local time goes on as UTC does; being set may
 * carry it over a border, or back over one.
 */
static int64_t next_border(const unsigned *minutes, size_t count, int64_t now_ns)
{
	int64_t next = DAY_SECONDS, border_ns;
	struct local_time local;

	time_zone_local(now_ns, &local);
	for (size_t i = 0; i < count; i++) {
		int64_t left = 60 * ((int64_t)minutes[i] - local.minute) - local.second;

		if (left <= 0)
			left += DAY_SECONDS;
		if (left < next)
			next = left;
	}
	/* The beginning of the second that now_ns is in. */
	border_ns = now_ns - (now_ns % NS_PER_S + NS_PER_S) % NS_PER_S;
	if (__builtin_add_overflow(border_ns, next * NS_PER_S, &border_ns))
		return INT64_MAX;
	return time_zone_next_shift(now_ns, border_ns);
}

int64_t rule_condition_next_change(const struct rule_condition *condition, int64_t now_ns)
{
	int64_t until_ns = condition->until_ns ? condition->until_ns : INT64_MAX, border_ns;
	unsigned minutes[2];
	size_t count;

	if (condition->from_ns > now_ns)
		return condition->from_ns;
	if (until_ns <= now_ns)
		return INT64_MAX;
	count = borders(condition, minutes);
	if (count == 0)
		return until_ns;
	border_ns = next_border(minutes, count, now_ns);
	return border_ns < until_ns ? border_ns : until_ns;
}

int64_t rule_period_number(enum rule_period period, const struct local_time *local)
{
	switch (period) {
	case PERIOD_HOUR:
		return 24 * local->day + local->minute / 60;
	case PERIOD_WEEK:
		/* Weeks begin on Mondays: day - weekday is one, and 1969-12-29 was one. */
		return (local->day - local->weekday + 3) / DAYS;
	default:
		return local->day;
	}
}
