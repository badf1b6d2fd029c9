/* SPDX-License-Identifier: Apache-2.0 */
/* passphrase_kdf.c - scrypt on OpenSSL's EVP_KDF, and the bounds of its cost. */
#include "keystore/passphrase_kdf.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>

#include "keystore/base/limits.h"

#define LOG2_N_MIN 10
#define LOG2_N_MAX 22
#define R_MAX	   32
#define P_MAX	   16
/* Parameters come from the database: they must not be able to take the machine's memory. */
#define MEMORY_MAX (1ULL << 30)
/* A salt of ours is 32 bytes; anything beyond this is not one. */
#define SALT_MAX 1024

const struct passphrase_cost passphrase_cost_default = {.log2_n = 17, .r = 8, .p = 1};

static bool cost_is_valid(const struct passphrase_cost *cost)
{
	if (cost->log2_n < LOG2_N_MIN || cost->log2_n > LOG2_N_MAX)
		return false;
	if (cost->r < 1 || cost->r > R_MAX || cost->p < 1 || cost->p > P_MAX)
		return false;
	return ((128ULL * cost->r) << cost->log2_n) <= MEMORY_MAX;
}

int passphrase_scrypt(const struct iovec *passphrase, const struct iovec *salt,
	const struct passphrase_cost *cost, void *ret_bytes, size_t len)
{
	uint64_t n = 1ULL << cost->log2_n;
	uint64_t r_cost = cost->r, p_cost = cost->p;
	/* What OpenSSL counts: B (128 r p), V (128 r N), X and T (128 r and a little). */
	uint64_t memory = 128 * r_cost * (n + p_cost + 2) + 4096;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_PASSWORD, passphrase->iov_base, passphrase->iov_len),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SALT, salt->iov_base, salt->iov_len),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_N, &n),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_R, &r_cost),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_P, &p_cost),
		OSSL_PARAM_construct_uint64(OSSL_KDF_PARAM_SCRYPT_MAXMEM, &memory),
		OSSL_PARAM_construct_end(),
	};
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "SCRYPT", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	int r = 0;

	if (!ctx || EVP_KDF_derive(ctx, ret_bytes, len, params) != 1) {
		secret_wipe(ret_bytes, len);
		r = -EIO;
	}
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return r;
}

int passphrase_stretch(const struct secret *passphrase, const uint8_t *salt, size_t salt_len,
	const struct passphrase_cost *cost, struct secret **ret_key)
{
	scope(secret_free) struct secret *key = NULL;
	struct iovec passphrase_part = {
		(void *)(uintptr_t)secret_view(passphrase), secret_len(passphrase)};
	struct iovec salt_part = {(void *)(uintptr_t)salt, salt_len};
	int r;

	if (!cost_is_valid(cost) || salt_len == 0 || salt_len > SALT_MAX)
		return -EINVAL;
	r = secret_new(KEY_SIZE, &key);
	if (r < 0)
		return r;
	r = passphrase_scrypt(&passphrase_part, &salt_part, cost, secret_bytes(key), KEY_SIZE);
	if (r < 0)
		return r;
	*ret_key = take(&key);
	return 0;
}
