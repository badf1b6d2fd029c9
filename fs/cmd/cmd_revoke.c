/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_revoke.c - `revoke VAULT RULE... | --user NAME`: in effect before it returns, open handles
 * and mappings included; says by what the user may still read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/options.h"
#include "fs/cmd/vault.h"

struct numbers {
	uint64_t *all;
	size_t count;
};

static int add_number(struct numbers *numbers, uint64_t number)
{
	uint64_t *grown;

	for (size_t i = 0; i < numbers->count; i++) {
		if (numbers->all[i] == number)
			return 0;
	}
	grown = reallocarray(numbers->all, numbers->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	numbers->all = grown;
	grown[numbers->count++] = number;
	return 0;
}

/* The rules named as operands. */
static int collect_operands(struct vault *vault, struct verb_call *call, struct numbers *numbers)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	const char *text;
	uint64_t number;

	for (size_t i = 0; (text = verb_operand(call, i, NULL)); i++) {
		if (number_from_text(text, INT64_MAX, &number) < 0) {
			complain(call->output,
				"revoke: '%s' is no rule number; `modelvault rules %s` lists "
				"them, --user NAME takes all of a user's",
				text, vault->place.path);
			return EXIT_USAGE;
		}
		if (!ruleset_find(ruleset, number)) {
			complain(call->output, "revoke: there is no rule %llu; nothing was revoked",
				(unsigned long long)number);
			return EXIT_NOT_FOUND;
		}
		if (add_number(numbers, number) < 0)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static bool names_user(const struct rule *rule, uint32_t uid, bool *ret_others)
{
	bool names = false;

	*ret_others = false;
	for (size_t i = 0; i < rule->word_count; i++) {
		if (rule->words[i].kind != WORD_USER)
			continue;
		if (rule->words[i].number == uid)
			names = true;
		else
			*ret_others = true;
	}
	return names;
}

/* The allow rules that name this user and no other. */
static int collect_of_user(struct vault *vault, struct verb_call *call, const struct subject *user,
	struct numbers *numbers)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	int code = EXIT_DONE;

	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct rule *rule = ruleset_at(ruleset, i);
		bool others;

		if (rule->effect != RULE_ALLOW || !names_user(rule, user->uid, &others))
			continue;
		if (others) {
			complain(call->output,
				"revoke: rule %llu names other users too and was left; "
				"revoke it by number, or deny this user",
				(unsigned long long)rule->number);
			code = EXIT_FAILED;
		} else if (add_number(numbers, rule->number) < 0) {
			return EXIT_FAILED;
		}
	}
	return code;
}

/* What still lets the user read something. */
static void remark_still_allowed(
	struct vault *vault, struct verb_call *call, const char *name, const struct subject *user)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	bool any = false;

	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct rule *rule = ruleset_at(ruleset, i);
		scope_buffer struct buffer words = {0};

		if (rule->effect != RULE_ALLOW || !(rule->permissions & PERMISSION_READ) ||
			!rule_matches_subject(rule, user))
			continue;
		if (rule_describe(rule, &words) == 0)
			remark(call->output, "%s may still read by: %s", name, buffer_text(&words));
		any = true;
	}
	if (!any)
		remark(call->output, "no rule lets %s read anything any more", name);
}

static int revoke_numbers(
	struct vault *vault, struct verb_call *call, const struct numbers *numbers)
{
	scope(policy_change_free) struct policy_change *change = NULL;
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	scope_buffer struct buffer words = {0};
	struct gate_effect effect;
	int r;

	for (size_t i = 0; i < numbers->count; i++) {
		const struct rule *rule = ruleset_find(ruleset, numbers->all[i]);

		buffer_add_text(&words, i ? "; " : "");
		if (rule && rule_describe(rule, &words) < 0)
			return EXIT_FAILED;
	}
	r = policy_prepare_revoke(vault->policy, numbers->all, numbers->count, &change);
	if (r < 0) {
		complain(call->output, "revoke: %s", result_text(r));
		return exit_code_of(r);
	}
	r = vault_change_rules(
		vault, call, AUDIT_REVOKE, &change, true, buffer_text(&words), &effect);
	if (r < 0)
		return exit_code_of(r);
	remark(call->output, "revoked: %s; %llu open handle%s ended", buffer_text(&words),
		(unsigned long long)effect.ended, plural(effect.ended));
	return r == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int revoke_locked(struct vault *vault, struct verb_call *call, const char *name,
	const struct subject *user, struct numbers *numbers)
{
	int code, collected;

	collected = name ? collect_of_user(vault, call, user, numbers)
			 : collect_operands(vault, call, numbers);
	if (!name && collected != EXIT_DONE)
		return collected;
	if (!numbers->count) {
		complain(call->output, "revoke: no rule names %s alone", name ? name : "");
		return collected == EXIT_DONE ? EXIT_NOT_FOUND : collected;
	}
	code = revoke_numbers(vault, call, numbers);
	return code == EXIT_DONE ? collected : code;
}

int verb_revoke(struct vault *vault, struct verb_call *call)
{
	const char *name = message_get(call->request, "user", NULL);
	struct numbers numbers = {0};
	struct subject user = {0};
	int code;

	if (!name == !verb_operand(call, 0, NULL)) {
		complain(call->output, "revoke: give either rule numbers or --user NAME");
		return EXIT_USAGE;
	}
	if (name && subject_of_user(name, &user) < 0) {
		complain(call->output, "revoke: there is no user %s; a number works too", name);
		return EXIT_NOT_FOUND;
	}
	pthread_mutex_lock(&vault->changing);
	code = revoke_locked(vault, call, name, &user, &numbers);
	pthread_mutex_unlock(&vault->changing);
	if (name)
		remark_still_allowed(vault, call, name, &user);
	subject_done(&user);
	free(numbers.all);
	return code;
}
