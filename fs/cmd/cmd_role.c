/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_role.c - `role VAULT list [ROLE] | add ROLE MEMBER... | remove ROLE MEMBER...`: named sets of
 * users and groups. A role is there as long as it has a member; what changes is in effect, for open
 * handles too, before it returns.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/grant_check.h"
#include "fs/cmd/rule_edit.h"
#include "keystore/base/json.h"
#include "policy/near_word.h"
#include "policy/rule_text.h"
#include "policy/shell_word.h"
#include "policy/user_database.h"

/* A member on the command line: its word, taken apart. */
struct named_member {
	struct rule rule;	   /* owns the word */
	struct role_member member; /* borrows from it */
};

/* A change of one role. */
struct role_change {
	struct vault *vault;
	struct verb_call *call;
	const char *role;
	struct role_members members; /* as they are to be */
	struct buffer words;	     /* for the record: "role vision: add user alice (1001)" */
	size_t changed;
};

static int complain_about_memory(struct verb_call *call)
{
	complain(call->output, "role: out of memory");
	return EXIT_FAILED;
}

/* ---- words ---- */

/* "user alice (1001)", as rules are described. */
static void describe_member(const struct role_member *member, struct buffer *to)
{
	uint32_t number;

	buffer_add_format(to, "%s ", subject_word_prefix(member->kind));
	shell_word_write(member->name, strlen(member->name), to);
	if (id_from_text(member->name, &number) < 0)
		buffer_add_format(to, " (%u)", member->number);
}

/* "user:alice#1001" or "user:1001", as in rules. */
static void member_to_text(const struct role_member *member, struct buffer *to)
{
	scope_buffer struct buffer word = {0};
	uint32_t number;

	buffer_add_format(&word, "%s:%s", subject_word_prefix(member->kind), member->name);
	if (id_from_text(member->name, &number) < 0)
		buffer_add_format(&word, "#%u", member->number);
	shell_word_write(buffer_text(&word), word.len, to);
	to->failed |= word.failed;
}

static bool is_stale(const struct role_member *member)
{
	const struct subject_word word = {member->kind, member->name, member->number};
	const struct rule rule = {
		.words = (struct subject_word *)(uintptr_t)&word, .word_count = 1};

	return rule_is_stale(&rule);
}

/* Is this the name of a role? Says what would be, when somebody's hand slipped. */
static int check_role(struct verb_call *call, const char *verb, const char *role)
{
	scope_free char *lower = NULL;

	if (role_name_is_valid(role))
		return EXIT_DONE;
	if (strncmp(role, "role:", 5) == 0 && role_name_is_valid(role + 5)) {
		complain(call->output, "role: here a role is named without 'role:': %s", role + 5);
		return EXIT_USAGE;
	}
	if (strchr(role, ':')) {
		complain(call->output,
			"role: '%s' is a member; the role comes first, as in role VAULT %s vision "
			"user:alice",
			role, verb);
		return EXIT_USAGE;
	}
	lower = strdup(role);
	for (char *at = lower; at && *at; at++)
		*at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
	complain(call->output,
		"role: '%s' is no name of a role: a-z, 0-9, - and _, at most %d, the first a "
		"letter "
		"or digit%s%s%s",
		role, ROLE_NAME_MAX, lower && role_name_is_valid(lower) ? "; did you mean " : "",
		lower && role_name_is_valid(lower) ? lower : "",
		lower && role_name_is_valid(lower) ? "?" : "");
	return EXIT_USAGE;
}

/* A word without a kind: which one it would be. */
static int complain_about_member(struct verb_call *call, const char *text)
{
	static const char *const kinds[] = {"user", "group"};
	size_t len = strcspn(text, ":");
	const char *near = nearest_word(text, len, kinds, ARRAY_SIZE(kinds));
	uint32_t number;

	if (text[len] && near)
		complain(call->output, "role: '%s': did you mean %s%s?", text, near, text + len);
	else if (text[len])
		complain(call->output,
			"role: '%s' is no member: a role has user:NAME and group:NAME", text);
	else if (user_by_name(text, &number, NULL) == 0)
		complain(call->output, "role: '%s': did you mean user:%s?", text, text);
	else if (group_by_name(text, &number) == 0)
		complain(call->output, "role: '%s': did you mean group:%s?", text, text);
	else
		complain(call->output, "role: '%s' is no member: user:NAME or group:NAME", text);
	return EXIT_USAGE;
}

/* Resolved against the user database, with the mistakes of grant. */
static int parse_member(struct verb_call *call, const char *text, struct named_member *ret_named)
{
	const char *words[] = {text, "read", "**"};
	scope_free char *mistake = NULL;
	const struct subject_word *word;
	int r;

	if (strncmp(text, "user:", 5) != 0 && strncmp(text, "group:", 6) != 0)
		return complain_about_member(call, text);
	r = rule_from_words(RULE_ALLOW, words, ARRAY_SIZE(words), &ret_named->rule, &mistake);
	if (r < 0) {
		complain(call->output, "role: %s", mistake ? mistake : result_text(r));
		return r == -EINVAL ? EXIT_USAGE : exit_code_of(r);
	}
	word = &ret_named->rule.words[0];
	ret_named->member = (struct role_member){
		.kind = word->kind, .number = word->number, .name = word->name};
	return EXIT_DONE;
}

/* ---- list ---- */

static int show_member(struct verb_call *call, const struct role_member *member)
{
	scope_buffer struct buffer line = {0}, word = {0};
	bool stale = is_stale(member);
	int r = 0;

	if (verb_flag(call, "json")) {
		scope(json_free) struct json *json = json_new();

		buffer_add_format(&word, "%s:%s", subject_word_prefix(member->kind), member->name);
		json_text(json, "role", member->role);
		json_bytes(json, "member", word.data, word.len);
		json_int(json, "number", member->number);
		json_bool(json, "stale", stale);
		r = json_line(json, &line);
	} else {
		buffer_add_format(&line, "%s ", member->role);
		member_to_text(member, &line);
		buffer_add_text(
			&line, stale ? "  # stale: the name has another number now\n" : "\n");
	}
	if (r < 0 || line.failed || word.failed)
		return complain_about_memory(call);
	say_bytes(call->output, line.data, line.len);
	return EXIT_DONE;
}

static int complain_about_role(struct vault *vault, struct verb_call *call,
	const struct role_members *members, const char *role)
{
	const char *near = near_role(members, role);

	if (near)
		complain(call->output, "role: there is no role %s; did you mean %s?", role, near);
	else
		complain(call->output,
			"role: there is no role %s; `modelvault role %s list` shows which are",
			role, vault->place.path);
	return EXIT_NOT_FOUND;
}

static int list_roles(struct vault *vault, struct verb_call *call)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	const struct role_members *members = ruleset_members(ruleset);
	const char *role = verb_operand(call, 1, NULL);
	int code = EXIT_DONE;

	if (verb_flag(call, "dry-run")) {
		complain(call->output, "role: --dry-run goes with add and remove");
		return EXIT_USAGE;
	}
	if (role)
		code = check_role(call, "add", role);
	if (code == EXIT_DONE && role && !role_has_members(members, role))
		code = complain_about_role(vault, call, members, role);
	for (size_t i = 0; i < members->count && code == EXIT_DONE; i++)
		if (!role || strcmp(members->list[i].role, role) == 0)
			code = show_member(call, &members->list[i]);
	if (code == EXIT_DONE && policy_is_broken(vault->policy)) {
		complain(call->output,
			"the rules in keystore.db were changed by somebody without a key: no role "
			"holds until it is restored");
		code = EXIT_INTEGRITY;
	}
	return code;
}

/* ---- add and remove ---- */

static void add_to_words(
	struct role_change *change, const char *verb, const struct role_member *member)
{
	if (change->changed++)
		buffer_add_text(&change->words, ", ");
	else
		buffer_add_format(&change->words, "role %s: %s ", change->role, verb);
	describe_member(member, &change->words);
}

static struct role_member with_role(const struct role_change *change, struct role_member member)
{
	member.role = (char *)(uintptr_t)change->role;
	return member;
}

static int add_member(struct role_change *change, const char *text)
{
	__attribute__((cleanup(rule_done))) struct rule owner = {0};
	struct named_member named = {0};
	struct role_member member;
	scope_buffer struct buffer words = {0};
	bool found;
	size_t at;
	int code;

	code = parse_member(change->call, text, &named);
	owner = named.rule;
	if (code != EXIT_DONE)
		return code;
	member = with_role(change, named.member);
	at = role_members_find(&change->members, &member, &found);
	if (found && strcmp(change->members.list[at].name, member.name) == 0) {
		describe_member(&member, &words);
		remark(change->call->output, "%s is in role %s already", buffer_text(&words),
			change->role);
		return EXIT_DONE;
	}
	/* The number has another name by now: the new one. */
	if (found && role_members_remove(&change->members, &member) < 0)
		return complain_about_memory(change->call);
	if (role_members_add(&change->members, &member) < 0)
		return complain_about_memory(change->call);
	add_to_words(change, "add", &member);
	return EXIT_DONE;
}

/* Who is in it by this very word, whatever the user database says by now: "user:alice#1001" too. */
static bool find_by_word(
	const struct role_change *change, const char *text, struct role_member *ret_member)
{
	for (size_t i = 0; i < change->members.count; i++) {
		const struct role_member *member = &change->members.list[i];
		size_t prefix = strcspn(text, ":");
		scope_buffer struct buffer full = {0};

		if (strcmp(member->role, change->role) != 0 || text[prefix] != ':' ||
			strlen(subject_word_prefix(member->kind)) != prefix ||
			memcmp(subject_word_prefix(member->kind), text, prefix) != 0)
			continue;
		buffer_add_format(&full, "%s#%u", member->name, member->number);
		if (strcmp(text + prefix + 1, member->name) == 0 ||
			strcmp(text + prefix + 1, buffer_text(&full)) == 0) {
			*ret_member = *member;
			return true;
		}
	}
	return false;
}

static int complain_about_absent(struct role_change *change, const struct role_member *member)
{
	scope_buffer struct buffer words = {0};

	describe_member(member, &words);
	complain(change->call->output,
		"role: %s is not in role %s; `modelvault role %s list %s` shows who is. Nothing "
		"was "
		"changed",
		buffer_text(&words), change->role, change->vault->place.path, change->role);
	return EXIT_NOT_FOUND;
}

static int drop_member(struct role_change *change, const struct role_member *member)
{
	int r;

	/* Before the strings go. */
	add_to_words(change, "remove", member);
	r = role_members_remove(&change->members, member);
	if (r == -ENOENT)
		return complain_about_absent(change, member);
	return r < 0 ? complain_about_memory(change->call) : EXIT_DONE;
}

/* By the number that the word has now, or else by the word: a user who is gone is in no database.
 */
static int remove_member(struct role_change *change, const char *text)
{
	__attribute__((cleanup(rule_done))) struct rule owner = {0};
	struct output nowhere = output_to_nowhere();
	struct verb_call silent = *change->call;
	struct named_member named = {0};
	struct role_member member, stored;
	bool found = false;
	int code;

	silent.output = &nowhere;
	code = parse_member(&silent, text, &named);
	owner = named.rule;
	member = with_role(change, named.member);
	if (code == EXIT_DONE)
		role_members_find(&change->members, &member, &found);
	if (!found && find_by_word(change, text, &stored))
		return drop_member(change, &stored);
	if (code != EXIT_DONE)
		return parse_member(change->call, text, &named);
	return found ? drop_member(change, &member) : complain_about_absent(change, &member);
}

/* Rules of the set that speak of the role. */
static size_t rules_naming(const struct ruleset *ruleset, const char *role, bool denies_only)
{
	size_t count = 0;

	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct rule *rule = ruleset_at(ruleset, i);
		bool names = false;

		for (size_t j = 0; j < rule->word_count; j++)
			names = names || (rule->words[j].kind == WORD_ROLE &&
						 strcmp(rule->words[j].name, role) == 0);
		count += names && (!denies_only || rule->effect == RULE_DENY);
	}
	return count;
}

static size_t count_members(const struct role_members *members, const char *role)
{
	size_t count = 0;

	for (size_t i = 0; i < members->count; i++)
		count += strcmp(members->list[i].role, role) == 0;
	return count;
}

static void tell(const struct role_change *change, const struct ruleset *after,
	const struct gate_effect *effect)
{
	struct output *output = change->call->output;
	size_t count = count_members(&change->members, change->role);
	size_t rules = rules_naming(after, change->role, false);

	if (count == 0 && rules == 0)
		remark(output, "%s; it has no members left and is gone",
			buffer_text(&change->words));
	else if (count == 0)
		remark(output,
			"%s; it has no members left and is gone, and %zu rule%s for it match%s "
			"nobody",
			buffer_text(&change->words), rules, plural(rules), rules == 1 ? "es" : "");
	else
		remark(output, "%s; it has %zu member%s now, and %zu rule%s for it",
			buffer_text(&change->words), count, plural(count), rules, plural(rules));
	if (effect->ended)
		remark(output, "%llu open handle%s ended", (unsigned long long)effect->ended,
			plural(effect->ended));
}

/* A role that is made by a slip of the hand gives nothing to whom it was meant for. */
static void remark_on_new_role(const struct role_change *change, const struct ruleset *before)
{
	const char *near;

	if (role_has_members(ruleset_members(before), change->role))
		return;
	near = near_role(ruleset_members(before), change->role);
	if (near)
		remark(change->call->output, "%s is a new role; there is a role %s too",
			change->role, near);
}

static int perform(struct role_change *change, bool adds)
{
	scope(ruleset_unref) struct ruleset *before = policy_ruleset(change->vault->policy);
	scope(ruleset_unref) struct ruleset *after = NULL;
	struct rule_edit edit = {
		.command = "role",
		.action = AUDIT_ROLE,
		.edit = {.members = &change->members},
		/* Who leaves a role that is denied something may gain. */
		.taking_away = !adds && !rules_naming(before, change->role, true),
		.words = buffer_text(&change->words),
	};
	struct gate_effect effect;
	int code;

	if (change->words.failed)
		return complain_about_memory(change->call);
	if (adds)
		remark_on_new_role(change, before);
	code = rule_edit_perform(change->vault, change->call, &edit, &effect, &after);
	if (code == EXIT_DONE && !verb_flag(change->call, "dry-run"))
		tell(change, after, &effect);
	return code;
}

static int change_locked(struct role_change *change, bool adds)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(change->vault->policy);
	const struct role_members *members = ruleset_members(ruleset);
	const char *text;
	int code = EXIT_DONE;

	if (!adds && !role_has_members(members, change->role))
		return complain_about_role(change->vault, change->call, members, change->role);
	if (role_members_copy(members, &change->members) < 0)
		return complain_about_memory(change->call);
	for (size_t i = 2; code == EXIT_DONE && (text = verb_operand(change->call, i, NULL)); i++)
		code = adds ? add_member(change, text) : remove_member(change, text);
	return code == EXIT_DONE && change->changed ? perform(change, adds) : code;
}

static int change_role(struct vault *vault, struct verb_call *call, bool adds)
{
	const char *verb = adds ? "add" : "remove", *role = verb_operand(call, 1, NULL);
	struct role_change change = {.vault = vault, .call = call, .role = role};
	int code;

	code = verb_require(vault, call, command_find("role"), NEEDS_ADMIN);
	if (code != EXIT_DONE)
		return code;
	if (verb_flag(call, "json") && !verb_flag(call, "dry-run")) {
		complain(call->output, "role: --json goes with list and --dry-run");
		return EXIT_USAGE;
	}
	if (role)
		code = check_role(call, verb, role);
	if (code == EXIT_DONE && !verb_operand(call, 2, NULL)) {
		complain(call->output, "role: %s whom? role VAULT %s %s user:NAME or group:NAME",
			verb, verb, role ? role : "ROLE");
		code = EXIT_USAGE;
	}
	if (code != EXIT_DONE)
		return code;
	pthread_mutex_lock(&vault->changing);
	code = change_locked(&change, adds);
	pthread_mutex_unlock(&vault->changing);
	role_members_done(&change.members);
	buffer_done(&change.words);
	return code;
}

/* `role VAULT vision add user:alice`, and the words of other tools: what would be right. */
static int complain_about_verb(struct vault *vault, struct verb_call *call, const char *word)
{
	static const char *const words[] = {"list", "add", "remove"};
	static const char *const others[][2] = {{"create", "add"}, {"new", "add"}, {"grant", "add"},
		{"join", "add"}, {"show", "list"}, {"ls", "list"}, {"members", "list"},
		{"delete", "remove"}, {"del", "remove"}, {"rm", "remove"}, {"revoke", "remove"},
		{"drop", "remove"}};
	const char *near = nearest_word(word, strlen(word), words, ARRAY_SIZE(words));
	const char *second = verb_operand(call, 1, NULL);
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);

	for (size_t i = 0; i < ARRAY_SIZE(others) && !near; i++)
		near = strcmp(others[i][0], word) == 0 ? others[i][1] : NULL;
	if (second && word_in(second, strlen(second), words, ARRAY_SIZE(words)))
		complain(call->output, "role: %s comes before the role: role VAULT %s %s%s", second,
			second, word,
			strcmp(second, "list") == 0   ? ""
			: verb_operand(call, 2, NULL) ? " ..."
						      : " user:NAME");
	else if (near)
		complain(call->output, "role: '%s' is not known; did you mean %s?", word, near);
	else if (role_has_members(ruleset_members(ruleset), word))
		complain(call->output,
			"role: what of the role %s? role VAULT list %s, add %s user:NAME, or "
			"remove %s user:NAME",
			word, word, word, word);
	else
		complain(call->output,
			"role: '%s' is not known; list, add ROLE MEMBER... and remove ROLE "
			"MEMBER... are",
			word);
	return EXIT_USAGE;
}

int verb_role(struct vault *vault, struct verb_call *call)
{
	const char *word = verb_operand(call, 0, NULL);

	if (!word)
		return EXIT_USAGE;
	if (strcmp(word, "list") == 0 && message_count(call->request, "arg") <= 2)
		return list_roles(vault, call);
	if (strcmp(word, "add") == 0)
		return change_role(vault, call, true);
	if (strcmp(word, "remove") == 0)
		return change_role(vault, call, false);
	if (strcmp(word, "list") != 0)
		return complain_about_verb(vault, call, word);
	complain(call->output, "role: list takes one role, or none for all");
	return EXIT_USAGE;
}
