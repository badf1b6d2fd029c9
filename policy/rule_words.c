/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_words.c - the words of grant and deny: SUBJECT... PERMS PATTERN. The last word is the
 * pattern, the one before it the permissions. Whatever is wrong is said with what would be right.
 */
#include "policy/rule_text.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "keystore/base/limits.h"
#include "policy/near_word.h"
#include "policy/path_pattern.h"
#include "policy/permission.h"
#include "policy/shell_word.h"
#include "policy/user_database.h"

#define SUBJECT_NUMBER_OPEN UINT32_MAX /* no number was given with the name */

static const char *const permission_words[] = {"read", "write", "list"};
static_assert(ARRAY_SIZE(permission_words) == PERMISSION_COUNT, "every permission");
static const char kinds_help[] =
	"user:NAME, group:NAME, role:NAME, exe:PATH, sha256:HEX, unit:NAME, "
	"loginuid:NAME, userns:contained or any";

/* Fills *ret_mistake with "WORD text" (word may be NULL) and returns result. */
__attribute__((format(printf, 4, 5))) static int complain(
	char **ret_mistake, int result, const char *word, const char *format, ...)
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

/* The words before the colon, as the table of kinds has them. */
static void kind_words(const char *ret_words[WORD_KINDS])
{
	for (int kind = 0; kind < WORD_KINDS; kind++)
		ret_words[kind] = subject_word_prefix(kind);
}

static bool looks_like_subject(const char *word)
{
	const char *kinds[WORD_KINDS];
	size_t len = strcspn(word, ":");

	kind_words(kinds);
	if (word[len] == '\0')
		return strcmp(word, "any") == 0;
	return word_in(word, len, kinds, WORD_KINDS);
}

static bool is_permissions(const char *word)
{
	unsigned permissions;

	return permissions_from_text(word, &permissions) == 0;
}

static int complain_about_permissions(const char *word, char **ret_mistake)
{
	for (const char *at = word;; at++) {
		size_t len = strcspn(at, ",");
		const char *near =
			nearest_word(at, len, permission_words, ARRAY_SIZE(permission_words));

		if (near && !word_in(at, len, permission_words, ARRAY_SIZE(permission_words)))
			return complain(ret_mistake, -EINVAL, word,
				" are no permissions: did you mean %s?", near);
		at += len;
		if (*at == '\0')
			break;
	}
	return complain(ret_mistake, -EINVAL, word,
		" are no permissions: read, write, list, or several with commas, each once");
}

/* Looks at the words as a whole: is each where it belongs? */
static int check_order(const char *const *words, size_t count, char **ret_mistake)
{
	if (count == 0)
		return complain(ret_mistake, -EINVAL, NULL,
			"nothing is said: SUBJECT... PERMS PATTERN, as in user:alice read "
			"'llama/**'");
	if (count > 1 && is_permissions(words[count - 1]) && looks_like_subject(words[count - 2]))
		return complain(ret_mistake, -EINVAL, words[count - 1],
			" is followed by no pattern: say which files, '**' for all");
	if (looks_like_subject(words[count - 1]) &&
		!(count > 1 && is_permissions(words[count - 2])))
		return complain(ret_mistake, -EINVAL, words[count - 1],
			" is followed by no permissions and no pattern: as in read 'llama/**'");
	for (size_t i = 0; i + 2 < count; i++)
		if (is_permissions(words[i]))
			return complain(ret_mistake, -EINVAL, words[i],
				" is followed by more than one word: one pattern a rule, in quotes "
				"so "
				"that the shell leaves it alone");
	if (count == 1 || looks_like_subject(words[count - 2]))
		return complain(ret_mistake, -EINVAL, words[count - 1],
			" has no permissions before it: read, write or list");
	if (!is_permissions(words[count - 2]))
		return complain_about_permissions(words[count - 2], ret_mistake);
	if (count == 2)
		return complain(ret_mistake, -EINVAL, words[0], " has no subject before it: %s",
			kinds_help);
	if (count - 2 > LIMIT_RULE_WORDS)
		return complain(ret_mistake, -EINVAL, NULL,
			"too many subject words: at most %d in one rule", LIMIT_RULE_WORDS);
	return 0;
}

static int complain_about_kind(const char *word, char **ret_mistake)
{
	const char *kinds[WORD_KINDS], *near;
	size_t len = strcspn(word, ":");

	kind_words(kinds);
	near = nearest_word(word, len, kinds, WORD_KINDS);
	if (near && word_in(word, len, kinds, WORD_KINDS))
		return complain(ret_mistake, -EINVAL, word,
			strcmp(near, "any") == 0
				? " is no subject: any stands alone"
				: " is not complete: a ':' and what it means follow");
	if (near)
		return complain(ret_mistake, -EINVAL, word, " is no subject: did you mean %s%s?",
			near, strcmp(near, "any") == 0 ? "" : ":NAME");
	return complain(ret_mistake, -EINVAL, word, " is no subject%s: %s",
		word[len] ? " that is known" : "", kinds_help);
}

static int complain_about_lookup(
	int result, const char *word, const char *prefix, char **ret_mistake)
{
	if (result != -ENOENT)
		return complain(ret_mistake, result, word,
			": the %s database cannot be read; a number needs none", prefix);
	return complain(ret_mistake, -ENOENT, word,
		": there is no such %s on this machine; a number is taken as it is", prefix);
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
		return complain_about_lookup(r, text, prefix, ret_mistake);
	if (number == UINT32_MAX)
		return complain(ret_mistake, -EINVAL, text, ": the number -1 is nobody's");
	if (word->number != SUBJECT_NUMBER_OPEN && number != word->number)
		return complain(ret_mistake, -EINVAL, text, ": this %s has the number %u now",
			prefix, number);
	word->number = number;
	return 0;
}

/* user:NAME, group:NAME, loginuid:NAME, with a number instead, or with both. */
static int add_named_word(struct rule *rule, enum subject_word_kind kind, const char *text,
	const char *name, char **ret_mistake)
{
	struct subject_word word = {0};
	uint32_t number;
	int r;

	if (*name == '\0')
		return complain(
			ret_mistake, -EINVAL, text, " is not complete: a name or a number follows");
	if (name[strspn(name, "0123456789")] == '\0' && id_from_text(name, &number) < 0)
		return complain(ret_mistake, -EINVAL, text,
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
	const char *value, char **ret_mistake)
{
	const struct subject_word word = {.kind = kind, .name = (char *)(uintptr_t)value};
	const char *mistake = subject_word_mistake(kind, value);

	if (mistake)
		return complain(ret_mistake, -EINVAL, text, ": %s", mistake);
	return rule_add_word(rule, &word);
}

static int add_word(struct rule *rule, const char *text, char **ret_mistake)
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
			       ? add_named_word(rule, kind, text, text + len + 1, ret_mistake)
			       : add_text_word(rule, kind, text, text + len + 1, ret_mistake);
	}
	return complain_about_kind(text, ret_mistake);
}

static int set_pattern(struct rule *rule, const char *text, char **ret_mistake)
{
	scope(path_pattern_free) struct path_pattern *compiled = NULL;
	const char *mistake = NULL;
	size_t len = strlen(text);
	int r;

	r = path_pattern_new(text, len, &compiled, &mistake);
	if (r == -EINVAL && mistake)
		return complain(ret_mistake, -EINVAL, text, " is no pattern: %s", mistake);
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

	r = check_order(words, count, ret_mistake);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count - 2; i++) {
		r = add_word(&rule, words[i], ret_mistake);
		if (r < 0)
			return r;
	}
	mistake = rule_words_mistake(&rule);
	if (mistake)
		return complain(ret_mistake, -EINVAL, NULL, "%s", mistake);
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
		return complain(ret_mistake, -EINVAL, NULL,
			"the rule is longer than %d bytes: make several of it", LIMIT_RULE_TEXT);
	*ret_rule = rule;
	rule = (struct rule){0};
	return 0;
}
