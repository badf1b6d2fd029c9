/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch.c - brings a request to its verb: over the socket to the server that holds the vault,
 * or, only when nobody holds the lock, in this process after unlocking.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/serve.h"
#include "fs/cmd/unlock.h"
#include "fs/cmd/vault.h"
#include "fs/control/client.h"

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
	[NEEDS_ANY_ROLE] = "one of the roles admin, auditor and custodian",
};

int verb_perform(struct vault *vault, struct verb_call *call)
{
	const char *name = message_get(call->request, "verb", NULL);
	const struct command *command = name ? command_find(name) : NULL;
	struct audit_event event;

	if (!command || !command->verb) {
		complain(call->output,
			"the server does not know this command; is it of another version?");
		return EXIT_USAGE;
	}
	if (!may_call(vault, call, command->needs)) {
		event = vault_event(call, AUDIT_COMMAND);
		event.outcome = AUDIT_REFUSE;
		event.reason = REASON_NO_ROLE;
		event.detail = command->name;
		audit_append_wait(vault->audit, &event, false);
		complain(call->output, "%s: refused: it needs %s", command->name,
			needed_words[command->needs]);
		return EXIT_REFUSED;
	}
	return command->verb(vault, call);
}

int subject_of_process(uint32_t uid, uint32_t gid, pid_t pid, struct subject *ret_subject)
{
	struct subject_origin origin = {.uid = uid, .gid = gid, .tid = pid};
	enum reason reason;
	int r;

	r = subject_capture(&origin, ret_subject, &reason);
	if (r < 0)
		subject_done(ret_subject);
	return r;
}

static int call_here(
	struct invocation *invocation, const struct vault_place *place, struct output *output)
{
	scope(vault_close) struct vault *vault = NULL;
	struct unlock_secrets secrets = {0};
	struct verb_call call = {.request = invocation->request, .by_slot = true, .output = output};
	struct subject caller = {0};
	char via[32];
	int code, r;

	r = secret_init();
	if (r < 0) {
		complain(output, "no memory can be locked for keys (%s); raise `ulimit -l`",
			result_text(r));
		return EXIT_FAILED;
	}
	code = unlock_secrets_get(invocation, place->path, &secrets, output);
	if (code == EXIT_DONE)
		code = vault_open(place, &secrets, &vault, output);
	unlock_secrets_done(&secrets);
	if (code != EXIT_DONE)
		return code;
	r = subject_of_process(geteuid(), getegid(), getpid(), &caller);
	if (r < 0) {
		complain(output, "refused: what this process is cannot be told from /proc");
		return EXIT_REFUSED;
	}
	snprintf(via, sizeof(via), "slot %u", vault->slot);
	call.via = via;
	call.caller = &caller;
	code = verb_perform(vault, &call);
	subject_done(&caller);
	return code;
}

int connect_server(const struct vault_place *place, struct control_client **ret_client)
{
	const uint32_t users[] = {0, geteuid(), place->owner};
	char path[4096];
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		int found = socket_path_of(users[i], place->id_text, path, sizeof(path));

		if (found == 0)
			found = control_client_new(path, place->owner, ret_client);
		if (found == 0)
			return 0;
		if (found != -ENOENT && found != -ECONNREFUSED)
			r = found;
	}
	return r;
}

int run_verb(struct invocation *invocation)
{
	scope(control_client_free) struct control_client *client = NULL;
	struct output output = output_to_terminal();
	struct vault_place place;
	int code, r;

	r = vault_locate(invocation->vault, &place, &output);
	if (r < 0)
		return r == -ENOENT ? EXIT_NOT_FOUND : exit_code_of(r);
	r = message_add_text(invocation->request, "vault", place.path);
	if (r == 0)
		r = connect_server(&place, &client);
	if (r == 0) {
		code = control_client_call(client, invocation->request, output.write, output.arg);
		if (code < 0) {
			complain(&output, "the server of %s went away: %s", place.path,
				result_text(code));
			code = EXIT_FAILED;
		}
	} else if (r == -ENOENT) {
		code = call_here(invocation, &place, &output);
	} else {
		complain(&output, "the server of %s cannot be reached: %s", place.path,
			result_text(r));
		code = r == -EACCES || r == -EPERM ? EXIT_REFUSED : EXIT_FAILED;
	}
	vault_place_done(&place);
	return code;
}
