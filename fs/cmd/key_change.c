/* SPDX-License-Identifier: Apache-2.0 */
/* key_change.c - `key VAULT rotate | rekey`: new keys for everything, files untouched. */
#include <errno.h>
#include <stdio.h>

#include "fs/cmd/key_verbs.h"
#include "fs/cmd/secret_pass.h"
#include "fs/cmd/vault_act.h"
#include "keystore/base/clock.h"

struct key_change {
	struct vault_act act;
	uint64_t files;
};

/* Why no new keys were made. */
static int complain_change(const struct vault *vault, struct verb_call *call, int r)
{
	if (r == -EBADMSG)
		complain(call->output,
			"key: rows of keystore.db are damaged, and new keys would be given to what "
			"nobody vouches for; nothing was changed. `modelvault verify %s` names the "
			"files: restore the database, or rm them",
			vault->place.path);
	else
		complain(call->output, "key: %s; nothing was changed", result_text(r));
	return r;
}

static int rotate(struct vault *vault, struct verb_call *call, void *arg)
{
	struct key_change *change = arg;
	int r;

	r = keystore_rotate(vault->keystore, &change->files);
	if (r < 0)
		return complain_change(vault, call, r);
	snprintf(change->act.done, sizeof(change->act.done), "rotate: %llu file key%s",
		(unsigned long long)change->files, plural(change->files));
	return vault_settle(vault, call, "the new key is in force");
}

int key_rotate_verb(struct vault *vault, struct verb_call *call)
{
	struct key_change change = {.act = {.action = AUDIT_KEY, .words = "rotate", .run = rotate}};
	int64_t started = clock_monotonic_ns();
	int r;

	change.act.arg = &change;
	r = vault_act(vault, call, &change.act);
	if (r < 0)
		return exit_code_of(r);
	remark(call->output,
		"%llu file key%s wrapped under a new key-encryption key in %.1f s; the old one is "
		"gone",
		(unsigned long long)change.files, plural(change.files),
		(double)(clock_monotonic_ns() - started) / NS_PER_S);
	return r > 0 ? EXIT_FAILED : EXIT_DONE;
}

static int wrap_next(void *arg, const void *aad, size_t aad_len, const struct secret *secret,
	uint8_t *ret_wrapped)
{
	return keystore_rekey_wrap(arg, aad, aad_len, secret, ret_wrapped);
}

static int complain_missing(
	const struct vault *vault, struct verb_call *call, const struct rekey_offer *offer)
{
	scope_buffer struct buffer numbers = {0};

	for (size_t i = 0; i < offer->missing_count; i++)
		buffer_add_format(&numbers, "%s%u", i ? ", " : "", offer->missing[i]);
	complain(call->output,
		"key: none of the secrets given opens slot%s %s, and a slot can only be made anew "
		"with its own; nothing was changed. Give its secret too (--key-file F, "
		"--passphrase-file F, each as often as needed), or take the slot away first: "
		"`modelvault key %s remove N`",
		plural(offer->missing_count), buffer_text(&numbers), vault->place.path);
	return -EKEYREJECTED;
}

/* In the order that leaves after any crash what fits one of the two master keys. */
static int put_in_force(struct vault *vault, struct verb_call *call, struct keystore_rekey *rekey)
{
	const struct audit_key_wrapper next = {.wrap = wrap_next, .arg = rekey};
	int ended, r;

	r = audit_rekey_begin(vault->audit, &next);
	if (r < 0)
		return complain_change(vault, call, r);
	/* An anchor under the old key must not take the place of both. */
	pthread_mutex_lock(&vault->anchoring);
	r = keystore_rekey_commit(vault->keystore, rekey);
	pthread_mutex_unlock(&vault->anchoring);
	ended = audit_rekey_end(vault->audit, r == 0);
	if (r < 0)
		return complain_change(vault, call, r);
	if (ended < 0) {
		complain(call->output,
			"key: the new master key is in force, but audit.key could not be replaced "
			"(%s); the next mount tries again",
			result_text(ended));
		return 1;
	}
	return vault_settle(vault, call, "the new master key is in force");
}

static int rekey(struct vault *vault, struct verb_call *call, void *arg)
{
	struct rekey_offer *offer = arg;
	scope(keystore_rekey_free) struct keystore_rekey *rekey = NULL;
	int r;

	r = keystore_rekey_prepare(vault->keystore, offer, &rekey);
	if (r == -EKEYREJECTED)
		return complain_missing(vault, call, offer);
	return r < 0 ? complain_change(vault, call, r) : put_in_force(vault, call, rekey);
}

int key_rekey_verb(struct vault *vault, struct verb_call *call)
{
	__attribute__((cleanup(secret_list_done))) struct secret_list secrets = {0};
	struct rekey_offer offer = {0};
	struct vault_act act = {.action = AUDIT_KEY, .words = "rekey", .run = rekey, .arg = &offer};
	int r;

	r = secrets_receive(call->request, &secrets);
	if (r < 0) {
		complain(call->output, "key: the secrets of the request cannot be read (%s)",
			result_text(r));
		return EXIT_USAGE;
	}
	offer.secrets = secrets.list;
	offer.count = secrets.count;
	r = vault_act(vault, call, &act);
	if (r < 0)
		return exit_code_of(r);
	remark(call->output,
		"the vault has a new master key, and every slot opens with the secret it had. "
		"Next, when somebody may have an older keystore.db and a secret of that time: "
		"modelvault key %s rotate",
		vault->place.path);
	return r > 0 ? EXIT_FAILED : EXIT_DONE;
}
