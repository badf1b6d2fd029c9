/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.h - key material: bytes in locked (mlock), non-dumpable (MADV_DONTDUMP) pages, wiped when
 * freed. The arena is OpenSSL's secure heap. mlock is lost in a fork, so a server forks first and
 * calls secret_init() after.
 */
#ifndef KEYSTORE_BASE_SECRET_H
#define KEYSTORE_BASE_SECRET_H

#include "keystore/base/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct secret;

/*
 * Makes the arena and sets PR_SET_DUMPABLE 0 and RLIMIT_CORE 0 for the process. Call once before
 * any other use. -ENOMEM when the pages cannot be locked (RLIMIT_MEMLOCK): never goes on unlocked.
 */
int secret_init(void);
/*
 * The process may be looked at again by processes of its own user, in /proc and by a debugger: for
 * a client whose server must see who asks. Call when no secret is held any more. The arena stays
 * locked and out of core dumps.
 */
int secret_unhide_process(void);

/* A zeroed secret of len bytes (len > 0). -ENOMEM when the arena is full. Thread-safe. */
int secret_new(size_t len, struct secret **ret_secret);
/* A secret of len bytes from a checked RAND_priv_bytes. */
int secret_random(size_t len, struct secret **ret_secret);
/* Copies bytes into a secret; the caller wipes his own copy (secret_wipe). */
int secret_from(const void *bytes, size_t len, struct secret **ret_secret);
int secret_copy(const struct secret *secret, struct secret **ret_secret);
/* Wipes and frees; NULL is accepted. Returns NULL. */
struct secret *secret_free(struct secret *secret);

uint8_t *secret_bytes(struct secret *secret);
const uint8_t *secret_view(const struct secret *secret);
size_t secret_len(const struct secret *secret);
/* Shortens to len bytes (len <= secret_len) and wipes the rest. */
void secret_shorten(struct secret *secret, size_t len);

/* Constant time in the bytes; lengths may leak. */
bool secret_equal(const struct secret *a, const struct secret *b);
/* memset that no compiler removes. */
void secret_wipe(void *bytes, size_t len);
/* Constant-time comparison of public-length values (tags, digests): true when equal. */
bool bytes_equal_constant_time(const void *a, const void *b, size_t len);
/* Checked random bytes for public values (nonces, ids). -EIO when the generator fails. */
int random_fill(void *bytes, size_t len);

SCOPE_FUNCTION(struct secret *, secret_free);

#endif
