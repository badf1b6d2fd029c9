/* SPDX-License-Identifier: Apache-2.0 */
/* rule.c - one rule as plain data: copying, freeing, full words for a person, stale names. */
#include "policy/rule.h"

#include <errno.h>

#include "keystore/base/limits.h"
#include "policy/permission.h"
#include "policy/rule_text.h"
#include "policy/shell_word.h"
#include "policy/user_database.h"

void rule_done(struct rule *rule)
{
	for (size_t i = 0; i < rule->word_count; i++)
		free(rule->words[i].name);
	free(rule->words);
	free(rule->pattern);
	*rule = (struct rule){0};
}

int rule_add_word(struct rule *rule, const struct subject_word *word)
{
	scope_free char *name = NULL;
	struct subject_word *words;

	if (rule->word_count >= LIMIT_RULE_WORDS)
		return -E2BIG;
	if (word->name) {
		name = strdup(word->name);
		if (!name)
			return -ENOMEM;
	}
	words = reallocarray(rule->words, rule->word_count + 1, sizeof(*words));
	if (!words)
		return -ENOMEM;
	rule->words = words;
	words[rule->word_count++] = (struct subject_word){
		.kind = word->kind, .name = take(&name), .number = word->number};
	return 0;
}

int rule_copy(const struct rule *rule, struct rule *ret_rule)
{
	scope_rule struct rule copy = *rule;
	int r;

	copy.words = NULL;
	copy.word_count = 0;
	copy.pattern = malloc(rule->pattern_len + 1);
	if (!copy.pattern)
		return -ENOMEM;
	memcpy(copy.pattern, rule->pattern, rule->pattern_len);
	copy.pattern[rule->pattern_len] = '\0';
	for (size_t i = 0; i < rule->word_count; i++) {
		r = rule_add_word(&copy, &rule->words[i]);
		if (r < 0)
			return r;
	}
	*ret_rule = copy;
	copy = (struct rule){0};
	return 0;
}

static void describe_word(const struct subject_word *word, struct buffer *to)
{
	uint32_t number;

	buffer_add_format(to, "%s ", subject_word_prefix(word->kind));
	shell_word_write(word->name, strlen(word->name), to);
	if (id_from_text(word->name, &number) < 0)
		buffer_add_format(to, " (%u)", word->number);
}

/* All words of one kind: "user alice (1001) or user bob (1002)". Their number. */
static size_t describe_kind(
	const struct rule *rule, enum subject_word_kind kind, const char *before, struct buffer *to)
{
	size_t count = 0;

	for (size_t i = 0; i < rule->word_count; i++) {
		if (rule->words[i].kind != kind)
			continue;
		buffer_add_text(to, count++ ? " or " : before);
		describe_word(&rule->words[i], to);
	}
	return count;
}

static void describe_subject(const struct rule *rule, struct buffer *to)
{
	size_t users;

	if (rule->word_count == 1 && rule->words[0].kind == WORD_ANY) {
		buffer_add_text(to, "everybody");
		return;
	}
	users = describe_kind(rule, WORD_USER, "", to);
	describe_kind(rule, WORD_GROUP, users ? " while in " : "", to);
}

int rule_describe(const struct rule *rule, struct buffer *to)
{
	char permissions[PERMISSIONS_TEXT_SIZE];

	if (rule->number)
		buffer_add_format(to, "rule %llu ", (unsigned long long)rule->number);
	else
		buffer_add_text(to, "a rule that ");
	buffer_add_text(to, rule->effect == RULE_ALLOW ? "allows " : "denies ");
	describe_subject(rule, to);
	permissions_to_text(rule->permissions, permissions);
	buffer_add_format(to, " to %s ", permissions);
	shell_word_write(rule->pattern, rule->pattern_len, to);
	return to->failed ? -ENOMEM : 0;
}

/* A failing database makes nothing stale: only an answer that differs does. */
static bool word_is_stale(const struct subject_word *word)
{
	uint32_t number;
	int r;

	if (word->kind == WORD_ANY || id_from_text(word->name, &number) == 0)
		return false;
	r = word->kind == WORD_USER ? user_by_name(word->name, &number, NULL)
				    : group_by_name(word->name, &number);
	return r == -ENOENT || (r == 0 && number != word->number);
}

bool rule_is_stale(const struct rule *rule)
{
	for (size_t i = 0; i < rule->word_count; i++)
		if (word_is_stale(&rule->words[i]))
			return true;
	return false;
}
