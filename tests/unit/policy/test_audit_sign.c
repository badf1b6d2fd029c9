/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of policy/audit_sign.c: Ed25519 against RFC 8032 section 7.1, and what must not verify. */
#include "policy/audit_sign.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct vector {
	const char *source, *private_key, *public_key, *message, *signature;
};

static const struct vector vectors[] = {
	{"RFC 8032 7.1 TEST 1", "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
		"d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
		"e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
		"5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
	{"RFC 8032 7.1 TEST 2", "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
		"92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
		"085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
	{"RFC 8032 7.1 TEST 3", "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
		"fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
		"6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
		"18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a"},
};

static size_t from_hex(const char *hex, uint8_t *bytes)
{
	assert_int_equal(hex_decode(hex, bytes, strlen(hex) / 2), 0);
	return strlen(hex) / 2;
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		scope(audit_signer_free) struct audit_signer *signer = NULL;
		scope(secret_free) struct secret *private_key = NULL, *again = NULL;
		uint8_t key[32], public_key[32], message[8], expected[64], signature[64];
		size_t len = from_hex(vectors[i].message, message);

		print_message("%s\n", vectors[i].source);
		from_hex(vectors[i].private_key, key);
		from_hex(vectors[i].public_key, public_key);
		from_hex(vectors[i].signature, expected);
		assert_int_equal(secret_from(key, sizeof(key), &private_key), 0);
		assert_int_equal(audit_signer_new(private_key, &signer), 0);
		assert_memory_equal(audit_signer_public(signer), public_key, 32);
		for (int turn = 0; turn < 2; turn++) { /* a signer is used again */
			assert_int_equal(audit_sign(signer, message, len, signature), 0);
			assert_memory_equal(signature, expected, sizeof(expected));
		}
		assert_int_equal(audit_sign_check(public_key, message, len, expected), 0);
		assert_int_equal(audit_signer_private(signer, &again), 0);
		assert_true(secret_equal(private_key, again));
	}
}

/* One bit anywhere in signature, key or message. */
static void test_changed_bits(void **state)
{
	uint8_t public_key[32], message[2], signature[64];

	(void)state;
	from_hex(vectors[2].public_key, public_key);
	from_hex(vectors[2].message, message);
	from_hex(vectors[2].signature, signature);
	for (size_t bit = 0; bit < 8 * sizeof(signature); bit++) {
		signature[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(audit_sign_check(public_key, message, 2, signature), -EBADMSG);
		signature[bit / 8] ^= 1 << bit % 8;
	}
	for (size_t bit = 0; bit < 8 * sizeof(public_key); bit++) {
		public_key[bit / 8] ^= 1 << bit % 8;
		assert_int_equal(audit_sign_check(public_key, message, 2, signature), -EBADMSG);
		public_key[bit / 8] ^= 1 << bit % 8;
	}
	message[1] ^= 0x80;
	assert_int_equal(audit_sign_check(public_key, message, 2, signature), -EBADMSG);
	message[1] ^= 0x80;
	assert_int_equal(audit_sign_check(public_key, message, 1, signature), -EBADMSG);
	assert_int_equal(audit_sign_check(public_key, message, 2, signature), 0);
}

/* FIPS 180-4: the fingerprint is plain SHA-256; the digest of 32 zero bytes is a known value. */
static void test_fingerprint(void **state)
{
	static const uint8_t zeros[32];
	uint8_t fingerprint[32], expected[32];

	(void)state;
	from_hex("66687aadf862bd776c8fc18b8e9f8e20089714856ee233b3902a591d0d5f2925", expected);
	assert_int_equal(audit_fingerprint(zeros, fingerprint), 0);
	assert_memory_equal(fingerprint, expected, sizeof(expected));
}

static void test_places(void **state)
{
	scope(audit_signer_free) struct audit_signer *signer = NULL, *other = NULL;
	static const uint8_t vault_id[ID_SIZE] = "one", other_vault[ID_SIZE] = "two";
	struct audit_place place = {.segment = 1, .seq = 2, .chain = {3}}, changed;
	const uint8_t *key;

	(void)state;
	assert_int_equal(audit_signer_generate(&signer), 0);
	assert_int_equal(audit_signer_generate(&other), 0);
	key = audit_signer_public(signer);
	assert_int_equal(audit_place_sign(signer, AUDIT_STATES_HEAD, vault_id, &place), 0);
	assert_int_equal(audit_place_check(key, AUDIT_STATES_HEAD, vault_id, &place), 0);
	assert_int_equal(
		audit_place_check(key, AUDIT_STATES_CHECKPOINT, vault_id, &place), -EBADMSG);
	assert_int_equal(audit_place_check(key, AUDIT_STATES_HEAD, other_vault, &place), -EBADMSG);
	assert_int_equal(
		audit_place_check(audit_signer_public(other), AUDIT_STATES_HEAD, vault_id, &place),
		-EBADMSG);
	changed = place;
	changed.segment++;
	assert_int_equal(audit_place_check(key, AUDIT_STATES_HEAD, vault_id, &changed), -EBADMSG);
	changed = place;
	changed.seq--;
	assert_int_equal(audit_place_check(key, AUDIT_STATES_HEAD, vault_id, &changed), -EBADMSG);
	changed = place;
	changed.chain[31]++;
	assert_int_equal(audit_place_check(key, AUDIT_STATES_HEAD, vault_id, &changed), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_changed_bits),
		cmocka_unit_test(test_fingerprint),
		cmocka_unit_test(test_places),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
