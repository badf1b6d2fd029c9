/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore_rekey.c - another master key: every slot is made anew for it, the KEKs are wrapped under
 * it, every row and the seal get MACs of its keys, in one transaction. What lies in other files and
 * depends on the master key (the anchor, the trail's private key) is written beside the old one
 * before the commit and takes its place after it; unlocking takes whichever fits, so that a crash
 * anywhere leaves one that does.
 */
#include <errno.h>
#include <string.h>

#include "keystore/anchor.h"
#include "keystore/key_slot.h"
#include "keystore/keystore_private.h"

struct keystore_rekey {
	uint8_t vault_id[ID_SIZE];
	struct secret *master;
	struct key_slot slots[LIMIT_SLOTS];
	size_t count;
};

struct keystore_rekey *keystore_rekey_free(struct keystore_rekey *rekey)
{
	if (rekey) {
		secret_free(rekey->master);
		free(rekey);
	}
	return NULL;
}

/* The slot for the new master key, by whichever of the secrets opens the old one. -EKEYREJECTED. */
static int remake_slot(struct keystore *keystore, const struct key_slot *slot,
	const struct rekey_offer *offer, const struct secret *master, struct key_slot *ret_slot)
{
	int r = -EKEYREJECTED;

	for (size_t i = 0; i < offer->count; i++) {
		scope(secret_free) struct secret *opened = NULL;

		r = key_slot_open(slot, keystore->vault_id, &offer->secrets[i], &opened);
		if (r == -EKEYREJECTED || r == -ENOKEY)
			continue;
		if (r < 0)
			return r;
		r = key_slot_make(provider_find(slot->kind), &offer->secrets[i], master,
			keystore->vault_id, slot->number, ret_slot);
		ret_slot->created_ns = slot->created_ns;
		return r;
	}
	return -EKEYREJECTED;
}

/* Each secret that is tried costs as much as a guess: the rows are free meanwhile. */
static int remake_slots(
	struct keystore *keystore, struct rekey_offer *offer, struct keystore_rekey *rekey)
{
	scope_free struct key_slot *slots = NULL;
	int r;

	keystore_lock_rows(keystore);
	r = key_slots_read(keystore->db, &slots, &rekey->count);
	keystore_unlock_rows(keystore);
	if (r < 0)
		return r;
	for (size_t i = 0; i < rekey->count; i++) {
		r = remake_slot(keystore, &slots[i], offer, rekey->master, &rekey->slots[i]);
		if (r == -EKEYREJECTED)
			offer->missing[offer->missing_count++] = slots[i].number;
		else if (r < 0)
			return r;
	}
	return offer->missing_count ? -EKEYREJECTED : 0;
}

int keystore_rekey_prepare(
	struct keystore *keystore, struct rekey_offer *offer, struct keystore_rekey **ret_rekey)
{
	scope(keystore_rekey_free) struct keystore_rekey *rekey = NULL;
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	rekey = calloc(1, sizeof(*rekey));
	if (!rekey)
		return -ENOMEM;
	memcpy(rekey->vault_id, keystore->vault_id, ID_SIZE);
	r = master_key_generate(&rekey->master);
	if (r < 0)
		return r;
	offer->missing_count = 0;
	r = remake_slots(keystore, offer, rekey);
	if (r == 0)
		*ret_rekey = take(&rekey);
	return r;
}

int keystore_rekey_wrap(const struct keystore_rekey *rekey, const void *aad, size_t aad_len,
	const struct secret *secret, uint8_t *ret_wrapped)
{
	scope(secret_free) struct secret *key = NULL;
	int r;

	r = master_key_derive(rekey->master, DERIVE_AUDIT_KEY_WRAP, rekey->vault_id, &key);
	if (r < 0)
		return r;
	return key_wrap(key, aad, aad_len, secret, ret_wrapped);
}

/* The anchor as it is, under the new key, beside the old one. */
static int write_next_anchor(struct keystore *keystore, const struct keystore_rekey *rekey)
{
	scope(secret_free) struct secret *key = NULL;
	struct anchor anchor;
	int r;

	r = keystore_anchor_read(keystore, &anchor);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = master_key_derive(rekey->master, DERIVE_ANCHOR, rekey->vault_id, &key);
	if (r < 0)
		return r;
	return anchor_write_next(rekey->vault_id, key, &anchor);
}

static int put_all(struct keystore *keystore, const struct keystore_rekey *rekey)
{
	int r = 0;

	for (size_t i = 0; i < rekey->count && r == 0; i++)
		r = key_slot_put(keystore->rows, &rekey->slots[i]);
	if (r == 0)
		r = kek_ring_put(keystore->rows, keystore->keks, rekey->master);
	return r;
}

static int commit_locked(struct keystore *keystore, struct keystore_rekey *rekey)
{
	scope(secret_free) struct secret *row_key = NULL;
	scope(secret_free) struct secret *seal_key = NULL;
	struct secret *old = keystore->master;
	int r;

	if (!sealed_rows_is_intact(keystore->rows))
		return -EBADMSG;
	r = master_key_derive(rekey->master, DERIVE_ROW, keystore->vault_id, &row_key);
	if (r < 0)
		return r;
	r = master_key_derive(rekey->master, DERIVE_SEAL, keystore->vault_id, &seal_key);
	if (r < 0)
		return r;
	r = sealed_rows_begin(keystore->rows);
	if (r < 0)
		return r;
	r = put_all(keystore, rekey);
	if (r < 0) {
		sealed_rows_abort(keystore->rows);
		return r;
	}
	r = sealed_rows_commit_rekeyed(keystore->rows, row_key, seal_key);
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&keystore->tree_lock);
	keystore->master = take(&rekey->master);
	pthread_rwlock_unlock(&keystore->tree_lock);
	secret_free(old);
	keystore_unsettle(keystore, NULL);
	return 0;
}

int keystore_rekey_commit(struct keystore *keystore, struct keystore_rekey *rekey)
{
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	r = write_next_anchor(keystore, rekey);
	if (r < 0)
		return r;
	keystore_lock_rows(keystore);
	r = commit_locked(keystore, rekey);
	keystore_unlock_rows(keystore);
	if (r < 0)
		anchor_drop_next(keystore->vault_id);
	return r;
}
