/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_rule.c - the stored line of a rule, and the words of grant. A rule that was read is written
 * and read again the same; a mistake is told in one printable line. Names are known by the harness,
 * not looked up.
 * libFuzzer: -max_len=1024 -max_total_time=20
 */
#include <errno.h>

#include "policy/permission.h"
#include "policy/rule.h"
#include "policy/user_database.h"
#include "tests/fuzz/fuzz.h"

int __wrap_user_by_name(const char *name, uint32_t *ret_uid, uint32_t *ret_gid);
int __wrap_group_by_name(const char *name, uint32_t *ret_gid);

/* The linker puts these in the place of the system's databases. */
int __wrap_user_by_name(const char *name, uint32_t *ret_uid, uint32_t *ret_gid)
{
	if (strcmp(name, "broken") == 0)
		return -EIO;
	if (strcmp(name, "nobody") != 0 && name[0] != 'a')
		return -ENOENT;
	*ret_uid = name[0] == 'n' ? UINT32_MAX : 1001;
	if (ret_gid)
		*ret_gid = 1001;
	return 0;
}

int __wrap_group_by_name(const char *name, uint32_t *ret_gid)
{
	return __wrap_user_by_name(name, ret_gid, NULL);
}

static bool conditions_are_equal(const struct rule_condition *a, const struct rule_condition *b)
{
	return a->from_ns == b->from_ns && a->until_ns == b->until_ns &&
	       a->hours_from == b->hours_from && a->hours_until == b->hours_until &&
	       a->days == b->days && a->max_opens.limit == b->max_opens.limit &&
	       a->max_opens.period == b->max_opens.period &&
	       a->max_bytes.limit == b->max_bytes.limit &&
	       a->max_bytes.period == b->max_bytes.period && !a->note == !b->note &&
	       (!a->note || strcmp(a->note, b->note) == 0);
}

static bool rules_are_equal(const struct rule *a, const struct rule *b)
{
	if (a->effect != b->effect || a->permissions != b->permissions ||
		a->word_count != b->word_count || a->pattern_len != b->pattern_len ||
		memcmp(a->pattern, b->pattern, a->pattern_len) != 0 ||
		!conditions_are_equal(&a->condition, &b->condition))
		return false;
	for (size_t i = 0; i < a->word_count; i++) {
		const struct subject_word *x = &a->words[i], *y = &b->words[i];

		if (x->kind != y->kind || x->number != y->number || !x->name != !y->name ||
			(x->name && strcmp(x->name, y->name) != 0))
			return false;
	}
	return true;
}

static bool is_one_printable_line(const char *text)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] < ' ' || text[i] == 0x7f)
			return false;
	return len > 0 && utf8_is_valid(text, len);
}

/* What no rule in force may lack, whoever wrote it. */
static void look_at(const struct rule *rule)
{
	scope_buffer struct buffer text = {0}, again_text = {0}, words = {0};
	scope_rule struct rule again = {0};

	holds((unsigned)rule->effect < RULE_EFFECTS);
	holds(rule->permissions && !(rule->permissions >> PERMISSION_COUNT));
	holds(rule->word_count > 0 && rule->pattern_len > 0);
	for (size_t i = 0; i < rule->word_count; i++) {
		holds(rule->words[i].number != UINT32_MAX);
		holds(rule->words[i].kind != WORD_ANY || rule->word_count == 1);
	}
	holds(rule_to_text(rule, &text) == 0);
	holds(is_one_printable_line(text.data));
	holds(rule_from_text(text.data, text.len, &again) == 0);
	holds(rules_are_equal(rule, &again));
	holds(rule_to_text(&again, &again_text) == 0);
	holds(strcmp(text.data, again_text.data) == 0);
	holds(rule_describe(rule, &words) == 0);
	holds(is_one_printable_line(words.data));
	rule_is_stale(rule);
}

static void from_text(const char *text, size_t len)
{
	scope_rule struct rule rule = {0}, copy = {0};
	int r;

	r = rule_from_text(text, len, &rule);
	holds(r == 0 || r == -EUCLEAN || r == -E2BIG);
	if (r < 0)
		return;
	look_at(&rule);
	holds(rule_copy(&rule, &copy) == 0);
	holds(rules_are_equal(&rule, &copy));
}

/* Words that end with a newline each, as those of a command line end with a NUL. */
static void from_words(const char *text, size_t len)
{
	scope_rule struct rule rule = {0};
	scope_free char *copy = strndup(text, len);
	scope_free char *mistake = NULL;
	const char *words[300];
	char *rest = copy, *word;
	size_t count = 0;
	int r;

	while (count < ARRAY_SIZE(words) && (word = strsep(&rest, "\n")))
		words[count++] = word;
	r = rule_from_words(RULE_DENY, words, count, &rule, &mistake);
	holds(r == 0 || r == -EINVAL || r == -ENOENT || r == -EIO);
	holds((r == 0) == !mistake);
	if (r < 0)
		holds(is_one_printable_line(mistake));
	else
		look_at(&rule);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	if (size == 0)
		return 0;
	if (input[0] == 'W')
		from_words((const char *)input + 1, size - 1);
	else
		from_text((const char *)input, size);
	return 0;
}
