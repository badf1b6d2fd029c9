/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_words.c - the words of grant and deny: SUBJECT... PERMS PATTERN. The last word is the
 * pattern, the one before it the permissions. Whatever is wrong is said with what would be right.
 */
#include "policy/rule_text.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "keystore/base/limits.h"
#include "policy/path_pattern.h"
#include "policy/permission.h"
#include "policy/rule_words_private.h"
#include "policy/shell_word.h"
#include "policy/user_database.h"

#define SUBJECT_NUMBER_OPEN UINT32_MAX /* no number was given with the name */

int words_complain(char **ret_mistake, int result, const char *word, const char *format, ...)
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
	if (word)
		shell_word_write(word, strlen(word), &line);
	buffer_add_text(&line, text);
	r = buffer_take(&line, ret_mistake, &len);
	return r < 0 ? r : result;
}

void words_kinds(const char *ret_kinds[WORD_KINDS])
{
	for (int kind = 0; kind < WORD_KINDS; kind++)
		ret_kinds[kind] = subject_word_prefix(kind);
}

/* The name behind the colon, to its number; NAME#NUMBER (the stored form) must agree. */
static int resolve_name(const char *text, struct subject_word *word, char **ret_mistake)
{
	const char *prefix = word->kind == WORD_GROUP ? "group" : "user";
	uint32_t number;
	int r;

	r = word->kind == WORD_GROUP ? group_by_name(word->name, &number)
				     : user_by_name(word->name, &number, NULL);
	if (r < 0)
		return words_complain_about_lookup(word->kind, text, r, ret_mistake);
	if (number == UINT32_MAX)
		return words_complain(ret_mistake, -EINVAL, text, ": the number -1 is nobody's");
	if (word->number != SUBJECT_NUMBER_OPEN && number != word->number)
		return words_complain(ret_mistake, -EINVAL, text, ": this %s has the number %u now",
			prefix, number);
	word->number = number;
	return 0;
}

/* user:NAME, group:NAME, loginuid:NAME, with a number instead, or with both. */
static int add_named_word(struct rule *rule, enum subject_word_kind kind, const char *text,
	const char *name, const char *next, char **ret_mistake)
{
	struct subject_word word = {0};
	uint32_t number;
	int r;

	if (*name == '\0')
		return words_complain_about_kind(text, kind, next, ret_mistake);
	if (name[strspn(name, "0123456789")] == '\0' && id_from_text(name, &number) < 0)
		return words_complain(ret_mistake, -EINVAL, text,
			": the number is between 0 and 4294967294, without zeros before it");
	r = subject_word_from_text(text, &word);
	if (r == -EUCLEAN) {
		word.kind = kind;
		word.number = SUBJECT_NUMBER_OPEN;
		word.name = strdup(name);
		r = word.name ? 0 : -ENOMEM;
	}
	if (r == 0 && id_from_text(word.name, &number) < 0)
		r = resolve_name(text, &word, ret_mistake);
	if (r == 0)
		r = rule_add_word(rule, &word);
	free(word.name);
	return r;
}

/* role: exe: sha256: unit: userns: and their text. */
static int add_text_word(struct rule *rule, enum subject_word_kind kind, const char *text,
	const char *value, const char *next, char **ret_mistake)
{
	const struct subject_word word = {.kind = kind, .name = (char *)(uintptr_t)value};
	const char *mistake = subject_word_mistake(kind, value);

	if (!*value && next)
		return words_complain_about_kind(text, kind, next, ret_mistake);
	if (mistake)
		return words_complain_about_value(kind, text, value, mistake, ret_mistake);
	return rule_add_word(rule, &word);
}

/* next stands behind it: of several words that were meant as one it is the second. */
static int add_word(struct rule *rule, const char *text, const char *next, char **ret_mistake)
{
	const struct subject_word any = {.kind = WORD_ANY};
	size_t len = strcspn(text, ":");

	if (strcmp(text, "any") == 0)
		return rule_add_word(rule, &any);
	for (int kind = WORD_ANY + 1; kind < WORD_KINDS && text[len]; kind++) {
		const char *prefix = subject_word_prefix(kind);

		if (strlen(prefix) != len || memcmp(prefix, text, len) != 0)
			continue;
		return subject_word_has_number(kind)
			       ? add_named_word(rule, kind, text, text + len + 1, next, ret_mistake)
			       : add_text_word(rule, kind, text, text + len + 1, next, ret_mistake);
	}
	return words_complain_about_subject(text, next, ret_mistake);
}

static int set_pattern(struct rule *rule, const char *text, char **ret_mistake)
{
	scope(path_pattern_free) struct path_pattern *compiled = NULL;
	const char *mistake = NULL;
	size_t len = strlen(text);
	int r;

	r = path_pattern_new(text, len, &compiled, &mistake);
	if (r == -EINVAL && mistake)
		return words_complain_about_pattern(text, mistake, ret_mistake);
	if (r < 0)
		return r;
	rule->pattern = strdup(text);
	if (!rule->pattern)
		return -ENOMEM;
	rule->pattern_len = len;
	return 0;
}

int rule_from_words(enum rule_effect effect, const char *const *words, size_t count,
	struct rule *ret_rule, char **ret_mistake)
{
	scope_rule struct rule rule = {.effect = effect};
	scope_buffer struct buffer text = {0};
	const char *mistake;
	int r;

	r = words_check_order(words, count, ret_mistake);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count - 2; i++) {
		r = add_word(&rule, words[i], words[i + 1], ret_mistake);
		if (r < 0)
			return r;
	}
	mistake = rule_words_mistake(&rule);
	if (mistake)
		return words_complain(ret_mistake, -EINVAL, NULL, "%s", mistake);
	r = permissions_from_text(words[count - 2], &rule.permissions);
	if (r < 0)
		return r;
	r = set_pattern(&rule, words[count - 1], ret_mistake);
	if (r < 0)
		return r;
	r = rule_to_text(&rule, &text);
	if (r < 0)
		return r;
	if (text.len > LIMIT_RULE_TEXT)
		return words_complain(ret_mistake, -EINVAL, NULL,
			"the rule is longer than %d bytes: make several of it", LIMIT_RULE_TEXT);
	*ret_rule = rule;
	rule = (struct rule){0};
	return 0;
}
