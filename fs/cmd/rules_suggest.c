/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_suggest.c - `rules VAULT suggest [--since T] [--refused] [--json]`: from what was learned,
 * or refused for want of a rule, to the lines that would allow it. Only prints; what a rule allows
 * already is left out.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/cmd/rules_verbs.h"
#include "fs/cmd/tree_walk.h"
#include "keystore/base/clock.h"
#include "keystore/base/json.h"
#include "policy/lint.h"
#include "policy/rule_line.h"
#include "policy/suggest.h"
#include "policy/surroundings.h"
#include "policy/user_database.h"

/* A program of the records: can a rule name it? */
struct known_exe {
	char *path; /* owned */
	bool usable;
};

/* One line to come, in two arrays: the rules must stand together. */
struct line {
	uint64_t files, opens;
	int64_t first_ns, last_ns;
	char *user; /* owned; NULL: nobody's in particular */
};

struct suggesting {
	struct vault *vault;
	struct verb_call *call;
	struct suggest *suggest;
	enum reason reason;
	int64_t own_userns;
	struct known_exe *exes;
	size_t exe_count;
	struct ruleset *present;
	struct rule *rules; /* `count` of them, and lines */
	struct line *lines;
	size_t count;
	size_t shown;
};

static void suggesting_done(struct suggesting *suggesting)
{
	for (size_t i = 0; i < suggesting->exe_count; i++)
		free(suggesting->exes[i].path);
	free(suggesting->exes);
	for (size_t i = 0; i < suggesting->count; i++) {
		rule_done(&suggesting->rules[i]);
		free(suggesting->lines[i].user);
	}
	free(suggesting->rules);
	free(suggesting->lines);
	suggest_free(suggesting->suggest);
	ruleset_unref(suggesting->present);
}

/* ---- from records ---- */

/* A rule matches the file that its path names now, and only where root alone can change it. */
static int look_at_exe(struct suggesting *suggesting, const char *path, bool *ret_usable)
{
	struct known_exe *grown;
	struct exe_file file;

	for (size_t i = 0; i < suggesting->exe_count; i++) {
		if (strcmp(suggesting->exes[i].path, path) == 0) {
			*ret_usable = suggesting->exes[i].usable;
			return 0;
		}
	}
	grown = reallocarray(
		suggesting->exes, suggesting->exe_count + 1, sizeof(*suggesting->exes));
	if (!grown)
		return -ENOMEM;
	suggesting->exes = grown;
	grown[suggesting->exe_count].path = strdup(path);
	if (!grown[suggesting->exe_count].path)
		return -ENOMEM;
	*ret_usable = *path == '/' && exe_path_resolve(path, &file, NULL) == 0;
	grown[suggesting->exe_count++].usable = *ret_usable;
	return 0;
}

static bool ends_with(const char *text, size_t len, const char *end)
{
	return len > strlen(end) && memcmp(text + len - strlen(end), end, strlen(end)) == 0;
}

/*
 * The component of a control group's path that is there again tomorrow: its last service, but not
 * that of a user's own manager. of_any: else its last component. The caller frees; NULL: none.
 */
static char *unit_of(const char *path, bool of_any)
{
	const char *found = NULL, *last = NULL;
	size_t found_len = 0, last_len = 0;

	while (path && *path) {
		size_t len;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len) {
			last = path;
			last_len = len;
		}
		if (ends_with(path, len, ".service") && strncmp(path, "user@", 5) != 0) {
			found = path;
			found_len = len;
		}
		path += len;
	}
	if (!found && of_any && last)
		return strndup(last, last_len);
	return found ? strndup(found, found_len) : NULL;
}

static int add_access(struct suggesting *suggesting, const struct audit_event *event)
{
	struct suggest_who who = {.uid = (uint32_t)event->uid};
	scope_free char *unit = NULL;
	bool usable = false;
	int r = 0;

	who.contained = event->userns != AUDIT_UNKNOWN && suggesting->own_userns &&
			event->userns != suggesting->own_userns;
	unit = event->unit ? unit_of(event->unit, who.contained) : NULL;
	who.unit = unit;
	if (who.contained) {
		/* Nothing but its unit can be believed of it. */
		who.uid = 0;
		if (!unit)
			return 0;
	} else if (event->exe) {
		r = look_at_exe(suggesting, event->exe, &usable);
		who.exe = usable ? event->exe : NULL;
	}
	if (r < 0)
		return r;
	return suggest_add(suggesting->suggest, &who, event->path, event->path_len,
		(uint64_t)event->count, event->time_ns);
}

static int take_record(void *arg, const struct audit_record *record)
{
	struct suggesting *suggesting = arg;
	const struct audit_event *event = &record->event;

	if (event->reason != suggesting->reason || !event->path || event->uid < 0 ||
		event->uid >= UINT32_MAX || (event->perm && strcmp(event->perm, "read") != 0))
		return 0;
	return add_access(suggesting, event);
}

static int read_trail(struct suggesting *suggesting, int64_t since_ns)
{
	struct audit_filter filter = AUDIT_FILTER_EMPTY;
	scope_free char *trail = NULL;

	if (asprintf(&trail, "%s/audit.db", suggesting->vault->place.path) < 0) {
		trail = NULL;
		return -ENOMEM;
	}
	filter.since_ns = since_ns;
	filter.action = audit_action_word(AUDIT_OPEN);
	filter.outcome = audit_outcome_word(
		suggesting->reason == REASON_LEARNED ? AUDIT_ALLOW : AUDIT_REFUSE);
	audit_flush(suggesting->vault->audit);
	return audit_query(trail, &filter, take_record, suggesting);
}

/* An allow must match every name of a file. */
static int add_other_names(void *arg, const struct suggest_who *who, const char *path, size_t len)
{
	struct suggesting *suggesting = arg;
	struct keystore *keystore = suggesting->vault->keystore;
	struct name_list names = {0};
	struct entry_info info;
	int r = 0;

	if (keystore_resolve(keystore, path, len, &info) < 0 || info.nlink < 2 ||
		keystore_names(keystore, info.ino, &names) < 0)
		return 0;
	for (size_t i = 0; i < names.count && r == 0; i++)
		r = suggest_add(suggesting->suggest, who, names.names[i].path, names.names[i].len,
			0, info.mtime_ns);
	name_list_done(&names);
	return r;
}

/* ---- to lines ---- */

static int count_file(void *arg, const char *path, size_t len, const struct entry_info *info)
{
	uint64_t *count = arg;

	(void)path, (void)len;
	*count += info->kind == ENTRY_FILE;
	return 0;
}

static uint64_t count_files(void *arg, const char *path, size_t len)
{
	const struct suggesting *suggesting = arg;
	struct keystore *keystore = suggesting->vault->keystore;
	struct entry_info info;
	uint64_t count = 0;

	if (keystore_resolve(keystore, path, len, &info) == 0)
		tree_walk(keystore, path, len, &info, count_file, &count);
	return count;
}

static int rule_of(const struct suggestion *suggestion, const char *user, struct rule *ret_rule)
{
	const struct suggest_who *who = &suggestion->who;
	scope_free char *mistake = NULL;
	scope_buffer struct buffer first = {0}, exe = {0}, unit = {0};
	const char *words[6];
	size_t count = 0;

	if (who->contained)
		words[count++] = "userns:contained";
	else
		buffer_add_format(&first, "user:%s", user);
	buffer_add_format(&exe, "exe:%s", who->exe ? who->exe : "");
	buffer_add_text(&unit, "unit:");
	for (const char *at = who->unit; at && *at; at++) {
		if (strchr("*?[\\", *at))
			buffer_add_u8(&unit, '\\');
		buffer_add_u8(&unit, (uint8_t)*at);
	}
	if (first.failed || exe.failed || unit.failed)
		return -ENOMEM;
	if (!who->contained)
		words[count++] = buffer_text(&first);
	if (who->exe)
		words[count++] = buffer_text(&exe);
	if (who->unit)
		words[count++] = buffer_text(&unit);
	words[count++] = "read";
	words[count++] = suggestion->pattern;
	return rule_from_words(RULE_ALLOW, words, count, ret_rule, &mistake);
}

static int reserve_line(struct suggesting *suggesting)
{
	size_t room = suggesting->count + 1;
	struct rule *rules = reallocarray(suggesting->rules, room, sizeof(*rules));
	struct line *lines;

	if (!rules)
		return -ENOMEM;
	suggesting->rules = rules;
	lines = reallocarray(suggesting->lines, room, sizeof(*lines));
	if (!lines)
		return -ENOMEM;
	suggesting->lines = lines;
	return 0;
}

static int take_suggestion(void *arg, const struct suggestion *suggestion)
{
	struct suggesting *suggesting = arg;
	scope_free char *name = NULL;
	char number[16];
	uint32_t gid;
	int r;

	r = reserve_line(suggesting);
	if (r < 0)
		return r;
	snprintf(number, sizeof(number), "%u", suggestion->who.uid);
	if (!suggestion->who.contained && user_by_number(suggestion->who.uid, &name, &gid) < 0)
		name = NULL;
	r = rule_of(suggestion, name ? name : number, &suggesting->rules[suggesting->count]);
	if (r < 0)
		return r;
	suggesting->lines[suggesting->count] = (struct line){.files = suggestion->files,
		.opens = suggestion->opens,
		.first_ns = suggestion->first_ns,
		.last_ns = suggestion->last_ns,
		.user = suggestion->who.contained ? NULL : strdup(name ? name : number)};
	suggesting->count++;
	return 0;
}

static int show_json(struct suggesting *suggesting, const struct rule *rule,
	const struct line *line, const char *words)
{
	scope(json_free) struct json *json = json_new();
	scope_buffer struct buffer text = {0};
	const char *exe = NULL, *unit = NULL;
	int64_t uid = -1;
	int r;

	for (size_t i = 0; i < rule->word_count; i++) {
		const struct subject_word *word = &rule->words[i];

		uid = word->kind == WORD_USER ? (int64_t)word->number : uid;
		exe = word->kind == WORD_EXE ? word->name : exe;
		unit = word->kind == WORD_UNIT ? word->name : unit;
	}
	json_bytes(json, "words", words, strlen(words));
	if (uid >= 0)
		json_int(json, "uid", uid);
	else
		json_unknown(json, "uid");
	json_text(json, "user", line->user);
	json_text(json, "exe", exe);
	json_text(json, "unit", unit);
	json_bytes(json, "pattern", rule->pattern, rule->pattern_len);
	json_int(json, "files", (int64_t)line->files);
	json_int(json, "opens", (int64_t)line->opens);
	json_time(json, "first", line->first_ns);
	json_time(json, "last", line->last_ns);
	r = json_line(json, &text);
	if (r == 0)
		say_bytes(suggesting->call->output, text.data, text.len);
	return r;
}

static int show_line(
	struct suggesting *suggesting, const struct rule *rule, const struct line *line)
{
	char first[TIME_WORDS_SIZE], last[TIME_WORDS_SIZE];
	struct output *output = suggesting->call->output;
	scope_buffer struct buffer words = {0};
	int r;

	r = rule_line_write(rule, &words);
	if (r < 0)
		return r;
	suggesting->shown++;
	if (verb_flag(suggesting->call, "json")) {
		words.data[--words.len] = '\0';
		return show_json(suggesting, rule, line, words.data);
	}
	time_to_words(line->first_ns, first);
	time_to_words(line->last_ns, last);
	if (suggesting->shown == 1)
		say(output, "%s\n", RULE_FILE_HEADER);
	say(output, "# %llu open%s of %llu file%s, %s to %s\n", (unsigned long long)line->opens,
		plural(line->opens), (unsigned long long)line->files, plural(line->files), first,
		last);
	say_bytes(output, words.data, words.len);
	return 0;
}

static void note_check(void *arg, enum lint_check check, const char *text)
{
	bool *known = arg;

	(void)text;
	*known |= check == LINT_SHADOWED;
}

/* All but what a rule, or another of them, allows already. */
static int show_lines(struct suggesting *suggesting)
{
	scope(ruleset_unref) struct ruleset *ruleset = NULL;
	scope(lint_free) struct lint *lint = NULL;
	const struct ruleset_parts parts = {.base = suggesting->present,
		.added = suggesting->rules,
		.added_count = suggesting->count};
	size_t present = ruleset_count(suggesting->present);
	uint64_t number = present ? ruleset_at(suggesting->present, present - 1)->number : 0;
	int r;

	for (size_t i = 0; i < suggesting->count; i++)
		suggesting->rules[i].number = ++number;
	r = ruleset_build(&parts, &ruleset);
	if (r == 0)
		r = lint_new(ruleset, clock_now_ns(), "rule", &lint);
	for (size_t i = 0; i < suggesting->count && r == 0; i++) {
		bool known = false;

		r = lint_rule(lint, present + i, note_check, &known);
		if (r == 0 && !known)
			r = show_line(suggesting, &suggesting->rules[i], &suggesting->lines[i]);
	}
	return r;
}

/* In which user namespace this server is; 0: it cannot be told. */
static int64_t own_userns(void)
{
	struct stat attr;

	return stat("/proc/self/ns/user", &attr) == 0 ? (int64_t)attr.st_ino : 0;
}

static int suggest(struct suggesting *suggesting, int64_t since_ns)
{
	int r;

	suggesting->own_userns = own_userns();
	suggesting->present = policy_ruleset(suggesting->vault->policy);
	r = suggest_new(&suggesting->suggest);
	if (r == 0)
		r = read_trail(suggesting, since_ns);
	if (r == 0)
		r = suggest_each_path(suggesting->suggest, add_other_names, suggesting);
	if (r == 0)
		r = suggest_each(suggesting->suggest, count_files, take_suggestion, suggesting);
	return r < 0 ? r : show_lines(suggesting);
}

/* Who may make the rules may see what was learned; refusals are the auditor's to read. */
static int check_caller(struct vault *vault, struct verb_call *call)
{
	if (!verb_flag(call, "refused") && caller_holds(vault, call, ROLE_ADMIN))
		return EXIT_DONE;
	return caller_must_hold(vault, call, ROLE_AUDITOR, "rules suggest");
}

int rules_suggest_verb(struct vault *vault, struct verb_call *call)
{
	__attribute__((cleanup(suggesting_done))) struct suggesting suggesting = {.vault = vault,
		.call = call,
		.reason = verb_flag(call, "refused") ? REASON_NO_RULE : REASON_LEARNED};
	const char *since = message_get(call->request, "since", NULL);
	int64_t since_ns = 0;
	int code, r;

	code = check_caller(vault, call);
	if (code != EXIT_DONE)
		return code;
	if (since && time_from_words(since, &since_ns) < 0) {
		complain(call->output,
			"rules: --since %s: a time is 2026-11-22, '2026-11-22 18:00' or RFC 3339",
			since);
		return EXIT_USAGE;
	}
	r = suggest(&suggesting, since_ns);
	if (r < 0) {
		complain(call->output, "rules suggest: %s", result_text(r));
		return EXIT_FAILED;
	}
	if (!suggesting.shown)
		remark(call->output, "nothing was %s that no rule allows",
			verb_flag(call, "refused") ? "refused" : "learned");
	return EXIT_DONE;
}
