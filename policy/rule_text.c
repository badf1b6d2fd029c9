/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_text.c - the stored form of a rule, version 2, one line; contrib/docs/rules.md has the
 * grammar. What stands behind the first word can be pasted behind `modelvault grant VAULT`.
 */
#include "policy/rule_text.h"

#include <assert.h>
#include <errno.h>

#include "keystore/base/limits.h"
#include "policy/path_pattern.h"
#include "policy/permission.h"
#include "policy/role.h"
#include "policy/shell_word.h"
#include "policy/user_database.h"

#define OPTIONS_MAX 16 /* more than there are */
#define HASH_DIGITS 64

static const char *const effect_words[] = {
	[RULE_ALLOW] = "allow", [RULE_DENY] = "deny", [RULE_LEARN] = "learn"};
static_assert(ARRAY_SIZE(effect_words) == RULE_EFFECTS, "a word for every effect");
static const char *const prefixes[] = {[WORD_ANY] = "any",
	[WORD_USER] = "user",
	[WORD_GROUP] = "group",
	[WORD_ROLE] = "role",
	[WORD_EXE] = "exe",
	[WORD_SHA256] = "sha256",
	[WORD_UNIT] = "unit",
	[WORD_LOGINUID] = "loginuid",
	[WORD_USERNS] = "userns"};
static_assert(ARRAY_SIZE(prefixes) == WORD_KINDS, "a prefix for every kind");

const char *subject_word_prefix(enum subject_word_kind kind)
{
	return prefixes[kind];
}

const char *rule_effect_word(enum rule_effect effect)
{
	return effect_words[effect];
}

/* A path that is the shortest of its kind, so that two words for one file do not differ. */
static const char *exe_mistake(const char *path)
{
	size_t len = strlen(path);

	if (*path != '/')
		return "an absolute path follows, as in exe:/usr/bin/python3";
	if (len >= 4096)
		return "the path is longer than the system can open";
	if (len == 1 || path[len - 1] == '/')
		return "a program follows, not a directory";
	if (strstr(path, "//") || strstr(path, "/./") || strstr(path, "/../") ||
		(len > 2 && strcmp(path + len - 2, "/.") == 0) ||
		(len > 3 && strcmp(path + len - 3, "/..") == 0))
		return "the path goes straight to the program, without //, /./ and /../";
	return NULL;
}

static const char *unit_mistake(const char *glob)
{
	scope(path_pattern_free) struct path_pattern *compiled = NULL;
	const char *mistake = "out of memory";

	if (*glob == '\0')
		return "the name of a unit follows, as in unit:infer.service or unit:'infer@*'";
	if (strchr(glob, '/'))
		return "one component of a cgroup's path follows, without '/'";
	if (strcmp(glob, "**") == 0)
		return "'**' is for paths; unit:'*' is any unit";
	return path_pattern_new(glob, strlen(glob), &compiled, &mistake) < 0 ? mistake : NULL;
}

const char *subject_word_mistake(enum subject_word_kind kind, const char *text)
{
	switch (kind) {
	case WORD_ROLE:
		return role_name_is_valid(text)
			       ? NULL
			       : "a role's name is of a-z, 0-9, - and _, at most 32 of them";
	case WORD_EXE:
		return exe_mistake(text);
	case WORD_SHA256:
		return strlen(text) == HASH_DIGITS &&
				       strspn(text, "0123456789abcdef") == HASH_DIGITS
			       ? NULL
			       : "64 lower-case hex digits follow, or @FILE to have FILE hashed";
	case WORD_UNIT:
		return unit_mistake(text);
	case WORD_USERNS:
		return strcmp(text, "contained") == 0 ? NULL : "contained is all that may follow";
	default:
		return NULL;
	}
}

const char *rule_words_mistake(const struct rule *rule)
{
	unsigned kinds = rule_kinds(rule);

	if ((kinds & KIND_BIT(WORD_ANY)) && rule->word_count > 1)
		return "any is everybody: no other subject stands beside it";
	if ((kinds & KIND_BIT(WORD_USERNS)) && !(kinds & KIND_BIT(WORD_UNIT)))
		return "userns:contained needs a unit: beside it: the unit says whose container it "
		       "is";
	if ((kinds & KIND_BIT(WORD_USERNS)) &&
		(kinds & ~(KIND_BIT(WORD_USERNS) | KIND_BIT(WORD_UNIT))))
		return "beside userns:contained only unit: can match: who is who in a container's "
		       "user "
		       "namespace cannot be believed";
	if (rule->effect == RULE_LEARN && (kinds & KIND_BIT(WORD_ANY)))
		return "learning is for somebody: user:NAME, group:NAME, role:NAME, unit:NAME ...";
	return NULL;
}

static void word_to_text(const struct subject_word *word, struct buffer *to)
{
	scope_buffer struct buffer text = {0};
	uint32_t number;

	buffer_add_text(&text, subject_word_prefix(word->kind));
	if (word->kind != WORD_ANY) {
		buffer_add_format(&text, ":%s", word->name);
		if (subject_word_has_number(word->kind) && id_from_text(word->name, &number) < 0)
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
	rule_condition_to_text(&rule->condition, to);
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

/* Behind the colon: NUMBER or NAME#NUMBER. */
static int named_from_text(const char *text, struct subject_word *word)
{
	const char *hash;
	uint32_t unused;

	if (id_from_text(text, &word->number) == 0) {
		word->name = strdup(text);
		return word->name ? 0 : -ENOMEM;
	}
	hash = strrchr(text, '#');
	if (!hash || hash == text || id_from_text(hash + 1, &word->number) < 0)
		return -EUCLEAN;
	word->name = strndup(text, hash - text);
	if (!word->name)
		return -ENOMEM;
	/* The name 1001 with the number 7 would be written as something else. */
	if (id_from_text(word->name, &unused) == 0) {
		free(take(&word->name));
		return -EUCLEAN;
	}
	return 0;
}

int subject_word_from_text(const char *text, struct subject_word *ret_word)
{
	const char *colon = strchr(text, ':');
	struct subject_word word = {.kind = WORD_ANY};
	int r;

	if (!colon) {
		if (strcmp(text, prefixes[WORD_ANY]) != 0)
			return -EUCLEAN;
		*ret_word = word;
		return 0;
	}
	if (kind_from_prefix(text, colon - text, &word.kind) < 0)
		return -EUCLEAN;
	if (subject_word_has_number(word.kind)) {
		r = named_from_text(colon + 1, &word);
		if (r < 0)
			return r;
	} else if (subject_word_mistake(word.kind, colon + 1)) {
		return -EUCLEAN;
	} else {
		word.name = strdup(colon + 1);
		if (!word.name)
			return -ENOMEM;
	}
	*ret_word = word;
	return 0;
}

/* The words of a line, each with its NUL in `bytes` from starts[i]. */
struct line {
	struct buffer bytes;
	/* Effect, permissions and pattern beside the subject and the options with their values. */
	size_t starts[LIMIT_RULE_WORDS + 3 + 2 * OPTIONS_MAX];
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
		r = rule_add_word(rule, &word);
		free(word.name);
		if (r < 0)
			return r == -E2BIG ? -EUCLEAN : r;
	}
	return rule_words_mistake(rule) ? -EUCLEAN : 0;
}

/* "--until VALUE" and so on to the end of the line. */
static int rule_set_condition(struct rule *rule, const struct line *line, size_t first)
{
	scope_free char *mistake = NULL;
	unsigned order = 0;
	int r;

	if ((line->count - first) % 2 != 0)
		return -EUCLEAN;
	for (size_t i = first; i < line->count; i += 2) {
		const char *name = line_word(line, i);

		if (strncmp(name, "--", 2) != 0)
			return -EUCLEAN;
		r = rule_condition_from_text(
			&rule->condition, name + 2, line_word(line, i + 1), &order);
		if (r < 0)
			return r;
	}
	/* Over or not is the decision's to say: a rule that is stored may well be. */
	r = rule_condition_check(&rule->condition,
		rule->effect == RULE_ALLOW && (rule->permissions & PERMISSION_READ), INT64_MIN,
		&mistake);
	return r == -EINVAL ? -EUCLEAN : r;
}

static int effect_from_word(const char *word, enum rule_effect *ret_effect)
{
	for (int effect = 0; effect < RULE_EFFECTS; effect++) {
		if (strcmp(word, effect_words[effect]) == 0) {
			*ret_effect = effect;
			return 0;
		}
	}
	return -EUCLEAN;
}

int rule_from_text(const char *text, size_t len, struct rule *ret_rule)
{
	__attribute__((cleanup(line_done))) struct line line = {0};
	scope_rule struct rule rule = {0};
	const char *pattern;
	size_t at = 1;
	int r;

	if (len > LIMIT_RULE_TEXT)
		return -EUCLEAN;
	r = line_split(text, len, &line);
	if (r < 0)
		return r;
	/* No subject word is one of permissions. */
	while (at < line.count &&
		permissions_from_text(line_word(&line, at), &rule.permissions) < 0)
		at++;
	if (at < 2 || at + 2 > line.count)
		return -EUCLEAN;
	r = effect_from_word(line_word(&line, 0), &rule.effect);
	if (r < 0)
		return r;
	r = rule_set_words(&rule, &line, 1, at);
	if (r < 0)
		return r;
	pattern = line_word(&line, at + 1);
	r = rule_set_pattern(&rule, pattern, strlen(pattern));
	if (r < 0)
		return r;
	r = rule_set_condition(&rule, &line, at + 2);
	if (r < 0)
		return r;
	*ret_rule = rule;
	rule = (struct rule){0};
	return 0;
}
