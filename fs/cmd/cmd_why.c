/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_why.c - `why PATH-IN-A-MOUNT`: the caller's own last refusal there: reason, rule, and what
 * would have to change. Everybody may ask about himself.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/dead_mount.h"
#include "fs/cmd/mounts.h"
#include "fs/cmd/serve.h"
#include "fs/cmd/vault.h"
#include "keystore/base/clock.h"
#include "keystore/base/json.h"

struct last_refusal {
	struct verb_call *call;
	const char *path;
	size_t len;
	bool found;
};

static const char *remedy(enum reason reason)
{
	switch (reason) {
	case REASON_NO_RULE:
		return "an admin would have to grant it";
	case REASON_RULE_DENY:
		return "an admin would have to revoke that deny; no grant lifts it";
	case REASON_REVOKED:
	case REASON_HANDLE_DEAD:
		return "open the file again; if that is refused, an admin would have to grant it";
	case REASON_USER_NAMESPACE:
		return "run the program outside its user namespace";
	case REASON_PID_UNKNOWN:
		return "run the server in the pid namespace of its callers or above it";
	case REASON_INTEGRITY:
	case REASON_ROW_DAMAGED:
	case REASON_SEAL_BROKEN:
		return "the file has to be restored; `modelvault verify` shows the extent";
	case REASON_AUDIT_UNAVAILABLE:
		return "room has to be made for the audit trail";
	default:
		return "try again; the server's log says more";
	}
}

static int show(void *arg, const struct audit_record *record)
{
	struct last_refusal *last = arg;
	struct output *output = last->call->output;
	const struct audit_event *event = &record->event;
	scope_buffer struct buffer line = {0};
	char time[TIME_TEXT_SIZE];

	if (event->outcome == AUDIT_ALLOW)
		return 0;
	last->found = true;
	if (verb_flag(last->call, "json")) {
		scope(json_free) struct json *json = json_new();

		json_time(json, "time", event->time_ns);
		json_bytes(json, "path", event->path, event->path_len);
		json_text(json, "reason", reason_word(event->reason));
		json_text(json, "text", reason_text(event->reason));
		if (event->rule == AUDIT_UNKNOWN)
			json_unknown(json, "rule");
		else
			json_int(json, "rule", event->rule);
		json_text(json, "remedy", remedy(event->reason));
		if (json_line(json, &line) < 0)
			return -ENOMEM;
		say_bytes(output, line.data, line.len);
		return 1;
	}
	time_to_text(event->time_ns, time);
	say(output, "%.19sZ: %s: %s", time, reason_word(event->reason), reason_text(event->reason));
	if (event->rule != AUDIT_UNKNOWN)
		say(output, " (rule %lld)", (long long)event->rule);
	say(output, "; %s\n", remedy(event->reason));
	return 1;
}

static bool is_path(void *arg, const char *path, size_t len)
{
	const struct last_refusal *last = arg;

	return len == last->len && memcmp(path, last->path, len) == 0;
}

int verb_why(struct vault *vault, struct verb_call *call)
{
	struct last_refusal last = {.call = call};
	struct audit_filter filter = AUDIT_FILTER_EMPTY;
	scope_free char *trail = NULL;
	int r;

	last.path = verb_operand(call, 0, &last.len);
	if (!last.path || asprintf(&trail, "%s/audit.db", vault->place.path) < 0)
		return EXIT_FAILED;
	filter.uid = call->caller->uid;
	filter.path_pattern = last.path;
	filter.path_matches = is_path;
	filter.path_arg = &last;
	filter.newest_first = true;
	r = audit_query(trail, &filter, show, &last);
	if (r < 0) {
		complain(call->output, "why: %s", result_text(r));
		return exit_code_of(r);
	}
	if (!last.found)
		say(call->output, "no refusal of yours is on record for this path\n");
	return last.found ? EXIT_DONE : EXIT_NOT_FOUND;
}

/*
 * Links are followed: what was refused is on record by the name of the file that was opened. Where
 * that leads nowhere, at least the way to the last name is resolved.
 */
static char *absolute_path(const char *path)
{
	scope_free char *parent = strdup(path), *real = NULL;
	char *slash = parent ? strrchr(parent, '/') : NULL;
	const char *last = slash ? slash + 1 : path;
	char *absolute = realpath(path, NULL);

	if (absolute)
		return absolute;
	if (slash)
		*slash = '\0';
	real = realpath(slash ? (slash == parent ? "/" : parent) : ".", NULL);
	if (!real || asprintf(&absolute, "%s/%s", strcmp(real, "/") == 0 ? "" : real, last) < 0)
		return NULL;
	return absolute;
}

/* The path is in a mount that nobody answers: there is no looking at it. */
static bool complain_of_dead(const char *operand, struct output *output)
{
	scope_free char *here = *operand == '/' ? strdup("") : getcwd(NULL, 0);
	scope_free char *path = NULL, *vault = NULL;
	struct vault_place place;
	const char *rest;
	bool dead;

	if (!here || asprintf(&path, "%s%s%s", here, *operand == '/' ? "" : "/", operand) < 0)
		return false;
	vault = mounts_vault_above(path, &rest);
	if (!vault || vault_locate(vault, &place, output) < 0)
		return false;
	dead = vault_is_deserted(&place);
	if (dead)
		complain(output,
			"why: the server of %.*s is dead; `modelvault audit %s` has the refusals, "
			"`modelvault umount %.*s` clears the mount",
			(int)(rest - path), path, place.path, (int)(rest - path), path);
	vault_place_done(&place);
	return dead;
}

int run_why(struct invocation *invocation)
{
	scope(control_client_free) struct control_client *client = NULL;
	scope_free char *path = NULL;
	struct output output = output_to_terminal();
	scope_free char *vault = NULL;
	struct vault_place place;
	const char *rest = NULL;
	int r;

	if (complain_of_dead(invocation->operands[0], &output))
		return EXIT_FAILED;
	path = absolute_path(invocation->operands[0]);
	vault = path ? mounts_vault_above(path, &rest) : NULL;
	if (!vault) {
		complain(&output, "why: %s is not in a mount of a vault", invocation->operands[0]);
		return EXIT_NOT_FOUND;
	}
	while (*rest == '/')
		rest++;
	r = message_add_text(invocation->request, "arg", rest);
	if (r == 0)
		r = vault_locate(vault, &place, &output);
	if (r < 0)
		return exit_code_of(r);
	r = vault_place_name(&place, invocation->request);
	if (r == 0)
		r = connect_server(&place, &client);
	vault_place_done(&place);
	if (r == 0)
		r = control_client_call(client, invocation->request, output.write, output.arg);
	if (r < 0)
		complain(&output, "why: the server of %s cannot be asked: %s", vault,
			result_text(r));
	return r < 0 ? exit_code_of(r) : r;
}
