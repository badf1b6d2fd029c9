/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret.c - secrets on OpenSSL's secure heap: one arena between guard pages, locked and kept out
 * of core dumps by OpenSSL itself (mlock, MADV_DONTDUMP). The small struct around the bytes lies in
 * ordinary memory. Without an arena nothing is given out: OpenSSL alone would fall back to malloc.
 */
#include "keystore/base/secret.h"

#include <errno.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#define ARENA_LARGEST	(2 << 20)
#define ARENA_SMALLEST	(32 << 10) /* half of the 64 KiB that older systems let users lock */
#define ARENA_UNIT	32
#define ARENA_IS_LOCKED 1 /* CRYPTO_secure_malloc_init: 2 means made, but not locked */

struct secret {
	uint8_t *bytes;
	size_t len;
	size_t allocated;
};

/* The process that locked the arena: a forked child has a copy of it that is not locked. */
static pid_t arena_owner;

static int arena_init(void)
{
	if (CRYPTO_secure_malloc_initialized())
		return arena_owner == getpid() ? 0 : -ENOMEM;
	for (size_t size = ARENA_LARGEST; size >= ARENA_SMALLEST; size /= 2) {
		if (CRYPTO_secure_malloc_init(size, ARENA_UNIT) == ARENA_IS_LOCKED) {
			arena_owner = getpid();
			return 0;
		}
		CRYPTO_secure_malloc_done();
	}
	return -ENOMEM;
}

int secret_init(void)
{
	const struct rlimit no_core = {0, 0};

	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)
		return -errno;
	if (setrlimit(RLIMIT_CORE, &no_core) < 0)
		return -errno;
	return arena_init();
}

int secret_unhide_process(void)
{
	return prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) < 0 ? -errno : 0;
}

int secret_new(size_t len, struct secret **ret_secret)
{
	struct secret *secret;

	if (len == 0)
		return -EINVAL;
	if (!CRYPTO_secure_malloc_initialized())
		return -ENOMEM;
	secret = malloc(sizeof(*secret));
	if (!secret)
		return -ENOMEM;
	secret->bytes = CRYPTO_secure_zalloc(len, __FILE__, __LINE__);
	if (!secret->bytes) {
		free(secret);
		return -ENOMEM;
	}
	secret->len = len;
	secret->allocated = len;
	*ret_secret = secret;
	return 0;
}

int secret_random(size_t len, struct secret **ret_secret)
{
	scope(secret_free) struct secret *secret = NULL;
	int r;

	if (len > INT_MAX)
		return -EINVAL;
	r = secret_new(len, &secret);
	if (r < 0)
		return r;
	if (RAND_priv_bytes(secret->bytes, (int)len) != 1)
		return -EIO;
	*ret_secret = take(&secret);
	return 0;
}

int secret_from(const void *bytes, size_t len, struct secret **ret_secret)
{
	struct secret *secret;
	int r;

	r = secret_new(len, &secret);
	if (r < 0)
		return r;
	memcpy(secret->bytes, bytes, len);
	*ret_secret = secret;
	return 0;
}

int secret_copy(const struct secret *secret, struct secret **ret_secret)
{
	return secret_from(secret->bytes, secret->len, ret_secret);
}

struct secret *secret_free(struct secret *secret)
{
	if (secret) {
		CRYPTO_secure_clear_free(secret->bytes, secret->allocated, __FILE__, __LINE__);
		free(secret);
	}
	return NULL;
}

uint8_t *secret_bytes(struct secret *secret)
{
	return secret->bytes;
}

const uint8_t *secret_view(const struct secret *secret)
{
	return secret->bytes;
}

size_t secret_len(const struct secret *secret)
{
	return secret->len;
}

void secret_shorten(struct secret *secret, size_t len)
{
	if (len >= secret->len)
		return;
	OPENSSL_cleanse(secret->bytes + len, secret->len - len);
	secret->len = len;
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
	return a->len == b->len && bytes_equal_constant_time(a->bytes, b->bytes, a->len);
}

void secret_wipe(void *bytes, size_t len)
{
	OPENSSL_cleanse(bytes, len);
}

bool bytes_equal_constant_time(const void *a, const void *b, size_t len)
{
	return CRYPTO_memcmp(a, b, len) == 0;
}

int random_fill(void *bytes, size_t len)
{
	if (len > INT_MAX)
		return -EINVAL;
	if (len && RAND_bytes(bytes, (int)len) != 1) {
		memset(bytes, 0, len);
		return -EIO;
	}
	return 0;
}
