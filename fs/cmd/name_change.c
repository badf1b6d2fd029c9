/* SPDX-License-Identifier: Apache-2.0 */
/* name_change.c - every file whose names change, with all its names before and after. */
#include "fs/cmd/name_change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/tree_walk.h"
#include "policy/self_grant.h"
#include "policy/widening.h"

#define SHOWN_RULES 10

struct name_change {
	struct vault *vault;
	const struct verb_call *call;
	const char *command;
	struct ruleset *ruleset;
	struct widening *widening;
	/* As he is now, and as he would be after logging in. */
	struct subject login;
	const struct subject *authors[2];
	/* While adding: what moves where. */
	struct path_name from, to;
};

static void find_authors(struct name_change *change)
{
	const struct subject *caller = change->call->caller;
	char number[16];

	change->authors[0] = change->authors[1] = caller;
	snprintf(number, sizeof(number), "%u", caller->uid);
	if (caller->uid == SUBJECT_ID_UNKNOWN || subject_of_user(number, &change->login) < 0)
		return;
	change->login.loginuid = change->login.uid;
	change->authors[1] = &change->login;
}

int name_change_new(struct vault *vault, const struct verb_call *call, const char *command,
	struct name_change **ret_change)
{
	scope(name_change_free) struct name_change *change = calloc(1, sizeof(*change));
	int r;

	if (!change)
		return -ENOMEM;
	change->vault = vault;
	change->call = call;
	change->command = command;
	change->ruleset = policy_ruleset(vault->policy);
	find_authors(change);
	r = widening_new(
		change->ruleset, change->authors, ARRAY_SIZE(change->authors), &change->widening);
	if (r < 0)
		return r;
	*ret_change = take(&change);
	return 0;
}

struct name_change *name_change_free(struct name_change *change)
{
	if (!change)
		return NULL;
	widening_free(change->widening);
	ruleset_unref(change->ruleset);
	subject_done(&change->login);
	free(change);
	return NULL;
}

static bool is_at_or_below(const struct path_name *top, const char *path, size_t len)
{
	return len >= top->len && memcmp(path, top->path, top->len) == 0 &&
	       (len == top->len || !top->len || path[top->len] == '/');
}

/* Its name after the change: path NULL when it goes. What is new is put into `room`. */
static int name_after(const struct name_change *change, const char *path, size_t len,
	struct path_name *ret_name, char **ret_room)
{
	size_t rest = len - change->from.len;
	char *name;

	*ret_name = (struct path_name){path, len};
	if (!is_at_or_below(&change->from, path, len))
		return 0;
	*ret_name = (struct path_name){NULL, 0};
	if (!change->to.path)
		return 0;
	name = malloc(change->to.len + rest + 1);
	if (!name)
		return -ENOMEM;
	memcpy(name, change->to.path, change->to.len);
	memcpy(name + change->to.len, path + change->from.len, rest);
	name[change->to.len + rest] = '\0';
	*ret_name = (struct path_name){name, change->to.len + rest};
	*ret_room = name;
	return 0;
}

static int add_names(struct name_change *change, const struct name_list *names)
{
	scope_free struct path_name *before = calloc(names->count, sizeof(*before));
	scope_free struct path_name *after = calloc(names->count, sizeof(*after));
	scope_free char **rooms = calloc(names->count, sizeof(*rooms));
	int r = before && after && rooms ? 0 : -ENOMEM;

	for (size_t i = 0; i < names->count && r == 0; i++) {
		before[i] = (struct path_name){names->names[i].path, names->names[i].len};
		r = name_after(change, before[i].path, before[i].len, &after[i], &rooms[i]);
	}
	if (r == 0)
		widening_add_file(change->widening, before, after, names->count);
	for (size_t i = 0; rooms && i < names->count; i++)
		free(rooms[i]);
	return r;
}

static int add_entry(void *arg, const char *path, size_t len, const struct entry_info *info)
{
	struct name_change *change = arg;
	struct name_list names = {0};
	int r;

	(void)path, (void)len;
	/* The last name of a file takes it along. */
	if (info->kind != ENTRY_FILE || (!change->to.path && info->nlink < 2))
		return 0;
	r = keystore_names(change->vault->keystore, info->ino, &names);
	if (r == 0 && names.count)
		r = add_names(change, &names);
	name_list_done(&names);
	/* Nobody reads what is damaged. */
	return r == -ENOENT || r == -EBADMSG ? 0 : r;
}

/* As rules see it: no slash at its ends, none twice. */
static void add_canonical(struct buffer *to, const char *path, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (path[i] == '/' && (i + 1 == len || path[i + 1] == '/' || !to->len))
			continue;
		buffer_add(to, &path[i], 1);
	}
}

int name_change_add(struct name_change *change, const char *from, size_t from_len, const char *to,
	size_t to_len)
{
	scope_buffer struct buffer before = {0}, after = {0};
	struct entry_info info;

	if (!ruleset_allows_anything(change->ruleset) ||
		keystore_resolve(change->vault->keystore, from, from_len, &info) < 0)
		return 0;
	add_canonical(&before, from, from_len);
	if (to)
		add_canonical(&after, to, to_len);
	if (before.failed || after.failed)
		return -ENOMEM;
	change->from = (struct path_name){buffer_text(&before), before.len};
	change->to = (struct path_name){to ? buffer_text(&after) : NULL, after.len};
	widening_look_below(change->widening, &change->from, &change->to);
	return tree_walk(change->vault->keystore, change->from.path, change->from.len, &info,
		add_entry, change);
}

static void show_rule(const struct name_change *change, const struct rule *rule)
{
	scope_buffer struct buffer words = {0};

	if (rule_describe(rule, &words) < 0)
		return;
	remark(change->call->output, "%s: %s: %s", change->command,
		rule->effect == RULE_DENY ? "more can be read, as one does not reach it any more"
					  : "more can be read, as one reaches it now",
		buffer_text(&words));
}

/* On standard error and for the record. */
static void show_rules(const struct name_change *change, struct name_verdict *verdict)
{
	size_t at = 0, count = 0, len;
	const struct rule *rule;

	len = (size_t)snprintf(verdict->words, sizeof(verdict->words), "would-widen:");
	while ((rule = widening_next_rule(change->widening, &at))) {
		if (count++ < SHOWN_RULES) {
			show_rule(change, rule);
			len += (size_t)snprintf(verdict->words + len, sizeof(verdict->words) - len,
				"%s rule %llu", count == 1 ? "" : ",",
				(unsigned long long)rule->number);
		}
	}
	if (count <= SHOWN_RULES)
		return;
	snprintf(verdict->words + len, sizeof(verdict->words) - len, " and %zu more",
		count - SHOWN_RULES);
	remark(change->call->output, "%s: and so by %zu more rules", change->command,
		count - SHOWN_RULES);
}

void name_change_judge(const struct name_change *change, struct name_verdict *ret_verdict)
{
	const struct verb_call *call = change->call;

	*ret_verdict = (struct name_verdict){REASON_NONE, REASON_NONE, ""};
	if (!widening_files(change->widening))
		return;
	show_rules(change, ret_verdict);
	if (!caller_holds(change->vault, call, ROLE_ADMIN)) {
		ret_verdict->refused = REASON_WOULD_WIDEN;
		complain(call->output,
			"%s: refused: others could read more by it (would-widen); an admin may do "
			"it",
			change->command);
	} else if (call->by_slot || !widening_is_for_author(change->widening)) {
		return;
	} else if (self_grant_is_one_person(ruleset_members(change->ruleset), call->caller->uid)) {
		ret_verdict->recorded = REASON_SELF_GRANT;
		remark(call->output,
			"%s: you can read more by it yourself; nobody else holds a role here, so "
			"it "
			"is done, and recorded as self-grant",
			change->command);
	} else {
		ret_verdict->refused = REASON_SELF_GRANT;
		complain(call->output,
			"%s: refused: you could read more by it yourself (self-grant); another "
			"admin must do it",
			change->command);
	}
}
