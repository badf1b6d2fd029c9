/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_key.h - the key-encryption keys (KEK) of a vault and the data keys (DEK) wrapped under them.
 * KEKs stay in locked memory while the vault is unlocked; a DEK is unwrapped only for who asks.
 */
#ifndef KEYSTORE_FILE_KEY_H
#define KEYSTORE_FILE_KEY_H

#include "keystore/aead.h"
#include "keystore/base/limits.h"
#include "keystore/base/sealed_rows.h"

#define DEK_WRAPPED_SIZE WRAPPED_SIZE(KEY_SIZE)

struct wrapped_dek {
	uint32_t kek;
	uint8_t bytes[DEK_WRAPPED_SIZE];
};

/* The KEKs of one vault. Reading is thread-safe; the owner locks against changes. */
struct kek_ring;

/* Makes KEK `number` and puts its row, within a change of rows. */
int kek_create(struct sealed_rows *rows, const struct secret *master,
	const uint8_t vault_id[ID_SIZE], uint32_t number);
/* Unwraps the intact rows; a broken one is left out, and its files are then without a key. */
int kek_ring_load(struct sealed_rows *rows, const struct secret *master,
	const uint8_t vault_id[ID_SIZE], struct kek_ring **ret_ring);
struct kek_ring *kek_ring_free(struct kek_ring *ring);
/* The highest number; 0 when there is none. */
uint32_t kek_ring_newest(const struct kek_ring *ring);
/* Deletes the rows of all KEKs in the ring, within a change of rows. */
int kek_ring_delete(struct sealed_rows *rows, const struct kek_ring *ring);
/* Puts the rows of all KEKs in the ring anew, wrapped for this master key; within a change. */
int kek_ring_put(
	struct sealed_rows *rows, const struct kek_ring *ring, const struct secret *master);
bool kek_ring_has(const struct kek_ring *ring, uint32_t number);

/* Under the newest KEK. -ENOKEY when there is none. */
int dek_wrap(const struct kek_ring *ring, const uint8_t file_id[ID_SIZE], const struct secret *dek,
	struct wrapped_dek *ret_wrapped);
/* -EBADMSG when it was not wrapped for this file or its KEK is not there. */
int dek_unwrap(const struct kek_ring *ring, const uint8_t file_id[ID_SIZE],
	const struct wrapped_dek *wrapped, struct secret **ret_dek);

SCOPE_FUNCTION(struct kek_ring *, kek_ring_free);

#endif
