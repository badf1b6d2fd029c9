/* SPDX-License-Identifier: Apache-2.0 */
/* grant_check.c - looks at the system for exe:, and at the roles for role:. */
#include "fs/cmd/grant_check.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "policy/interpreters.h"
#include "policy/near_word.h"
#include "policy/surroundings.h"
#include "policy/user_database.h"

static const char *command_of(const struct rule *rule)
{
	return rule->effect == RULE_DENY ? "deny" : "grant";
}

/* A program that others than root can put another in the place of. */
static int judge_unsafe(
	struct verb_call *call, const struct rule *rule, const char *path, const char *offender)
{
	const char *where = offender ? offender : "something on the way to it";

	if (rule->effect == RULE_DENY) {
		remark(call->output,
			"exe:%s: others than root can change %s: who can may run the same program "
			"from elsewhere, where the deny does not hold him",
			path, where);
		return EXIT_DONE;
	}
	complain(call->output,
		"grant: exe:%s: others than root can change %s, and so what runs there; "
		"sha256:@%s allows what it contains now",
		path, where, path);
	return EXIT_FAILED;
}

/* What cannot be looked at never matches an allow, and always a deny. */
static int judge_unseen(
	struct verb_call *call, const struct rule *rule, const char *path, int result)
{
	const char *why = result == -EACCES ? "no regular file, or one that the server may not see"
			  : result == -ENOTSUP ? "on a FUSE file system, which is not asked"
					       : result_text(result);

	if (rule->effect == RULE_DENY) {
		remark(call->output, "exe:%s: %s", path, why);
		return EXIT_DONE;
	}
	complain(call->output, "grant: exe:%s: %s; sha256:@%s allows what it contains", path, why,
		path);
	return EXIT_FAILED;
}

/* The path leads over no FUSE file system: what realpath asks is answered by the kernel. */
static void remark_on_interpreter(struct verb_call *call, const char *path)
{
	scope_free char *real = realpath(path, NULL);

	if (!is_interpreter(path) && !(real && is_interpreter(real)))
		return;
	remark(call->output,
		"exe:%s runs what it is told: the rule is for whatever its users make it do; a "
		"unit: or a user: of its own says more",
		path);
}

static int check_exe(struct verb_call *call, const struct rule *rule, const char *path)
{
	scope_free char *offender = NULL;
	struct exe_file file;
	int r;

	r = exe_path_resolve(path, &file, &offender);
	if (r == -ENOENT || r == -ENOTDIR) {
		complain(call->output,
			"%s: exe:%s: there is no such program on this machine; give its path here",
			command_of(rule), path);
		return EXIT_NOT_FOUND;
	}
	if (r == -EPERM)
		return judge_unsafe(call, rule, path, offender);
	if (r < 0)
		return judge_unseen(call, rule, path, r);
	if (rule->effect != RULE_DENY)
		remark_on_interpreter(call, path);
	return EXIT_DONE;
}

void grant_remark_on_login(struct verb_call *call, const struct rule *rule)
{
	if (rule->effect == RULE_DENY || !(rule_kinds(rule) & KIND_BIT(WORD_LOGINUID)) ||
		rule_says_whose(rule))
		return;
	remark(call->output, "loginuid: a process that nobody logged in for, as a service's, may "
			     "take any login; "
			     "a user: or group: beside it says whose processes are meant");
}

int grant_check_exes(struct verb_call *call, const struct rule *rule)
{
	for (size_t i = 0; i < rule->word_count; i++) {
		int code = EXIT_DONE;

		if (rule->words[i].kind == WORD_EXE)
			code = check_exe(call, rule, rule->words[i].name);
		if (code != EXIT_DONE)
			return code;
	}
	return EXIT_DONE;
}

const char *near_role(const struct role_members *members, const char *name)
{
	scope_free const char **names = calloc(members->count + ROLE_COUNT, sizeof(*names));
	size_t count = 0;

	if (!names)
		return NULL;
	for (size_t i = 0; i < members->count; i++)
		if (i == 0 || strcmp(members->list[i].role, members->list[i - 1].role) != 0)
			names[count++] = members->list[i].role;
	return nearest_word(name, strlen(name), names, count);
}

/* "user:" or "group:" when there is one of that name, else "". */
static const char *kind_of_name(const char *name)
{
	uint32_t unused;

	return user_by_name(name, &unused, NULL) == 0 ? "user:"
	       : group_by_name(name, &unused) == 0    ? "group:"
						      : "";
}

int grant_check_roles(struct vault *vault, struct verb_call *call, const struct rule *rule)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	const struct role_members *members = ruleset_members(ruleset);

	for (size_t i = 0; i < rule->word_count; i++) {
		const char *role = rule->words[i].name, *near, *kind;

		if (rule->words[i].kind != WORD_ROLE || role_has_members(members, role))
			continue;
		near = near_role(members, role);
		kind = near ? "" : kind_of_name(role);
		near = *kind ? role : near;
		complain(call->output,
			"%s: there is no role %s%s%s%s%s `modelvault role %s add %s user:NAME` "
			"makes it",
			command_of(rule), role, near ? "; did you mean " : "", kind,
			near ? near : "", near ? "?" : ";", vault->place.path, role);
		return EXIT_NOT_FOUND;
	}
	return EXIT_DONE;
}
