/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_condition_words.c - the options of grant that say when and how often. Whatever is wrong is
 * said with what would be right: who reads it is about to give somebody access.
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "keystore/base/clock.h"
#include "keystore/base/limits.h"
#include "policy/rule_condition_private.h"
#include "policy/shell_word.h"

#define DIGITS	      "0123456789"
#define TIME_EXAMPLES "2027-03-01, '2027-03-01 18:00' or 2027-03-01T18:00:00Z"

/* One option that is being read, and where its mistake goes. */
struct word {
	const char *name, *value;
	char **ret_mistake;
};

/* "--until tomorrow: " and the text; -EINVAL. */
__attribute__((format(printf, 2, 3))) static int complain(
	const struct word *word, const char *format, ...)
{
	scope_buffer struct buffer line = {0};
	scope_free char *text = NULL;
	va_list arguments;
	size_t len;
	int r;

	va_start(arguments, format);
	r = vasprintf(&text, format, arguments);
	va_end(arguments);
	if (r < 0) {
		text = NULL;
		return -ENOMEM;
	}
	buffer_add_format(&line, "--%s ", word->name);
	shell_word_write(word->value, strlen(word->value), &line);
	buffer_add_format(&line, ": %s", text);
	r = buffer_take(&line, word->ret_mistake, &len);
	return r < 0 ? r : -EINVAL;
}

static int complain_twice(const struct word *word)
{
	return complain(word, "--%s was given already: once is enough", word->name);
}

/* Does the text begin as YYYY-MM-DD does, whatever the numbers are? */
static bool has_form_of_date(const char *text)
{
	static const char form[] = "dddd-dd-dd";

	for (size_t i = 0; form[i]; i++)
		if (form[i] == 'd' ? !text[i] || !strchr(DIGITS, text[i]) : text[i] != form[i])
			return false;
	return true;
}

/* A date whose day or month is none. */
static int complain_about_day(const struct word *word)
{
	static const unsigned last_days[] = {31, 30, 29, 28};
	char date[sizeof("2027-03-01")], last[sizeof("2027-03-01")];
	int64_t unused;

	snprintf(date, sizeof(date), "%.10s", word->value);
	for (size_t i = 0; i < ARRAY_SIZE(last_days); i++) {
		snprintf(last, sizeof(last), "%.8s%02u", word->value, last_days[i]);
		if (time_from_words(last, &unused) == 0)
			return complain(
				word, "there is no day %s; that month ends with %s", date, last);
	}
	return complain(word, "there is no day %s; the month is 01 to 12", date);
}

static int complain_about_time(const struct word *word, int64_t now_ns, int result)
{
	scope_buffer struct buffer meant = {0};
	char date[sizeof("2027-03-01")];
	int64_t unused;

	if (result == -ERANGE)
		return complain(word, "times are from 1970 to 2262; without --%s there is no %s",
			word->name, strcmp(word->name, "from") == 0 ? "beginning" : "end");
	if (duration_from_words(word->value, &unused) == 0)
		return complain(
			word, "that is a duration, which --for takes; a time is %s", TIME_EXAMPLES);
	if (*word->value == '+' && duration_from_words(word->value + 1, &unused) == 0)
		return complain(
			word, "that is a duration: did you mean --for %s?", word->value + 1);
	if (strcasecmp(word->value, "now") == 0)
		return complain(word, strcmp(word->name, "from") == 0
					      ? "without --from it begins at once"
					      : "that is over at once; a time is " TIME_EXAMPLES);
	if (has_form_of_date(word->value)) {
		snprintf(date, sizeof(date), "%.10s", word->value);
		if (time_from_words(date, &unused) < 0)
			return complain_about_day(word);
		if (time_meant(word->value, now_ns, &meant))
			return complain(word, "did you mean %s?", buffer_text(&meant));
		return complain(word, "what follows the day is no time of it, 00:00 to 23:59: %s",
			TIME_EXAMPLES);
	}
	if (time_meant(word->value, now_ns, &meant))
		return complain(word, "did you mean %s?", buffer_text(&meant));
	return complain(word, "a time is written %s", TIME_EXAMPLES);
}

static int set_time(const struct word *word, int64_t now_ns, int64_t *time_ns)
{
	int64_t value;
	int r;

	if (*time_ns)
		return complain_twice(word);
	r = time_from_words(word->value, &value);
	if (r < 0)
		return complain_about_time(word, now_ns, r);
	*time_ns = value;
	return 0;
}

static int set_from(struct rule_condition *condition, const struct word *word, int64_t now_ns)
{
	return set_time(word, now_ns, &condition->from_ns);
}

static int set_until(struct rule_condition *condition, const struct word *word, int64_t now_ns)
{
	int r;

	if (condition->until_ns)
		return complain(word, "an end is set already: --until or --for, one of them, once");
	r = set_time(word, now_ns, &condition->until_ns);
	/* The one time that would mean no end at all. */
	if (r == 0 && condition->until_ns == 0)
		return complain(word, "that is over already");
	return r;
}

static int complain_about_duration(const struct word *word, int result)
{
	size_t digits = strspn(word->value, DIGITS);
	const char *unit = word->value + digits;
	int shown = digits < 20 ? (int)digits : 20;
	int64_t unused;

	if (result == -ERANGE)
		return complain(word, "that ends after 2262; without --for there is no end");
	if (digits && *unit == '\0')
		return complain(word, "%.*s of what? %.*sm, %.*sh, %.*sd or %.*sw", shown,
			word->value, shown, word->value, shown, word->value, shown, word->value,
			shown, word->value);
	unit += strspn(unit, " ");
	if (digits && is_longer_unit(unit))
		return complain(word,
			"months and years are of no one length: --until takes a day, as in "
			"2027-03-01; --for takes m (minutes), h, d and w");
	if (digits && meant_unit(unit))
		return complain(word, "did you mean %.*s%c?", shown, word->value, meant_unit(unit));
	if (time_from_words(word->value, &unused) == 0)
		return complain(word, "that is a time, which --until takes");
	return complain(word, "a duration is one number and one unit: 30m, 8h, 7d or 2w");
}

static int set_for(struct rule_condition *condition, const struct word *word, int64_t now_ns)
{
	int64_t duration, until;
	int r;

	if (condition->until_ns)
		return complain(word, "an end is set already: --until or --for, one of them, once");
	r = duration_from_words(word->value, &duration);
	if (r < 0)
		return complain_about_duration(word, r);
	if (duration == 0)
		return complain(word, "that would be over at once");
	/* To the full second, which is what people read; up, so that nobody gets less. */
	if (__builtin_add_overflow(now_ns, duration, &until) ||
		__builtin_add_overflow(until, NS_PER_S - 1, &until))
		return complain_about_duration(word, -ERANGE);
	condition->until_ns = until - until % NS_PER_S;
	return 0;
}

static int complain_about_hours(const struct word *word, int result)
{
	scope_buffer struct buffer meant = {0};

	if (result == -ERANGE)
		return complain(word, "begins and ends at the same minute; without --hours it is "
				      "the whole day");
	if (meant_hours(word->value, &meant))
		return complain(word, "did you mean %s?", buffer_text(&meant));
	if (!strchr(word->value, '-') && strchr(DIGITS, word->value[0]) && word->value[0])
		return complain(word, "from when until when? 09:00-18:00, or 18:00-24:00");
	return complain(word, "hours are written HH:MM-HH:MM, 00:00 to 24:00: 09:00-18:00, or "
			      "22:00-06:00 across midnight");
}

static int set_hours(struct rule_condition *condition, const struct word *word, int64_t now_ns)
{
	int r;

	(void)now_ns;
	if (condition->hours_from != condition->hours_until)
		return complain_twice(word);
	r = hours_from_text(word->value, &condition->hours_from, &condition->hours_until);
	return r < 0 ? complain_about_hours(word, r) : 0;
}

static int complain_about_days(const struct word *word, int result)
{
	scope_buffer struct buffer days = {0};
	uint8_t meant;

	if (result == -EEXIST)
		return complain(word, "names a day twice: each day once, as in mon-fri,sun");
	if (means_every_day(word->value))
		return complain(word, "without --days it is every day");
	if (!meant_days(word->value, &meant))
		return complain(word, "days are mon, tue, wed, thu, fri, sat, sun: mon-fri, or "
				      "sat,sun");
	days_to_text(meant, &days);
	return complain(word, "did you mean %s?", buffer_text(&days));
}

static int set_days(struct rule_condition *condition, const struct word *word, int64_t now_ns)
{
	int r;

	(void)now_ns;
	if (condition->days)
		return complain_twice(word);
	r = days_from_text(word->value, &condition->days);
	return r < 0 ? complain_about_days(word, r) : 0;
}

static int complain_about_amount(const struct word *word, const char *units)
{
	scope_buffer struct buffer right = {0};
	const char *per, *period;
	uint64_t unused;
	size_t len;

	per = meant_per(word->value, &len);
	period = per ? meant_period(per) : NULL;
	if (!*units && meant_count(word->value, len))
		len = meant_count(word->value, len);
	if (amount_from_text(word->value, len, units, &unused) == 0)
		buffer_add(&right, word->value, len);
	else if (!*units || !meant_size(word->value, len, &right))
		return complain(
			word, *units ? "a size is a whole number with K, M, G, T or P (1024 "
				       "each), and a period: 200G/day"
				     : "opens are counted: a whole number and a period, as "
				       "in 5/day");
	if (!period)
		return complain(word, "in what time? %s/hour, %s/day or %s/week",
			buffer_text(&right), buffer_text(&right), buffer_text(&right));
	return complain(word, "did you mean %s/%s?", buffer_text(&right), period);
}

static int complain_about_budget(const struct word *word, const char *units, int result)
{
	size_t digits = strspn(word->value, DIGITS);

	if (result == -ERANGE && strspn(word->value, "0") == digits)
		return complain(word, "nothing at all is what no rule, or deny, is for");
	if (result == -ERANGE)
		return complain(word, "is more than can be counted; without --%s there is no limit",
			word->name);
	return complain_about_amount(word, units);
}

static int set_budget(struct rule_budget *budget, const char *units, const struct word *word)
{
	int r;

	if (budget->limit)
		return complain_twice(word);
	r = budget_from_text(word->value, units, budget);
	return r < 0 ? complain_about_budget(word, units, r) : 0;
}

static int set_max_opens(struct rule_condition *condition, const struct word *word, int64_t now_ns)
{
	(void)now_ns;
	return set_budget(&condition->max_opens, COUNT_UNITS, word);
}

static int set_max_bytes(struct rule_condition *condition, const struct word *word, int64_t now_ns)
{
	(void)now_ns;
	return set_budget(&condition->max_bytes, SIZE_UNITS, word);
}

static int set_note(struct rule_condition *condition, const struct word *word, int64_t now_ns)
{
	int r;

	(void)now_ns;
	if (condition->note)
		return complain_twice(word);
	r = note_check(word->value);
	if (r == -EINVAL)
		return complain(word, "the note is empty");
	if (r == -EMSGSIZE)
		return complain(&(struct word){word->name, "...", word->ret_mistake},
			"a note is at most %d bytes", LIMIT_NOTE);
	if (r == -EILSEQ)
		return complain(word, "a note is one line of UTF-8 without control characters");
	if (r < 0)
		return r;
	condition->note = strdup(word->value);
	return condition->note ? 0 : -ENOMEM;
}

int rule_condition_set(struct rule_condition *condition, const char *name, const char *value,
	int64_t now_ns, char **ret_mistake)
{
	static const struct {
		const char *name;
		int (*set)(
			struct rule_condition *condition, const struct word *word, int64_t now_ns);
	} options[] = {
		{"from", set_from},
		{"until", set_until},
		{"for", set_for},
		{"hours", set_hours},
		{"days", set_days},
		{"max-opens", set_max_opens},
		{"max-bytes", set_max_bytes},
		{"note", set_note},
	};
	const struct word word = {name, value, ret_mistake};

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		if (strcmp(options[i].name, name) == 0)
			return options[i].set(condition, &word, now_ns);
	return -ENOENT;
}
