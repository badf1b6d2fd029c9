/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aead.h - authenticated encryption with associated data, fixed sizes only: 256-bit key, 96-bit
 * nonce, 128-bit tag.
 *   aes-256-gcm        NIST SP 800-38D
 *   aes-256-ocb        RFC 7253
 *   chacha20-poly1305  RFC 8439
 * The number of a suite is part of the formats and never changes.
 */
#ifndef KEYSTORE_AEAD_H
#define KEYSTORE_AEAD_H

#include "keystore/base/secret.h"

#define AEAD_NONCE_SIZE 12
#define AEAD_TAG_SIZE	16

enum aead_suite {
	AEAD_AES_256_GCM = 1,
	AEAD_AES_256_OCB = 2,
	AEAD_CHACHA20_POLY1305 = 3,
};

/* The suite's name as on the command line, or NULL for a number that is none. */
const char *aead_suite_name(unsigned suite);
/* -EINVAL for a name that is no suite built here. */
int aead_suite_from_name(const char *name, enum aead_suite *ret_suite);

/* One key, ready for use; one thread at a time. The key schedule is wiped by aead_free. */
struct aead;
int aead_new(enum aead_suite suite, const struct secret *key, struct aead **ret_aead);
struct aead *aead_free(struct aead *aead);

struct aead_message {
	const uint8_t *nonce; /* AEAD_NONCE_SIZE bytes */
	const void *aad;
	size_t aad_len;
	const void *input;
	size_t len;
};

/*
 * Encrypts message->len bytes of input to output (the same buffer, or one that does not overlap)
 * and writes the tag. -EIO when OpenSSL fails; the output is then wiped.
 */
int aead_seal(struct aead *aead, const struct aead_message *message, void *output,
	uint8_t ret_tag[AEAD_TAG_SIZE]);
/*
 * Decrypts and checks the tag. -EBADMSG when the tag does not fit: the output is then wiped, so
 * that no unauthenticated byte leaves.
 */
int aead_open(struct aead *aead, const struct aead_message *message,
	const uint8_t tag[AEAD_TAG_SIZE], void *output);

/*
 * A small key or secret under a wrapping key: nonce (12, random) | ciphertext | tag (16), always
 * AES-256-GCM. ret_wrapped has room for WRAPPED_SIZE(secret_len).
 */
#define WRAPPED_SIZE(len) (AEAD_NONCE_SIZE + (len) + AEAD_TAG_SIZE)
int key_wrap(const struct secret *wrapping_key, const void *aad, size_t aad_len,
	const struct secret *secret, uint8_t *ret_wrapped);
/* -EBADMSG when it was not wrapped so; -EUCLEAN when shorter than any wrapped secret. */
int key_unwrap(const struct secret *wrapping_key, const void *aad, size_t aad_len,
	const uint8_t *wrapped, size_t wrapped_len, struct secret **ret_secret);

SCOPE_FUNCTION(struct aead *, aead_free);

#endif
