/* SPDX-License-Identifier: Apache-2.0 */
/* vault_act.c - acts on keys, on record. */
#include "fs/cmd/vault_act.h"

#include <errno.h>
#include <stdio.h>

static int record(struct vault *vault, const struct verb_call *call, const struct vault_act *act,
	const char *step, const char *words)
{
	struct audit_event event = vault_event(call, act->action);
	scope_free char *detail = NULL;
	uint64_t epoch;

	keystore_lock_rows(vault->keystore);
	epoch = sealed_rows_epoch(keystore_rows(vault->keystore), SEALED_POLICY);
	keystore_unlock_rows(vault->keystore);
	if (asprintf(&detail, "%s epoch %llu: %s", step, (unsigned long long)epoch, words) < 0)
		return -ENOMEM;
	if (act->reason != REASON_NONE)
		event.reason = act->reason;
	event.detail = detail;
	event.path = act->path;
	event.path_len = act->path_len;
	event.file_id = act->file_id;
	return audit_append_wait(vault->audit, &event, true);
}

/* As often as there is room to make for what takes away. */
static int record_step(struct vault *vault, const struct verb_call *call,
	const struct vault_act *act, const char *step, const char *words)
{
	int r;

	do
		r = record(vault, call, act, step, words);
	while (r < 0 && act->takes_away && vault_make_room(vault, r));
	return r;
}

static int perform(struct vault *vault, struct verb_call *call, struct vault_act *act)
{
	int r;

	r = record_step(vault, call, act, "intent", act->words);
	if (r < 0) {
		complain(call->output,
			"the audit trail cannot be written (%s); nothing was changed%s",
			result_text(r), room_hint(r));
		return r;
	}
	r = act->run(vault, call, act->arg);
	if (r < 0)
		record(vault, call, act, "failed", act->words);
	else if (record_step(vault, call, act, "done", act->done[0] ? act->done : act->words) < 0)
		complain(call->output, "it is done; its last record could not be written");
	return r;
}

int vault_act(struct vault *vault, struct verb_call *call, struct vault_act *act)
{
	int r;

	pthread_mutex_lock(&vault->acting);
	r = perform(vault, call, act);
	vault_write_anchor(vault);
	pthread_mutex_unlock(&vault->acting);
	return r;
}

int vault_act_unlocked(struct vault *vault, struct verb_call *call, struct vault_act *act)
{
	return perform(vault, call, act);
}

int vault_settle(struct vault *vault, const struct verb_call *call, const char *what)
{
	int r = keystore_settle(vault->keystore);

	if (r == 0 || r == -EBADMSG)
		return 0;
	complain(call->output,
		"%s, but the old keys are not out of keystore.db-wal and keystore.copy yet (%s); "
		"the vault's next command tries again",
		what, result_text(r));
	return 1;
}
