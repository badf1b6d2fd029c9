/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mode_learn.c - `mode VAULT learn SUBJECT... PATTERN --for D`: a rule that lets read, and records
 * as learned, what no rule allows. `mode VAULT enforce` ends all of them, open handles included.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/grant_check.h"
#include "fs/cmd/mode_verbs.h"
#include "fs/cmd/pattern_meant.h"
#include "fs/cmd/rule_edit.h"
#include "keystore/base/clock.h"
#include "policy/learning.h"
#include "policy/permission.h"

/* The operands as those of grant: read is all that is learned, and need not be said. */
static int subject_and_pattern(struct verb_call *call, struct rule *ret_rule, char **ret_mistake)
{
	size_t count = message_count(call->request, "arg") - 1, used = 0;
	const char **words = calloc(count + 1, sizeof(*words));
	unsigned said;
	int r;

	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i + 1 < count; i++)
		words[used++] = verb_operand(call, i + 1, NULL);
	if (used == 0 || permissions_from_text(words[used - 1], &said) < 0)
		words[used++] = "read";
	words[used++] = verb_operand(call, count, NULL);
	r = rule_from_words(RULE_LEARN, words, used, ret_rule, ret_mistake);
	free(words);
	return r;
}

static int parse(struct verb_call *call, struct rule *rule, char **ret_mistake)
{
	static const char *const conditions[] = {"for", "note"};
	int64_t now_ns = clock_now_ns();
	const char *mistake;
	int r;

	r = subject_and_pattern(call, rule, ret_mistake);
	for (size_t i = 0; i < ARRAY_SIZE(conditions) && r == 0; i++) {
		const char *value = message_get(call->request, conditions[i], NULL);

		if (value)
			r = rule_condition_set(
				&rule->condition, conditions[i], value, now_ns, ret_mistake);
	}
	mistake = r == 0 ? learning_mistake(rule, now_ns) : NULL;
	if (mistake) {
		*ret_mistake = strdup(mistake);
		return -EINVAL;
	}
	return r;
}

static int perform(struct vault *vault, struct verb_call *call, struct rule_edit *edit,
	struct gate_effect *ret_effect)
{
	int code;

	pthread_mutex_lock(&vault->changing);
	code = grant_check_pattern(vault, call, edit->edit.added);
	if (code == EXIT_DONE)
		code = rule_edit_perform(vault, call, edit, ret_effect, NULL);
	pthread_mutex_unlock(&vault->changing);
	return code;
}

static int add_rule(struct vault *vault, struct verb_call *call, struct rule *rule)
{
	scope_buffer struct buffer words = {0}, described = {0};
	struct gate_effect effect;
	struct rule_edit edit = {
		.command = "mode", .action = AUDIT_MODE, .edit = {.added = rule, .added_count = 1}};
	int code;

	rule->created_ns = clock_now_ns();
	rule->created_by = call->caller->uid;
	if (rule_to_text(rule, &words) < 0)
		return EXIT_FAILED;
	edit.words = buffer_text(&words);
	code = perform(vault, call, &edit, &effect);
	if (code != EXIT_DONE || verb_flag(call, "dry-run"))
		return code;
	say(call->output, "%llu\n", (unsigned long long)rule->number);
	if (rule_describe(rule, &described) == 0)
		remark(call->output, "%s", buffer_text(&described));
	pattern_remark(vault, call->output, rule, grant_matching_files(vault, rule));
	remark(call->output, "Next: modelvault rules %s suggest", vault->place.path);
	return EXIT_DONE;
}

int mode_learn_verb(struct vault *vault, struct verb_call *call)
{
	scope_rule struct rule rule = {0};
	scope_free char *mistake = NULL;
	int code, r;

	code = caller_must_hold(vault, call, ROLE_ADMIN, "mode learn");
	if (code == EXIT_DONE)
		code = caller_must_hold(vault, call, ROLE_CUSTODIAN, "mode learn");
	if (code != EXIT_DONE)
		return code;
	r = parse(call, &rule, &mistake);
	if (r < 0) {
		complain(call->output, "mode learn: %s", mistake ? mistake : result_text(r));
		return r == -EINVAL ? EXIT_USAGE : exit_code_of(r);
	}
	return add_rule(vault, call, &rule);
}

/* All learn rules, those that are over too. */
static int collect_learning(
	const struct ruleset *ruleset, uint64_t **ret_numbers, size_t *ret_count)
{
	size_t count = ruleset_count(ruleset);
	uint64_t *numbers = calloc(count + 1, sizeof(*numbers));

	if (!numbers)
		return -ENOMEM;
	*ret_count = 0;
	for (size_t i = 0; i < count; i++)
		if (ruleset_at(ruleset, i)->effect == RULE_LEARN)
			numbers[(*ret_count)++] = ruleset_at(ruleset, i)->number;
	*ret_numbers = numbers;
	return 0;
}

static int enforce_locked(struct vault *vault, struct verb_call *call)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	scope_free uint64_t *numbers = NULL;
	scope_buffer struct buffer words = {0};
	struct rule_edit edit = {.command = "mode", .action = AUDIT_MODE, .taking_away = true};
	struct gate_effect effect;
	size_t count;
	int code;

	if (collect_learning(ruleset, &numbers, &count) < 0)
		return EXIT_FAILED;
	if (!count) {
		remark(call->output, "nothing is being learned");
		return EXIT_DONE;
	}
	buffer_add_format(&words, "enforce: %zu learn rule%s ended", count, plural(count));
	edit.words = buffer_text(&words);
	edit.edit.removed = numbers;
	edit.edit.removed_count = count;
	code = rule_edit_perform(vault, call, &edit, &effect, NULL);
	if (code == EXIT_DONE && !verb_flag(call, "dry-run"))
		remark(call->output, "%zu learn rule%s ended; %llu open handle%s ended", count,
			plural(count), (unsigned long long)effect.ended, plural(effect.ended));
	return code;
}

int mode_enforce_verb(struct vault *vault, struct verb_call *call)
{
	int code = caller_must_hold(vault, call, ROLE_ADMIN, "mode enforce");

	if (code != EXIT_DONE)
		return code;
	pthread_mutex_lock(&vault->changing);
	code = enforce_locked(vault, call);
	pthread_mutex_unlock(&vault->changing);
	return code;
}
