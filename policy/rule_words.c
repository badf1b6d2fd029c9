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
#include "policy/path_pattern.h"
#include "policy/permission.h"
#include "policy/shell_word.h"
#include "policy/user_database.h"

#define SUBJECT_NUMBER_OPEN UINT32_MAX /* no number was given with the name */
#define NEAR_WORD_MAX	    15	       /* longer words are not compared */

static const char *const permission_words[] = {"read", "write", "list"};
static_assert(ARRAY_SIZE(permission_words) == PERMISSION_COUNT, "every permission");
static const char *const built_kinds[] = {"user", "group", "any"};
static const char *const later_kinds[] = {"role", "exe", "sha256", "unit", "loginuid", "userns"};

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

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits (insert, remove, replace, swap of neighbours) from one word to the other. */
static unsigned word_distance(const char *a, size_t a_len, const char *b)
{
	unsigned cost[NEAR_WORD_MAX + 1][NEAR_WORD_MAX + 1];
	size_t b_len = strlen(b);

	if (a_len > NEAR_WORD_MAX || b_len > NEAR_WORD_MAX)
		return NEAR_WORD_MAX;
	for (size_t i = 0; i <= a_len; i++) {
		for (size_t j = 0; j <= b_len; j++) {
			if (i == 0 || j == 0) {
				cost[i][j] = i + j;
				continue;
			}
			cost[i][j] = smaller(cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
				smaller(cost[i - 1][j], cost[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost[i][j] = smaller(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	}
	return cost[a_len][b_len];
}

/* The word of the table that is at most two edits away, or NULL. */
static const char *nearest_word(
	const char *word, size_t len, const char *const *table, size_t count)
{
	const char *nearest = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < count; i++) {
		unsigned distance = word_distance(word, len, table[i]);

		if (distance < least && distance < len) {
			least = distance;
			nearest = table[i];
		}
	}
	return nearest;
}

static bool word_in(const char *word, size_t len, const char *const *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(table[i]) == len && memcmp(table[i], word, len) == 0)
			return true;
	return false;
}

static bool looks_like_subject(const char *word)
{
	size_t len = strcspn(word, ":");

	if (word[len] == '\0')
		return strcmp(word, "any") == 0;
	return word_in(word, len, built_kinds, ARRAY_SIZE(built_kinds)) ||
	       word_in(word, len, later_kinds, ARRAY_SIZE(later_kinds));
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
		return complain(ret_mistake, -EINVAL, words[0],
			" has no subject before it: user:NAME, group:NAME or any");
	if (count - 2 > LIMIT_RULE_WORDS)
		return complain(ret_mistake, -EINVAL, NULL,
			"too many subject words: at most %d in one rule", LIMIT_RULE_WORDS);
	return 0;
}

static int complain_about_kind(const char *word, char **ret_mistake)
{
	size_t len = strcspn(word, ":");
	const char *near;

	if (word_in(word, len, later_kinds, ARRAY_SIZE(later_kinds)) && word[len])
		return complain(ret_mistake, -EINVAL, word, ": %.*s: is not built in this version",
			(int)len, word);
	near = nearest_word(word, len, built_kinds, ARRAY_SIZE(built_kinds));
	if (near)
		return complain(ret_mistake, -EINVAL, word, " is no subject: did you mean %s%s?",
			near, strcmp(near, "any") == 0 ? "" : ":NAME");
	if (word[len] == '\0')
		return complain(
			ret_mistake, -EINVAL, word, " is no subject: user:NAME, group:NAME or any");
	return complain(ret_mistake, -EINVAL, word,
		" is no subject that is known: user:NAME, group:NAME or any");
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
	const char *prefix = subject_word_prefix(word->kind);
	uint32_t number;
	int r;

	r = word->kind == WORD_USER ? user_by_name(word->name, &number, NULL)
				    : group_by_name(word->name, &number);
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

/* user:NAME, group:NAME, with a number instead, or with both. */
static int add_named_word(struct rule *rule, const char *text, const char *name, char **ret_mistake)
{
	bool is_user = strncmp(text, "user:", 5) == 0;
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
		word.kind = is_user ? WORD_USER : WORD_GROUP;
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

static int add_word(struct rule *rule, const char *text, size_t count, char **ret_mistake)
{
	const struct subject_word any = {.kind = WORD_ANY};
	size_t len = strcspn(text, ":");

	if (strcmp(text, "any") == 0) {
		if (count > 1)
			return complain(ret_mistake, -EINVAL, NULL,
				"any is everybody: no other subject stands beside it");
		return rule_add_word(rule, &any);
	}
	if (text[len] == ':' && ((len == 4 && memcmp(text, "user", 4) == 0) ||
					(len == 5 && memcmp(text, "group", 5) == 0)))
		return add_named_word(rule, text, text + len + 1, ret_mistake);
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
	int r;

	r = check_order(words, count, ret_mistake);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count - 2; i++) {
		r = add_word(&rule, words[i], count - 2, ret_mistake);
		if (r < 0)
			return r;
	}
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
