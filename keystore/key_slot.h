/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_slot.h - the rows of table slot: ways to unlock the master key, one provider each. They are
 * read before the seal can be checked, so every value is taken for hostile.
 */
#ifndef KEYSTORE_KEY_SLOT_H
#define KEYSTORE_KEY_SLOT_H

#include "keystore/base/db.h"
#include "keystore/base/sealed_rows.h"
#include "keystore/master_key.h"
#include "keystore/provider.h"

#define SLOT_KIND_SIZE	 32  /* name of a provider and its NUL */
#define SLOT_PARAMS_SIZE 256 /* salt and what a provider keeps beside it */

struct key_slot {
	uint32_t number;
	char kind[SLOT_KIND_SIZE];
	int64_t created_ns;
	uint8_t params[SLOT_PARAMS_SIZE];
	size_t params_len;
	uint8_t wrapped[MASTER_KEY_WRAPPED_SIZE];
};

/*
 * The slots in order of numbers, at most LIMIT_SLOTS; rows that cannot be slots are left out (the
 * seal tells of them later). The caller frees; *ret_slots is NULL when there is none.
 */
int key_slots_read(struct db *db, struct key_slot **ret_slots, size_t *ret_count);
/* A new slot for these secrets by this provider; nothing is stored. */
int key_slot_make(const struct provider *provider, const struct unlock_secrets *secrets,
	const struct secret *master, const uint8_t vault_id[ID_SIZE], uint32_t number,
	struct key_slot *ret_slot);
/* -ENOKEY: the secrets are not for this kind. -EKEYREJECTED: they do not open it. -EUCLEAN. */
int key_slot_open(const struct key_slot *slot, const uint8_t vault_id[ID_SIZE],
	const struct unlock_secrets *secrets, struct secret **ret_master);
/*
 * Tries one slot after the other. -EKEYREJECTED: none fits; -ENOKEY: no slot of such a kind.
 */
int key_slots_open(struct db *db, const uint8_t vault_id[ID_SIZE],
	const struct unlock_secrets *secrets, struct secret **ret_master, uint32_t *ret_number);
/* The provider that these secrets are for, or NULL. */
const struct provider *key_slot_provider(const struct unlock_secrets *secrets);
/* Within a change of rows. */
int key_slot_put(struct sealed_rows *rows, const struct key_slot *slot);
int key_slot_delete(struct sealed_rows *rows, uint32_t number);

#endif
