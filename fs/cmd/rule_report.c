/* SPDX-License-Identifier: Apache-2.0 */
/* rule_report.c - names of fields are those of the options, with _ for -. */
#include "fs/cmd/rule_report.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keystore/base/clock.h"
#include "keystore/base/limits.h"
#include "policy/permission.h"
#include "policy/rule_text.h"

static const char *const state_words[] = {[RULE_IN_FORCE] = "in-force",
	[RULE_STALE] = "stale",
	[RULE_NOT_YET] = "not-yet",
	[RULE_EXPIRED] = "expired"};
static_assert(ARRAY_SIZE(state_words) == RULE_STATES, "a word for every state");

enum rule_state rule_state_of(const struct rule *rule, int64_t now_ns)
{
	if (rule->condition.until_ns && rule->condition.until_ns <= now_ns)
		return RULE_EXPIRED;
	if (rule->condition.from_ns > now_ns)
		return RULE_NOT_YET;
	return rule_is_stale(rule) ? RULE_STALE : RULE_IN_FORCE;
}

const char *rule_state_word(enum rule_state state)
{
	return state_words[state];
}

const char *rule_state_text(enum rule_state state)
{
	switch (state) {
	case RULE_STALE:
		return "stale: the name has another number now";
	case RULE_NOT_YET:
		return "not yet";
	case RULE_EXPIRED:
		return "expired";
	default:
		return NULL;
	}
}

/* The words of grant, and beside each the number that decides. */
static int json_of_subjects(struct json *json, const struct rule *rule)
{
	const char *subjects[LIMIT_RULE_WORDS];
	int64_t numbers[LIMIT_RULE_WORDS];
	size_t at[LIMIT_RULE_WORDS];
	scope_buffer struct buffer texts = {0};

	if (rule->word_count > LIMIT_RULE_WORDS)
		return -E2BIG;
	for (size_t i = 0; i < rule->word_count; i++) {
		const struct subject_word *word = &rule->words[i];

		at[i] = texts.len;
		buffer_add_format(&texts, "%s%s%s", subject_word_prefix(word->kind),
			word->name ? ":" : "", word->name ? word->name : "");
		buffer_add_u8(&texts, '\0');
		numbers[i] = subject_word_has_number(word->kind) ? (int64_t)word->number : -1;
	}
	if (texts.failed)
		return -ENOMEM;
	for (size_t i = 0; i < rule->word_count; i++)
		subjects[i] = (const char *)texts.data + at[i];
	json_text_array(json, "subjects", subjects, rule->word_count);
	json_number_array(json, "numbers", numbers, rule->word_count);
	return 0;
}

static void add_condition(const struct rule_condition *condition, unsigned index, struct json *json)
{
	scope_buffer struct buffer value = {0};
	char name[32];

	snprintf(name, sizeof(name), "%s", rule_condition_name(index));
	for (char *at = name; *at; at++)
		*at = *at == '-' ? '_' : *at;
	if (!rule_condition_value(condition, index, &value))
		json_unknown(json, name);
	else if (strcmp(name, "from") == 0)
		json_time(json, name, condition->from_ns);
	else if (strcmp(name, "until") == 0)
		json_time(json, name, condition->until_ns);
	else
		json_text(json, name, buffer_text(&value));
}

int rule_to_json(const struct rule *rule, struct json *json)
{
	char permissions[PERMISSIONS_TEXT_SIZE];
	int r;

	permissions_to_text(rule->permissions, permissions);
	if (rule->number)
		json_int(json, "rule", (int64_t)rule->number);
	else
		json_unknown(json, "rule");
	json_text(json, "effect", rule_effect_word(rule->effect));
	json_text(json, "perms", permissions);
	json_bytes(json, "pattern", rule->pattern, rule->pattern_len);
	r = json_of_subjects(json, rule);
	if (r < 0)
		return r;
	for (unsigned i = 0; rule_condition_name(i); i++)
		add_condition(&rule->condition, i, json);
	return 0;
}
