/* SPDX-License-Identifier: Apache-2.0 */
/* rule.c - one rule as plain data: copying, freeing, full words for a person, stale names. */
#include "policy/rule.h"

#include <assert.h>
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
	rule_condition_done(&rule->condition);
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
	copy.condition = (struct rule_condition){0};
	copy.pattern = malloc(rule->pattern_len + 1);
	if (!copy.pattern || rule_condition_copy(&rule->condition, &copy.condition) < 0)
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

bool rule_says_whose(const struct rule *rule)
{
	return rule_kinds(rule) &
	       (KIND_BIT(WORD_USER) | KIND_BIT(WORD_GROUP) | KIND_BIT(WORD_ROLE));
}

unsigned rule_kinds(const struct rule *rule)
{
	unsigned kinds = 0;

	for (size_t i = 0; i < rule->word_count; i++)
		kinds |= KIND_BIT(rule->words[i].kind);
	return kinds;
}

/* How a sentence calls each kind, and what leads to it; %s before the words of the kind. */
static const struct {
	const char *noun, *first, *later;
} described[] = {
	[WORD_ANY] = {"", "", ""},
	[WORD_USER] = {"user ", "", " who is "},
	[WORD_GROUP] = {"group ", "", " while in "},
	[WORD_ROLE] = {"role ", "", " while in "},
	[WORD_LOGINUID] = {"", "everybody who logged in as ", " who logged in as "},
	[WORD_EXE] = {"", "everybody with the program ", " with the program "},
	[WORD_SHA256] = {"SHA-256 ", "everybody with a program of ", " of "},
	[WORD_UNIT] = {"", "everybody in the unit ", " in the unit "},
	[WORD_USERNS] = {"", "", " in a user namespace that is "},
};
static_assert(ARRAY_SIZE(described) == WORD_KINDS, "words for every kind");
/* Who, with what, where. */
static const enum subject_word_kind described_order[] = {WORD_USER, WORD_ROLE, WORD_GROUP,
	WORD_LOGINUID, WORD_EXE, WORD_SHA256, WORD_UNIT, WORD_USERNS};
static_assert(ARRAY_SIZE(described_order) == WORD_KINDS - 1, "every kind but any");

bool subject_word_has_number(enum subject_word_kind kind)
{
	return kind == WORD_USER || kind == WORD_GROUP || kind == WORD_LOGINUID;
}

static void describe_word(const struct subject_word *word, struct buffer *to)
{
	uint32_t number;

	buffer_add_text(to, described[word->kind].noun);
	shell_word_write(word->name, strlen(word->name), to);
	if (subject_word_has_number(word->kind) && id_from_text(word->name, &number) < 0)
		buffer_add_format(to, " (%u)", word->number);
}

/* All words of one kind: "user alice (1001) or user bob (1002)". Their number. */
static size_t describe_kind(
	const struct rule *rule, enum subject_word_kind kind, bool first, struct buffer *to)
{
	size_t count = 0;

	for (size_t i = 0; i < rule->word_count; i++) {
		if (rule->words[i].kind != kind)
			continue;
		buffer_add_text(to, count++ ? " or "
				    : first ? described[kind].first
					    : described[kind].later);
		describe_word(&rule->words[i], to);
	}
	return count;
}

static void describe_subject(const struct rule *rule, struct buffer *to)
{
	size_t described_kinds = 0;

	if (rule->word_count == 1 && rule->words[0].kind == WORD_ANY) {
		buffer_add_text(to, "everybody");
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(described_order); i++)
		if (describe_kind(rule, described_order[i], !described_kinds, to))
			described_kinds++;
}

static const char *const effect_verbs[] = {[RULE_ALLOW] = "allows ",
	[RULE_DENY] = "denies ",
	[RULE_LEARN] = "learns from and allows "};
static_assert(ARRAY_SIZE(effect_verbs) == RULE_EFFECTS, "a verb for every effect");

int rule_describe(const struct rule *rule, struct buffer *to)
{
	char permissions[PERMISSIONS_TEXT_SIZE];

	if (rule->number)
		buffer_add_format(to, "rule %llu ", (unsigned long long)rule->number);
	else
		buffer_add_text(to, "a rule that ");
	buffer_add_text(to, effect_verbs[rule->effect]);
	describe_subject(rule, to);
	permissions_to_text(rule->permissions, permissions);
	buffer_add_format(to, " to %s ", permissions);
	shell_word_write(rule->pattern, rule->pattern_len, to);
	rule_condition_describe(&rule->condition, to);
	return to->failed ? -ENOMEM : 0;
}

/* A failing database makes nothing stale: only an answer that differs does. */
bool subject_word_is_stale(const struct subject_word *word)
{
	uint32_t number;
	int r;

	if (!subject_word_has_number(word->kind) || id_from_text(word->name, &number) == 0)
		return false;
	r = word->kind == WORD_GROUP ? group_by_name(word->name, &number)
				     : user_by_name(word->name, &number, NULL);
	return r == -ENOENT || (r == 0 && number != word->number);
}

bool rule_is_stale(const struct rule *rule)
{
	for (size_t i = 0; i < rule->word_count; i++)
		if (subject_word_is_stale(&rule->words[i]))
			return true;
	return false;
}
