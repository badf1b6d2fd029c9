/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_key.h - the file audit.key: the wrapped private key of the current segment and, while a
 * segment is changed, of the next one.
 *
 *   OFFSET  SIZE  MEANING
 *        0     8  "MVAUDKEY"
 *        8     4  version, 1
 *       12     4  number of entries, 1 or 2
 *       16    16  vault id
 *       32   100  entry: segment u64 | public key 32 | wrapped private key 60
 *      132   100  second entry: the next segment's
 * Wrapped: nonce 12 | ciphertext 32 | tag 16, with the additional data
 * "modelvault/1/audit-key" | vault id | segment u64 | public key.
 */
#ifndef POLICY_AUDIT_KEY_H
#define POLICY_AUDIT_KEY_H

#include "policy/audit_sign.h"

#define AUDIT_WRAPPED_KEY_SIZE (12 + 32 + 16)

struct audit_key {
	uint64_t segment;
	uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE];
	uint8_t wrapped[AUDIT_WRAPPED_KEY_SIZE];
};

struct audit_keys {
	size_t count;
	struct audit_key keys[2];
};

int audit_key_wrap(const struct audit_signer *signer, uint64_t segment,
	const uint8_t vault_id[ID_SIZE], const struct audit_key_wrapper *wrapper,
	struct audit_key *ret_key);
/* -EKEYREJECTED when the wrapper does not open it or another key is inside. */
int audit_key_unwrap(const struct audit_key *key, const uint8_t vault_id[ID_SIZE],
	const struct audit_key_wrapper *wrapper, struct audit_signer **ret_signer);

/* -EUCLEAN: not of this form; -EKEYREJECTED: another vault's; -EPROTONOSUPPORT: newer. */
int audit_keys_load(int vault_fd, const uint8_t vault_id[ID_SIZE], struct audit_keys *ret_keys);
/* Replaces the file atomically, then overwrites the bytes of the old one. */
int audit_keys_save(int vault_fd, const uint8_t vault_id[ID_SIZE], const struct audit_keys *keys);

/*
 * The same file as audit.key.next, wrapped under keys that are not in force yet: load and save as
 * above; promote puts it in the place of audit.key and overwrites that one's bytes; drop takes it
 * away, and is done when there is none.
 */
int audit_keys_load_next(
	int vault_fd, const uint8_t vault_id[ID_SIZE], struct audit_keys *ret_keys);
int audit_keys_save_next(
	int vault_fd, const uint8_t vault_id[ID_SIZE], const struct audit_keys *keys);
int audit_keys_promote(int vault_fd);
int audit_keys_drop_next(int vault_fd);
const struct audit_key *audit_keys_find(const struct audit_keys *keys, uint64_t segment);

#endif
