/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_audit.c - `audit VAULT [query]` with filters, and `audit VAULT verify`. Reading goes through
 * the server when there is one; verify needs no key and, without a server, takes no lock.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/options.h"
#include "fs/cmd/serve.h"
#include "fs/cmd/vault.h"
#include "keystore/base/clock.h"
#include "keystore/base/file.h"
#include "keystore/base/json.h"
#include "policy/audit_event.h"
#include "policy/path_pattern.h"
#include "policy/shell_word.h"

/* ---- query ---- */

struct querying {
	struct verb_call *call;
	bool json, count_only;
	uint64_t count;
};

/* The name of a uid when the record is printed; the number is what the trail holds. */
static const char *user_name(int64_t uid, char *room, size_t size)
{
	struct passwd entry, *found;
	char strings[4096];

	if (uid < 0 || getpwuid_r((uid_t)uid, &entry, strings, sizeof(strings), &found) != 0 ||
		!found)
		return NULL;
	snprintf(room, size, "%s", entry.pw_name);
	return room;
}

/* As one word: who names a program or a file must not seem to name a reason or a rule. */
static void say_word(struct output *output, const char *name, const char *value, size_t len)
{
	scope_buffer struct buffer word = {0};

	shell_word_write(value, len, &word);
	say(output, " %s=%s", name, word.failed ? "" : buffer_text(&word));
}

static void show_line(
	struct querying *querying, const struct audit_record *record, const char *user)
{
	static const char *const outcomes[] = {"?", "allow", "deny", "error"};
	const struct audit_event *event = &record->event;
	const char *exe = event->exe ? event->exe : "-";
	scope_free char *detail = text_for_terminal(
		event->detail ? event->detail : "", event->detail ? strlen(event->detail) : 0);
	struct output *output = querying->call->output;
	char time[TIME_TEXT_SIZE];

	time_to_text(event->time_ns, time);
	say(output, "%llu %.23sZ %-5s %-11s", (unsigned long long)record->seq, time,
		outcomes[event->outcome <= AUDIT_ERROR ? event->outcome : 0],
		audit_action_word(event->action));
	if (user)
		say(output, " user=%s", user);
	else if (event->uid != AUDIT_UNKNOWN)
		say(output, " uid=%lld", (long long)event->uid);
	if (event->pid != AUDIT_UNKNOWN) {
		say(output, " pid=%lld", (long long)event->pid);
		say_word(output, "exe", exe, strlen(exe));
	}
	if (event->path)
		say_word(output, "path", event->path, event->path_len);
	if (event->reason != REASON_NONE)
		say(output, " reason=%s", reason_word(event->reason));
	if (event->rule != AUDIT_UNKNOWN)
		say(output, " rule=%lld", (long long)event->rule);
	if (event->bytes != AUDIT_UNKNOWN)
		say(output, " bytes=%lld", (long long)event->bytes);
	if (event->count > 1)
		say(output, " count=%lld", (long long)event->count);
	if (event->detail)
		say(output, " (%s)", detail ? detail : "");
	say(output, "\n");
}

static int show_record(void *arg, const struct audit_record *record)
{
	struct querying *querying = arg;
	char room[256];
	const char *user;
	int r;

	querying->count++;
	if (querying->count_only)
		return 0;
	user = user_name(record->event.uid, room, sizeof(room));
	if (querying->json) {
		scope_buffer struct buffer line = {0};

		r = audit_record_json(record, user, &line);
		if (r < 0)
			return r;
		say_bytes(querying->call->output, line.data, line.len);
	} else {
		show_line(querying, record, user);
	}
	return querying->call->output->failed;
}

static bool path_matches(void *arg, const char *path, size_t len)
{
	return path_pattern_matches(arg, path, len);
}

static int id_of_name(const char *text, bool group, int64_t *ret_id)
{
	struct passwd user, *found_user = NULL;
	struct group entry, *found_group = NULL;
	char strings[16384];
	uint64_t number;

	if (number_from_text(text, UINT32_MAX - 1, &number) == 0) {
		*ret_id = (int64_t)number;
		return 0;
	}
	if (!group && getpwnam_r(text, &user, strings, sizeof(strings), &found_user) == 0 &&
		found_user)
		*ret_id = user.pw_uid;
	else if (group && getgrnam_r(text, &entry, strings, sizeof(strings), &found_group) == 0 &&
		 found_group)
		*ret_id = entry.gr_gid;
	else
		return -ENOENT;
	return 0;
}

static int mistake(struct verb_call *call, const char *option, const char *value, const char *hint)
{
	complain(call->output, "audit: --%s %s: %s", option, value, hint);
	return EXIT_USAGE;
}

static int read_times(struct verb_call *call, struct audit_filter *filter)
{
	const char *since = message_get(call->request, "since", NULL);
	const char *until = message_get(call->request, "until", NULL);
	static const char hint[] = "a time is 2026-11-22, '2026-11-22 18:00' or RFC 3339";

	if (since && time_from_text(since, &filter->since_ns) < 0)
		return mistake(call, "since", since, hint);
	if (until && time_from_text(until, &filter->until_ns) < 0)
		return mistake(call, "until", until, hint);
	return EXIT_DONE;
}

static bool is_action(const char *word)
{
	for (int action = AUDIT_ACTION_NONE + 1; action < AUDIT_ACTIONS; action++) {
		if (strcmp(word, audit_action_word((enum audit_action)action)) == 0)
			return true;
	}
	return false;
}

static int read_words(struct verb_call *call, struct audit_filter *filter)
{
	const char *order = message_get(call->request, "order", NULL);
	const char *outcome = filter->outcome;

	if (outcome && strcmp(outcome, "allow") != 0 && strcmp(outcome, "deny") != 0 &&
		strcmp(outcome, "error") != 0)
		return mistake(call, "outcome", outcome, "it is allow, deny or error");
	if (filter->action && !is_action(filter->action))
		return mistake(call, "action", filter->action, "no record has such an action");
	if (order && strcmp(order, "newest") != 0 && strcmp(order, "oldest") != 0)
		return mistake(call, "order", order, "it is oldest or newest");
	filter->newest_first = order && strcmp(order, "newest") == 0;
	return EXIT_DONE;
}

static int read_numbers(struct verb_call *call, struct audit_filter *filter)
{
	const char *user = message_get(call->request, "user", NULL);
	const char *group = message_get(call->request, "group", NULL);
	const char *rule = message_get(call->request, "rule", NULL);
	const char *limit = message_get(call->request, "limit", NULL);
	uint64_t number;

	if (user && id_of_name(user, false, &filter->uid) < 0)
		return mistake(call, "user", user, "there is no such user; a number works too");
	if (group && id_of_name(group, true, &filter->gid) < 0)
		return mistake(call, "group", group, "there is no such group; a number works too");
	if (rule && number_from_text(rule, INT64_MAX, &number) < 0)
		return mistake(call, "rule", rule, "it is a rule's number");
	if (rule)
		filter->rule = (int64_t)number;
	if (limit && number_from_text(limit, INT64_MAX, &filter->limit) < 0)
		return mistake(call, "limit", limit, "it is a number of records");
	return EXIT_DONE;
}

static int query_trail(const char *trail, struct verb_call *call)
{
	struct audit_filter filter = AUDIT_FILTER_EMPTY;
	scope(path_pattern_free) struct path_pattern *pattern = NULL;
	struct querying querying = {.call = call,
		.json = verb_flag(call, "json"),
		.count_only = verb_flag(call, "count")};
	const char *path = message_get(call->request, "path", NULL), *wrong;
	int code, r;

	filter.action = message_get(call->request, "action", NULL);
	filter.outcome = message_get(call->request, "outcome", NULL);
	filter.exe = message_get(call->request, "exe", NULL);
	filter.unit = message_get(call->request, "unit", NULL);
	code = read_numbers(call, &filter);
	if (code == EXIT_DONE)
		code = read_times(call, &filter);
	if (code == EXIT_DONE)
		code = read_words(call, &filter);
	if (code != EXIT_DONE)
		return code;
	if (path) {
		if (path_pattern_new(path, strlen(path), &pattern, &wrong) < 0)
			return mistake(call, "path", path, wrong);
		filter.path_pattern = path;
		filter.path_matches = path_matches;
		filter.path_arg = pattern;
	}
	r = audit_query(trail, &filter, show_record, &querying);
	if (r < 0 && !call->output->failed) {
		complain(call->output, "%s: %s", trail, result_text(r));
		return exit_code_of(r);
	}
	if (querying.count_only)
		say(call->output, querying.json ? "{\"count\":%llu}\n" : "%llu\n",
			(unsigned long long)querying.count);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* ---- verify ---- */

/* --public-key K: 64 hex digits, the public key itself or its fingerprint, or a file with them. */
static int read_pin(const char *text, uint8_t ret_pin[DIGEST_SIZE])
{
	scope_free char *file = NULL;
	size_t len = strlen(text);

	if (len != 2 * DIGEST_SIZE) {
		if (file_load(AT_FDCWD, text, 4096, &file, &len) < 0)
			return -EINVAL;
		while (len && (file[len - 1] == '\n' || file[len - 1] == ' '))
			file[--len] = '\0';
		text = file;
	}
	return len == 2 * DIGEST_SIZE ? hex_decode(text, ret_pin, DIGEST_SIZE) : -EINVAL;
}

static int show_verdict(
	struct verb_call *call, const char *trail, const struct audit_verdict *verdict, int result)
{
	char fingerprint[2 * DIGEST_SIZE + 1];

	hex_encode(verdict->fingerprint, DIGEST_SIZE, fingerprint);
	if (verb_flag(call, "json")) {
		scope(json_free) struct json *json = json_new();
		scope_buffer struct buffer line = {0};

		json_bool(json, "whole", result == 0);
		json_int(json, "records", (int64_t)verdict->records);
		json_int(json, "segments", (int64_t)verdict->segments);
		json_int(json, "first_seq", (int64_t)verdict->first_seq);
		json_int(json, "last_seq", (int64_t)verdict->last_seq);
		json_hex(json, "chain", verdict->chain, DIGEST_SIZE);
		json_text(json, "fingerprint", fingerprint);
		if (verdict->broken_seq)
			json_int(json, "broken_seq", (int64_t)verdict->broken_seq);
		else
			json_unknown(json, "broken_seq");
		json_text(json, "problem", verdict->problem[0] ? verdict->problem : NULL);
		if (json_line(json, &line) == 0)
			say_bytes(call->output, line.data, line.len);
	} else if (result == 0) {
		say(call->output,
			"whole: %llu record%s in %llu segment%s, up to %llu; first key %s\n",
			(unsigned long long)verdict->records, plural(verdict->records),
			(unsigned long long)verdict->segments, plural(verdict->segments),
			(unsigned long long)verdict->last_seq, fingerprint);
	}
	if (result == -EBADMSG)
		complain(call->output, "%s: the trail is broken: %s", trail, verdict->problem);
	else if (result == -EROFS)
		complain(call->output,
			"%s: records lie in %s-wal, and its directory cannot be written; copy both "
			"to one that can",
			trail, trail);
	else if (result < 0)
		complain(call->output, "%s: %s", trail, result_text(result));
	return exit_code_of(result);
}

static int verify_trail(const char *trail, struct verb_call *call)
{
	const char *key = message_get(call->request, "public-key", NULL);
	struct audit_verdict verdict = {0};
	uint8_t pin[DIGEST_SIZE];
	int r;

	if (key && read_pin(key, pin) < 0)
		return mistake(call, "public-key", key,
			"it is 64 hex digits (the key, or the fingerprint that init printed) or a "
			"file "
			"with them");
	/* The same text may be the key or its fingerprint: either one pins. */
	r = audit_verify(trail, NULL, key ? pin : NULL, &verdict);
	if (key && r == -EBADMSG && audit_verify(trail, pin, NULL, &verdict) == 0)
		r = 0;
	return show_verdict(call, trail, &verdict, r);
}

/* ---- front and verb ---- */

int verb_audit(struct vault *vault, struct verb_call *call)
{
	const char *what = verb_operand(call, 0, NULL);
	scope_free char *trail = NULL;

	if (asprintf(&trail, "%s/audit.db", vault->place.path) < 0)
		return EXIT_FAILED;
	/* What was queued before the question belongs in the answer; if it cannot be written, the
	 * rest does. */
	if (audit_flush(vault->audit) < 0)
		complain(call->output, "the newest records could not be written yet");
	if (!what || strcmp(what, "query") == 0)
		return query_trail(trail, call);
	if (strcmp(what, "verify") == 0)
		return verify_trail(trail, call);
	complain(call->output, "audit: '%s' is not known; query and verify are", what);
	return EXIT_USAGE;
}

/* Verifying needs public data only: the file itself, when it can be read and nobody serves it. */
static int verify_file(struct invocation *invocation, const char *trail)
{
	struct output output = output_to_terminal();
	struct verb_call call = {.request = invocation->request, .output = &output};

	return verify_trail(trail, &call);
}

int run_audit(struct invocation *invocation)
{
	const char *what = message_at(invocation->request, "arg", 0, NULL);
	const char *trail = invocation_option(invocation, "trail");
	scope(control_client_free) struct control_client *client = NULL;
	struct output output = output_to_terminal();
	scope_free char *own_trail = NULL;
	struct vault_place place;
	int r;

	if (!what || strcmp(what, "verify") != 0)
		return run_verb(invocation);
	if (trail)
		return verify_file(invocation, trail);
	r = vault_locate(invocation->vault, &place, &output);
	if (r < 0)
		return r == -ENOENT ? EXIT_NOT_FOUND : exit_code_of(r);
	r = connect_server(&place, &client);
	if (r == -ENOENT && asprintf(&own_trail, "%s/audit.db", place.path) < 0)
		own_trail = NULL;
	vault_place_done(&place);
	return own_trail ? verify_file(invocation, own_trail) : run_verb(invocation);
}
