/* SPDX-License-Identifier: Apache-2.0 */
/* audit_sign.h - Ed25519 (RFC 8032): the key pair of a segment, signatures, fingerprints. */
#ifndef POLICY_AUDIT_SIGN_H
#define POLICY_AUDIT_SIGN_H

#include "policy/audit_chain.h"

/* A key pair, ready to sign many times; one thread at a time. */
struct audit_signer;

int audit_signer_generate(struct audit_signer **ret_signer);
/* From the 32 bytes of a private key. -EKEYREJECTED when they are none. */
int audit_signer_new(const struct secret *private_key, struct audit_signer **ret_signer);
struct audit_signer *audit_signer_free(struct audit_signer *signer);
/* The 32 bytes of the private key, to be wrapped. */
int audit_signer_private(const struct audit_signer *signer, struct secret **ret_private);
/* AUDIT_PUBLIC_KEY_SIZE bytes. */
const uint8_t *audit_signer_public(const struct audit_signer *signer);

int audit_sign(struct audit_signer *signer, const void *message, size_t len,
	uint8_t ret_signature[AUDIT_SIGNATURE_SIZE]);
/* -EBADMSG when it is not the key's signature of the message. Thread-safe. */
int audit_sign_check(const uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE], const void *message,
	size_t len, const uint8_t signature[AUDIT_SIGNATURE_SIZE]);

/* Fills place->signature for what stands in the place. */
int audit_place_sign(struct audit_signer *signer, enum audit_statement statement,
	const uint8_t vault_id[ID_SIZE], struct audit_place *place);
int audit_place_check(const uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE],
	enum audit_statement statement, const uint8_t vault_id[ID_SIZE],
	const struct audit_place *place);

/* SHA-256 of the public key. */
int audit_fingerprint(
	const uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE], uint8_t ret_fingerprint[DIGEST_SIZE]);

SCOPE_FUNCTION(struct audit_signer *, audit_signer_free);

#endif
