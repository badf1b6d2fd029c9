/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.h - SHA-256 (FIPS 180-4) and HMAC-SHA-256 (RFC 2104) over a list of parts.
 */
#ifndef KEYSTORE_BASE_DIGEST_H
#define KEYSTORE_BASE_DIGEST_H

#include "keystore/base/limits.h"
#include "keystore/base/secret.h"

#include <sys/uio.h>

/* A part of a message: const bytes. */
#define PART(bytes, len)                          \
	{                                         \
		(void *)(uintptr_t)(bytes), (len) \
	}
/* A string literal as a part, without its NUL. */
#define PART_TEXT(literal)                                        \
	{                                                         \
		(void *)(uintptr_t)(literal), sizeof(literal) - 1 \
	}

/* SHA-256 over the parts one after the other. -EIO when OpenSSL fails. Thread-safe. */
int sha256_parts(const struct iovec *parts, size_t count, uint8_t ret_digest[DIGEST_SIZE]);

/* A keyed HMAC-SHA-256, ready to be used many times; one thread at a time. */
struct hmac;
int hmac_new(const struct secret *key, struct hmac **ret_hmac);
struct hmac *hmac_free(struct hmac *hmac);
int hmac_parts(
	struct hmac *hmac, const struct iovec *parts, size_t count, uint8_t ret_mac[DIGEST_SIZE]);
/* One use: new, parts, free. Thread-safe. */
int hmac_once(const struct secret *key, const struct iovec *parts, size_t count,
	uint8_t ret_mac[DIGEST_SIZE]);

/* A running SHA-256 for streams. */
struct sha256;
int sha256_new(struct sha256 **ret_sha256);
struct sha256 *sha256_free(struct sha256 *sha256);
int sha256_add(struct sha256 *sha256, const void *bytes, size_t len);
/* The digest of everything added; afterwards the stream is empty again. */
int sha256_end(struct sha256 *sha256, uint8_t ret_digest[DIGEST_SIZE]);

SCOPE_FUNCTION(struct hmac *, hmac_free);
SCOPE_FUNCTION(struct sha256 *, sha256_free);

#endif
