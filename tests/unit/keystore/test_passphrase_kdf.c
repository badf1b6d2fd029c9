/* SPDX-License-Identifier: Apache-2.0 */
/* test_passphrase_kdf.c - scrypt against RFC 7914 section 12, and the bounds of the cost. */
#include "keystore/passphrase_kdf.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "keystore/base/bytes.h"

struct vector {
	const char *passphrase, *salt;
	struct passphrase_cost cost;
	const char *output;
};

/* RFC 7914 section 12, the first three. */
static const struct vector vectors[] = {
	{"", "", {4, 1, 1},
		"77d6576238657b203b19ca42c18a0497f16b4844e3074ae8dfdffa3fede21442"
		"fcd0069ded0948f8326a753a0fc81f17e8d3e0fb2e0d3628cf35e20c38d18906"},
	{"password", "NaCl", {10, 8, 16},
		"fdbabe1c9d3472007856e7190d01e9fe7c6ad7cbc8237830e77376634b373162"
		"2eaf30d92e22a3886ff109279d9830dac727afb94a83ee6d8360cbdfa2cc0640"},
	{"pleaseletmein", "SodiumChloride", {14, 8, 1},
		"7023bdcb3afd7348461c06cd81fd38ebfda8fbba904f8e3ea9b543f6545da1f2"
		"d5432955613f0fcf62d49705242a9af9e61e85dc0d651e40dfcf017b45575887"},
};

static void test_vectors(void **state)
{
	uint8_t output[64], expected[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(vectors); i++) {
		struct iovec passphrase = {
			(void *)(uintptr_t)vectors[i].passphrase, strlen(vectors[i].passphrase)};
		struct iovec salt = {(void *)(uintptr_t)vectors[i].salt, strlen(vectors[i].salt)};

		assert_int_equal(hex_decode(vectors[i].output, expected, sizeof(expected)), 0);
		assert_int_equal(passphrase_scrypt(&passphrase, &salt, &vectors[i].cost, output,
					 sizeof(output)),
			0);
		assert_memory_equal(output, expected, sizeof(output));
	}
}

/* scrypt's last step is PBKDF2: 32 bytes are the first half of 64. */
static void test_stretch(void **state)
{
	const struct vector *vector = &vectors[2];
	scope(secret_free) struct secret *passphrase = NULL, *key = NULL;
	uint8_t expected[32];
	char half[65];

	(void)state;
	memcpy(half, vector->output, 64);
	half[64] = '\0';
	assert_int_equal(hex_decode(half, expected, 32), 0);
	assert_int_equal(
		secret_from(vector->passphrase, strlen(vector->passphrase), &passphrase), 0);
	assert_int_equal(passphrase_stretch(passphrase, (const uint8_t *)vector->salt,
				 strlen(vector->salt), &vector->cost, &key),
		0);
	assert_int_equal(secret_len(key), 32);
	assert_memory_equal(secret_view(key), expected, 32);
}

static void test_bounds(void **state)
{
	static const struct passphrase_cost refused[] = {{9, 8, 1}, {23, 1, 1}, {64, 1, 1},
		{UINT32_MAX, 1, 1}, {14, 0, 1}, {14, 33, 1}, {14, 8, 0}, {14, 8, 17}, {21, 8, 1},
		{22, 32, 1}, {14, UINT32_MAX, 1}};
	uint8_t salt[PASSPHRASE_SALT_SIZE] = {0};
	struct passphrase_cost cost = {10, 1, 1};
	scope(secret_free) struct secret *passphrase = NULL;
	struct secret *key = NULL;

	(void)state;
	assert_int_equal(secret_from("x", 1, &passphrase), 0);
	for (size_t i = 0; i < ARRAY_SIZE(refused); i++)
		assert_int_equal(
			passphrase_stretch(passphrase, salt, 32, &refused[i], &key), -EINVAL);
	assert_int_equal(passphrase_stretch(passphrase, salt, 0, &cost, &key), -EINVAL);
	assert_null(key);
	assert_int_equal(passphrase_stretch(passphrase, salt, 32, &cost, &key), 0);
	secret_free(key);
	assert_int_equal(passphrase_cost_default.log2_n, 17);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_stretch),
		cmocka_unit_test(test_bounds),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
