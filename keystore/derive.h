/* SPDX-License-Identifier: Apache-2.0 */
/*
 * derive.h - 256-bit subkeys by HKDF-SHA-256 (RFC 5869), extract and expand, empty salt.
 * info = purpose text | context bytes. Every purpose of the product is in this one table, so that
 * no two uses of a key can meet; the texts are part of the formats.
 */
#ifndef KEYSTORE_DERIVE_H
#define KEYSTORE_DERIVE_H

#include <sys/uio.h>

#include "keystore/base/secret.h"

enum derive_purpose {
	/* from the DEK of a file; context: vault id, file id, suite u8, log2 chunk u8 */
	DERIVE_CHUNK,  /* "modelvault/1/chunk" */
	DERIVE_HEADER, /* "modelvault/1/header" */
	DERIVE_ROOT,   /* "modelvault/1/root" */
	/* from the master key; context: vault id */
	DERIVE_KEK_WRAP,       /* "modelvault/1/kek-wrap" */
	DERIVE_ROW,	       /* "modelvault/1/row-mac" */
	DERIVE_SEAL,	       /* "modelvault/1/seal-mac" */
	DERIVE_ANCHOR,	       /* "modelvault/1/anchor" */
	DERIVE_AUDIT_KEY_WRAP, /* "modelvault/1/audit-key-wrap" */
	/* from what a slot's provider yields; context: vault id, slot number u32, salt */
	DERIVE_SLOT, /* "modelvault/1/slot" */
	DERIVE_PURPOSES
};

/* -EINVAL for a key that is shorter than 16 bytes; -EIO when OpenSSL fails. Thread-safe. */
int derive_key(const struct secret *key, enum derive_purpose purpose, const void *context,
	size_t context_len, struct secret **ret_key);
/* The purpose's text; for tests and documents. */
const char *derive_purpose_text(enum derive_purpose purpose);

/*
 * HKDF-SHA-256 itself, with any salt and output length: what derive_key stands on, apart so that
 * the test vectors of RFC 5869 reach it. Use derive_key. -EINVAL for lengths out of bounds.
 */
int hkdf_sha256(const struct secret *key, const struct iovec *salt, const struct iovec *info,
	size_t len, struct secret **ret_key);

#endif
