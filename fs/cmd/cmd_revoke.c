/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_revoke.c - `revoke VAULT RULE... | --user NAME [--all] [--kill] [--dry-run [--json]]`: in
 * effect before it returns, open handles and mappings included; says by what the user may still
 * read.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/end_process.h"
#include "fs/cmd/options.h"
#include "fs/cmd/rule_edit.h"
#include "fs/cmd/vault_access.h"
#include "keystore/base/clock.h"

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

/* "#1", "rule:1", "1,2": the numbers in it, appended with blanks between; false: other bytes. */
static bool numbers_meant(const char *text, struct buffer *to)
{
	if (strncmp(text, "rule", 4) == 0)
		text += 4;
	for (text += strspn(text, ":#= "); *text; text += strspn(text, ", ")) {
		size_t len = strspn(text, "0123456789");

		if (len == 0)
			return false;
		buffer_add_text(to, to->len ? " " : "");
		buffer_add(to, text, len);
		text += len;
		if (*text && !strchr(", ", *text))
			return false;
	}
	return to->len > 0;
}

static void complain_about_number(struct vault *vault, struct verb_call *call, const char *text)
{
	scope_buffer struct buffer meant = {0};

	if (strncmp(text, "user:", 5) == 0 && text[5] && !strchr(text, ' '))
		complain(call->output,
			"revoke: '%s' is no rule number; for all of a user's: --user %s", text,
			text + 5);
	else if (numbers_meant(text, &meant))
		complain(call->output, "revoke: '%s' is no rule number; did you mean %s?", text,
			buffer_text(&meant));
	else
		complain(call->output,
			"revoke: '%s' is no rule number; `modelvault rules %s` lists them, --user "
			"NAME takes all of a user's",
			text, vault->place.path);
}

/* The rules named as operands. */
static int collect_operands(struct vault *vault, struct verb_call *call, struct numbers *numbers)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	const char *text;
	uint64_t number;

	for (size_t i = 0; (text = verb_operand(call, i, NULL)); i++) {
		if (number_from_text(text, INT64_MAX, &number) < 0) {
			complain_about_number(vault, call, text);
			return EXIT_USAGE;
		}
		if (!ruleset_find(ruleset, number)) {
			complain(call->output,
				"revoke: there is no rule %llu; nothing was revoked; `modelvault "
				"rules %s` lists them",
				(unsigned long long)number, vault->place.path);
			return EXIT_NOT_FOUND;
		}
		if (add_number(numbers, number) < 0)
			return EXIT_FAILED;
	}
	return EXIT_DONE;
}

/* By user: or loginuid:; the role that he is in is for `role`. */
static bool names_user(const struct rule *rule, uint32_t uid, bool *ret_others)
{
	bool names = false;

	*ret_others = false;
	for (size_t i = 0; i < rule->word_count; i++) {
		if (rule->words[i].kind != WORD_USER && rule->words[i].kind != WORD_LOGINUID)
			continue;
		if (rule->words[i].number == uid)
			names = true;
		else
			*ret_others = true;
	}
	return names;
}

/* What allows (or learns) and names this user and, unless --all is given, no other. */
static int collect_of_user(struct vault *vault, struct verb_call *call, const struct subject *user,
	struct numbers *numbers)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	bool all = verb_flag(call, "all");
	int code = EXIT_DONE;

	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct rule *rule = ruleset_at(ruleset, i);
		bool others;

		if (rule->effect == RULE_DENY || !names_user(rule, user->uid, &others))
			continue;
		if (others && !all) {
			complain(call->output,
				"revoke: rule %llu names other users too and was left; --all takes "
				"it from them as well, or deny this user",
				(unsigned long long)rule->number);
			code = EXIT_FAILED;
			continue;
		}
		if (others)
			remark(call->output, "rule %llu goes for the other users it names too",
				(unsigned long long)rule->number);
		if (add_number(numbers, rule->number) < 0)
			return EXIT_FAILED;
	}
	return code;
}

/* " (as one of vision)": roles of the rule that he is in. */
static void add_roles(const struct ruleset *ruleset, const struct rule *rule,
	const struct subject *user, struct buffer *to)
{
	const char *before = " (as one of ";

	for (size_t i = 0; i < rule->word_count; i++) {
		if (rule->words[i].kind != WORD_ROLE ||
			!role_members_hold(ruleset_members(ruleset), rule->words[i].name, user))
			continue;
		buffer_add_format(to, "%s%s", before, rule->words[i].name);
		before = ", ";
	}
	if (*before == ',')
		buffer_add_text(to, ")");
}

/* What lets the user read something under this set. */
static void remark_still_allowed(const struct ruleset *ruleset, struct verb_call *call,
	const char *name, const struct subject *user)
{
	int64_t now_ns = clock_now_ns();
	bool any = false;

	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct rule *rule = ruleset_at(ruleset, i);
		scope_buffer struct buffer words = {0};

		if (rule->effect == RULE_DENY || !(rule->permissions & PERMISSION_READ) ||
			!rule_may_concern(ruleset, i, user))
			continue;
		if (rule->condition.until_ns && rule->condition.until_ns <= now_ns)
			continue;
		if (rule_describe(rule, &words) == 0) {
			add_roles(ruleset, rule, user, &words);
			remark(call->output, "%s may still read by: %s", name, buffer_text(&words));
		}
		any = true;
	}
	if (!any)
		remark(call->output, "no rule lets %s read anything any more", name);
}

static int copy_process(void *arg, const struct handle_info *info)
{
	struct buffer *text = arg;

	buffer_add_format(
		text, "process %ld %llu\n", (long)info->pid, (unsigned long long)info->start_time);
	return text->failed ? -ENOMEM : 0;
}

/* For the client, who ends them with his own rights. */
static int name_processes(struct vault *vault, struct verb_call *call, uint64_t ending)
{
	scope_buffer struct buffer text = {0};

	if (gate_each_ended(vault->gate, ending, copy_process, &text) < 0)
		return EXIT_FAILED;
	say_bytes(call->output, text.data, text.len);
	return EXIT_DONE;
}

/* Lifting a deny may give access; all else takes it away. */
static bool only_takes_away(const struct ruleset *ruleset, const struct numbers *numbers)
{
	for (size_t i = 0; i < numbers->count; i++) {
		const struct rule *rule = ruleset_find(ruleset, numbers->all[i]);

		if (rule && rule->effect == RULE_DENY)
			return false;
	}
	return true;
}

static int describe_rules(
	const struct ruleset *ruleset, const struct numbers *numbers, struct buffer *to)
{
	int r = 0;

	for (size_t i = 0; i < numbers->count && r == 0; i++) {
		const struct rule *rule = ruleset_find(ruleset, numbers->all[i]);

		buffer_add_text(to, i ? "; " : "");
		r = rule ? rule_describe(rule, to) : 0;
	}
	return r;
}

static bool has_any(const struct ruleset *ruleset, const struct numbers *numbers)
{
	for (size_t i = 0; i < numbers->count; i++)
		if (ruleset_find(ruleset, numbers->all[i]))
			return true;
	return false;
}

/* ret_after: the set that is in force, or would be. The caller unrefs it. */
static int revoke_numbers(struct vault *vault, struct verb_call *call,
	const struct numbers *numbers, struct ruleset **ret_after)
{
	scope(ruleset_unref) struct ruleset *before = policy_ruleset(vault->policy);
	scope_buffer struct buffer words = {0};
	struct rule_edit edit = {
		.command = "revoke",
		.action = AUDIT_REVOKE,
		.edit = {.removed = numbers->all, .removed_count = numbers->count},
		.taking_away = only_takes_away(before, numbers),
	};
	struct gate_effect effect;
	int code;

	if (describe_rules(before, numbers, &words) < 0)
		return EXIT_FAILED;
	edit.words = buffer_text(&words);
	code = rule_edit_perform(vault, call, &edit, &effect, ret_after);
	/* In force, though perhaps not saved. */
	if (verb_flag(call, "dry-run") || !*ret_after || has_any(*ret_after, numbers))
		return code;
	remark(call->output, "revoked: %s; %llu open handle%s ended", buffer_text(&words),
		(unsigned long long)effect.ended, plural(effect.ended));
	if (verb_flag(call, "kill") && name_processes(vault, call, effect.ending) != EXIT_DONE)
		return EXIT_FAILED;
	return code;
}

static int revoke_locked(struct vault *vault, struct verb_call *call, const char *name,
	const struct subject *user, struct ruleset **ret_after)
{
	struct numbers numbers = {0};
	int code, collected;

	collected = name ? collect_of_user(vault, call, user, &numbers)
			 : collect_operands(vault, call, &numbers);
	if (!name && collected != EXIT_DONE) {
		code = collected;
	} else if (!numbers.count) {
		complain(call->output,
			"revoke: no rule names %s%s; what reaches him otherwise is taken by `role "
			"remove`, or for good by `modelvault deny %s user:%s read '**'`",
			name ? name : "", verb_flag(call, "all") ? "" : " alone", vault->place.path,
			name ? name : "");
		code = collected == EXIT_DONE ? EXIT_NOT_FOUND : collected;
	} else {
		code = revoke_numbers(vault, call, &numbers, ret_after);
		code = code == EXIT_DONE ? collected : code;
	}
	free(numbers.all);
	return code;
}

int verb_revoke(struct vault *vault, struct verb_call *call)
{
	const char *name = message_get(call->request, "user", NULL);
	scope(ruleset_unref) struct ruleset *after = NULL;
	struct subject user = {0};
	int code;

	if (!name == !verb_operand(call, 0, NULL)) {
		complain(call->output, "revoke: give either rule numbers or --user NAME");
		return EXIT_USAGE;
	}
	if (!name && verb_flag(call, "all")) {
		complain(call->output, "revoke: --all goes with --user NAME");
		return EXIT_USAGE;
	}
	if (verb_flag(call, "json") && !verb_flag(call, "dry-run")) {
		complain(call->output, "revoke: --json goes with --dry-run");
		return EXIT_USAGE;
	}
	if (name && subject_of_user(name, &user) < 0) {
		complain(call->output, "revoke: there is no user %s; a number works too", name);
		return EXIT_NOT_FOUND;
	}
	/* By a login of his own, too. */
	user.loginuid = user.uid;
	pthread_mutex_lock(&vault->changing);
	code = revoke_locked(vault, call, name, &user, &after);
	pthread_mutex_unlock(&vault->changing);
	if (!after)
		after = policy_ruleset(vault->policy);
	if (name)
		remark_still_allowed(after, call, name, &user);
	subject_done(&user);
	return code;
}

/* ---- in front of it: --kill ---- */

struct named {
	struct buffer text; /* the verb's standard output */
	struct output *output;
};

static int keep_processes(void *arg, int stream, const void *bytes, size_t len)
{
	struct named *named = arg;

	if (stream != 1)
		return named->output->write(named->output->arg, stream, bytes, len);
	buffer_add(&named->text, bytes, len);
	return named->text.failed ? -ENOMEM : 0;
}

static int end_named(const struct named *named, pid_t server, uint32_t server_user)
{
	struct process *all = NULL, *grown;
	size_t count = 0, left;
	unsigned long long start_time;
	long pid;

	for (const char *at = buffer_text(&named->text); at && *at;
		at = strchr(at, '\n') ? strchr(at, '\n') + 1 : NULL) {
		bool known = false;

		if (sscanf(at, "process %ld %llu", &pid, &start_time) != 2 ||
			!process_is_of_server((pid_t)pid, server_user))
			continue;
		for (size_t i = 0; i < count; i++)
			known = known || all[i].pid == (pid_t)pid;
		if (known)
			continue;
		grown = reallocarray(all, count + 1, sizeof(*grown));
		if (!grown)
			break;
		all = grown;
		all[count++] =
			(struct process){.pid = (pid_t)pid, .start_time = (uint64_t)start_time};
	}
	left = end_processes(all, count, server, named->output);
	free(all);
	return left ? EXIT_FAILED : EXIT_DONE;
}

int run_revoke(struct invocation *invocation)
{
	scope(access_close) struct vault_access *access = NULL;
	scope(access_line_free) struct access_line *line = NULL;
	struct output output = output_to_terminal();
	struct named named = {.output = &output};
	struct output kept = {.write = keep_processes, .arg = &named};
	int code;

	if (!invocation_option(invocation, "kill") || invocation_option(invocation, "dry-run"))
		return run_verb(invocation);
	code = access_open(invocation, &access, &output);
	if (code != EXIT_DONE)
		return code;
	if (access_line_new(access, &line) < 0) {
		complain(&output, "revoke: the server cannot be asked");
		return EXIT_FAILED;
	}
	code = access_call(line, invocation->request, &kept);
	if (end_named(&named, vault_holder(access_place(access)->path),
		    access_line_server_user(line)) != EXIT_DONE &&
		code == EXIT_DONE)
		code = EXIT_FAILED;
	buffer_done(&named.text);
	return code;
}
