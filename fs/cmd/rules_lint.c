/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_lint.c - `rules VAULT lint [FILE] [--json]`: what is odd in the vault's rules, or in those
 * of a file, each beside the files that are there. Exit 1 when there is anything.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/containers.h"
#include "fs/cmd/link_path.h"
#include "fs/cmd/rules_verbs.h"
#include "fs/cmd/tree_walk.h"
#include "keystore/base/clock.h"
#include "keystore/base/json.h"
#include "policy/lint.h"
#include "policy/shell_word.h"

/* What the files tell about one rule. */
struct seen {
	bool file;	 /* its pattern matches one */
	bool entry;	 /* or anything but a link */
	bool reached;	 /* a link whose target may be read by some rule */
	char *link;	 /* owned; the first that it matches and whose target stays closed */
	char *target;	 /* owned; of that link */
	char *directory; /* owned; that all such links and their targets are below */
	size_t links;
};

struct linting {
	struct vault *vault;
	struct verb_call *call;
	const char *file; /* NULL: the rules in force */
	struct ruleset *ruleset;
	struct lint *lint;
	struct seen *seen;    /* by rule */
	char containers[256]; /* "" when none are seen */
	size_t findings;
	const struct rule *rule; /* that is being looked at */
	int failed;
};

static void linting_done(struct linting *linting)
{
	for (size_t i = 0; linting->seen && i < ruleset_count(linting->ruleset); i++) {
		free(linting->seen[i].link);
		free(linting->seen[i].target);
		free(linting->seen[i].directory);
	}
	free(linting->seen);
	lint_free(linting->lint);
	ruleset_unref(linting->ruleset);
}

static void show_json(
	struct linting *linting, uint64_t number, enum lint_check check, const char *text)
{
	scope(json_free) struct json *json = json_new();
	scope_buffer struct buffer line = {0};

	if (linting->file) {
		json_unknown(json, "rule");
		json_int(json, "line", (int64_t)number);
	} else {
		json_int(json, "rule", (int64_t)number);
		json_unknown(json, "line");
	}
	json_text(json, "check", lint_check_word(check));
	json_text(json, "text", text);
	if (json_line(json, &line) < 0)
		linting->failed = -ENOMEM;
	else
		say_bytes(linting->call->output, line.data, line.len);
}

static void show(struct linting *linting, uint64_t number, enum lint_check check, const char *text)
{
	scope_free char *shown = text_as_line(text);

	linting->findings++;
	if (verb_flag(linting->call, "json"))
		show_json(linting, number, check, text);
	else if (linting->file)
		say(linting->call->output, "%s:%llu: %s: %s\n", linting->file,
			(unsigned long long)number, lint_check_word(check), shown ? shown : "");
	else
		say(linting->call->output, "rule %llu: %s: %s\n", (unsigned long long)number,
			lint_check_word(check), shown ? shown : "");
}

static void show_finding(void *arg, enum lint_check check, const char *text)
{
	struct linting *linting = arg;

	show(linting, linting->rule->number, check, text);
}

static void show_mistake(void *arg, size_t line, const char *mistake)
{
	show(arg, line, LINT_SYNTAX, mistake);
}

/* ---- what the files tell ---- */

struct looking_at {
	struct linting *linting;
	const char *path;
	size_t len;
	const struct entry_info *info;
	const char *target; /* of a link that leads to something */
	const struct name_list *target_names;
};

/* The directory that both are below, "" for the root; len bytes of a are looked at. */
static size_t common_directory(const char *a, size_t len, const char *b)
{
	size_t common = 0;

	for (size_t i = 0; i < len && a[i] == b[i]; i++)
		if (a[i] == '/')
			common = i;
	return common;
}

static void note_closed_link(
	struct linting *linting, struct seen *seen, const char *link, const char *target)
{
	size_t len;

	if (!seen->links++) {
		seen->link = strdup(link);
		seen->target = strdup(target);
		seen->directory = strdup(link);
	}
	if (!seen->link || !seen->target || !seen->directory) {
		linting->failed = -ENOMEM;
		return;
	}
	len = common_directory(seen->directory, strlen(seen->directory), link);
	/* A directory stands without its '/': it is below itself. */
	if (strncmp(seen->directory, link, strlen(seen->directory)) == 0 &&
		link[strlen(seen->directory)] == '/')
		len = strlen(seen->directory);
	seen->directory[len] = '\0';
	if (strncmp(seen->directory, target, len) != 0 || (len && target[len] != '/'))
		len = common_directory(seen->directory, len, target);
	seen->directory[len] = '\0';
}

static bool may_read_target(const struct looking_at *at, size_t index)
{
	for (size_t i = 0; i < at->target_names->count; i++)
		if (!lint_subject_may_read(at->linting->lint, index,
			    at->target_names->names[i].path, at->target_names->names[i].len))
			return false;
	return at->target_names->count > 0;
}

static void note_match(void *arg, size_t index)
{
	const struct looking_at *at = arg;
	const struct rule *rule = ruleset_at(at->linting->ruleset, index);
	struct seen *seen = &at->linting->seen[index];

	seen->file |= at->info->kind == ENTRY_FILE;
	seen->entry |= at->info->kind != ENTRY_SYMLINK;
	if (!at->target || rule->effect != RULE_ALLOW || !(rule->permissions & PERMISSION_READ))
		return;
	if (may_read_target(at, index))
		seen->reached = true;
	else
		note_closed_link(at->linting, seen, at->path, at->target);
}

static int look_at_link(const struct looking_at *at)
{
	struct keystore *keystore = at->linting->vault->keystore;
	struct looking_at behind = *at;
	scope_free char *target = NULL;
	struct name_list names = {0};
	struct entry_info info;
	int r;

	r = link_follow(keystore, at->info, at->path, &target, &info);
	if (r == -ENOMEM)
		return r;
	/* What leads nowhere or out of the vault is opened by nobody's rule. */
	if (r < 0)
		return 0;
	r = keystore_names(keystore, info.ino, &names);
	if (r == 0) {
		behind.target = target;
		behind.target_names = &names;
		lint_each_matching(at->linting->lint, at->path, at->len, note_match, &behind);
	}
	name_list_done(&names);
	return r == -ENOENT ? 0 : r;
}

static int look_at_entry(void *arg, const char *path, size_t len, const struct entry_info *info)
{
	struct looking_at at = {.linting = arg, .path = path, .len = len, .info = info};
	int r = 0;

	if (info->kind == ENTRY_SYMLINK)
		r = look_at_link(&at);
	else
		lint_each_matching(at.linting->lint, path, len, note_match, &at);
	return r < 0 ? r : at.linting->failed;
}

static int look_at_files(struct linting *linting)
{
	struct keystore *keystore = linting->vault->keystore;
	struct entry_info root;
	int r;

	linting->seen = calloc(ruleset_count(linting->ruleset) + 1, sizeof(*linting->seen));
	if (!linting->seen)
		return -ENOMEM;
	r = keystore_stat(keystore, ROOT_INO, &root);
	return r < 0 ? r : tree_walk(keystore, "", 0, &root, look_at_entry, linting);
}

/* ---- a rule ---- */

/* All below the directory as a pattern, as a word. */
static void add_pattern_below(const char *directory, struct buffer *to)
{
	scope_buffer struct buffer pattern = {0};

	for (const char *at = directory; *at; at++) {
		if (strchr("*?[\\", *at))
			buffer_add_u8(&pattern, '\\');
		buffer_add_u8(&pattern, (uint8_t)*at);
	}
	buffer_add_text(&pattern, *directory ? "/**" : "**");
	shell_word_write(buffer_text(&pattern), pattern.len, to);
	to->failed |= pattern.failed;
}

static int report_links(struct linting *linting, const struct seen *seen)
{
	scope_buffer struct buffer text = {0};

	if (!seen->links)
		return 0;
	buffer_add_format(&text, "matches %zu link%s whose files stay closed, as ", seen->links,
		plural(seen->links));
	shell_word_write(seen->link, strlen(seen->link), &text);
	buffer_add_text(&text, " to ");
	shell_word_write(seen->target, strlen(seen->target), &text);
	buffer_add_text(&text, ": a link gives nothing; ");
	add_pattern_below(seen->directory, &text);
	buffer_add_text(&text, " covers both");
	if (text.failed)
		return -ENOMEM;
	show_finding(linting, LINT_LINK_TARGETS, buffer_text(&text));
	return 0;
}

static void report_no_file(struct linting *linting, const struct seen *seen)
{
	const struct rule *rule = linting->rule;

	if (seen->file || (seen->entry && (rule->permissions & PERMISSION_LIST)) || seen->links)
		return;
	show_finding(linting, LINT_NO_FILE,
		seen->reached ? "matches links and no file: a link gives nothing"
		: seen->entry ? "matches a directory and no file: PATTERN/** is what is in it"
			      : "matches no file now");
}

static void report_container_root(struct linting *linting)
{
	const struct rule *rule = linting->rule;
	char text[512];

	if (!linting->containers[0] || rule->effect == RULE_DENY)
		return;
	for (size_t i = 0; i < rule->word_count; i++) {
		if (rule->words[i].kind != WORD_USER || rule->words[i].number != 0)
			continue;
		snprintf(text, sizeof(text),
			"root of every container without a user namespace of its own is user 0 "
			"too, and there are containers here (%s): add a unit:",
			linting->containers);
		if (!(rule_kinds(rule) & KIND_BIT(WORD_UNIT)))
			show_finding(linting, LINT_CONTAINER_ROOT, text);
		return;
	}
}

static int look_at_rules(struct linting *linting)
{
	int r = 0;

	for (size_t i = 0; i < ruleset_count(linting->ruleset) && r == 0; i++) {
		linting->rule = ruleset_at(linting->ruleset, i);
		r = lint_rule(linting->lint, i, show_finding, linting);
		report_container_root(linting);
		report_no_file(linting, &linting->seen[i]);
		if (r == 0)
			r = report_links(linting, &linting->seen[i]);
	}
	return r < 0 ? r : linting->failed;
}

/* The rules of the file as a set, each under the number of its line. */
static int set_of_file(struct linting *linting, struct rule_file *file)
{
	scope(ruleset_unref) struct ruleset *present = policy_ruleset(linting->vault->policy);
	const struct ruleset_parts parts = {.added = file->rules,
		.added_count = file->count,
		.members = ruleset_members(present),
		.is_private = ruleset_is_private(present)};

	for (size_t i = 0; i < file->count; i++)
		file->rules[i].number = file->lines[i];
	return ruleset_build(&parts, &linting->ruleset);
}

static int choose_rules(struct linting *linting)
{
	struct rules_text rules = {0};
	int code, r;

	if (!verb_operand(linting->call, 1, NULL)) {
		linting->ruleset = policy_ruleset(linting->vault->policy);
		return EXIT_DONE;
	}
	linting->file = rules_text_name(linting->call);
	code = rules_text_load(linting->call, "rules lint", show_mistake, linting, &rules);
	if (code != EXIT_DONE)
		return code;
	linting->findings = rules.file.mistakes;
	r = set_of_file(linting, &rules.file);
	rule_file_done(&rules.file);
	if (r < 0)
		complain(linting->call->output, "rules lint: %s", result_text(r));
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

int rules_lint_verb(struct vault *vault, struct verb_call *call)
{
	__attribute__((cleanup(linting_done))) struct linting linting = {
		.vault = vault, .call = call};
	int code, r;

	if (policy_is_broken(vault->policy)) {
		complain(call->output,
			"the rules in keystore.db were changed by somebody without a key: "
			"every open is refused (seal-broken) until it is restored");
		return EXIT_INTEGRITY;
	}
	code = choose_rules(&linting);
	if (code != EXIT_DONE)
		return code;
	containers_find(linting.containers, sizeof(linting.containers));
	r = lint_new(
		linting.ruleset, clock_now_ns(), linting.file ? "line" : "rule", &linting.lint);
	if (r == 0)
		r = look_at_files(&linting);
	if (r == 0)
		r = look_at_rules(&linting);
	if (r < 0) {
		complain(call->output, "rules lint: %s", result_text(r));
		return EXIT_FAILED;
	}
	if (linting.findings)
		remark(call->output, "%zu finding%s", linting.findings, plural(linting.findings));
	return linting.findings ? EXIT_FAILED : EXIT_DONE;
}
