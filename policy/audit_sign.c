/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_sign.c - Ed25519 by OpenSSL. The private key of a living signer lies in OpenSSL's key
 * object, which allocates it from the secure heap that secret_init() made.
 */
#include "policy/audit_sign.h"

#include <errno.h>
#include <openssl/evp.h>

#define PRIVATE_KEY_SIZE 32

struct audit_signer {
	EVP_PKEY *key;
	EVP_MD_CTX *context;
	uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE];
};

/* Takes the key, also when it fails. */
static int signer_from_key(EVP_PKEY *key, struct audit_signer **ret_signer)
{
	scope(audit_signer_free) struct audit_signer *signer = NULL;
	size_t len = sizeof(signer->public_key);

	signer = calloc(1, sizeof(*signer));
	if (!signer) {
		EVP_PKEY_free(key);
		return -ENOMEM;
	}
	signer->key = key;
	signer->context = EVP_MD_CTX_new();
	if (!signer->context)
		return -ENOMEM;
	if (EVP_PKEY_get_raw_public_key(key, signer->public_key, &len) != 1 ||
		len != sizeof(signer->public_key))
		return -EIO;
	*ret_signer = take(&signer);
	return 0;
}

int audit_signer_generate(struct audit_signer **ret_signer)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

	return key ? signer_from_key(key, ret_signer) : -EIO;
}

int audit_signer_new(const struct secret *private_key, struct audit_signer **ret_signer)
{
	EVP_PKEY *key;

	if (secret_len(private_key) != PRIVATE_KEY_SIZE)
		return -EKEYREJECTED;
	key = EVP_PKEY_new_raw_private_key_ex(
		NULL, "ED25519", NULL, secret_view(private_key), secret_len(private_key));
	return key ? signer_from_key(key, ret_signer) : -EIO;
}

struct audit_signer *audit_signer_free(struct audit_signer *signer)
{
	if (signer) {
		EVP_MD_CTX_free(signer->context);
		EVP_PKEY_free(signer->key);
		free(signer);
	}
	return NULL;
}

int audit_signer_private(const struct audit_signer *signer, struct secret **ret_private)
{
	scope(secret_free) struct secret *private_key = NULL;
	size_t len = PRIVATE_KEY_SIZE;
	int r;

	r = secret_new(len, &private_key);
	if (r < 0)
		return r;
	if (EVP_PKEY_get_raw_private_key(signer->key, secret_bytes(private_key), &len) != 1 ||
		len != PRIVATE_KEY_SIZE)
		return -EIO;
	*ret_private = take(&private_key);
	return 0;
}

const uint8_t *audit_signer_public(const struct audit_signer *signer)
{
	return signer->public_key;
}

int audit_sign(struct audit_signer *signer, const void *message, size_t len,
	uint8_t ret_signature[AUDIT_SIGNATURE_SIZE])
{
	uint8_t signature[AUDIT_SIGNATURE_SIZE];
	size_t signature_len = sizeof(signature);

	if (EVP_DigestSignInit_ex(signer->context, NULL, NULL, NULL, NULL, signer->key, NULL) !=
			1 ||
		EVP_DigestSign(signer->context, signature, &signature_len, message, len) != 1 ||
		signature_len != sizeof(signature))
		return -EIO;
	memcpy(ret_signature, signature, sizeof(signature));
	return 0;
}

int audit_sign_check(const uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE], const void *message,
	size_t len, const uint8_t signature[AUDIT_SIGNATURE_SIZE])
{
	EVP_MD_CTX *context = EVP_MD_CTX_new();
	EVP_PKEY *key = EVP_PKEY_new_raw_public_key_ex(
		NULL, "ED25519", NULL, public_key, AUDIT_PUBLIC_KEY_SIZE);
	int r = -EIO;

	if (context && key &&
		EVP_DigestVerifyInit_ex(context, NULL, NULL, NULL, NULL, key, NULL) == 1)
		r = EVP_DigestVerify(context, signature, AUDIT_SIGNATURE_SIZE, message, len) == 1
			    ? 0
			    : -EBADMSG;
	EVP_PKEY_free(key);
	EVP_MD_CTX_free(context);
	return r;
}

int audit_place_sign(struct audit_signer *signer, enum audit_statement statement,
	const uint8_t vault_id[ID_SIZE], struct audit_place *place)
{
	uint8_t message[AUDIT_MESSAGE_MAX];
	size_t len = audit_chain_message(statement, vault_id, place, message);

	return audit_sign(signer, message, len, place->signature);
}

int audit_place_check(const uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE],
	enum audit_statement statement, const uint8_t vault_id[ID_SIZE],
	const struct audit_place *place)
{
	uint8_t message[AUDIT_MESSAGE_MAX];
	size_t len = audit_chain_message(statement, vault_id, place, message);

	return audit_sign_check(public_key, message, len, place->signature);
}

int audit_fingerprint(
	const uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE], uint8_t ret_fingerprint[DIGEST_SIZE])
{
	const struct iovec part = PART(public_key, AUDIT_PUBLIC_KEY_SIZE);

	return sha256_parts(&part, 1, ret_fingerprint);
}
