/* SPDX-License-Identifier: Apache-2.0 */
/* rule_preview.c - lines and objects of --dry-run; what they say is worked out elsewhere. */
#include "fs/cmd/rule_preview.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/access_change.h"
#include "keystore/base/json.h"
#include "policy/rule_text.h"

#define LINES_MAX 100 /* of users who gain, and of those who lose; --json has them all */

struct preview {
	struct verb_call *call;
	bool json;
	uint64_t lines[2]; /* loss, gain */
	uint64_t users[2]; /* each once, however many permissions */
	const struct known_user *last[2];
	struct buffer handles; /* copied out of the table's lock: the client may be slow */
	uint64_t ending;
};

static int say_json(struct preview *preview, struct json *json)
{
	scope_buffer struct buffer line = {0};
	int r = json_line(json, &line);

	if (r == 0)
		say_bytes(preview->call->output, line.data, line.len);
	return r;
}

/* ---- rules ---- */

static int show_rule(struct preview *preview, const struct rule *rule, bool comes)
{
	static const char *const verbs[] = {
		[RULE_ALLOW] = "grant", [RULE_DENY] = "deny", [RULE_LEARN] = "make"};
	scope_buffer struct buffer words = {0};
	struct rule shown = *rule;
	int r;

	/* One that is not made has no number yet. */
	if (comes)
		shown.number = 0;
	r = preview->json ? rule_to_text(&shown, &words) : rule_describe(&shown, &words);
	if (r < 0)
		return r;
	if (preview->json) {
		scope(json_free) struct json *json = json_new();

		json_text(json, "kind", "rule");
		json_text(json, "change", comes ? "add" : "remove");
		if (comes)
			json_unknown(json, "rule");
		else
			json_int(json, "rule", (int64_t)rule->number);
		json_text(json, "effect", rule_effect_word(rule->effect));
		json_bytes(json, "words", words.data, words.len);
		return say_json(preview, json);
	}
	say(preview->call->output, "would %s: %s\n", comes ? verbs[rule->effect] : "revoke",
		buffer_text(&words));
	return 0;
}

/* What of the one set the other has not. */
static int show_rules(struct preview *preview, const struct ruleset *ruleset,
	const struct ruleset *other, bool comes)
{
	int r = 0;

	for (size_t i = 0; i < ruleset_count(ruleset) && r == 0; i++) {
		const struct rule *rule = ruleset_at(ruleset, i);

		if (!ruleset_find(other, rule->number))
			r = show_rule(preview, rule, comes);
	}
	return r;
}

/* A change that is not one of rules, in its own words. */
static int show_words(struct preview *preview, const struct rule_edit *edit)
{
	scope(json_free) struct json *json = NULL;

	if (!edit->words || (!edit->edit.members && !edit->edit.set_private))
		return 0;
	if (!preview->json) {
		say(preview->call->output, "would change: %s\n", edit->words);
		return 0;
	}
	json = json_new();
	json_text(json, "kind", "change");
	json_text(json, "words", edit->words);
	return say_json(preview, json);
}

/* ---- users ---- */

static const struct {
	enum access_need need;
	const char *word;
} needs[ACCESS_NEEDS] = {
	{NEED_PROGRAM, "program"},
	{NEED_UNIT, "unit"},
	{NEED_HOURS, "hours"},
	{NEED_DATES, "dates"},
	{NEED_BUDGET, "budget"},
};

static int show_access_json(struct preview *preview, const struct access_change *change)
{
	scope(json_free) struct json *json = json_new();
	char permission[PERMISSIONS_TEXT_SIZE];
	const char *words[ACCESS_NEEDS];
	size_t count = 0;

	for (size_t i = 0; i < ACCESS_NEEDS; i++)
		if (change->needs & needs[i].need)
			words[count++] = needs[i].word;
	permissions_to_text(change->permission, permission);
	json_text(json, "kind", change->is_gain ? "gain" : "loss");
	json_text(json, "user", change->user->name);
	if (change->user->is_anybody)
		json_unknown(json, "uid");
	else
		json_int(json, "uid", change->user->subject.uid);
	json_text(json, "perm", permission);
	json_int(json, "files", (int64_t)change->files);
	json_bytes(json, "path", change->path, change->len);
	json_text_array(json, "with", words, count);
	return say_json(preview, json);
}

static void describe_user(const struct known_user *user, struct buffer *to)
{
	if (user->is_anybody)
		buffer_add_text(to, "everybody else");
	else if (user->name)
		buffer_add_format(to, "user %s (%u)", user->name, user->subject.uid);
	else
		buffer_add_format(to, "user %u", user->subject.uid);
}

static int show_access_line(struct preview *preview, const struct access_change *change)
{
	scope_free char *path = text_for_terminal(change->path, change->len);
	scope_buffer struct buffer line = {0};
	char permission[PERMISSIONS_TEXT_SIZE];
	const char *before = " (with its ";

	buffer_add_format(&line, "would %s: ", change->is_gain ? "gain" : "lose");
	describe_user(change->user, &line);
	permissions_to_text(change->permission, permission);
	buffer_add_format(&line, ": %s %llu file%s, as %s", permission,
		(unsigned long long)change->files, plural(change->files), path ? path : "?");
	for (size_t i = 0; i < ACCESS_NEEDS; i++) {
		if (!(change->needs & needs[i].need))
			continue;
		buffer_add_format(&line, "%s%s", before, needs[i].word);
		before = ", ";
	}
	buffer_add_text(&line, change->needs ? ")\n" : "\n");
	if (line.failed)
		return -ENOMEM;
	say_bytes(preview->call->output, line.data, line.len);
	return 0;
}

static int show_access(void *arg, const struct access_change *change)
{
	struct preview *preview = arg;

	if (preview->last[change->is_gain] != change->user)
		preview->users[change->is_gain]++;
	preview->last[change->is_gain] = change->user;
	if (preview->json)
		return show_access_json(preview, change);
	if (preview->lines[change->is_gain]++ < LINES_MAX)
		return show_access_line(preview, change);
	return 0;
}

static int show_users(struct preview *preview, struct vault *vault, const struct ruleset *before,
	const struct ruleset *after, bool *ret_whole)
{
	__attribute__((cleanup(known_users_done))) struct known_users users = {0};
	int r;

	r = known_users_collect(before, after, &users);
	if (r == 0)
		r = access_changes(
			vault->keystore, before, after, &users, show_access, preview, ret_whole);
	for (int gain = 1; gain >= 0 && r == 0 && !preview->json; gain--)
		if (preview->lines[gain] > LINES_MAX)
			say(preview->call->output, "would %s: %llu more\n", gain ? "gain" : "lose",
				(unsigned long long)(preview->lines[gain] - LINES_MAX));
	return r;
}

/* ---- open handles ---- */

static int copy_handle(void *arg, const struct handle_info *info)
{
	struct preview *preview = arg;
	scope_free char *path = NULL;

	preview->ending++;
	if (preview->json) {
		scope(json_free) struct json *json = json_new();

		json_text(json, "kind", "end");
		json_bytes(json, "path", info->path, info->path_len);
		json_int(json, "pid", info->pid);
		json_int(json, "uid", info->uid);
		json_text(json, "exe", info->exe);
		return json_line(json, &preview->handles);
	}
	path = text_for_terminal(info->path, info->path_len);
	buffer_add_format(&preview->handles, "would end: %s, open by pid %ld uid %u (%s)\n",
		path ? path : "?", (long)info->pid, info->uid, info->exe ? info->exe : "?");
	return preview->handles.failed ? -ENOMEM : 0;
}

static int show_handles(struct preview *preview, struct vault *vault, struct ruleset *after)
{
	int r = gate_each_failing(vault->gate, after, copy_handle, preview);

	if (r == 0)
		say_bytes(preview->call->output, preview->handles.data, preview->handles.len);
	buffer_done(&preview->handles);
	return r;
}

/* ---- the end ---- */

static int show_totals(struct preview *preview, bool whole, enum reason refused)
{
	scope(json_free) struct json *json = NULL;

	if (!preview->json) {
		say(preview->call->output,
			"nothing was changed: %llu user%s would gain, %llu would lose, %llu open "
			"handle%s would end%s\n",
			(unsigned long long)preview->users[1], plural(preview->users[1]),
			(unsigned long long)preview->users[0], (unsigned long long)preview->ending,
			plural(preview->ending),
			whole ? "" : "; not all users and files were looked at");
		return 0;
	}
	json = json_new();
	json_text(json, "kind", "total");
	json_int(json, "gain", (int64_t)preview->users[1]);
	json_int(json, "lose", (int64_t)preview->users[0]);
	json_int(json, "end", (int64_t)preview->ending);
	json_bool(json, "whole", whole);
	json_text(json, "refused", refused == REASON_NONE ? NULL : reason_word(refused));
	return say_json(preview, json);
}

int rule_preview_show(struct vault *vault, struct verb_call *call, const struct rule_edit *edit,
	const struct ruleset *before, struct ruleset *after, enum reason refused)
{
	struct preview preview = {.call = call, .json = verb_flag(call, "json")};
	bool whole = true;
	int r;

	r = show_words(&preview, edit);
	if (r == 0)
		r = show_rules(&preview, before, after, false);
	if (r == 0)
		r = show_rules(&preview, after, before, true);
	if (r == 0)
		r = show_users(&preview, vault, before, after, &whole);
	if (r == 0)
		r = show_handles(&preview, vault, after);
	if (r == 0)
		r = show_totals(&preview, whole, refused);
	if (r < 0)
		complain(call->output, "%s: it cannot be shown: %s", edit->command, result_text(r));
	return r;
}
