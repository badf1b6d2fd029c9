/* SPDX-License-Identifier: Apache-2.0 */
/* rule_condition_check.c - conditions that are right one by one, but not together. */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "policy/rule_condition_private.h"

#define LOOKS_MAX 64 /* a week has at most three borders a day, and the clock is set once */
#define WEEK_NS	  (INT64_C(8) * 24 * 3600 * 1000000000) /* and a day: hours may cross midnight */

__attribute__((format(printf, 2, 3))) static int complain(
	char **ret_mistake, const char *format, ...)
{
	va_list arguments;
	int r;

	va_start(arguments, format);
	r = vasprintf(ret_mistake, format, arguments);
	va_end(arguments);
	return r < 0 ? -ENOMEM : -EINVAL;
}

/* Does it hold at any time from now on? Beyond a week hours and days only come again. */
static bool ever_holds(const struct rule_condition *condition, int64_t now_ns)
{
	int64_t at = condition->from_ns > now_ns ? condition->from_ns : now_ns, end;

	if (__builtin_add_overflow(at, WEEK_NS, &end))
		return true;
	for (int looks = 0; looks < LOOKS_MAX; looks++) {
		struct local_time local;

		time_zone_local(at, &local);
		if (rule_condition_holds(condition, at, &local))
			return true;
		at = rule_condition_next_change(condition, at);
		if (condition->until_ns && at >= condition->until_ns)
			return false;
		if (at >= end)
			return true;
	}
	return true;
}

/* An end that is a day ends where the day begins: who names today means all of it. */
static int complain_about_end(
	int64_t until_ns, const char *until, int64_t now_ns, char **ret_mistake)
{
	scope_buffer struct buffer tomorrow = {0};
	struct local_time end, now;

	time_zone_local(until_ns, &end);
	time_zone_local(now_ns, &now);
	if (end.day != now.day || end.minute || !time_meant("tomorrow", now_ns, &tomorrow))
		return complain(ret_mistake, "--until %s is over already", until);
	return complain(ret_mistake,
		"--until %s is over already, when that day began: did you mean --until %s?", until,
		buffer_text(&tomorrow));
}

int rule_condition_check(const struct rule_condition *condition, bool allows_read, int64_t now_ns,
	char **ret_mistake)
{
	char from[TIME_WORDS_SIZE], until[TIME_WORDS_SIZE];

	time_to_words(condition->from_ns, from);
	time_to_words(condition->until_ns, until);
	if (condition->until_ns && condition->until_ns <= now_ns)
		return complain_about_end(condition->until_ns, until, now_ns, ret_mistake);
	if (condition->until_ns && condition->until_ns <= condition->from_ns)
		return complain(ret_mistake, "--until %s is not after --from %s", until, from);
	if (rule_condition_has_budget(condition) && !allows_read)
		return complain(ret_mistake,
			"--max-%s counts what is read: it stands with a rule that allows read",
			condition->max_opens.limit ? "opens" : "bytes");
	/* A stored rule stays one when the vault's zone is changed. */
	if (now_ns != INT64_MIN && !ever_holds(condition, now_ns))
		return complain(ret_mistake,
			"the --hours and --days do not come before --until %s: it would never "
			"apply",
			until);
	return 0;
}
