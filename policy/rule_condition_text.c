/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_condition_text.c - conditions as the stored line has them, and in full words. Each has one
 * written form: whatever is read is written again and compared, so nothing else passes.
 */
#include <errno.h>
#include <stdio.h>

#include "keystore/base/clock.h"
#include "keystore/base/limits.h"
#include "policy/rule.h"
#include "policy/rule_condition_private.h"
#include "policy/shell_word.h"

const char *const condition_option_names[OPTIONS] = {
	[OPTION_FROM] = "from",
	[OPTION_UNTIL] = "until",
	[OPTION_HOURS] = "hours",
	[OPTION_DAYS] = "days",
	[OPTION_MAX_OPENS] = "max-opens",
	[OPTION_MAX_BYTES] = "max-bytes",
	[OPTION_NOTE] = "note",
};

static void time_to_stored(int64_t time_ns, struct buffer *to)
{
	char text[TIME_TEXT_SIZE];

	time_to_text(time_ns, text);
	/* Whole seconds, which all are that people write, without their nine zeros. */
	if (time_ns % NS_PER_S == 0)
		buffer_add_format(to, "%.*sZ", (int)strcspn(text, "."), text);
	else
		buffer_add_text(to, text);
}

static bool has_option(const struct rule_condition *condition, enum condition_option option)
{
	switch (option) {
	case OPTION_FROM:
		return condition->from_ns;
	case OPTION_UNTIL:
		return condition->until_ns;
	case OPTION_HOURS:
		return condition->hours_from != condition->hours_until;
	case OPTION_DAYS:
		return condition->days;
	case OPTION_MAX_OPENS:
		return condition->max_opens.limit;
	case OPTION_MAX_BYTES:
		return condition->max_bytes.limit;
	default:
		return condition->note;
	}
}

static void budget_to_text(const struct rule_budget *budget, const char *units, struct buffer *to)
{
	amount_to_text(budget->limit, units, to);
	buffer_add_format(to, "/%s", rule_period_words[budget->period]);
}

/* The value alone, not yet as a word. */
static void value_to_text(
	const struct rule_condition *condition, enum condition_option option, struct buffer *to)
{
	switch (option) {
	case OPTION_FROM:
		return time_to_stored(condition->from_ns, to);
	case OPTION_UNTIL:
		return time_to_stored(condition->until_ns, to);
	case OPTION_HOURS:
		minute_to_text(condition->hours_from, to);
		buffer_add_u8(to, '-');
		return minute_to_text(condition->hours_until, to);
	case OPTION_DAYS:
		return days_to_text(condition->days, to);
	case OPTION_MAX_OPENS:
		return budget_to_text(&condition->max_opens, COUNT_UNITS, to);
	case OPTION_MAX_BYTES:
		return budget_to_text(&condition->max_bytes, SIZE_UNITS, to);
	default:
		return buffer_add_text(to, condition->note);
	}
}

const char *rule_condition_name(unsigned index)
{
	return index < OPTIONS ? condition_option_names[index] : NULL;
}

bool rule_condition_value(const struct rule_condition *condition, unsigned index, struct buffer *to)
{
	if (!has_option(condition, index))
		return false;
	value_to_text(condition, index, to);
	return true;
}

void rule_condition_to_text(const struct rule_condition *condition, struct buffer *to)
{
	for (unsigned option = 0; option < OPTIONS; option++) {
		scope_buffer struct buffer value = {0};

		if (!has_option(condition, option))
			continue;
		value_to_text(condition, option, &value);
		buffer_add_format(to, " --%s ", condition_option_names[option]);
		shell_word_write(buffer_text(&value), value.len, to);
		to->failed |= value.failed;
	}
}

static int value_from_text(
	struct rule_condition *condition, enum condition_option option, const char *text)
{
	int r;

	switch (option) {
	case OPTION_FROM:
		return time_from_text(text, &condition->from_ns);
	case OPTION_UNTIL:
		return time_from_text(text, &condition->until_ns);
	case OPTION_HOURS:
		return hours_from_text(text, &condition->hours_from, &condition->hours_until);
	case OPTION_DAYS:
		return days_from_text(text, &condition->days);
	case OPTION_MAX_OPENS:
		return budget_from_text(text, COUNT_UNITS, &condition->max_opens);
	case OPTION_MAX_BYTES:
		return budget_from_text(text, SIZE_UNITS, &condition->max_bytes);
	default:
		r = note_check(text);
		if (r < 0)
			return r;
		condition->note = strdup(text);
		return condition->note ? 0 : -ENOMEM;
	}
}

int rule_condition_from_text(
	struct rule_condition *condition, const char *name, const char *value, unsigned *order)
{
	struct rule_condition next = *condition;
	scope_buffer struct buffer again = {0};
	unsigned option = *order;
	int r;

	while (option < OPTIONS && strcmp(condition_option_names[option], name) != 0)
		option++;
	if (option == OPTIONS || has_option(condition, option))
		return -EUCLEAN;
	r = value_from_text(&next, option, value);
	if (r < 0)
		return r == -ENOMEM ? r : -EUCLEAN;
	/* 1970-01-01T00:00:00Z is no time, but "always". */
	if (!has_option(&next, option))
		return -EUCLEAN;
	/* A note is written as it was read, always. */
	if (option != OPTION_NOTE) {
		value_to_text(&next, option, &again);
		if (again.failed)
			return -ENOMEM;
		if (strcmp(buffer_text(&again), value) != 0)
			return -EUCLEAN;
	}
	*condition = next;
	*order = option + 1;
	return 0;
}

static void describe_times(const struct rule_condition *condition, struct buffer *to)
{
	char text[TIME_WORDS_SIZE];

	if (condition->from_ns) {
		time_to_words(condition->from_ns, text);
		buffer_add_format(to, " from %s", text);
	}
	if (condition->until_ns) {
		time_to_words(condition->until_ns, text);
		buffer_add_format(to, " until %s", text);
	}
}

static void describe_hours(
	const struct rule_condition *condition, const char *before, struct buffer *to)
{
	if (condition->hours_from != condition->hours_until) {
		buffer_add_format(to, "%s between ", before);
		minute_to_text(condition->hours_from, to);
		buffer_add_text(to, " and ");
		minute_to_text(condition->hours_until, to);
		buffer_add_format(to, " (%s)", time_zone_name());
		before = ",";
	}
	if (condition->days) {
		buffer_add_format(to, "%s ", before);
		days_to_text(condition->days, to);
		if (condition->hours_from == condition->hours_until)
			buffer_add_format(to, " (%s)", time_zone_name());
	}
}

static void describe_budget(const struct rule_budget *budget, const char *units, const char *what,
	const char *before, struct buffer *to)
{
	buffer_add_format(to, "%s at most ", before);
	amount_to_text(budget->limit, units, to);
	buffer_add_format(to, "%s%s %s %s for each user", what,
		*what && budget->limit != 1 ? "s" : "", budget->period == PERIOD_HOUR ? "an" : "a",
		rule_period_words[budget->period]);
}

void rule_condition_describe(const struct rule_condition *condition, struct buffer *to)
{
	size_t begin = to->len;

	describe_times(condition, to);
	describe_hours(condition, to->len > begin ? "," : "", to);
	if (condition->max_opens.limit)
		describe_budget(&condition->max_opens, COUNT_UNITS, " open",
			to->len > begin ? "," : "", to);
	if (condition->max_bytes.limit)
		describe_budget(&condition->max_bytes, SIZE_UNITS,
			condition->max_bytes.limit % 1024 ? " byte" : "",
			to->len > begin ? "," : "", to);
	if (condition->note) {
		buffer_add_text(to, " (note: ");
		shell_word_write(condition->note, strlen(condition->note), to);
		buffer_add_u8(to, ')');
	}
}
