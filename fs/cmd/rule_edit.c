/* SPDX-License-Identifier: Apache-2.0 */
/* rule_edit.c - prepares a change, judges it, and takes it through its steps. */
#include "fs/cmd/rule_edit.h"

#include <errno.h>
#include <stdio.h>

#include "fs/cmd/rule_preview.h"
#include "policy/rule_text.h"
#include "policy/self_grant.h"
#include "policy/shell_word.h"
#include "policy/user_database.h"

/* One change on its way. */
struct edit_in_work {
	struct vault *vault;
	struct verb_call *call;
	const struct rule_edit *edit;
	struct ruleset *before, *after;
	const char *words;
	bool moves_zone;      /* no rule changes, but when hours and days begin */
	enum reason refused;  /* why it is not done */
	enum reason recorded; /* an uncommon reason why it is */
	enum role role;	      /* refused for this one */
	bool puts_out_others; /* from the roles over the vault: nobody but the author is left */
};

static bool subject_gains(const struct edit_in_work *work, const struct subject *subject)
{
	uint64_t rule;

	return work->moves_zone ? self_grant_gains_by_zone(work->before, subject, &rule)
				: self_grant_gains(work->before, work->after, subject, &rule);
}

/*
 * As he is now, and as he would be after logging in: a group that he can take at any time, or a
 * login of his own, is his.
 */
static bool author_gains(const struct edit_in_work *work)
{
	const struct subject *caller = work->call->caller;
	struct subject login;
	char number[16];
	bool gains;

	if (subject_gains(work, caller))
		return true;
	/* Taking away waits for no user database: it may be asked over the network. */
	if (work->edit->taking_away)
		return false;
	snprintf(number, sizeof(number), "%u", caller->uid);
	if (caller->uid == SUBJECT_ID_UNKNOWN || subject_of_user(number, &login) < 0)
		return false;
	login.loginuid = login.uid;
	gains = subject_gains(work, &login);
	subject_done(&login);
	return gains;
}

/* A group that nobody is in holds nothing. */
static bool is_held(const struct role_members *members, enum role role)
{
	for (size_t i = 0; i < members->count; i++) {
		const struct role_member *member = &members->list[i];

		if (strcmp(member->role, role_name(role)) == 0 &&
			(member->kind == WORD_USER || group_has_anybody(member->number)))
			return true;
	}
	return false;
}

static bool leaves_no_holder(const struct edit_in_work *work, enum role *ret_role)
{
	if (!work->edit->edit.members)
		return false;
	for (int role = 0; role < ROLE_COUNT; role++) {
		*ret_role = role;
		if (!is_held(ruleset_members(work->after), role) &&
			role_has_members(ruleset_members(work->before), role_name(role)))
			return true;
	}
	return false;
}

static bool author_is_alone(const struct edit_in_work *work, const struct ruleset *ruleset)
{
	return self_grant_is_one_person(ruleset_members(ruleset), work->call->caller->uid);
}

static void judge(struct edit_in_work *work)
{
	bool by_slot = work->call->by_slot, was_alone = author_is_alone(work, work->before);

	/* Who puts out all others might give himself anything next. */
	work->puts_out_others = !by_slot && !was_alone && author_is_alone(work, work->after);
	if (leaves_no_holder(work, &work->role))
		work->refused = REASON_LAST_HOLDER;
	else if (by_slot || (!work->puts_out_others && !author_gains(work)))
		return;
	else if (was_alone)
		work->recorded = REASON_SELF_GRANT;
	else
		work->refused = REASON_SELF_GRANT;
}

/*
 * Who is denied for good what the one new rule gives does not gain by it: how he may deny himself,
 * appended; nothing when the rule is for him by name, or is not alone.
 */
static void add_own_deny(const struct edit_in_work *work, struct buffer *to)
{
	const struct rule *rule = work->edit->edit.added;
	scope_free char *name = NULL;
	uint32_t uid = work->call->caller->uid;

	if (work->edit->edit.added_count != 1 || work->edit->edit.removed_count)
		return;
	for (size_t i = 0; i < rule->word_count; i++)
		if (subject_word_has_number(rule->words[i].kind) &&
			rule->words[i].kind != WORD_GROUP && rule->words[i].number == uid)
			return;
	buffer_add_format(
		to, ", or first deny yourself: modelvault deny %s user:", work->vault->place.path);
	if (user_by_number(uid, &name, &(uint32_t){0}) == 0)
		buffer_add_text(to, name);
	else
		buffer_add_format(to, "%u", uid);
	buffer_add_text(to, " read ");
	shell_word_write(rule->pattern, rule->pattern_len, to);
}

/* Why it is not done, as a line. */
static void explain_refusal(const struct edit_in_work *work, const char *verb)
{
	struct output *output = work->call->output;
	const char *command = work->edit->command;
	scope_buffer struct buffer instead = {0};

	if (work->refused != REASON_LAST_HOLDER)
		add_own_deny(work, &instead);
	if (work->refused == REASON_LAST_HOLDER)
		complain(output,
			"%s: %s: %s would have no holder left (last-holder); add another first: "
			"`modelvault role %s add %s user:NAME`",
			command, verb, role_name(work->role), work->vault->place.path,
			role_name(work->role));
	else if (work->puts_out_others)
		complain(output,
			"%s: %s: you would be the only one left with a role over the vault, who "
			"may give himself anything to read (self-grant); another admin must do it",
			command, verb);
	else
		complain(output,
			"%s: %s: you could read more by it yourself (self-grant); another admin "
			"must do it%s",
			command, verb, buffer_text(&instead));
}

static int refuse(const struct edit_in_work *work)
{
	struct audit_event event = vault_event(work->call, work->edit->action);
	int r;

	event.outcome = AUDIT_REFUSE;
	event.reason = work->refused;
	event.detail = work->words;
	r = audit_append_wait(work->vault->audit, &event, false);
	if (r < 0)
		complain(work->call->output, "%s: the refusal could not be recorded: %s",
			work->edit->command, result_text(r));
	explain_refusal(work, "refused");
	return EXIT_REFUSED;
}

/* It takes a while, and the client may be slow: changes need not wait for it. */
static int show(const struct edit_in_work *work)
{
	int r;

	pthread_mutex_unlock(&work->vault->changing);
	r = rule_preview_show(
		work->vault, work->call, work->edit, work->before, work->after, work->refused);
	pthread_mutex_lock(&work->vault->changing);
	if (r < 0)
		return exit_code_of(r);
	if (work->refused != REASON_NONE)
		explain_refusal(work, "it would be refused");
	return EXIT_DONE;
}

static void remark_on_self_grant(const struct edit_in_work *work)
{
	if (work->recorded == REASON_SELF_GRANT)
		remark(work->call->output,
			"you could read more by this yourself; as nobody else has a role over this "
			"vault it was done, and recorded as self-grant");
}

static int make(const struct edit_in_work *work, struct policy_change **change,
	struct gate_effect *ret_effect)
{
	const struct change_record record = {
		.action = work->edit->action, .reason = work->recorded, .words = work->words};
	int r;

	r = vault_change_rules(
		work->vault, work->call, &record, change, work->edit->taking_away, ret_effect);
	if (r >= 0)
		remark_on_self_grant(work);
	return r < 0 ? exit_code_of(r) : r == 0 ? EXIT_DONE : EXIT_FAILED;
}

/* The rules that go, and those that come. */
static int describe(const struct edit_in_work *work, struct buffer *to)
{
	const struct policy_edit *edit = &work->edit->edit;
	int r = 0;

	for (size_t i = 0; i < edit->removed_count && r == 0; i++) {
		const struct rule *rule = ruleset_find(work->before, edit->removed[i]);

		buffer_add_text(to, to->len ? "; " : "");
		r = rule ? rule_describe(rule, to) : 0;
	}
	for (size_t i = 0; i < edit->added_count && r == 0; i++) {
		buffer_add_text(to, to->len ? "; " : "");
		r = rule_describe(&edit->added[i], to);
	}
	return r;
}

static int perform(
	struct edit_in_work *work, struct policy_change **change, struct gate_effect *ret_effect)
{
	scope_buffer struct buffer words = {0};

	work->words = work->edit->words;
	if (!work->words) {
		if (describe(work, &words) < 0) {
			complain(work->call->output, "%s: out of memory", work->edit->command);
			return EXIT_FAILED;
		}
		work->words = buffer_text(&words);
	}
	judge(work);
	if (verb_flag(work->call, "dry-run"))
		return show(work);
	return work->refused != REASON_NONE ? refuse(work) : make(work, change, ret_effect);
}

int rule_edit_perform(struct vault *vault, struct verb_call *call, struct rule_edit *edit,
	struct gate_effect *ret_effect, struct ruleset **ret_after)
{
	scope(policy_change_free) struct policy_change *change = NULL;
	scope(ruleset_unref) struct ruleset *before = policy_ruleset(vault->policy), *after = NULL;
	struct edit_in_work work = {vault, call, edit, .before = before};
	int code, r;

	*ret_effect = (struct gate_effect){0};
	r = policy_prepare(vault->policy, &edit->edit, &change);
	if (r == -EBADMSG)
		complain(call->output,
			"%s: the rules in keystore.db were changed by somebody without a key; "
			"nothing can be changed until it is restored",
			edit->command);
	else if (r < 0)
		complain(call->output, "%s: %s", edit->command, result_text(r));
	if (r < 0)
		return exit_code_of(r);
	work.after = after = ruleset_ref(policy_change_ruleset(change));
	code = perform(&work, &change, ret_effect);
	if (ret_after)
		*ret_after =
			verb_flag(call, "dry-run") ? take(&after) : policy_ruleset(vault->policy);
	return code;
}

int rule_edit_judge_zone(
	struct vault *vault, struct verb_call *call, const char *words, enum reason *ret_recorded)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	const struct rule_edit edit = {.command = "mode", .action = AUDIT_MODE};
	struct edit_in_work work = {vault, call, &edit, .before = ruleset, .after = ruleset};

	work.words = words;
	work.moves_zone = true;
	judge(&work);
	*ret_recorded = work.recorded;
	if (verb_flag(call, "dry-run")) {
		if (work.refused != REASON_NONE)
			explain_refusal(&work, "it would be refused");
		return EXIT_DONE;
	}
	if (work.refused != REASON_NONE)
		return refuse(&work);
	remark_on_self_grant(&work);
	return EXIT_DONE;
}
