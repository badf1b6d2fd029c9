/* SPDX-License-Identifier: Apache-2.0 */
/* derive.c - HKDF-SHA-256 on OpenSSL's EVP_KDF, and the table of purposes. */
#include "keystore/derive.h"

#include <assert.h>
#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <string.h>

#include "keystore/base/limits.h"

#define MIN_KEY_SIZE 16
/* Expand of RFC 5869 ends at 255 blocks. */
#define HKDF_MAX_OUTPUT (255 * DIGEST_SIZE)
/* Info and salt that OpenSSL 3.0 accepts. */
#define HKDF_MAX_INPUT 1024
/* Longer than any context in derive.h. */
#define MAX_CONTEXT 256

static const char *const purpose_texts[] = {
	[DERIVE_CHUNK] = "modelvault/1/chunk",
	[DERIVE_HEADER] = "modelvault/1/header",
	[DERIVE_ROOT] = "modelvault/1/root",
	[DERIVE_KEK_WRAP] = "modelvault/1/kek-wrap",
	[DERIVE_ROW] = "modelvault/1/row-mac",
	[DERIVE_SEAL] = "modelvault/1/seal-mac",
	[DERIVE_ANCHOR] = "modelvault/1/anchor",
	[DERIVE_AUDIT_KEY_WRAP] = "modelvault/1/audit-key-wrap",
	[DERIVE_SLOT] = "modelvault/1/slot",
};
static_assert(ARRAY_SIZE(purpose_texts) == DERIVE_PURPOSES, "a text for every purpose");

const char *derive_purpose_text(enum derive_purpose purpose)
{
	return purpose_texts[purpose];
}

int hkdf_sha256(const struct secret *key, const struct iovec *salt, const struct iovec *info,
	size_t len, struct secret **ret_key)
{
	scope(secret_free) struct secret *derived = NULL;
	char digest[] = "SHA256";
	OSSL_PARAM params[5];
	size_t count = 0;
	EVP_KDF *kdf;
	EVP_KDF_CTX *ctx;
	int r;

	if (len == 0 || len > HKDF_MAX_OUTPUT || salt->iov_len > HKDF_MAX_INPUT ||
		info->iov_len > HKDF_MAX_INPUT)
		return -EINVAL;
	r = secret_new(len, &derived);
	if (r < 0)
		return r;
	params[count++] = OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, digest, 0);
	params[count++] = OSSL_PARAM_construct_octet_string(
		OSSL_KDF_PARAM_KEY, (void *)(uintptr_t)secret_view(key), secret_len(key));
	if (salt->iov_len > 0)
		params[count++] = OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_SALT, salt->iov_base, salt->iov_len);
	if (info->iov_len > 0)
		params[count++] = OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_INFO, info->iov_base, info->iov_len);
	params[count] = OSSL_PARAM_construct_end();

	kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	if (!ctx || EVP_KDF_derive(ctx, secret_bytes(derived), len, params) != 1)
		r = -EIO;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	if (r < 0)
		return r;
	*ret_key = take(&derived);
	return 0;
}

int derive_key(const struct secret *key, enum derive_purpose purpose, const void *context,
	size_t context_len, struct secret **ret_key)
{
	struct iovec salt = {0}, info;
	char bytes[64 + MAX_CONTEXT];
	size_t text_len;

	if ((unsigned)purpose >= DERIVE_PURPOSES || secret_len(key) < MIN_KEY_SIZE ||
		context_len > MAX_CONTEXT)
		return -EINVAL;
	text_len = strlen(purpose_texts[purpose]);
	memcpy(bytes, purpose_texts[purpose], text_len);
	if (context_len > 0)
		memcpy(bytes + text_len, context, context_len);
	info = (struct iovec){bytes, text_len + context_len};
	return hkdf_sha256(key, &salt, &info, KEY_SIZE, ret_key);
}
