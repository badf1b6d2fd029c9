/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_condition_private.h - the values of conditions as text, read strictly: what the words of
 * grant and the stored line share. All of them: -EINVAL for text of another form.
 */
#ifndef POLICY_RULE_CONDITION_PRIVATE_H
#define POLICY_RULE_CONDITION_PRIVATE_H

#include "policy/rule_condition.h"

#define MINUTES_OF_DAY 1440
#define DAYS	       7
#define EVERY_DAY      0x7f

/* The options of conditions, in the order of the stored line. */
enum condition_option {
	OPTION_FROM,
	OPTION_UNTIL,
	OPTION_HOURS,
	OPTION_DAYS,
	OPTION_MAX_OPENS,
	OPTION_MAX_BYTES,
	OPTION_NOTE,
	OPTIONS
};
/* "max-opens" */
extern const char *const condition_option_names[OPTIONS];
/* "hour", "day", "week" */
extern const char *const rule_period_words[PERIOD_COUNT];

/* "09:00-18:00"; -ERANGE: both ends are the same minute. */
int hours_from_text(const char *text, uint16_t *ret_from, uint16_t *ret_until);
void minute_to_text(unsigned minute, struct buffer *to);
/* "mon-fri,sun", in either case; -EEXIST: a day is named twice. */
int days_from_text(const char *text, uint8_t *ret_days);
void days_to_text(uint8_t days, struct buffer *to);
/* "200G"; a count alone when units is "". -ERANGE: 0, or more than LIMIT_BUDGET. */
int amount_from_text(const char *text, size_t len, const char *units, uint64_t *ret_amount);
void amount_to_text(uint64_t amount, const char *units, struct buffer *to);
#define SIZE_UNITS  "KMGTP" /* each 1024 times the one before */
#define COUNT_UNITS ""
/* "5/day": -ENOENT: the period is none; -ERANGE as above. */
int budget_from_text(const char *text, const char *units, struct rule_budget *ret_budget);
/* -EMSGSIZE: too long; -EILSEQ: no UTF-8, or characters that do not belong on a line. */
int note_check(const char *note);

/*
 * What was meant by words that are not right. to: appended; false, 0 or NULL when that is not seen.
 */
char meant_unit(const char *text); /* "hours": h */
/* Months or years, which no duration is counted in: "M", "mo", "years". */
bool is_longer_unit(const char *text);
bool meant_hours(const char *text, struct buffer *to);
bool meant_days(const char *text, uint8_t *ret_days);
bool means_every_day(const char *text);
/* "9", "9:30", "0930", "9am" at *at, which moves: minutes of the day, 0..1440. */
bool loose_minute(const char **at, unsigned *ret_minute);
const char *meant_period(const char *text);
/* "20 per day": the period's text and the length of the amount; NULL: there is no period. */
const char *meant_per(const char *text, size_t *ret_len);
/* "20 opens": the digits of a number of opens. */
size_t meant_count(const char *text, size_t len);
bool meant_size(const char *text, size_t len, struct buffer *to);

#endif
