/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_condition.c - conditions of rules: the options of grant ('W') or those of the stored line
 * ('S'), in one of several time zones. A mistake is told in one printable line; what was taken has
 * one text; and nothing changes by the clock before it was announced.
 * libFuzzer: -max_len=512 -max_total_time=20
 */
#include <errno.h>

#include "keystore/base/clock.h"
#include "policy/rule.h"
#include "tests/fuzz/fuzz.h"

#define OPTIONS_MAX 16

static bool is_one_printable_line(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return utf8_is_valid(text, len);
}

static bool holds_at(const struct rule_condition *condition, int64_t now_ns)
{
	struct local_time local;

	time_zone_local(now_ns, &local);
	holds(local.minute < 1440 && local.weekday < 7 && local.second < 60);
	return rule_condition_holds(condition, now_ns, &local);
}

/* Some changes from now on, and moments between them. */
static void look_at_changes(const struct rule_condition *condition, int64_t now_ns)
{
	for (int i = 0; i < 8; i++) {
		int64_t next = rule_condition_next_change(condition, now_ns), step;

		holds(next > now_ns || next == INT64_MAX);
		if (next == INT64_MAX)
			return;
		step = (next - now_ns) / 16;
		for (int64_t at = now_ns; step > 0 && at < next && next - at >= step; at += step)
			holds(holds_at(condition, at) == holds_at(condition, now_ns));
		holds(holds_at(condition, next - 1) == holds_at(condition, now_ns));
		now_ns = next;
	}
}

static void look_at(const struct rule_condition *condition, int64_t now_ns)
{
	scope_buffer struct buffer text = {0}, copy_text = {0}, words = {0};
	scope_rule_condition struct rule_condition copy = {0};
	scope_free char *mistake = NULL;
	int r;

	holds(condition->hours_from < 1440 && condition->hours_until <= 1440);
	holds(condition->days <= 0x7f);
	holds(condition->from_ns >= 0 && condition->until_ns >= 0);
	rule_condition_to_text(condition, &text);
	holds(is_one_printable_line(buffer_text(&text)));
	holds(rule_condition_copy(condition, &copy) == 0);
	rule_condition_to_text(&copy, &copy_text);
	holds(strcmp(buffer_text(&text), buffer_text(&copy_text)) == 0);
	rule_condition_describe(condition, &words);
	holds(is_one_printable_line(buffer_text(&words)));
	holds((text.len > 0) == (words.len > 0));
	holds(rule_condition_is_timed(condition) ==
		(strncmp(buffer_text(&text), " --note", 7) && text.len > 0));
	r = rule_condition_check(condition, true, now_ns, &mistake);
	holds(r == 0 || (r == -EINVAL && is_one_printable_line(mistake)));
	look_at_changes(condition, now_ns);
}

static void from_words(char **words, size_t count, int64_t now_ns)
{
	scope_rule_condition struct rule_condition condition = {0};

	for (size_t i = 0; i + 1 < count; i += 2) {
		scope_free char *mistake = NULL;
		int r = rule_condition_set(&condition, words[i], words[i + 1], now_ns, &mistake);

		holds(r == 0 || r == -EINVAL || r == -ENOENT);
		holds((r == -EINVAL) == (mistake != NULL));
		if (mistake)
			holds(is_one_printable_line(mistake));
	}
	look_at(&condition, now_ns);
}

/* What is taken is written again as it was. */
static void from_text(char **words, size_t count, int64_t now_ns)
{
	scope_rule_condition struct rule_condition condition = {0};
	unsigned order = 0;

	for (size_t i = 0; i + 1 < count; i += 2) {
		scope_rule_condition struct rule_condition alone = {0};
		scope_buffer struct buffer text = {0}, expected = {0};
		unsigned first = 0;
		int r = rule_condition_from_text(&alone, words[i], words[i + 1], &first);

		holds(r == 0 || r == -EUCLEAN);
		holds(rule_condition_from_text(&condition, words[i], words[i + 1], &order) == 0 ||
			order > 0 || r < 0);
		if (r < 0)
			continue;
		rule_condition_to_text(&alone, &text);
		buffer_add_format(&expected, " --%s ", words[i]);
		holds(text.len > expected.len &&
			memcmp(text.data, expected.data, expected.len) == 0);
		if (strcmp(words[i], "note") != 0)
			holds(strcmp(text.data + expected.len, words[i + 1]) == 0);
	}
	look_at(&condition, now_ns);
}

static void as_times(const char *text)
{
	char words[TIME_WORDS_SIZE];
	int64_t ns;
	int r;

	r = time_from_words(text, &ns);
	holds(r == 0 || r == -EINVAL || r == -ERANGE);
	if (r == 0) {
		holds(ns >= 0);
		time_to_words(ns, words);
		holds(is_one_printable_line(words) && strlen(words) >= strlen("2027-03-01 18:00"));
	}
	r = duration_from_words(text, &ns);
	holds(r == 0 || r == -EINVAL || r == -ERANGE);
	holds(r < 0 || ns >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	static const char *const zones[] = {"UTC", "Europe/Berlin", "America/St_Johns",
		"Australia/Lord_Howe", "Africa/Casablanca", "Pacific/Apia"};
	struct cursor cursor;
	uint8_t kind, zone;
	int64_t now_ns;
	char *words[2 * OPTIONS_MAX], *rest, *word;
	scope_free char *text = NULL;
	size_t count = 0;

	cursor_init(&cursor, input, size);
	kind = cursor_u8(&cursor);
	zone = cursor_u8(&cursor);
	now_ns = (int64_t)(cursor_u32(&cursor) * (uint64_t)NS_PER_S) + 999999999;
	if (cursor.failed)
		return 0;
	/* Where there is no zone database there is UTC. */
	if (time_zone_set(zones[zone % ARRAY_SIZE(zones)]) < 0)
		holds(time_zone_set("UTC") == 0);
	text = strndup((const char *)cursor.at, cursor.left);
	as_times(text);
	rest = text;
	while (count < ARRAY_SIZE(words) && (word = strsep(&rest, "\n")))
		words[count++] = word;
	if (kind == 'S')
		from_text(words, count, now_ns);
	else
		from_words(words, count, now_ns);
	return 0;
}
