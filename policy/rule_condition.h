/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_condition.h - when and how often a rule applies: plain data, its words, its text. Hours,
 * days and periods are those of the vault's time zone (time_zone.h).
 */
#ifndef POLICY_RULE_CONDITION_H
#define POLICY_RULE_CONDITION_H

#include "keystore/base/bytes.h"
#include "policy/time_zone.h"

enum rule_period { PERIOD_HOUR, PERIOD_DAY, PERIOD_WEEK, PERIOD_COUNT };

/* How much in one period; limit 0: not limited. */
struct rule_budget {
	uint64_t limit;
	enum rule_period period;
};

struct rule_condition {
	int64_t from_ns, until_ns; /* inclusive, exclusive; 0: open */
	/* Minutes of the day, 0..1440; equal: the whole day. until < from crosses midnight. */
	uint16_t hours_from, hours_until;
	uint8_t days;		      /* bit 0 is Monday; 0: every day; of the hours' beginning */
	struct rule_budget max_opens; /* per user */
	struct rule_budget max_bytes;
	char *note; /* UTF-8; owned; NULL: none */
};

void rule_condition_done(struct rule_condition *condition);
int rule_condition_copy(const struct rule_condition *condition, struct rule_condition *ret_copy);

/* Depends on the clock: from, until, hours, days or a budget. */
bool rule_condition_is_timed(const struct rule_condition *condition);
bool rule_condition_has_budget(const struct rule_condition *condition);
/* from, until, hours and days at this time. Pure. */
bool rule_condition_holds(
	const struct rule_condition *condition, int64_t now_ns, const struct local_time *local);
/*
 * The next time after now_ns at which rule_condition_holds may change (until_ns, from_ns, or a
 * border of hours or days in the time zone); INT64_MAX when never. Never later than the true one.
 */
int64_t rule_condition_next_change(const struct rule_condition *condition, int64_t now_ns);
/* The number of the period that this time is in: it rises by one from period to period. */
int64_t rule_period_number(enum rule_period period, const struct local_time *local);

/*
 * One option of grant: name without dashes ("until", "for", "hours", ...) and its value.
 * *ret_mistake as in rule_from_words: a malloc'ed line with what would be right. -EINVAL;
 * -ENOENT: no such option. now_ns is what `for` counts from.
 */
int rule_condition_set(struct rule_condition *condition, const char *name, const char *value,
	int64_t now_ns, char **ret_mistake);
/*
 * Looks at all of it together, once every option is set: until before from, over already, budgets
 * that only an allow with read may have (allows_read), a week of hours that never comes. now_ns
 * INT64_MIN: of a stored rule, without what depends on the clock or the zone.
 */
int rule_condition_check(const struct rule_condition *condition, bool allows_read, int64_t now_ns,
	char **ret_mistake);

/* " --until 2027-03-01T00:00:00Z --hours 09:00-18:00", in the order of the struct; appends. */
void rule_condition_to_text(const struct rule_condition *condition, struct buffer *to);
/* The options one by one, in the order of the struct: "from", ... "note"; NULL beyond the last. */
const char *rule_condition_name(unsigned index);
/* The value of an option as the stored form has it, appended. False: it is not set. */
bool rule_condition_value(
	const struct rule_condition *condition, unsigned index, struct buffer *to);
/*
 * One option of the stored form: only what rule_condition_to_text writes, each once, in order
 * (*order is 0 before the first). -EUCLEAN for anything else.
 */
int rule_condition_from_text(
	struct rule_condition *condition, const char *name, const char *value, unsigned *order);

#define scope_rule_condition __attribute__((cleanup(rule_condition_done)))

#endif
