/* SPDX-License-Identifier: Apache-2.0 */
/*
 * passphrase_kdf.h - a passphrase stretched by scrypt (RFC 7914). The parameters are stored with
 * the slot, so that they can grow.
 */
#ifndef KEYSTORE_PASSPHRASE_KDF_H
#define KEYSTORE_PASSPHRASE_KDF_H

#include <sys/uio.h>

#include "keystore/base/secret.h"

#define PASSPHRASE_SALT_SIZE 32

struct passphrase_cost {
	uint32_t log2_n; /* 10..22: memory is 128 * r * 2^log2_n bytes */
	uint32_t r;	 /* 1..32 */
	uint32_t p;	 /* 1..16 */
};

/* What new slots get: 2^17, 8, 1 = 128 MiB and some tenths of a second. */
extern const struct passphrase_cost passphrase_cost_default;

/* -EINVAL for costs out of bounds (memory at most 1 GiB); 32 bytes of key. Thread-safe. */
int passphrase_stretch(const struct secret *passphrase, const uint8_t *salt, size_t salt_len,
	const struct passphrase_cost *cost, struct secret **ret_key);

/*
 * scrypt itself, without bounds on the cost: what passphrase_stretch stands on, apart so that the
 * test vectors of RFC 7914 reach it. Use passphrase_stretch.
 */
int passphrase_scrypt(const struct iovec *passphrase, const struct iovec *salt,
	const struct passphrase_cost *cost, void *ret_bytes, size_t len);

#endif
