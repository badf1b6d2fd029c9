/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_key.h - the root of the hierarchy: made at random, wrapped for a slot under what the
 * slot's provider yields, and the source of every other key of the vault.
 */
#ifndef KEYSTORE_MASTER_KEY_H
#define KEYSTORE_MASTER_KEY_H

#include "keystore/aead.h"
#include "keystore/base/limits.h"
#include "keystore/derive.h"

#define MASTER_KEY_WRAPPED_SIZE WRAPPED_SIZE(KEY_SIZE)
#define SLOT_SALT_SIZE		32

/* Which slot a wrapped master key belongs to; all of it is authenticated. */
struct slot_binding {
	const uint8_t *vault_id; /* ID_SIZE */
	uint32_t number;
	const char *kind;
	const uint8_t *salt; /* SLOT_SALT_SIZE */
};

int master_key_generate(struct secret **ret_master);
int master_key_wrap(const struct secret *master, const struct secret *material,
	const struct slot_binding *binding, uint8_t ret_wrapped[MASTER_KEY_WRAPPED_SIZE]);
/* -EKEYREJECTED when this material does not open it. */
int master_key_unwrap(const uint8_t wrapped[MASTER_KEY_WRAPPED_SIZE], const struct secret *material,
	const struct slot_binding *binding, struct secret **ret_master);
/* A subkey of the master key; context is the vault id. */
int master_key_derive(const struct secret *master, enum derive_purpose purpose,
	const uint8_t vault_id[ID_SIZE], struct secret **ret_key);

#endif
