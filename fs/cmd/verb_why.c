/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_why.c - the caller's own last refusal of a file: reason, rule, with which program it was,
 * and what would have to change by the rules as they are now. Everybody may ask about himself.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/question.h"
#include "keystore/base/json.h"
#include "policy/user_database.h"

#define RECORDS_MAX 100000 /* of the user's that are looked through: a second's work */

/* What the trail says of it. Texts are owned. */
struct last_refusal {
	const struct asked *asked;
	uint64_t looked;
	bool found;
	int64_t time_ns, rule, loginuid;
	enum reason reason;
	unsigned permission;
	char *exe, *unit;
	bool has_sha256;
	uint8_t sha256[DIGEST_SIZE];
};

static void last_refusal_done(struct last_refusal *last)
{
	free(last->exe);
	free(last->unit);
}

/* By its name, or by the file itself: it may have been another name. */
static bool is_of_place(const struct asked *asked, const struct audit_event *event)
{
	if (event->file_id && asked->info.kind == ENTRY_FILE &&
		memcmp(event->file_id, asked->info.file_id, ID_SIZE) == 0)
		return true;
	for (size_t i = 0; i < asked->names.count && event->path; i++)
		if (event->path_len == asked->paths[i].len &&
			memcmp(event->path, asked->paths[i].path, event->path_len) == 0)
			return true;
	return false;
}

static int copy_text(const char *text, char **ret_copy)
{
	*ret_copy = text ? strdup(text) : NULL;
	return text && !*ret_copy ? -ENOMEM : 0;
}

static int look_at_record(void *arg, const struct audit_record *record)
{
	const struct audit_event *event = &record->event;
	struct last_refusal *last = arg;
	int r;

	if (event->outcome == AUDIT_ALLOW || !is_of_place(last->asked, event))
		return ++last->looked == RECORDS_MAX;
	last->found = true;
	last->time_ns = event->time_ns;
	last->rule = event->rule;
	last->reason = event->reason;
	last->loginuid = event->loginuid;
	last->permission = PERMISSION_READ;
	if (event->perm && permissions_from_text(event->perm, &last->permission) < 0)
		last->permission = PERMISSION_READ;
	last->has_sha256 = event->sha256;
	if (event->sha256)
		memcpy(last->sha256, event->sha256, DIGEST_SIZE);
	r = copy_text(event->exe, &last->exe);
	if (r == 0)
		r = copy_text(event->unit, &last->unit);
	return r < 0 ? r : 1;
}

static int find_last(struct vault *vault, const struct verb_call *call, struct last_refusal *last)
{
	struct audit_filter filter = AUDIT_FILTER_EMPTY;
	scope_free char *trail = NULL;
	int r;

	if (asprintf(&trail, "%s/audit.db", vault->place.path) < 0) {
		trail = NULL;
		return -ENOMEM;
	}
	filter.uid = call->caller->uid;
	filter.newest_first = true;
	r = audit_query(trail, &filter, look_at_record, last);
	return r < 0 ? r : 0;
}

/* ---- what would have to change ---- */

/* Where no rule is to blame; NULL: one is, or its lack. */
static const char *remedy_of_reason(enum reason reason)
{
	switch (reason) {
	case REASON_NO_RULE:
	case REASON_RULE_DENY:
	case REASON_PRIVATE_LIST:
	case REASON_EXE_DIFFERS:
	case REASON_HASH_DIFFERS:
	case REASON_UNIT_DIFFERS:
	case REASON_NOT_YET:
	case REASON_EXPIRED:
	case REASON_OUTSIDE_HOURS:
	case REASON_CLOCK_STEP:
	case REASON_OVER_BUDGET:
	case REASON_REVOKED:
	case REASON_HANDLE_DEAD:
	case REASON_HASH_UNKNOWN:
	case REASON_EXE_REPLACED:
		return NULL;
	case REASON_USER_NAMESPACE:
		return "run the program outside its user namespace";
	case REASON_PID_UNKNOWN:
		return "run the server in the pid namespace of its callers or above it";
	case REASON_INTEGRITY:
	case REASON_ROW_DAMAGED:
	case REASON_SEAL_BROKEN:
		return "the file has to be restored; `modelvault verify` shows the extent";
	case REASON_AUDIT_UNAVAILABLE:
		return "room has to be made for the audit trail";
	case REASON_HANDLE_USER:
		return "each user has to open the file himself";
	case REASON_USER_SHARE:
		return "close files that are open";
	default:
		return "try again; the server's log says more";
	}
}

/* What is also to be done when rules as they are now would allow it. */
static const char *step_before(enum reason reason)
{
	switch (reason) {
	case REASON_EXE_REPLACED:
		return "start the program anew: its file was replaced since it started";
	case REASON_HASH_UNKNOWN:
		return "try again once the program's content can be hashed: a file on a local "
		       "disk, of at "
		       "most 2 GiB";
	case REASON_UNIT_DIFFERS:
		return "the unit's cgroup must be root's alone";
	case REASON_REVOKED:
	case REASON_HANDLE_DEAD:
		return "open the file again";
	default:
		return NULL;
	}
}

/*
 * A deny by content waited for the hash, or named it: without one it failed. Of other refusals the
 * record lacks it also when nobody waited.
 */
static bool hash_had_failed(const struct last_refusal *last)
{
	return !last->has_sha256 &&
	       (last->reason == REASON_RULE_DENY || last->reason == REASON_HASH_UNKNOWN);
}

/* The caller as he was then, as far as the record knows, at this moment. */
static void set_circumstances(
	struct asked *asked, const struct verb_call *call, const struct last_refusal *last)
{
	struct circumstances *circumstances = &asked->circumstances;
	struct exe_file file = {0, 0};

	circumstances->subject = *call->caller;
	circumstances->subject.pid = 0;
	circumstances->subject.unit = last->unit;
	circumstances->subject.exe = last->exe;
	circumstances->subject.exe_dev = circumstances->subject.exe_ino = 0;
	circumstances->subject.loginuid =
		last->loginuid == AUDIT_UNKNOWN ? SUBJECT_ID_UNKNOWN : (uint32_t)last->loginuid;
	circumstances->permission = last->permission;
	if (last->has_sha256)
		circumstances->sha256 = last->sha256;
	circumstances->hash_failed = hash_had_failed(last);
	if (!last->exe)
		return;
	if (exe_path_resolve(last->exe, &file, NULL) == -ENOTSUP)
		return;
	circumstances->subject.exe_dev = file.dev;
	circumstances->subject.exe_ino = file.ino;
}

struct advice {
	const char *step;    /* something to do beside, or instead of, what rules say */
	uint64_t allowed_by; /* 0: none, or no rule */
	bool allowed_now;
	struct remedies remedies;
};

static int advise(struct vault *vault, const struct verb_call *call, struct asked *asked,
	const struct last_refusal *last, struct advice *advice)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	struct refusal refusal;
	struct supposed supposed;
	struct decision decision;

	advice->step = remedy_of_reason(last->reason);
	if (advice->step)
		return 0;
	set_circumstances(asked, call, last);
	circumstances_suppose(ruleset, &asked->circumstances, &supposed);
	decision = asked_decide(vault, asked, ruleset, &supposed.question);
	advice->step = remedy_of_reason(decision.reason);
	if (decision.verdict == VERDICT_ALLOW) {
		advice->allowed_now = true;
		advice->allowed_by = decision.rule;
		advice->step = step_before(last->reason);
		return 0;
	}
	if (advice->step)
		return 0;
	if (last->reason == REASON_EXE_REPLACED)
		advice->step = step_before(last->reason);
	refusal = asked_refusal(asked, call, ruleset);
	return refusal_remedies(&refusal, &advice->remedies);
}

/* ---- the answer ---- */

/* All of it on one line, for the field `remedy`. */
static void remedy_in_words(const struct advice *advice, struct buffer *to)
{
	const struct remedies *remedies = &advice->remedies;

	if (advice->allowed_now) {
		buffer_add_text(to, "it would be allowed now");
		if (advice->allowed_by)
			buffer_add_format(
				to, " by rule %llu", (unsigned long long)advice->allowed_by);
	}
	if (advice->step)
		buffer_add_format(to, "%s%s", to->len ? "; " : "", advice->step);
	for (size_t i = 0; i < remedies->count; i++)
		buffer_add_format(to, "%s%s",
			i	  ? "; or if: "
			: to->len ? "; it would be allowed if: "
				  : "it would be allowed if: ",
			remedies->texts[i]);
}

static void say_json(struct verb_call *call, const struct asked *asked,
	const struct last_refusal *last, const struct advice *advice)
{
	scope(json_free) struct json *json = json_new();
	scope_buffer struct buffer line = {0}, words = {0};
	char permission[PERMISSIONS_TEXT_SIZE];

	remedy_in_words(advice, &words);
	permissions_to_text(last->permission, permission);
	json_time(json, "time", last->time_ns);
	if (asked->names.count)
		json_bytes(json, "path", asked->paths[0].path, asked->paths[0].len);
	else
		json_unknown(json, "path");
	json_text(json, "reason", reason_word(last->reason));
	json_text(json, "text", reason_text(last->reason));
	if (last->rule == AUDIT_UNKNOWN)
		json_unknown(json, "rule");
	else
		json_int(json, "rule", last->rule);
	json_text(json, "perm", permission);
	json_text(json, "exe", last->exe);
	json_text(json, "unit", last->unit);
	json_text(json, "remedy", buffer_text(&words));
	json_bool(json, "allowed_now", advice->allowed_now);
	json_text_array(json, "would_help", (const char *const *)advice->remedies.texts,
		advice->remedies.count);
	if (json_line(json, &line) == 0)
		say_bytes(call->output, line.data, line.len);
}

static void say_text(
	struct verb_call *call, const struct last_refusal *last, const struct advice *advice)
{
	scope_free char *exe =
		text_for_terminal(last->exe ? last->exe : "", last->exe ? strlen(last->exe) : 0);
	scope_free char *unit = text_for_terminal(
		last->unit ? last->unit : "", last->unit ? strlen(last->unit) : 0);
	scope_buffer struct buffer words = {0};
	char time[TIME_WORDS_SIZE];

	time_to_words(last->time_ns, time);
	say(call->output, "%s: %s: %s", time, reason_word(last->reason), reason_text(last->reason));
	if (last->rule != AUDIT_UNKNOWN)
		say(call->output, " (rule %lld)", (long long)last->rule);
	if (exe && *exe)
		say(call->output, "; run by %s", exe);
	if (unit && *unit && strcmp(unit, "/") != 0)
		say(call->output, " in %s", unit);
	remedy_in_words(advice, &words);
	if (words.len)
		say(call->output, "\n%s", buffer_text(&words));
	say(call->output, "\n");
}

static int answer(
	struct vault *vault, struct verb_call *call, struct asked *asked, struct last_refusal *last)
{
	struct advice advice = {0};
	int r;

	r = find_last(vault, call, last);
	if (r == 0 && last->found)
		r = advise(vault, call, asked, last, &advice);
	if (r < 0) {
		complain(call->output, "why: %s", result_text(r));
		return exit_code_of(r);
	}
	if (!last->found)
		say(call->output, "no refusal of yours is on record for this path%s\n",
			last->looked == RECORDS_MAX ? " among your latest 100000 records" : "");
	else if (verb_flag(call, "json"))
		say_json(call, asked, last, &advice);
	else
		say_text(call, last, &advice);
	remedies_done(&advice.remedies);
	return last->found ? EXIT_DONE : EXIT_NOT_FOUND;
}

int verb_why(struct vault *vault, struct verb_call *call)
{
	__attribute__((cleanup(last_refusal_done))) struct last_refusal last = {0};
	scope_asked struct asked asked = {0};
	int code;

	code = asked_begin(vault, call, &asked);
	/* About himself, whatever else he may know. */
	asked.own = true;
	if (code == EXIT_DONE)
		code = asked_place(vault, call, &asked);
	if (code != EXIT_DONE)
		return code;
	last.asked = &asked;
	if (user_by_number(call->caller->uid, &asked.user, &(uint32_t){0}) < 0)
		asked.user = NULL;
	asked.circumstances.user = asked.user;
	return answer(vault, call, &asked, &last);
}
