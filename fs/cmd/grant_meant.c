/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant_meant.c - what a new rule means here and now: which files, which role, which unit; and what
 * was meant when it is none.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/grant_check.h"
#include "fs/cmd/mounts.h"
#include "fs/cmd/pattern_meant.h"
#include "fs/cmd/tree_walk.h"
#include "keystore/base/bytes.h"
#include "policy/path_pattern.h"
#include "policy/permission.h"
#include "policy/rule_idle.h"
#include "policy/shell_word.h"
#include "policy/surroundings.h"

struct matching {
	const struct path_pattern *pattern;
	uint64_t least; /* bytes of a file that counts */
	uint64_t files;
};

static int count_match(void *arg, const char *path, size_t len, const struct entry_info *info)
{
	struct matching *matching = arg;

	if (info->kind == ENTRY_FILE && info->size >= matching->least &&
		path_pattern_matches(matching->pattern, path, len))
		matching->files++;
	return 0;
}

/* Files that it matches and that have so many bytes. */
static uint64_t matching_files(struct vault *vault, const struct rule *rule, uint64_t least)
{
	scope(path_pattern_free) struct path_pattern *pattern = NULL;
	struct matching matching = {.least = least};
	struct entry_info root;

	if (path_pattern_new(rule->pattern, rule->pattern_len, &pattern, NULL) < 0 ||
		keystore_stat(vault->keystore, ROOT_INO, &root) < 0)
		return 0;
	matching.pattern = pattern;
	tree_walk(vault->keystore, "", 0, &root, count_match, &matching);
	return matching.files;
}

uint64_t grant_matching_files(struct vault *vault, const struct rule *rule)
{
	return matching_files(vault, rule, 0);
}

/* As people would give it: a directory with all beneath, and nothing that is found at any depth. */
static void spell_pattern(struct vault *vault, const char *rest, struct buffer *to)
{
	struct entry_info info;
	scope_buffer struct buffer pattern = {0};

	rest += strspn(rest, "/");
	if (!*rest || strcmp(rest, "**") == 0)
		buffer_add_text(&pattern, "**");
	else if (keystore_resolve(vault->keystore, rest, strlen(rest), &info) == 0 &&
		 info.kind == ENTRY_DIRECTORY)
		buffer_add_format(&pattern, "%s/**", rest);
	else
		buffer_add_format(&pattern, "%s%s", strchr(rest, '/') ? "" : "/", rest);
	shell_word_write(buffer_text(&pattern), pattern.len, to);
}

int grant_check_pattern(struct vault *vault, struct verb_call *call, const struct rule *rule)
{
	static const char *const names[] = {
		[RULE_ALLOW] = "grant", [RULE_DENY] = "deny", [RULE_LEARN] = "mode learn"};
	scope_buffer struct buffer right = {0}, shown = {0};
	scope_free char *mounted = NULL;
	const char *rest;

	if (*rule->pattern != '/')
		return EXIT_DONE;
	mounted = mounts_vault_above(rule->pattern, &rest);
	if (!mounted || strcmp(mounted, vault->place.path) != 0 ||
		grant_matching_files(vault, rule) > 0)
		return EXIT_DONE;
	spell_pattern(vault, rest, &right);
	shell_word_write(rule->pattern, rule->pattern_len, &shown);
	complain(call->output,
		"%s: %s is a path below the mount point %.*s; in the vault it is %s: "
		"give that",
		names[rule->effect], buffer_text(&shown), (int)(rest - rule->pattern),
		rule->pattern, buffer_text(&right));
	return EXIT_USAGE;
}

static void remark_on_unit(struct verb_call *call, const struct rule *rule, const char *unit)
{
	scope_free char *near = NULL;
	bool found;

	if (strcmp(unit, "*") == 0)
		remark(call->output, "unit:'*' is every process: %s",
			rule->effect == RULE_DENY ? "any says it" : "name the unit");
	else if (unit_is_there(unit, &found, &near) == 0 && !found)
		remark(call->output, "unit:%s: no unit of this name runs here now%s%s%s", unit,
			near ? "; did you mean unit:" : "", near ? near : "", near ? "?" : "");
}

/* The new rule beside the others. */
static void remark_on_idle(
	struct verb_call *call, const struct ruleset *after, const struct rule *rule)
{
	const struct rule *other = rule_idle_by(after, rule->number);

	if (other)
		remark(call->output, "it does nothing: rule %llu %s all of it%s",
			(unsigned long long)other->number,
			other->effect == RULE_DENY ? "denies" : "allows",
			other->effect == rule->effect ? " already" : "");
}

/* Files that one period does not suffice for are never read by it. */
static void remark_on_budget(struct vault *vault, struct verb_call *call, const struct rule *rule)
{
	uint64_t limit = rule->condition.max_bytes.limit, files = 0;

	if (limit)
		files = matching_files(vault, rule, limit + 1);
	if (files)
		remark(call->output,
			"%llu of these files %s larger than all of --max-bytes, %llu bytes, and "
			"not to be read by it",
			(unsigned long long)files, files == 1 ? "is" : "are",
			(unsigned long long)limit);
}

void grant_remark_on_use(struct vault *vault, struct verb_call *call, const struct ruleset *after,
	const struct rule *rule, uint64_t files)
{
	pattern_remark(vault, call->output, rule, files);
	for (size_t i = 0; i < rule->word_count; i++)
		if (rule->words[i].kind == WORD_UNIT)
			remark_on_unit(call, rule, rule->words[i].name);
	remark_on_idle(call, after, rule);
	remark_on_budget(vault, call, rule);
	if (rule->permissions & PERMISSION_WRITE)
		remark(call->output, "mounts are read-only in this version: write changes nothing "
				     "yet");
}

/* "vision", "group:Vision": the name of the role, in small letters, when there is one; malloc'ed.
 */
static char *role_meant(const struct role_members *members, const char *word)
{
	const char *colon = strchr(word, ':');
	char *name = strdup(colon ? colon + 1 : word);

	for (char *at = name; at && *at; at++)
		*at = *at >= 'A' && *at <= 'Z' ? (char)(*at - 'A' + 'a') : *at;
	if (name && role_has_members(members, name))
		return name;
	free(name);
	return NULL;
}

/* Is the mistake about this word, which stands first in it? */
static bool is_about(const char *mistake, const char *word)
{
	size_t len = strlen(word);

	return strncmp(mistake, word, len) == 0 && (mistake[len] == ' ' || mistake[len] == ':');
}

void grant_meant_role(struct vault *vault, const char *const *words, size_t count, char **mistake)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);

	for (size_t i = 0; i < count && *mistake; i++) {
		scope_buffer struct buffer line = {0};
		scope_free char *role = NULL;
		char *text;
		size_t len;

		if (strchr(words[i], '=') || strncmp(words[i], "role:", 5) == 0 ||
			!is_about(*mistake, words[i]))
			continue;
		role = role_meant(ruleset_members(ruleset), words[i]);
		if (!role)
			continue;
		if (strchr(words[i], ':'))
			buffer_add_format(&line,
				"%s: there is a role of that name: did you mean role:%s?", words[i],
				role);
		else
			buffer_add_format(
				&line, "%s is no subject: did you mean role:%s?", words[i], role);
		if (buffer_take(&line, &text, &len) < 0)
			return;
		free(*mistake);
		*mistake = text;
		return;
	}
}
