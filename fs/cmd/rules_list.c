/* SPDX-License-Identifier: Apache-2.0 */
/* rules_list.c - `rules VAULT [list] [--json]`: each rule, its conditions, and what is the matter.
 */
#include <errno.h>
#include <string.h>

#include "fs/cmd/rules_verbs.h"
#include "keystore/base/json.h"
#include "policy/rule_text.h"

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

static int json_of_rule(struct json *json, const struct rule *rule)
{
	char permissions[PERMISSIONS_TEXT_SIZE];
	int r;

	permissions_to_text(rule->permissions, permissions);
	json_int(json, "rule", (int64_t)rule->number);
	json_text(json, "effect", rule->effect == RULE_ALLOW ? "allow" : "deny");
	json_text(json, "perms", permissions);
	json_bytes(json, "pattern", rule->pattern, rule->pattern_len);
	r = json_of_subjects(json, rule);
	if (r < 0)
		return r;
	json_time(json, "created", rule->created_ns);
	json_int(json, "created_by", rule->created_by);
	json_bool(json, "stale", rule_is_stale(rule));
	return 0;
}

int rules_list_verb(struct vault *vault, struct verb_call *call)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	int r = 0;

	if (policy_is_broken(vault->policy))
		complain(call->output,
			"the rules in keystore.db were changed by somebody without a key: "
			"every open is refused (seal-broken) until it is restored");
	for (size_t i = 0; i < ruleset_count(ruleset) && r == 0; i++) {
		const struct rule *rule = ruleset_at(ruleset, i);
		scope_buffer struct buffer line = {0};

		if (verb_flag(call, "json")) {
			scope(json_free) struct json *json = json_new();

			r = json_of_rule(json, rule);
			if (r == 0)
				r = json_line(json, &line);
		} else {
			buffer_add_format(&line, "%llu ", (unsigned long long)rule->number);
			r = rule_to_text(rule, &line);
			if (rule_is_stale(rule))
				buffer_add_text(
					&line, "  (stale: the name has another number now)");
			buffer_add_text(&line, "\n");
		}
		if (r == 0)
			say_bytes(call->output, line.data, line.len);
	}
	if (r < 0)
		complain(call->output, "rules: %s", result_text(r));
	return r < 0 ? EXIT_FAILED : policy_is_broken(vault->policy) ? EXIT_INTEGRITY : EXIT_DONE;
}
