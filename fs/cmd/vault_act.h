/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_act.h - an act on keys, between its two records: intent with the next epoch, synced; the
 * act itself; done, or failed. One act at a time.
 */
#ifndef FS_CMD_VAULT_ACT_H
#define FS_CMD_VAULT_ACT_H

#include "fs/cmd/vault.h"

struct vault_act {
	enum audit_action action;
	const char *words; /* for the intent: "rotate" */
	/* 0, -errno with nothing changed, or 1: done, and complained about. */
	int (*run)(struct vault *vault, struct verb_call *call, void *arg);
	void *arg;
	enum reason reason; /* an uncommon one, for the records; or REASON_NONE */
	bool takes_away;    /* a full disk does not keep it from being done: vault_make_room */
	/* Of a file, for the records; or NULL. */
	const char *path;
	size_t path_len;
	const uint8_t *file_id;
	char done[256]; /* out, by run: what the last record says instead of words */
};

/* The result of run, or why it was not called (complained about). Writes the anchor. */
int vault_act(struct vault *vault, struct verb_call *call, struct vault_act *act);
/* The same for what changes nothing in the vault and may take long: others may act meanwhile. */
int vault_act_unlocked(struct vault *vault, struct verb_call *call, struct vault_act *act);
/*
 * Takes keys that went out of log and copy, too. 0; or complains and 1: what was done holds, and it
 * is tried again later.
 */
int vault_settle(struct vault *vault, const struct verb_call *call, const char *what);

#endif
