/* SPDX-License-Identifier: Apache-2.0 */
/* test_aead.c - known answers of all suites, tampering, reuse of one context, key wrapping. */
#include "keystore/aead.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "keystore/base/bytes.h"
#include "keystore/base/limits.h"

#define MAX_TEXT 256

struct vector {
	const char *source;
	enum aead_suite suite;
	const char *key, *nonce, *aad, *plain, *cipher, *tag;
};

#define GCM_KEY "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308"
#define GCM_PLAIN_60                                                       \
	"d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72" \
	"1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39"
#define GCM_CIPHER_60                                                      \
	"522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa" \
	"8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662"
#define ZERO_32 "0000000000000000000000000000000000000000000000000000000000000000"

static const struct vector vectors[] = {
	{"McGrew and Viega, The Galois/Counter Mode of Operation, test case 13", AEAD_AES_256_GCM,
		ZERO_32, "000000000000000000000000", "", "", "",
		"530f8afbc74536b9a963b4f1c4cb738b"},
	{"test case 14", AEAD_AES_256_GCM, ZERO_32, "000000000000000000000000", "",
		"00000000000000000000000000000000", "cea7403d4d606b6e074ec5d3baf39d18",
		"d0d1c8a799996bf0265b98b5d48ab919"},
	{"test case 15", AEAD_AES_256_GCM, GCM_KEY, "cafebabefacedbaddecaf888", "",
		GCM_PLAIN_60 "1aafd255", GCM_CIPHER_60 "898015ad",
		"b094dac5d93471bdec1a502270e3cc6c"},
	{"test case 16", AEAD_AES_256_GCM, GCM_KEY, "cafebabefacedbaddecaf888",
		"feedfacedeadbeeffeedfacedeadbeefabaddad2", GCM_PLAIN_60, GCM_CIPHER_60,
		"76fc6ece0f4e1768cddf8853bb2d551b"},
	{"RFC 8439 section 2.8.2", AEAD_CHACHA20_POLY1305,
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f",
		"070000004041424344454647", "50515253c0c1c2c3c4c5c6c7",
		"4c616469657320616e642047656e746c656d656e206f662074686520636c6173"
		"73206f66202739393a204966204920636f756c64206f6666657220796f75206f"
		"6e6c79206f6e652074697020666f7220746865206675747572652c2073756e73"
		"637265656e20776f756c642062652069742e",
		"d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6"
		"3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36"
		"92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc"
		"3ff4def08e4b7a9de576d26586cec64b6116",
		"1ae10b594f09e26a7e902ecbd0600691"},
};

static const enum aead_suite all_suites[] = {
	AEAD_AES_256_GCM, AEAD_AES_256_OCB, AEAD_CHACHA20_POLY1305};

static size_t from_hex(const char *hex, uint8_t *ret_bytes)
{
	size_t len = strlen(hex) / 2;

	assert_true(len <= MAX_TEXT);
	assert_int_equal(hex_decode(hex, ret_bytes, len), 0);
	return len;
}

static struct aead *new_aead(enum aead_suite suite, const uint8_t key[KEY_SIZE])
{
	scope(secret_free) struct secret *secret = NULL;
	struct aead *aead;

	assert_int_equal(secret_from(key, KEY_SIZE, &secret), 0);
	assert_int_equal(aead_new(suite, secret, &aead), 0);
	return aead;
}

static void check_vector(const struct vector *vector)
{
	uint8_t key[MAX_TEXT], nonce[MAX_TEXT], aad[MAX_TEXT], plain[MAX_TEXT], cipher[MAX_TEXT];
	uint8_t tag[MAX_TEXT], output[MAX_TEXT], made[AEAD_TAG_SIZE];
	struct aead_message message = {.nonce = nonce, .aad = aad, .input = plain};
	struct aead *aead;

	print_message("%s\n", vector->source);
	from_hex(vector->key, key);
	from_hex(vector->nonce, nonce);
	from_hex(vector->tag, tag);
	from_hex(vector->cipher, cipher);
	message.aad_len = from_hex(vector->aad, aad);
	message.len = from_hex(vector->plain, plain);
	aead = new_aead(vector->suite, key);
	/* Twice: the second use of a context must not remember the first. */
	for (int i = 0; i < 2; i++) {
		message.input = plain;
		assert_int_equal(aead_seal(aead, &message, output, made), 0);
		assert_memory_equal(output, cipher, message.len);
		assert_memory_equal(made, tag, sizeof(made));
		message.input = output;
		assert_int_equal(aead_open(aead, &message, tag, output), 0);
		assert_memory_equal(output, plain, message.len);
	}
	aead_free(aead);
}

static void test_vectors(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++)
		check_vector(&vectors[i]);
}

static void ocb_append(struct aead *aead, uint32_t number, size_t aad_len, size_t len,
	uint8_t *collected, size_t *collected_len)
{
	static const uint8_t zeros[128];
	uint8_t nonce[AEAD_NONCE_SIZE] = {0};
	struct aead_message message = {nonce, zeros, aad_len, zeros, len};
	uint8_t *to = collected + *collected_len;
	uint8_t back[128];

	nonce[10] = (uint8_t)(number >> 8);
	nonce[11] = (uint8_t)number;
	assert_int_equal(aead_seal(aead, &message, to, to + len), 0);
	message.input = to;
	assert_int_equal(aead_open(aead, &message, to + len, back), 0);
	assert_memory_equal(back, zeros, len);
	*collected_len += len + AEAD_TAG_SIZE;
}

/* RFC 7253 appendix A, the iterative test, KEYLEN 256 and TAGLEN 128. */
static void test_ocb_iterated(void **state)
{
	uint8_t key[KEY_SIZE] = {[KEY_SIZE - 1] = 128};
	uint8_t nonce[AEAD_NONCE_SIZE] = {[10] = 385 >> 8, [11] = 385 & 0xff};
	uint8_t expected[AEAD_TAG_SIZE], tag[AEAD_TAG_SIZE];
	struct aead *aead = new_aead(AEAD_AES_256_OCB, key);
	static uint8_t collected[2 * 128 * 127 / 2 + 3 * 128 * AEAD_TAG_SIZE];
	struct aead_message message = {.nonce = nonce, .aad = collected};
	size_t len = 0;

	(void)state;
	for (uint32_t i = 0; i < 128; i++) {
		ocb_append(aead, 3 * i + 1, i, i, collected, &len);
		ocb_append(aead, 3 * i + 2, 0, i, collected, &len);
		ocb_append(aead, 3 * i + 3, i, 0, collected, &len);
	}
	assert_int_equal(len, sizeof(collected));
	message.aad_len = len;
	assert_int_equal(aead_seal(aead, &message, NULL, tag), 0);
	from_hex("d90eb8e9c977c88b79dd793d7ffa161c", expected);
	assert_memory_equal(tag, expected, sizeof(tag));
	aead_free(aead);
}

static void check_lengths(enum aead_suite suite)
{
	static const size_t lengths[] = {0, 1, 15, 16, 17, 31, 4095, 4096, 16384, 1 << 20};
	static uint8_t plain[1 << 20], output[1 << 20];
	uint8_t key[KEY_SIZE] = {7}, nonce[AEAD_NONCE_SIZE], tag[AEAD_TAG_SIZE];
	struct aead *aead = new_aead(suite, key);

	assert_int_equal(random_fill(plain, sizeof(plain)), 0);
	for (size_t i = 0; i < ARRAY_SIZE(lengths); i++) {
		struct aead_message message = {nonce, "aad", 3, plain, lengths[i]};

		assert_int_equal(random_fill(nonce, sizeof(nonce)), 0);
		memcpy(output, plain, lengths[i]);
		message.input = output;
		assert_int_equal(aead_seal(aead, &message, output, tag), 0);
		if (lengths[i] >= 16)
			assert_memory_not_equal(output, plain, lengths[i]);
		assert_int_equal(aead_open(aead, &message, tag, output), 0);
		assert_memory_equal(output, plain, lengths[i]);
	}
	aead_free(aead);
}

/* In place and at the edges of blocks: OCB keeps partial blocks back. */
static void test_lengths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all_suites); i++)
		check_lengths(all_suites[i]);
}

static void check_refusals(enum aead_suite suite)
{
	uint8_t key[KEY_SIZE] = {1}, nonce[AEAD_NONCE_SIZE] = {2}, aad[5] = "head";
	uint8_t plain[37] = "attack at dawn", cipher[37], tag[AEAD_TAG_SIZE], output[37];
	struct aead *aead = new_aead(suite, key);
	struct aead_message message = {nonce, aad, sizeof(aad), plain, sizeof(plain)};
	static const uint8_t zeros[37];
	struct {
		uint8_t *bytes;
		size_t len;
	} targets[] = {{nonce, sizeof(nonce)}, {aad, sizeof(aad)}, {cipher, sizeof(cipher)},
		{tag, sizeof(tag)}};

	assert_int_equal(aead_seal(aead, &message, cipher, tag), 0);
	message.input = cipher;
	for (size_t t = 0; t < ARRAY_SIZE(targets); t++) {
		for (size_t bit = 0; bit < 8 * targets[t].len; bit++) {
			targets[t].bytes[bit / 8] ^= (uint8_t)(1 << (bit % 8));
			memset(output, 0xee, sizeof(output));
			assert_int_equal(aead_open(aead, &message, tag, output), -EBADMSG);
			assert_memory_equal(output, zeros, sizeof(output));
			targets[t].bytes[bit / 8] ^= (uint8_t)(1 << (bit % 8));
		}
	}
	message.len--;
	assert_int_equal(aead_open(aead, &message, tag, output), -EBADMSG);
	message.len++;
	assert_int_equal(aead_open(aead, &message, tag, output), 0);
	assert_memory_equal(output, plain, sizeof(plain));
	aead_free(aead);
}

static void test_refusals(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(all_suites); i++)
		check_refusals(all_suites[i]);
}

static void test_arguments(void **state)
{
	scope(secret_free) struct secret *shorter = NULL, *key = NULL;
	struct aead *aead;
	uint8_t tag[AEAD_TAG_SIZE], nonce[AEAD_NONCE_SIZE] = {0};
	struct aead_message message = {.nonce = nonce, .input = nonce, .len = (size_t)1 << 31};
	enum aead_suite suite;

	(void)state;
	assert_int_equal(secret_random(31, &shorter), 0);
	assert_int_equal(secret_random(32, &key), 0);
	assert_int_equal(aead_new(AEAD_AES_256_GCM, shorter, &aead), -EINVAL);
	assert_int_equal(aead_new((enum aead_suite)0, key, &aead), -EINVAL);
	assert_int_equal(aead_new((enum aead_suite)4, key, &aead), -EINVAL);
	assert_int_equal(aead_new(AEAD_AES_256_GCM, key, &aead), 0);
	assert_int_equal(aead_seal(aead, &message, nonce, tag), -EINVAL);
	assert_int_equal(aead_open(aead, &message, tag, nonce), -EINVAL);
	aead_free(aead);
	assert_null(aead_free(NULL));
	for (size_t i = 0; i < ARRAY_SIZE(all_suites); i++) {
		assert_int_equal(aead_suite_from_name(aead_suite_name(all_suites[i]), &suite), 0);
		assert_int_equal(suite, all_suites[i]);
	}
	assert_null(aead_suite_name(0));
	assert_null(aead_suite_name(4));
	assert_int_equal(aead_suite_from_name("aes-128-gcm", &suite), -EINVAL);
	assert_int_equal(aead_suite_from_name("", &suite), -EINVAL);
}

static void test_wrapping(void **state)
{
	scope(secret_free) struct secret *key = NULL, *other = NULL, *secret = NULL, *back = NULL;
	uint8_t wrapped[WRAPPED_SIZE(32)], again[WRAPPED_SIZE(32)];
	struct secret *none = NULL;

	(void)state;
	assert_int_equal(secret_random(32, &key), 0);
	assert_int_equal(secret_random(32, &other), 0);
	assert_int_equal(secret_random(32, &secret), 0);
	assert_int_equal(key_wrap(key, "aad", 3, secret, wrapped), 0);
	assert_int_equal(key_wrap(key, "aad", 3, secret, again), 0);
	assert_memory_not_equal(wrapped, again, AEAD_NONCE_SIZE);
	assert_int_equal(key_unwrap(key, "aad", 3, wrapped, sizeof(wrapped), &back), 0);
	assert_true(secret_equal(secret, back));
	assert_int_equal(key_unwrap(other, "aad", 3, wrapped, sizeof(wrapped), &none), -EBADMSG);
	assert_int_equal(key_unwrap(key, "aae", 3, wrapped, sizeof(wrapped), &none), -EBADMSG);
	assert_int_equal(key_unwrap(key, "aad", 3, wrapped, sizeof(wrapped) - 1, &none), -EBADMSG);
	assert_int_equal(key_unwrap(key, "aad", 3, wrapped, WRAPPED_SIZE(0), &none), -EUCLEAN);
	assert_int_equal(key_unwrap(key, "aad", 3, wrapped, 0, &none), -EUCLEAN);
	for (size_t i = 0; i < sizeof(wrapped); i++) {
		wrapped[i] ^= 0x80;
		assert_int_equal(
			key_unwrap(key, "aad", 3, wrapped, sizeof(wrapped), &none), -EBADMSG);
		wrapped[i] ^= 0x80;
	}
	assert_null(none);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_ocb_iterated),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_arguments),
		cmocka_unit_test(test_wrapping),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
