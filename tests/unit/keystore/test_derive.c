/* SPDX-License-Identifier: Apache-2.0 */
/* test_derive.c - HKDF-SHA-256 against RFC 5869, and that purposes and contexts separate keys. */
#include "keystore/derive.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "keystore/base/bytes.h"
#include "keystore/base/limits.h"

struct vector {
	const char *source, *key, *salt, *info, *output;
};

static const struct vector vectors[] = {
	{"RFC 5869 A.1", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
		"000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
		"3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
		"34007208d5b887185865"},
	{"RFC 5869 A.2",
		"000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
		"202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
		"404142434445464748494a4b4c4d4e4f",
		"606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
		"808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
		"a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
		"b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
		"d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
		"f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
		"b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
		"59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
		"cc30c58179ec3e87c14c01d5c1f3434f1d87"},
	{"RFC 5869 A.3", "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
		"8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
		"9d201395faa4b61a96c8"},
};

static struct iovec from_hex(const char *hex, uint8_t *bytes)
{
	size_t len = strlen(hex) / 2;

	assert_int_equal(hex_decode(hex, bytes, len), 0);
	return (struct iovec){bytes, len};
}

static void test_vectors(void **state)
{
	uint8_t key_bytes[128], salt_bytes[128], info_bytes[128], output_bytes[128];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		scope(secret_free) struct secret *key = NULL, *output = NULL;
		struct iovec ikm = from_hex(vectors[i].key, key_bytes);
		struct iovec salt = from_hex(vectors[i].salt, salt_bytes);
		struct iovec info = from_hex(vectors[i].info, info_bytes);
		struct iovec expected = from_hex(vectors[i].output, output_bytes);

		print_message("%s\n", vectors[i].source);
		assert_int_equal(secret_from(ikm.iov_base, ikm.iov_len, &key), 0);
		assert_int_equal(hkdf_sha256(key, &salt, &info, expected.iov_len, &output), 0);
		assert_int_equal(secret_len(output), expected.iov_len);
		assert_memory_equal(secret_view(output), expected.iov_base, expected.iov_len);
	}
}

/* derive_key is HKDF with an empty salt and info = purpose text, then context. */
static void test_info(void **state)
{
	scope(secret_free) struct secret *key = NULL, *derived = NULL, *expected = NULL;
	struct iovec none = {0};
	struct iovec info = {(void *)(uintptr_t) "modelvault/1/chunkabc", 21};

	(void)state;
	assert_int_equal(secret_random(32, &key), 0);
	assert_int_equal(derive_key(key, DERIVE_CHUNK, "abc", 3, &derived), 0);
	assert_int_equal(hkdf_sha256(key, &none, &info, 32, &expected), 0);
	assert_true(secret_equal(derived, expected));
}

static void test_separation(void **state)
{
	struct secret *derived[DERIVE_PURPOSES + 1];
	scope(secret_free) struct secret *key = NULL;

	(void)state;
	assert_int_equal(secret_random(32, &key), 0);
	for (int i = 0; i < DERIVE_PURPOSES; i++) {
		const char *text = derive_purpose_text((enum derive_purpose)i);

		assert_memory_equal(text, "modelvault/1/", 13);
		assert_int_equal(derive_key(key, (enum derive_purpose)i, "x", 1, &derived[i]), 0);
		assert_int_equal(secret_len(derived[i]), KEY_SIZE);
	}
	assert_int_equal(derive_key(key, DERIVE_CHUNK, "y", 1, &derived[DERIVE_PURPOSES]), 0);
	for (int i = 0; i <= DERIVE_PURPOSES; i++)
		for (int j = 0; j < i; j++)
			assert_false(secret_equal(derived[i], derived[j]));
	for (int i = 0; i <= DERIVE_PURPOSES; i++)
		secret_free(derived[i]);
}

static void test_arguments(void **state)
{
	scope(secret_free) struct secret *weak = NULL, *key = NULL;
	uint8_t context[257] = {0};
	struct iovec none = {0};
	struct secret *derived = NULL;

	(void)state;
	assert_int_equal(secret_random(15, &weak), 0);
	assert_int_equal(secret_random(16, &key), 0);
	assert_int_equal(derive_key(weak, DERIVE_CHUNK, NULL, 0, &derived), -EINVAL);
	assert_int_equal(derive_key(key, DERIVE_PURPOSES, NULL, 0, &derived), -EINVAL);
	assert_int_equal(derive_key(key, DERIVE_CHUNK, context, 257, &derived), -EINVAL);
	assert_int_equal(hkdf_sha256(key, &none, &none, 0, &derived), -EINVAL);
	assert_int_equal(hkdf_sha256(key, &none, &none, 255 * 32 + 1, &derived), -EINVAL);
	assert_null(derived);
	assert_int_equal(derive_key(key, DERIVE_CHUNK, context, 256, &derived), 0);
	secret_free(derived);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_info),
		cmocka_unit_test(test_separation),
		cmocka_unit_test(test_arguments),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
