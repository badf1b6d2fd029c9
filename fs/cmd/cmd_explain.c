/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_explain.c - `explain VAULT PATH --user U [--perm read] [--json]`: the decision that
 * enforcement would make, with every rule that was considered. Exit 0 allow, 3 deny.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/vault.h"
#include "keystore/base/clock.h"
#include "keystore/base/json.h"
#include "policy/rule_text.h"

#define LINKS_MAX 40

struct explaining {
	struct verb_call *call;
	bool json;
	int failed;
};

static void show_consideration(void *arg, const struct consideration *consideration)
{
	struct explaining *explaining = arg;
	const struct rule *rule = consideration->rule;
	scope_buffer struct buffer line = {0}, words = {0};

	if (rule_to_text(rule, &words) < 0) {
		explaining->failed = -ENOMEM;
		return;
	}
	if (explaining->json) {
		scope(json_free) struct json *json = json_new();

		json_text(json, "kind", "rule");
		json_int(json, "rule", (int64_t)rule->number);
		json_text(json, "effect", rule_effect_word(rule->effect));
		json_bytes(json, "words", words.data, words.len);
		json_text(json, "result", obstacle_text(consideration->obstacle));
		json_bool(json, "matches", consideration->obstacle == OBSTACLE_NONE);
		if (json_line(json, &line) < 0)
			explaining->failed = -ENOMEM;
		say_bytes(explaining->call->output, line.data, line.len);
		return;
	}
	say(explaining->call->output, "rule %llu %-18s %s\n", (unsigned long long)rule->number,
		obstacle_text(consideration->obstacle), buffer_text(&words));
}

static void show_verdict(struct explaining *explaining, const struct decision *decision)
{
	bool allow = decision->verdict == VERDICT_ALLOW;
	scope_buffer struct buffer line = {0};

	if (explaining->json) {
		scope(json_free) struct json *json = json_new();

		json_text(json, "kind", "verdict");
		json_text(json, "verdict", allow ? "allow" : "deny");
		if (decision->rule)
			json_int(json, "rule", (int64_t)decision->rule);
		else
			json_unknown(json, "rule");
		json_text(json, "reason", reason_word(decision->reason));
		if (json_line(json, &line) < 0)
			explaining->failed = -ENOMEM;
		say_bytes(explaining->call->output, line.data, line.len);
		return;
	}
	say(explaining->call->output, "%s", allow ? "allow" : "deny");
	if (decision->rule)
		say(explaining->call->output, " by rule %llu", (unsigned long long)decision->rule);
	say(explaining->call->output, " (%s: %s)\n", reason_word(decision->reason),
		reason_text(decision->reason));
}

static int explain_entry(struct vault *vault, struct verb_call *call, const struct entry_info *info,
	const struct subject *subject, enum permission permission)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	struct explaining explaining = {.call = call, .json = verb_flag(call, "json")};
	struct question question = {.subject = subject, .permission = permission};
	struct name_list names = {0};
	struct path_name *all;
	struct decision decision;
	int r;

	r = keystore_names(vault->keystore, info->ino, &names);
	all = r == 0 ? calloc(names.count + 1, sizeof(*all)) : NULL;
	if (!all) {
		name_list_done(&names);
		complain(call->output, "explain: %s", result_text(r < 0 ? r : -ENOMEM));
		return EXIT_FAILED;
	}
	for (size_t i = 0; i < names.count; i++)
		all[i] = (struct path_name){names.names[i].path, names.names[i].len};
	question.names = all;
	question.name_count = names.count;
	question_set_time(&question, clock_now_ns());
	decision = decide_traced(ruleset, &question, show_consideration, &explaining);
	/* What refuses before any rule is asked. */
	if (policy_is_broken(vault->policy))
		decision = (struct decision){.reason = REASON_SEAL_BROKEN};
	else if (info->damaged)
		decision = (struct decision){.reason = REASON_ROW_DAMAGED};
	show_verdict(&explaining, &decision);
	free(all);
	name_list_done(&names);
	if (explaining.failed)
		return EXIT_FAILED;
	return decision.verdict == VERDICT_ALLOW ? EXIT_DONE : EXIT_REFUSED;
}

/* Where a link that stands at `path` leads to, in the vault. -EXDEV: out of it. */
static int link_leads_to(struct vault *vault, uint64_t ino, const char *path, char **ret_path)
{
	const char *slash = strrchr(path, '/');
	scope_free char *target = NULL, *joined = NULL, *found = NULL;
	char *save, *name, *end;
	size_t len;
	int r;

	r = keystore_link_target(vault->keystore, ino, &target, &len);
	if (r < 0)
		return r;
	if (*target == '/')
		return -EXDEV;
	if (asprintf(&joined, "%.*s/%s", slash ? (int)(slash - path) : 0, path, target) < 0)
		return -ENOMEM;
	found = calloc(1, strlen(joined) + 2);
	if (!found)
		return -ENOMEM;
	end = found;
	for (name = strtok_r(joined, "/", &save); name; name = strtok_r(NULL, "/", &save)) {
		if (strcmp(name, ".") == 0)
			continue;
		if (strcmp(name, "..") != 0) {
			if (end != found)
				*end++ = '/';
			end = stpcpy(end, name);
			continue;
		}
		if (end == found)
			return -EXDEV;
		*end = '\0';
		end = strrchr(found, '/');
		end = end ? end : found;
	}
	*end = '\0';
	*ret_path = take(&found);
	return 0;
}

/* A link gives nothing: who opens it is judged by what it leads to. */
static int resolve_behind_links(
	struct vault *vault, struct verb_call *call, const char *path, struct entry_info *info)
{
	scope_free char *at = strdup(path), *next = NULL, *shown = NULL;
	int r = at ? 0 : -ENOMEM;

	for (int i = 0; r == 0 && i < LINKS_MAX && info->kind == ENTRY_SYMLINK; i++) {
		r = link_leads_to(vault, info->ino, at, &next);
		if (r < 0)
			break;
		free(at);
		at = take(&next);
		r = vault_resolve(vault, call, at, strlen(at), info);
		if (r < 0)
			return r;
	}
	if (r == 0 && info->kind == ENTRY_SYMLINK)
		r = -ELOOP;
	shown = text_for_terminal(path, strlen(path));
	next = at ? text_for_terminal(at, strlen(at)) : NULL;
	if (r < 0)
		complain(call->output, "explain: %s: %s", shown ? shown : "",
			r == -EXDEV ? "a symbolic link that leads out of the vault, where no rule "
				      "is asked"
				    : result_text(r));
	else if (strcmp(at, path) != 0)
		remark(call->output, "%s is a symbolic link; what counts is %s", shown ? shown : "",
			next ? next : "");
	return r;
}

int verb_explain(struct vault *vault, struct verb_call *call)
{
	const char *user = message_get(call->request, "user", NULL);
	const char *perm = message_get(call->request, "perm", NULL);
	unsigned permissions = PERMISSION_READ;
	struct subject subject = {0};
	struct entry_info info;
	const char *path;
	size_t len;
	int code, r;

	path = verb_operand(call, 0, &len);
	if (!path || !user) {
		complain(call->output, "explain: whose access? `explain VAULT PATH --user NAME`");
		return EXIT_USAGE;
	}
	if (perm && (permissions_from_text(perm, &permissions) < 0 ||
			    (permissions & (permissions - 1)))) {
		complain(call->output, "explain: --perm is one of read, write and list, not '%s'",
			perm);
		return EXIT_USAGE;
	}
	if (subject_of_user(user, &subject) < 0) {
		complain(call->output, "explain: there is no user %s; a number works too", user);
		return EXIT_NOT_FOUND;
	}
	if (subject.uid != call->caller->uid && !caller_holds(vault, call, ROLE_ADMIN) &&
		!caller_holds(vault, call, ROLE_AUDITOR)) {
		subject_done(&subject);
		complain(call->output,
			"explain: refused: about others it needs the role admin or auditor");
		return EXIT_REFUSED;
	}
	r = vault_resolve(vault, call, path, len, &info);
	if (r == 0 && permissions != PERMISSION_LIST && !info.damaged)
		r = resolve_behind_links(vault, call, path, &info);
	code = r < 0 ? exit_code_of(r)
		     : explain_entry(vault, call, &info, &subject, (enum permission)permissions);
	subject_done(&subject);
	return code;
}
