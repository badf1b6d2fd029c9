/* SPDX-License-Identifier: Apache-2.0 */
/* dispatch.c - brings a request to its verb, and judges whether the caller may call it. */
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/vault_access.h"

const char *verb_operand(const struct verb_call *call, size_t index, size_t *ret_len)
{
	return message_at(call->request, "arg", index, ret_len);
}

bool verb_flag(const struct verb_call *call, const char *name)
{
	return message_has(call->request, name);
}

bool caller_holds(struct vault *vault, const struct verb_call *call, enum role role)
{
	return call->by_slot || policy_holds_role(vault->policy, role, call->caller);
}

/* Rows of roles that somebody edited make nobody an admin; a mount must go away all the same. */
static bool may_call_broken(
	struct vault *vault, const struct verb_call *call, const struct command *command)
{
	return command->when_broken && call->caller->uid == geteuid() &&
	       policy_is_broken(vault->policy);
}

static bool may_call(struct vault *vault, const struct verb_call *call, enum needed_role needs)
{
	switch (needs) {
	case NEEDS_NOTHING:
		return true;
	case NEEDS_ADMIN:
		return caller_holds(vault, call, ROLE_ADMIN);
	case NEEDS_AUDITOR:
		return caller_holds(vault, call, ROLE_AUDITOR);
	case NEEDS_CUSTODIAN:
		return caller_holds(vault, call, ROLE_CUSTODIAN);
	case NEEDS_ADMIN_OR_AUDITOR:
		return caller_holds(vault, call, ROLE_ADMIN) ||
		       caller_holds(vault, call, ROLE_AUDITOR);
	case NEEDS_ANY_ROLE:
		return caller_holds(vault, call, ROLE_ADMIN) ||
		       caller_holds(vault, call, ROLE_AUDITOR) ||
		       caller_holds(vault, call, ROLE_CUSTODIAN);
	}
	return false;
}

static const char *const needed_words[] = {
	[NEEDS_NOTHING] = "",
	[NEEDS_ADMIN] = "the role admin",
	[NEEDS_AUDITOR] = "the role auditor",
	[NEEDS_CUSTODIAN] = "the role custodian",
	[NEEDS_ADMIN_OR_AUDITOR] = "the role admin or auditor",
	[NEEDS_ANY_ROLE] = "one of the roles admin, auditor and custodian",
};

static void record_refusal(struct vault *vault, const struct verb_call *call, const char *what)
{
	struct audit_event event = vault_event(call, AUDIT_COMMAND);

	event.outcome = AUDIT_REFUSE;
	event.reason = REASON_NO_ROLE;
	event.detail = what;
	audit_append_wait(vault->audit, &event, false);
}

int verb_require(struct vault *vault, struct verb_call *call, const struct command *command,
	enum needed_role needs)
{
	if (may_call(vault, call, needs) || may_call_broken(vault, call, command))
		return EXIT_DONE;
	record_refusal(vault, call, command->name);
	/* import-begin and the like are import to the user. */
	complain(call->output, "%.*s: refused: it needs %s",
		command->internal ? (int)strcspn(command->name, "-") : INT_MAX, command->name,
		needed_words[needs]);
	return EXIT_REFUSED;
}

int caller_must_hold(
	struct vault *vault, const struct verb_call *call, enum role role, const char *what)
{
	if (caller_holds(vault, call, role))
		return EXIT_DONE;
	record_refusal(vault, call, what);
	complain(call->output, "%s: refused: it needs the role %s", what, role_name(role));
	return EXIT_REFUSED;
}

int verb_perform(struct vault *vault, struct verb_call *call)
{
	const char *name = message_get(call->request, "verb", NULL);
	const struct command *command = name ? command_find(name) : NULL;
	int code;

	if (!command || !command->verb) {
		complain(call->output,
			"the server does not know this command; is it of another version?");
		return EXIT_USAGE;
	}
	code = verb_require(vault, call, command, command->needs);
	return code == EXIT_DONE ? command->verb(vault, call) : code;
}

int run_verb(struct invocation *invocation)
{
	scope(access_close) struct vault_access *access = NULL;
	scope(access_line_free) struct access_line *line = NULL;
	struct output output = output_to_terminal();
	int code, r;

	code = access_open(invocation, &access, &output);
	if (code != EXIT_DONE)
		return code;
	r = access_line_new(access, &line);
	if (r < 0) {
		complain(&output, "%s", result_text(r));
		return EXIT_FAILED;
	}
	return access_call(line, invocation->request, &output);
}
