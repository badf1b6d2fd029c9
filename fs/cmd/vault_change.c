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

#include "fs/cmd/vault.h"

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
			"the audit trail cannot be written (%s); nothing was changed",
			result_text(r));
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

static int record_step(struct vault *vault, const struct verb_call *call, enum audit_action action,
	const char *step, const char *words)
{
	struct audit_event event = vault_event(call, action);
	scope_free char *detail = NULL;
	uint64_t epoch;

	keystore_lock_rows(vault->keystore);
	epoch = sealed_rows_epoch(keystore_rows(vault->keystore), SEALED_POLICY);
	keystore_unlock_rows(vault->keystore);
	if (strcmp(step, "intent") == 0)
		epoch++;
	if (asprintf(&detail, "%s epoch %llu: %s", step, (unsigned long long)epoch, words) < 0)
		return -ENOMEM;
	event.detail = detail;
	return audit_append_wait(vault->audit, &event, true);
}

static int give(struct vault *vault, const struct verb_call *call, enum audit_action action,
	struct policy_change *change, const char *words, struct gate_effect *ret_effect)
{
	int r;

	r = record_step(vault, call, action, "intent", words);
	if (r < 0) {
		complain(call->output,
			"the audit trail cannot be written (%s); nothing was changed",
			result_text(r));
		return r;
	}
	r = store_rows(vault, change);
	if (r < 0) {
		complain(call->output, "keystore.db cannot be written (%s); nothing was changed",
			result_text(r));
		record_step(vault, call, action, "failed", words);
		return r;
	}
	r = gate_enact(vault->gate, change, ret_effect);
	if (record_step(vault, call, action, "done", words) < 0)
		complain(call->output,
			"the change is in force; its last record could not be written");
	return r;
}

static int take_away(struct vault *vault, const struct verb_call *call, enum audit_action action,
	struct policy_change *change, const char *words, struct gate_effect *ret_effect)
{
	int recorded, stored, r;

	r = gate_enact(vault->gate, change, ret_effect);
	recorded = record_step(vault, call, action, "intent", words);
	stored = store_rows(vault, change);
	if (stored == 0 && recorded == 0)
		recorded = record_step(vault, call, action, "done", words);
	if (stored < 0 || recorded < 0) {
		complain(call->output,
			"in force, NOT saved: %s (%s); make room and give the command again",
			stored < 0 ? "keystore.db cannot be written"
				   : "the audit trail cannot be written",
			result_text(stored < 0 ? stored : recorded));
		return 1;
	}
	if (r < 0)
		complain(call->output,
			"in force and saved, but %llu reads that had begun are still "
			"being answered",
			(unsigned long long)ret_effect->undrained);
	return r < 0 ? 1 : 0;
}

int vault_change_rules(struct vault *vault, const struct verb_call *call, enum audit_action action,
	struct policy_change *change, bool taking_away, const char *words,
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
	r = (taking_away ? take_away : give)(vault, call, action, change, words, ret_effect);
	vault_write_anchor(vault);
	return r;
}

int vault_resolve(struct vault *vault, const struct verb_call *call, const char *path, size_t len,
	struct entry_info *ret_info)
{
	scope_free char *shown = NULL;
	int r;

	r = keystore_resolve(vault->keystore, path, len, ret_info);
	if (r < 0) {
		shown = text_for_terminal(path, len);
		complain(call->output,
			"%s: %s in this vault; `modelvault ls %s` shows what is there",
			shown ? shown : "", r == -ENOENT ? "no such name" : result_text(r),
			vault->place.path);
	}
	return r;
}
