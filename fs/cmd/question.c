/* SPDX-License-Identifier: Apache-2.0 */
/* question.c - from a request to what decide() is asked. */
#include "fs/cmd/question.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/link_path.h"
#include "fs/cmd/vault_sight.h"
#include "keystore/base/clock.h"
#include "policy/shell_word.h"
#include "policy/user_database.h"

#define LINKS_MAX 40 /* as in the kernel, path_resolution(7) */

static const char *verb_name(const struct verb_call *call)
{
	return message_get(call->request, "verb", NULL);
}

void asked_done(struct asked *asked)
{
	subject_done(&asked->subject);
	free(asked->user);
	name_list_done(&asked->names);
	free(asked->paths);
	free(asked->vault);
	*asked = (struct asked){0};
}

/* ---- when, and whose rights ---- */

static int read_permission(struct verb_call *call, struct asked *asked)
{
	const char *perm = message_get(call->request, "perm", NULL);
	unsigned permissions = PERMISSION_READ;

	if (perm && (permissions_from_text(perm, &permissions) < 0 ||
			    (permissions & (permissions - 1)))) {
		complain(call->output, "%s: --perm is one of read, write and list, not '%s'",
			verb_name(call), perm);
		return EXIT_USAGE;
	}
	asked->circumstances.permission = permissions;
	return EXIT_DONE;
}

static int read_time(struct verb_call *call, struct asked *asked)
{
	const char *at = message_get(call->request, "at", NULL);
	scope_buffer struct buffer meant = {0};

	asked->circumstances.now_ns = clock_now_ns();
	if (!at || time_from_words(at, &asked->circumstances.now_ns) == 0)
		return EXIT_DONE;
	if (time_meant(at, asked->circumstances.now_ns, &meant))
		complain(call->output, "%s: --at %s: did you mean %s?", verb_name(call), at,
			buffer_text(&meant));
	else
		complain(call->output,
			"%s: --at %s: a time is 2027-03-01, '2027-03-01 18:00' in the vault's time "
			"zone (%s), or RFC 3339",
			verb_name(call), at, time_zone_name());
	return EXIT_USAGE;
}

static char *word_of(const char *text)
{
	scope_buffer struct buffer word = {0};
	char *taken;
	size_t len;

	shell_word_write(text, strlen(text), &word);
	return buffer_take(&word, &taken, &len) == 0 ? taken : NULL;
}

int asked_begin(struct vault *vault, struct verb_call *call, struct asked *ret_asked)
{
	int code;

	*ret_asked = (struct asked){
		.subject = {.uid = SUBJECT_ID_UNKNOWN,
			.gid = SUBJECT_ID_UNKNOWN,
			.loginuid = SUBJECT_ID_UNKNOWN},
		.own = !caller_holds(vault, call, ROLE_ADMIN) &&
		       !caller_holds(vault, call, ROLE_AUDITOR),
		.vault = word_of(vault->place.path),
	};
	if (!ret_asked->vault)
		return EXIT_FAILED;
	ret_asked->circumstances.usage = policy_usage(vault->policy);
	ret_asked->circumstances.clock_distrusted = policy_clock_is_distrusted(vault->policy);
	code = read_permission(call, ret_asked);
	return code == EXIT_DONE ? read_time(call, ret_asked) : code;
}

/* ---- who ---- */

static int refuse_others(struct verb_call *call, const char *what)
{
	complain(call->output, "%s: refused: about %s it needs the role admin or auditor",
		verb_name(call), what);
	return EXIT_REFUSED;
}

static int read_user(struct verb_call *call, struct asked *asked)
{
	const char *user = message_get(call->request, "user", NULL);

	if (!user) {
		complain(call->output, "%s: whose access? `%s VAULT PATH --user NAME`",
			verb_name(call), verb_name(call));
		return EXIT_USAGE;
	}
	if (subject_of_user(user, &asked->subject) < 0) {
		complain(call->output, "%s: there is no user %s; a number works too",
			verb_name(call), user);
		return EXIT_NOT_FOUND;
	}
	if (asked->own && asked->subject.uid != call->caller->uid)
		return refuse_others(call, "others");
	if (user_by_number(asked->subject.uid, &asked->user, &(uint32_t){0}) < 0)
		asked->user = NULL;
	return EXIT_DONE;
}

static int read_loginuid(struct verb_call *call, struct asked *asked)
{
	const char *login = message_get(call->request, "loginuid", NULL);
	uint32_t uid;

	if (!login)
		return EXIT_DONE;
	if (id_from_text(login, &uid) < 0 && user_by_name(login, &uid, NULL) < 0) {
		complain(call->output, "%s: --loginuid: there is no user %s; a number works too",
			verb_name(call), login);
		return EXIT_NOT_FOUND;
	}
	if (asked->own && uid != call->caller->loginuid)
		return refuse_others(call, "other logins");
	asked->subject.loginuid = uid;
	return EXIT_DONE;
}

static int read_userns(struct verb_call *call, struct asked *asked)
{
	const char *userns = message_get(call->request, "userns", NULL);

	if (!userns)
		return EXIT_DONE;
	if (strcmp(userns, "contained") != 0) {
		complain(call->output, "%s: --userns contained is all that can be said, not '%s'",
			verb_name(call), userns);
		return EXIT_USAGE;
	}
	if (asked->own)
		return refuse_others(call, "containers");
	asked->subject.initial_userns = false;
	asked->subject.contained_userns = true;
	return EXIT_DONE;
}

static int read_unit(struct verb_call *call, struct asked *asked)
{
	const char *unit = message_get(call->request, "unit", NULL);

	if (!unit)
		return EXIT_DONE;
	if (!unit[strspn(unit, "/")]) {
		complain(call->output,
			"%s: --unit is a unit's name, as infer.service, or a cgroup's path",
			verb_name(call));
		return EXIT_USAGE;
	}
	asked->subject.unit = strdup(unit);
	return asked->subject.unit ? EXIT_DONE : EXIT_FAILED;
}

/* What the client found: which file it is for him, and what it holds. */
static int read_program(struct verb_call *call, struct asked *asked)
{
	const char *exe = message_get(call->request, "exe", NULL);
	const char *id = message_get(call->request, "exe-id", NULL);
	const char *sha256 = message_get(call->request, "content", NULL);

	if (exe) {
		asked->subject.exe = strdup(exe);
		if (!asked->subject.exe)
			return EXIT_FAILED;
		if (!id || sscanf(id, "%" SCNu64 ":%" SCNu64, &asked->subject.exe_dev,
				   &asked->subject.exe_ino) != 2)
			asked->subject.exe_dev = asked->subject.exe_ino = 0;
	}
	if (!sha256)
		return EXIT_DONE;
	if (hex_decode(sha256, asked->sha256, sizeof(asked->sha256)) < 0)
		return EXIT_USAGE;
	asked->circumstances.sha256 = asked->sha256;
	return EXIT_DONE;
}

int asked_subject(struct vault *vault, struct verb_call *call, struct asked *asked)
{
	static int (*const steps[])(struct verb_call * call, struct asked * asked) = {
		read_user, read_loginuid, read_userns, read_unit, read_program};
	int code = EXIT_DONE;

	(void)vault;
	for (size_t i = 0; i < ARRAY_SIZE(steps) && code == EXIT_DONE; i++)
		code = steps[i](call, asked);
	asked->circumstances.subject = asked->subject;
	asked->circumstances.user = asked->user;
	return code;
}

/* ---- what ---- */

static int complain_of_place(struct vault *vault, struct verb_call *call, const char *path)
{
	scope_free char *shown = text_for_terminal(path, strlen(path));

	complain(call->output,
		"%s: no such name in this vault; `modelvault ls %s` shows what is there",
		shown ? shown : "", vault->place.path);
	return -ENOENT;
}

/* A name that is hidden from the caller is not there, in the same words. */
static int find(struct vault *vault, struct verb_call *call, const struct asked *asked,
	const char *path, size_t len, struct entry_info *ret_info)
{
	struct entry_info info;
	int r;

	if (!asked->own)
		return vault_resolve(vault, call, path, len, ret_info);
	r = vault_find_seen(vault, call, path, len, &info);
	/* Of a damaged row it cannot be told who may see it: its name is what is told. */
	if (r == -ENOENT && keystore_resolve(vault->keystore, path, len, &info) == 0 &&
		info.damaged)
		r = 0;
	if (r == -ENOENT)
		return complain_of_place(vault, call, path);
	if (r < 0)
		complain(call->output, "%s: %s", verb_name(call), result_text(r));
	else
		*ret_info = info;
	return r;
}

/* A link gives nothing: who opens it is judged by what it leads to. */
static int follow_links(
	struct vault *vault, struct verb_call *call, struct asked *asked, const char *path)
{
	scope_free char *at = strdup(path), *next = NULL, *shown = NULL;
	struct entry_info *info = &asked->info;
	int r = at ? 0 : -ENOMEM;

	for (int i = 0; r == 0 && i < LINKS_MAX && info->kind == ENTRY_SYMLINK; i++) {
		r = link_path(vault->keystore, info->ino, at, &next);
		if (r < 0)
			break;
		free(at);
		at = take(&next);
		r = find(vault, call, asked, at, strlen(at), info);
		if (r < 0)
			return r;
	}
	if (r == 0 && info->kind == ENTRY_SYMLINK)
		r = -ELOOP;
	shown = text_for_terminal(path, strlen(path));
	next = at ? text_for_terminal(at, strlen(at)) : NULL;
	if (r < 0)
		complain(call->output, "%s: %s: %s", verb_name(call), shown ? shown : "",
			r == -EXDEV ? "a symbolic link that leads out of the vault, where no rule "
				      "is asked"
				    : result_text(r));
	else if (strcmp(at, path) != 0)
		remark(call->output, "%s is a symbolic link; what counts is %s", shown ? shown : "",
			next ? next : "");
	return r;
}

/* Of a damaged row the name that was asked for is all that can be believed. */
static int read_names(struct vault *vault, struct asked *asked)
{
	int r = keystore_names(vault->keystore, asked->info.ino, &asked->names);

	if (r < 0 && !asked->info.damaged)
		return r;
	asked->paths = calloc(asked->names.count + 1, sizeof(*asked->paths));
	if (!asked->paths)
		return -ENOMEM;
	for (size_t i = 0; i < asked->names.count; i++)
		asked->paths[i] =
			(struct path_name){asked->names.names[i].path, asked->names.names[i].len};
	asked->circumstances.names = asked->paths;
	asked->circumstances.name_count = asked->names.count;
	asked->circumstances.size = asked->info.size;
	return 0;
}

int asked_place(struct vault *vault, struct verb_call *call, struct asked *asked)
{
	const char *path;
	size_t len;
	int r;

	path = verb_operand(call, 0, &len);
	if (!path)
		return EXIT_USAGE;
	r = find(vault, call, asked, path, len, &asked->info);
	if (r < 0)
		return exit_code_of(r);
	if (asked->circumstances.permission != PERMISSION_LIST && !asked->info.damaged) {
		r = follow_links(vault, call, asked, path);
		if (r < 0)
			return exit_code_of(r);
	}
	r = read_names(vault, asked);
	if (r < 0)
		complain(call->output, "%s: %s", verb_name(call), result_text(r));
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* ---- the answer ---- */

/*
 * A name is not found where a directory above it is denied; and a directory of a private vault is
 * found when it leads to something.
 */
struct decision asked_decide_list(
	const struct asked *asked, struct viewer *viewer, const struct question *question)
{
	struct decision decision, seen;

	/* The root has no name that a pattern could hide. */
	if (asked->info.ino == ROOT_INO)
		return (struct decision){.verdict = VERDICT_ALLOW, .reason = REASON_DEFAULT_LIST};
	decision = decide(viewer->view.ruleset, question);
	if (decision.verdict != VERDICT_ALLOW && decision.reason != REASON_PRIVATE_LIST)
		return decision;
	viewer_suppose(viewer, question);
	seen = viewer_decide(viewer, asked->info.ino);
	return seen.reason == REASON_ON_THE_WAY || seen.reason == REASON_RULE_DENY ? seen
										   : decision;
}

struct decision asked_decide(struct vault *vault, const struct asked *asked,
	const struct ruleset *ruleset, const struct question *question)
{
	scope_viewer struct viewer viewer = {0};

	/* What refuses before any rule is asked. */
	if (policy_is_broken(vault->policy))
		return (struct decision){.reason = REASON_SEAL_BROKEN};
	if (asked->info.damaged)
		return (struct decision){.reason = REASON_ROW_DAMAGED};
	if (question->permission != PERMISSION_LIST)
		return decide(ruleset, question);
	viewer_begin(&viewer, vault->keystore, vault->policy, ruleset, question->subject);
	return asked_decide_list(asked, &viewer, question);
}

struct refusal asked_refusal(
	const struct asked *asked, const struct verb_call *call, const struct ruleset *ruleset)
{
	return (struct refusal){
		.ruleset = ruleset,
		.circumstances = &asked->circumstances,
		.viewer = asked->own ? call->caller : NULL,
		.vault = asked->vault,
	};
}
