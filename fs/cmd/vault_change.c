/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_change.c - administrative acts on record, and changes of rules in this order: intent on
 * record with the next epoch (synced); rows committed (synced); in force, live handles ended; done
 * on record. Taking away acts in memory first and holds there whatever the disk says.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/mounts.h"
#include "fs/cmd/name_meant.h"
#include "fs/cmd/reserve.h"
#include "fs/cmd/vault.h"
#include "keystore/base/log.h"
#include "policy/shell_word.h"

struct audit_event vault_event(const struct verb_call *call, enum audit_action action)
{
	const struct subject *caller = call->caller;
	struct audit_event event = AUDIT_EVENT_EMPTY;

	event.action = action;
	event.outcome = AUDIT_ALLOW;
	event.reason = call->by_slot ? REASON_SLOT : REASON_ROLE;
	event.uid = caller->uid;
	event.gid = caller->gid;
	if (caller->loginuid != SUBJECT_ID_UNKNOWN)
		event.loginuid = caller->loginuid;
	if (caller->pid > 0)
		event.pid = caller->pid;
	event.exe = caller->exe;
	event.unit = caller->unit;
	event.via = call->via;
	return event;
}

int vault_record(struct vault *vault, const struct verb_call *call, struct audit_event *event)
{
	int r = audit_append_wait(vault->audit, event, true);

	if (r < 0)
		complain(call->output,
			"the audit trail cannot be written (%s); nothing was changed%s",
			result_text(r), room_hint(r));
	return r;
}

static int store_rows(struct vault *vault, struct policy_change *change)
{
	struct sealed_rows *rows = keystore_rows(vault->keystore);
	int r;

	keystore_lock_rows(vault->keystore);
	r = sealed_rows_begin(rows);
	if (r == 0)
		r = policy_store_change(vault->policy, change);
	if (r == 0)
		r = sealed_rows_commit(rows);
	else
		sealed_rows_abort(rows);
	keystore_unlock_rows(vault->keystore);
	return r;
}

static int record_step(struct vault *vault, const struct verb_call *call,
	const struct change_record *record, const char *step)
{
	struct audit_event event = vault_event(call, record->action);
	scope_free char *detail = NULL;
	uint64_t epoch;

	keystore_lock_rows(vault->keystore);
	epoch = sealed_rows_epoch(keystore_rows(vault->keystore), SEALED_POLICY);
	keystore_unlock_rows(vault->keystore);
	if (strcmp(step, "intent") == 0)
		epoch++;
	if (asprintf(&detail, "%s epoch %llu: %s", step, (unsigned long long)epoch, record->words) <
		0)
		return -ENOMEM;
	if (record->reason != REASON_NONE)
		event.reason = record->reason;
	event.detail = detail;
	return audit_append_wait(vault->audit, &event, true);
}

static int give(struct vault *vault, const struct verb_call *call,
	const struct change_record *record, struct policy_change *change,
	struct gate_effect *ret_effect)
{
	int r;

	r = record_step(vault, call, record, "intent");
	if (r < 0) {
		complain(call->output,
			"the audit trail cannot be written (%s); nothing was changed%s",
			result_text(r), room_hint(r));
		return r;
	}
	r = store_rows(vault, change);
	if (r < 0) {
		complain(call->output, "keystore.db cannot be written (%s); nothing was changed",
			result_text(r));
		record_step(vault, call, record, "failed");
		return r;
	}
	r = gate_enact(vault->gate, change, ret_effect);
	if (record_step(vault, call, record, "done") < 0)
		complain(call->output,
			"the change is in force; its last record could not be written");
	return r;
}

/* A taking away that is in force, and what of it the disk has not taken yet. */
struct unsaved_change {
	struct unsaved_change *next;
	struct policy_change *change;
	struct change_record record;
	char *words; /* of the record */
	char *via;
	struct subject caller;
	bool by_slot;
	bool intended, stored, done;
};

static struct unsaved_change *unsaved_free(struct unsaved_change *unsaved)
{
	if (!unsaved)
		return NULL;
	policy_change_free(unsaved->change);
	subject_done(&unsaved->caller);
	free(unsaved->words);
	free(unsaved->via);
	free(unsaved);
	return NULL;
}

SCOPE_FUNCTION(struct unsaved_change *, unsaved_free);

static struct unsaved_change *unsaved_new(
	const struct verb_call *call, const struct change_record *record)
{
	scope(unsaved_free) struct unsaved_change *unsaved = calloc(1, sizeof(*unsaved));

	if (!unsaved)
		return NULL;
	unsaved->record = *record;
	unsaved->by_slot = call->by_slot;
	unsaved->record.words = unsaved->words = strdup(record->words);
	unsaved->via = strdup(call->via);
	if (!unsaved->words || !unsaved->via || subject_copy(call->caller, &unsaved->caller) < 0)
		return NULL;
	return take(&unsaved);
}

/* Whatever of it can be done now: a trail that takes nothing does not keep the rows from the disk.
 */
static int save(struct vault *vault, struct unsaved_change *unsaved)
{
	const struct verb_call call = {
		.caller = &unsaved->caller, .via = unsaved->via, .by_slot = unsaved->by_slot};
	int recorded = 0, r = 0;

	if (!unsaved->intended && !unsaved->stored) {
		recorded = record_step(vault, &call, &unsaved->record, "intent");
		unsaved->intended = recorded == 0;
	}
	if (!unsaved->stored) {
		r = store_rows(vault, unsaved->change);
		unsaved->stored = r == 0;
	}
	if (unsaved->stored && recorded == 0) {
		recorded = record_step(vault, &call, &unsaved->record, "done");
		unsaved->done = recorded == 0;
	}
	return r < 0 ? r : recorded;
}

int vault_save_changes(struct vault *vault)
{
	int r = 0;

	while (vault->unsaved && r == 0) {
		struct unsaved_change *unsaved = vault->unsaved;

		r = save(vault, unsaved);
		if (unsaved->done) {
			vault->unsaved = unsaved->next;
			unsaved_free(unsaved);
		}
	}
	return r;
}

unsigned vault_unsaved_changes(struct vault *vault)
{
	unsigned count = 0;

	pthread_mutex_lock(&vault->changing);
	for (const struct unsaved_change *unsaved = vault->unsaved; unsaved;
		unsaved = unsaved->next)
		count++;
	pthread_mutex_unlock(&vault->changing);
	return count;
}

void vault_drop_changes(struct vault *vault)
{
	while (vault->unsaved) {
		struct unsaved_change *unsaved = vault->unsaved;

		log_error("%s: NOT saved, and not in force any more: %s", vault->place.path,
			unsaved->words);
		vault->unsaved = unsaved->next;
		unsaved_free(unsaved);
	}
}

const char *room_hint(int result)
{
	return result == -ENOSPC || result == -EDQUOT ? "; make room on its disk" : "";
}

bool vault_make_room(struct vault *vault, int result)
{
	/* A full disk is EIO where SQLite has to lengthen its index of the log. */
	return (result == -ENOSPC || result == -EDQUOT || result == -EIO) &&
	       reserve_release(vault->place.path) == 0;
}

/* In order: a later change is not saved before an earlier one. */
static int save_in_order(struct vault *vault, struct unsaved_change *unsaved)
{
	struct unsaved_change **end = &vault->unsaved;
	int r;

	while (*end)
		end = &(*end)->next;
	*end = unsaved;
	do
		r = vault_save_changes(vault);
	while (r < 0 && vault_make_room(vault, r));
	return r;
}

static int take_away(struct vault *vault, const struct verb_call *call,
	const struct change_record *record, struct policy_change **change,
	struct gate_effect *ret_effect)
{
	struct unsaved_change *unsaved;
	int saved = -ENOMEM, r;

	r = gate_enact(vault->gate, *change, ret_effect);
	unsaved = unsaved_new(call, record);
	if (unsaved) {
		unsaved->change = take(change);
		saved = save_in_order(vault, unsaved);
	}
	if (saved < 0) {
		complain(call->output,
			"in force, NOT saved: the vault cannot be written (%s); make room, and "
			"the server saves it by itself (`modelvault status` tells)",
			result_text(saved));
		return 1;
	}
	if (r < 0)
		complain(call->output,
			"in force and saved, but reads that had begun are still being answered: "
			"%llu",
			(unsigned long long)ret_effect->undrained);
	return r < 0 ? 1 : 0;
}

int vault_change_rules(struct vault *vault, const struct verb_call *call,
	const struct change_record *record, struct policy_change **change, bool taking_away,
	struct gate_effect *ret_effect)
{
	int r;

	*ret_effect = (struct gate_effect){0};
	if (keystore_is_broken(vault->keystore) && !taking_away) {
		complain(call->output,
			"the rules in keystore.db were changed by somebody without a key; "
			"nothing can be granted until it is restored");
		return -EBADMSG;
	}
	if (taking_away) {
		r = take_away(vault, call, record, change, ret_effect);
	} else {
		r = vault_save_changes(vault);
		if (r == 0)
			r = give(vault, call, record, *change, ret_effect);
		else
			complain(call->output,
				"an earlier change is not saved yet (%s); nothing was changed",
				result_text(r));
	}
	vault_write_anchor(vault);
	return r;
}

/* Names that are hidden from somebody are not offered to him. */
static bool may_see_all(struct vault *vault, const struct verb_call *call)
{
	return caller_holds(vault, call, ROLE_ADMIN) || caller_holds(vault, call, ROLE_AUDITOR);
}

int vault_resolve(struct vault *vault, const struct verb_call *call, const char *path, size_t len,
	struct entry_info *ret_info)
{
	scope_free char *shown = NULL, *mounted = NULL;
	scope_buffer struct buffer meant = {0}, near = {0};
	const char *rest;
	int r;

	r = keystore_resolve(vault->keystore, path, len, ret_info);
	/* Nothing can have that name. */
	if (r == -ENOTDIR || r == -ENAMETOOLONG)
		r = -ENOENT;
	if (r == -ENOENT && *path == '/')
		mounted = mounts_vault_above(path, &rest);
	if (mounted && strcmp(mounted, vault->place.path) == 0) {
		complain(call->output, "%s is a path in a mount; in the vault it is %s: give that",
			path, *rest ? rest + 1 : "/");
		return -EDESTADDRREQ;
	}
	shown = r < 0 ? text_for_terminal(path, len) : NULL;
	if (r == -ENOENT && may_see_all(vault, call) && path_meant(vault->keystore, path, &meant)) {
		/* To be copied into a shell: see export's refusal. */
		shell_word_write(buffer_text(&meant), meant.len, &near);
		complain(call->output, "%s: no such name in this vault; did you mean %s?",
			shown ? shown : "", buffer_text(&near));
	} else if (r < 0) {
		complain(call->output,
			"%s: %s in this vault; `modelvault ls %s` shows what is there",
			shown ? shown : "", r == -ENOENT ? "no such name" : result_text(r),
			vault->place.path);
	}
	return r;
}
