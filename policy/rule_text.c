/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_text.c - the stored form of a rule, version 1, one line; contrib/docs/rules.md has the
 * grammar. What stands behind the first word can be pasted behind `modelvault grant VAULT`.
 */
#include "policy/rule_text.h"

#include <assert.h>
#include <errno.h>

#include "keystore/base/limits.h"
#include "policy/path_pattern.h"
#include "policy/permission.h"
#include "policy/shell_word.h"
#include "policy/user_database.h"

static const char *const effect_words[] = {[RULE_ALLOW] = "allow", [RULE_DENY] = "deny"};
static const char *const prefixes[] = {
	[WORD_ANY] = "any", [WORD_USER] = "user", [WORD_GROUP] = "group"};
static_assert(ARRAY_SIZE(prefixes) == WORD_KINDS, "a prefix for every kind");

const char *subject_word_prefix(enum subject_word_kind kind)
{
	return prefixes[kind];
}

const char *rule_effect_word(enum rule_effect effect)
{
	return effect_words[effect];
}

static void word_to_text(const struct subject_word *word, struct buffer *to)
{
	scope_buffer struct buffer text = {0};
	uint32_t number;

	buffer_add_text(&text, subject_word_prefix(word->kind));
	if (word->kind != WORD_ANY) {
		buffer_add_format(&text, ":%s", word->name);
		if (id_from_text(word->name, &number) < 0)
			buffer_add_format(&text, "#%u", word->number);
	}
	shell_word_write(buffer_text(&text), text.len, to);
	to->failed |= text.failed;
}

int rule_to_text(const struct rule *rule, struct buffer *to)
{
	char permissions[PERMISSIONS_TEXT_SIZE];

	permissions_to_text(rule->permissions, permissions);
	buffer_add_text(to, rule_effect_word(rule->effect));
	for (size_t i = 0; i < rule->word_count; i++) {
		buffer_add_u8(to, ' ');
		word_to_text(&rule->words[i], to);
	}
	buffer_add_format(to, " %s ", permissions);
	shell_word_write(rule->pattern, rule->pattern_len, to);
	return to->failed ? -ENOMEM : 0;
}

static int kind_from_prefix(const char *text, size_t len, enum subject_word_kind *ret_kind)
{
	for (int kind = WORD_ANY + 1; kind < WORD_KINDS; kind++) {
		if (strlen(prefixes[kind]) == len && memcmp(prefixes[kind], text, len) == 0) {
			*ret_kind = kind;
			return 0;
		}
	}
	return -EUCLEAN;
}

int subject_word_from_text(const char *text, struct subject_word *ret_word)
{
	const char *colon = strchr(text, ':'), *hash;
	struct subject_word word = {.kind = WORD_ANY};
	uint32_t unused;

	if (!colon) {
		if (strcmp(text, prefixes[WORD_ANY]) != 0)
			return -EUCLEAN;
		*ret_word = word;
		return 0;
	}
	if (kind_from_prefix(text, colon - text, &word.kind) < 0)
		return -EUCLEAN;
	if (id_from_text(colon + 1, &word.number) == 0) {
		word.name = strdup(colon + 1);
	} else {
		hash = strrchr(colon, '#');
		if (!hash || hash == colon + 1 || id_from_text(hash + 1, &word.number) < 0)
			return -EUCLEAN;
		word.name = strndup(colon + 1, hash - colon - 1);
		/* The name 1001 with the number 7 would be written as something else. */
		if (word.name && id_from_text(word.name, &unused) == 0) {
			free(word.name);
			return -EUCLEAN;
		}
	}
	if (!word.name)
		return -ENOMEM;
	*ret_word = word;
	return 0;
}

/* The words of a line, each with its NUL in `bytes` from starts[i]. */
struct line {
	struct buffer bytes;
	size_t starts[LIMIT_RULE_WORDS +
		      3]; /* effect, permissions and pattern beside the subject */
	size_t count;
};

static void line_done(struct line *line)
{
	buffer_done(&line->bytes);
}

static const char *line_word(const struct line *line, size_t index)
{
	return line->bytes.data + line->starts[index];
}

static int line_split(const char *text, size_t len, struct line *line)
{
	const char *at = text, *end = text + len;
	int r;

	for (;; at++) {
		if (line->count == ARRAY_SIZE(line->starts))
			return -EUCLEAN;
		line->starts[line->count++] = line->bytes.len;
		r = shell_word_read(&at, end, &line->bytes);
		if (r < 0)
			return r;
		buffer_add_u8(&line->bytes, '\0');
		if (at == end)
			return line->bytes.failed ? -ENOMEM : 0;
	}
}

static int rule_set_pattern(struct rule *rule, const char *pattern, size_t len)
{
	scope(path_pattern_free) struct path_pattern *compiled = NULL;
	int r;

	r = path_pattern_new(pattern, len, &compiled, NULL);
	if (r < 0)
		return r == -EINVAL ? -EUCLEAN : r;
	rule->pattern = strndup(pattern, len);
	if (!rule->pattern)
		return -ENOMEM;
	rule->pattern_len = len;
	return 0;
}

static int rule_set_words(struct rule *rule, const struct line *line, size_t first, size_t end)
{
	for (size_t i = first; i < end; i++) {
		struct subject_word word;
		int r;

		r = subject_word_from_text(line_word(line, i), &word);
		if (r < 0)
			return r;
		/* Everybody and somebody: the one would lift the other. */
		r = word.kind == WORD_ANY && end - first > 1 ? -EUCLEAN
							     : rule_add_word(rule, &word);
		free(word.name);
		if (r < 0)
			return r;
	}
	return 0;
}

int rule_from_text(const char *text, size_t len, struct rule *ret_rule)
{
	__attribute__((cleanup(line_done))) struct line line = {0};
	scope_rule struct rule rule = {0};
	const char *pattern;
	int r;

	if (len > LIMIT_RULE_TEXT)
		return -EUCLEAN;
	r = line_split(text, len, &line);
	if (r < 0)
		return r;
	if (line.count < 4)
		return -EUCLEAN;
	if (strcmp(line_word(&line, 0), effect_words[RULE_DENY]) == 0)
		rule.effect = RULE_DENY;
	else if (strcmp(line_word(&line, 0), effect_words[RULE_ALLOW]) != 0)
		return -EUCLEAN;
	if (permissions_from_text(line_word(&line, line.count - 2), &rule.permissions) < 0)
		return -EUCLEAN;
	r = rule_set_words(&rule, &line, 1, line.count - 2);
	if (r < 0)
		return r;
	pattern = line_word(&line, line.count - 1);
	r = rule_set_pattern(&rule, pattern, strlen(pattern));
	if (r < 0)
		return r;
	*ret_rule = rule;
	rule = (struct rule){0};
	return 0;
}
