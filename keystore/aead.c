/* SPDX-License-Identifier: Apache-2.0 */
/*
 * aead.c - the suites on OpenSSL's EVP. Ciphers are fetched once a process; a struct aead sets its
 * key once and each message only its nonce. Encryption and decryption have a context each, because
 * OCB chooses its direction when the key is set.
 */
#include "keystore/aead.h"

#include <errno.h>
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <string.h>

#include "keystore/base/limits.h"

struct aead {
	EVP_CIPHER_CTX *encrypt;
	EVP_CIPHER_CTX *decrypt;
};

static const struct suite {
	enum aead_suite number;
	const char *name;
	const char *openssl_name;
} suites[] = {
	{AEAD_AES_256_GCM, "aes-256-gcm", "AES-256-GCM"},
	{AEAD_AES_256_OCB, "aes-256-ocb", "AES-256-OCB"},
	{AEAD_CHACHA20_POLY1305, "chacha20-poly1305", "ChaCha20-Poly1305"},
};

/* Written once by fetch_ciphers, read-only afterwards; freed with the process. */
static EVP_CIPHER *ciphers[ARRAY_SIZE(suites)];
static pthread_once_t ciphers_once = PTHREAD_ONCE_INIT;

static void fetch_ciphers(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		ciphers[i] = EVP_CIPHER_fetch(NULL, suites[i].openssl_name, NULL);
}

/* NULL when OpenSSL has no such cipher. */
static const EVP_CIPHER *suite_cipher(size_t index)
{
	if (pthread_once(&ciphers_once, fetch_ciphers) != 0)
		return NULL;
	return ciphers[index];
}

static const struct suite *suite_find(unsigned number)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++)
		if (suites[i].number == number)
			return &suites[i];
	return NULL;
}

const char *aead_suite_name(unsigned suite)
{
	const struct suite *found = suite_find(suite);

	return found ? found->name : NULL;
}

int aead_suite_from_name(const char *name, enum aead_suite *ret_suite)
{
	for (size_t i = 0; i < ARRAY_SIZE(suites); i++) {
		if (strcmp(suites[i].name, name) != 0)
			continue;
		if (!suite_cipher(i))
			return -EINVAL;
		*ret_suite = suites[i].number;
		return 0;
	}
	return -EINVAL;
}

int aead_new(enum aead_suite suite, const struct secret *key, struct aead **ret_aead)
{
	const struct suite *found = suite_find(suite);
	const EVP_CIPHER *cipher;
	scope(aead_free) struct aead *aead = NULL;

	if (!found || secret_len(key) != KEY_SIZE)
		return -EINVAL;
	cipher = suite_cipher((size_t)(found - suites));
	if (!cipher)
		return -EINVAL;
	if (EVP_CIPHER_get_key_length(cipher) != KEY_SIZE ||
		EVP_CIPHER_get_iv_length(cipher) != AEAD_NONCE_SIZE)
		return -EIO;
	aead = calloc(1, sizeof(*aead));
	if (!aead)
		return -ENOMEM;
	aead->encrypt = EVP_CIPHER_CTX_new();
	aead->decrypt = EVP_CIPHER_CTX_new();
	if (!aead->encrypt || !aead->decrypt)
		return -ENOMEM;
	if (EVP_EncryptInit_ex(aead->encrypt, cipher, NULL, secret_view(key), NULL) != 1 ||
		EVP_DecryptInit_ex(aead->decrypt, cipher, NULL, secret_view(key), NULL) != 1)
		return -EIO;
	*ret_aead = take(&aead);
	return 0;
}

struct aead *aead_free(struct aead *aead)
{
	if (!aead)
		return NULL;
	EVP_CIPHER_CTX_free(aead->encrypt);
	EVP_CIPHER_CTX_free(aead->decrypt);
	free(aead);
	return NULL;
}

static bool lengths_fit(const struct aead_message *message)
{
	return message->len <= INT_MAX - AEAD_TAG_SIZE && message->aad_len <= INT_MAX;
}

static bool seal(EVP_CIPHER_CTX *ctx, const struct aead_message *message, uint8_t *output,
	uint8_t tag[AEAD_TAG_SIZE])
{
	uint8_t nothing[AEAD_TAG_SIZE];
	int done = 0, len = 0;

	if (EVP_EncryptInit_ex(ctx, NULL, NULL, NULL, message->nonce) != 1)
		return false;
	if (message->aad_len > 0 &&
		EVP_EncryptUpdate(ctx, NULL, &len, message->aad, (int)message->aad_len) != 1)
		return false;
	if (message->len > 0 &&
		EVP_EncryptUpdate(ctx, output, &done, message->input, (int)message->len) != 1)
		return false;
	/* OCB keeps a last partial block back until here. */
	if (EVP_EncryptFinal_ex(ctx, message->len > 0 ? output + done : nothing, &len) != 1)
		return false;
	if ((size_t)done + (size_t)len != message->len)
		return false;
	return EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_AEAD_GET_TAG, AEAD_TAG_SIZE, tag) == 1;
}

int aead_seal(struct aead *aead, const struct aead_message *message, void *output,
	uint8_t ret_tag[AEAD_TAG_SIZE])
{
	uint8_t tag[AEAD_TAG_SIZE];

	if (!lengths_fit(message))
		return -EINVAL;
	if (!seal(aead->encrypt, message, output, tag)) {
		if (message->len > 0)
			secret_wipe(output, message->len);
		return -EIO;
	}
	memcpy(ret_tag, tag, sizeof(tag));
	return 0;
}

/* Everything of the decryption but the verdict, which is EVP_DecryptFinal_ex's. */
static bool open_start(EVP_CIPHER_CTX *ctx, const struct aead_message *message,
	const uint8_t tag[AEAD_TAG_SIZE], uint8_t *output, int *ret_done)
{
	int len = 0, done = 0;

	if (EVP_DecryptInit_ex(ctx, NULL, NULL, NULL, message->nonce) != 1)
		return false;
	if (EVP_CIPHER_CTX_ctrl(
		    ctx, EVP_CTRL_AEAD_SET_TAG, AEAD_TAG_SIZE, (void *)(uintptr_t)tag) != 1)
		return false;
	if (message->aad_len > 0 &&
		EVP_DecryptUpdate(ctx, NULL, &len, message->aad, (int)message->aad_len) != 1)
		return false;
	if (message->len > 0 &&
		EVP_DecryptUpdate(ctx, output, &done, message->input, (int)message->len) != 1)
		return false;
	*ret_done = done;
	return true;
}

int aead_open(struct aead *aead, const struct aead_message *message,
	const uint8_t tag[AEAD_TAG_SIZE], void *output)
{
	uint8_t nothing[AEAD_TAG_SIZE];
	uint8_t *to = output;
	int done = 0, len = 0;
	int r = 0;

	if (!lengths_fit(message))
		return -EINVAL;
	if (!open_start(aead->decrypt, message, tag, to, &done))
		r = -EIO;
	else if (EVP_DecryptFinal_ex(aead->decrypt, message->len > 0 ? to + done : nothing, &len) !=
		 1)
		r = -EBADMSG;
	else if ((size_t)done + (size_t)len != message->len)
		r = -EIO;
	if (r < 0 && message->len > 0)
		secret_wipe(output, message->len);
	return r;
}

int key_wrap(const struct secret *wrapping_key, const void *aad, size_t aad_len,
	const struct secret *secret, uint8_t *ret_wrapped)
{
	scope(aead_free) struct aead *aead = NULL;
	uint8_t nonce[AEAD_NONCE_SIZE];
	size_t len = secret_len(secret);
	struct aead_message message = {
		.nonce = nonce,
		.aad = aad,
		.aad_len = aad_len,
		.input = secret_view(secret),
		.len = len,
	};
	int r;

	r = random_fill(nonce, sizeof(nonce));
	if (r < 0)
		return r;
	r = aead_new(AEAD_AES_256_GCM, wrapping_key, &aead);
	if (r < 0)
		return r;
	r = aead_seal(
		aead, &message, ret_wrapped + AEAD_NONCE_SIZE, ret_wrapped + AEAD_NONCE_SIZE + len);
	if (r < 0)
		return r;
	memcpy(ret_wrapped, nonce, sizeof(nonce));
	return 0;
}

int key_unwrap(const struct secret *wrapping_key, const void *aad, size_t aad_len,
	const uint8_t *wrapped, size_t wrapped_len, struct secret **ret_secret)
{
	scope(secret_free) struct secret *secret = NULL;
	scope(aead_free) struct aead *aead = NULL;
	struct aead_message message;
	size_t len;
	int r;

	if (wrapped_len <= WRAPPED_SIZE(0))
		return -EUCLEAN;
	len = wrapped_len - WRAPPED_SIZE(0);
	r = secret_new(len, &secret);
	if (r < 0)
		return r;
	r = aead_new(AEAD_AES_256_GCM, wrapping_key, &aead);
	if (r < 0)
		return r;
	message = (struct aead_message){
		.nonce = wrapped,
		.aad = aad,
		.aad_len = aad_len,
		.input = wrapped + AEAD_NONCE_SIZE,
		.len = len,
	};
	r = aead_open(aead, &message, wrapped + AEAD_NONCE_SIZE + len, secret_bytes(secret));
	if (r < 0)
		return r;
	*ret_secret = take(&secret);
	return 0;
}
