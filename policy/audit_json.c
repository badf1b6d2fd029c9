/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_json.c - a record as one line of JSON, in the field order that the command line promises.
 * Numbers of actions and reasons that a newer program wrote become null.
 */
#include "policy/audit.h"

#include <assert.h>
#include <errno.h>

#include "keystore/base/json.h"

static void add_number(struct json *json, const char *name, int64_t number)
{
	if (number == AUDIT_UNKNOWN)
		json_unknown(json, name);
	else
		json_int(json, name, number);
}

/* Bytes that need not be UTF-8. */
static void add_name(struct json *json, const char *name, const char *text)
{
	json_bytes(json, name, text, text ? strlen(text) : 0);
}

static const char *const level_words[] = {[AUDIT_BEST_EFFORT] = "best-effort",
	[AUDIT_REQUIRED] = "required",
	[AUDIT_REQUIRED_SYNC] = "required,sync"};
static_assert(ARRAY_SIZE(level_words) == AUDIT_LEVELS, "a word for every level");

const char *audit_level_word(enum audit_level level)
{
	return level_words[level];
}

int audit_level_from_word(const char *word, enum audit_level *ret_level)
{
	for (int level = 0; level < AUDIT_LEVELS; level++) {
		if (strcmp(level_words[level], word) == 0) {
			*ret_level = level;
			return 0;
		}
	}
	return -EINVAL;
}

const char *audit_outcome_word(enum audit_outcome outcome)
{
	switch (outcome) {
	case AUDIT_ALLOW:
		return "allow";
	case AUDIT_REFUSE:
		return "deny";
	case AUDIT_ERROR:
		return "error";
	}
	return NULL;
}

int audit_outcome_from_word(const char *word, enum audit_outcome *ret_outcome)
{
	for (int i = AUDIT_ALLOW; i <= AUDIT_ERROR; i++) {
		if (strcmp(audit_outcome_word((enum audit_outcome)i), word) == 0) {
			*ret_outcome = (enum audit_outcome)i;
			return 0;
		}
	}
	return -EINVAL;
}

static void add_subject(struct json *json, const struct audit_event *event, const char *user)
{
	add_number(json, "uid", event->uid);
	json_text(json, "user", user);
	add_number(json, "gid", event->gid);
	add_number(json, "loginuid", event->loginuid);
	add_number(json, "pid", event->pid);
	add_name(json, "exe", event->exe);
	json_hex(json, "sha256", event->sha256, DIGEST_SIZE);
	add_name(json, "unit", event->unit);
	add_number(json, "userns", event->userns);
}

int audit_record_json(const struct audit_record *record, const char *user, struct buffer *to)
{
	const struct audit_event *event = &record->event;
	scope(json_free) struct json *json = json_new();

	json_int(json, "seq", (int64_t)record->seq);
	json_time(json, "time", event->time_ns);
	json_int(json, "segment", (int64_t)record->segment);
	add_subject(json, event, user);
	json_text(json, "action", audit_action_word(event->action));
	json_bytes(json, "path", event->path, event->path_len);
	json_hex(json, "file_id", event->file_id, ID_SIZE);
	json_text(json, "outcome", audit_outcome_word(event->outcome));
	add_number(json, "rule", event->rule);
	json_text(json, "reason", event->reason < REASONS ? reason_word(event->reason) : NULL);
	json_text(json, "perm", event->perm);
	add_number(json, "bytes", event->bytes);
	add_number(json, "duration_ms", event->duration_ms);
	add_number(json, "count", event->count);
	json_text(json, "via", event->via);
	json_text(json, "detail", event->detail);
	json_hex(json, "chain", record->chain, DIGEST_SIZE);
	return json_line(json, to);
}
