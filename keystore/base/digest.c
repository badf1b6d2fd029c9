/* SPDX-License-Identifier: Apache-2.0 */
/*
 * digest.c - SHA-256 and HMAC-SHA-256 by OpenSSL. The algorithms are fetched once a process: a
 * fetch costs more than hashing a small message. OpenSSL keeps the key of an HMAC, and what it made
 * of it, in ordinary memory: between two uses that is the key of zeros.
 */
#include "keystore/base/digest.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/params.h>
#include <pthread.h>
#include <string.h>

struct hmac {
	EVP_MAC_CTX *context; /* with the real key only within hmac_parts */
	struct secret *key;
};

struct sha256 {
	EVP_MD_CTX *context;
};

static pthread_once_t fetched = PTHREAD_ONCE_INIT;
static EVP_MD *sha256_algorithm; /* NULL when OpenSSL has none */
static EVP_MAC *hmac_algorithm;

static void fetch_algorithms(void)
{
	sha256_algorithm = EVP_MD_fetch(NULL, "SHA256", NULL);
	hmac_algorithm = EVP_MAC_fetch(NULL, "HMAC", NULL);
}

static int fetch(void)
{
	if (pthread_once(&fetched, fetch_algorithms) != 0)
		return -EIO;
	return sha256_algorithm && hmac_algorithm ? 0 : -EIO;
}

int sha256_new(struct sha256 **ret_sha256)
{
	scope(sha256_free) struct sha256 *sha256 = NULL;
	int r;

	r = fetch();
	if (r < 0)
		return r;
	sha256 = calloc(1, sizeof(*sha256));
	if (!sha256)
		return -ENOMEM;
	sha256->context = EVP_MD_CTX_new();
	if (!sha256->context)
		return -ENOMEM;
	if (EVP_DigestInit_ex2(sha256->context, sha256_algorithm, NULL) != 1)
		return -EIO;
	*ret_sha256 = take(&sha256);
	return 0;
}

struct sha256 *sha256_free(struct sha256 *sha256)
{
	if (sha256) {
		EVP_MD_CTX_free(sha256->context);
		free(sha256);
	}
	return NULL;
}

int sha256_add(struct sha256 *sha256, const void *bytes, size_t len)
{
	return EVP_DigestUpdate(sha256->context, bytes, len) == 1 ? 0 : -EIO;
}

int sha256_end(struct sha256 *sha256, uint8_t ret_digest[DIGEST_SIZE])
{
	uint8_t digest[DIGEST_SIZE];

	if (EVP_DigestFinal_ex(sha256->context, digest, NULL) != 1 ||
		EVP_DigestInit_ex2(sha256->context, NULL, NULL) != 1)
		return -EIO;
	memcpy(ret_digest, digest, DIGEST_SIZE);
	return 0;
}

int sha256_parts(const struct iovec *parts, size_t count, uint8_t ret_digest[DIGEST_SIZE])
{
	scope(sha256_free) struct sha256 *sha256 = NULL;
	int r;

	r = sha256_new(&sha256);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		r = sha256_add(sha256, parts[i].iov_base, parts[i].iov_len);
		if (r < 0)
			return r;
	}
	return sha256_end(sha256, ret_digest);
}

static int set_digest(struct hmac *hmac)
{
	char name[] = "SHA256";
	const OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, name, 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(hmac->context, params) == 1 ? 0 : -EIO;
}

int hmac_new(const struct secret *key, struct hmac **ret_hmac)
{
	scope(hmac_free) struct hmac *hmac = NULL;
	int r;

	r = fetch();
	if (r < 0)
		return r;
	hmac = calloc(1, sizeof(*hmac));
	if (!hmac)
		return -ENOMEM;
	hmac->context = EVP_MAC_CTX_new(hmac_algorithm);
	if (!hmac->context)
		return -ENOMEM;
	r = set_digest(hmac);
	if (r < 0)
		return r;
	r = secret_copy(key, &hmac->key);
	if (r < 0)
		return r;
	*ret_hmac = take(&hmac);
	return 0;
}

struct hmac *hmac_free(struct hmac *hmac)
{
	if (hmac) {
		EVP_MAC_CTX_free(hmac->context);
		secret_free(hmac->key);
		free(hmac);
	}
	return NULL;
}

static int compute(
	struct hmac *hmac, const struct iovec *parts, size_t count, uint8_t ret_mac[DIGEST_SIZE])
{
	size_t len;

	if (EVP_MAC_init(hmac->context, secret_view(hmac->key), secret_len(hmac->key), NULL) != 1)
		return -EIO;
	for (size_t i = 0; i < count; i++)
		if (EVP_MAC_update(hmac->context, parts[i].iov_base, parts[i].iov_len) != 1)
			return -EIO;
	if (EVP_MAC_final(hmac->context, ret_mac, &len, DIGEST_SIZE) != 1 || len != DIGEST_SIZE)
		return -EIO;
	return 0;
}

int hmac_parts(
	struct hmac *hmac, const struct iovec *parts, size_t count, uint8_t ret_mac[DIGEST_SIZE])
{
	static const uint8_t zeros[KEY_SIZE];
	uint8_t mac[DIGEST_SIZE];
	int r;

	r = compute(hmac, parts, count, mac);
	/* After a failure too. */
	if (EVP_MAC_init(hmac->context, zeros, sizeof(zeros), NULL) != 1)
		return -EIO;
	if (r < 0)
		return r;
	memcpy(ret_mac, mac, sizeof(mac));
	return 0;
}

int hmac_once(const struct secret *key, const struct iovec *parts, size_t count,
	uint8_t ret_mac[DIGEST_SIZE])
{
	scope(hmac_free) struct hmac *hmac = NULL;
	int r;

	r = hmac_new(key, &hmac);
	if (r < 0)
		return r;
	return hmac_parts(hmac, parts, count, ret_mac);
}
