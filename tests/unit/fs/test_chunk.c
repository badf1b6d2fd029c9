/* SPDX-License-Identifier: Apache-2.0 */
/* test_chunk.c - the associated data, the tag entry, and that a chunk opens only in its place. */
#include "fs/format/chunk.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

static struct object_identity identity = {
	.vault_id = "vault id of 16 b",
	.file_id = "file id, 16 byte",
	.suite = AEAD_AES_256_GCM,
	.chunk_log2 = 12,
};
static struct aead *aead;

static int setup(void **state)
{
	scope(secret_free) struct secret *key = NULL;
	int r = secret_random(KEY_SIZE, &key);

	(void)state;
	return r < 0 ? r : aead_new(AEAD_AES_256_GCM, key, &aead);
}

static int teardown(void **state)
{
	(void)state;
	aead = aead_free(aead);
	return 0;
}

/* The cipher alone, with the associated data written out, opens what chunk_seal made. */
static void test_bytes(void **state)
{
	static const uint8_t aad[47] = "mv1vault id of 16 bfile id, 16 byte"
				       "\x08\x07\x06\x05\x04\x03\x02\x01\x0d\x0c\x0b\x0a";
	uint8_t plain[100] = "plain", cipher[100], entry[TAG_ENTRY_SIZE];
	struct aead_message message = {entry, aad, sizeof(aad), cipher, sizeof(cipher)};

	(void)state;
	assert_int_equal(chunk_seal(aead, &identity, 0x0102030405060708, 0x0a0b0c0d, plain,
				 sizeof(plain), cipher, entry),
		0);
	assert_memory_equal(entry + 28, "\x0d\x0c\x0b\x0a", 4);
	assert_int_equal(chunk_entry_generation(entry), 0x0a0b0c0d);
	assert_int_equal(aead_open(aead, &message, entry + 12, cipher), 0);
	assert_memory_equal(cipher, plain, sizeof(plain));
}

static void expect_refused(const struct object_identity *other, uint64_t index,
	const uint8_t *entry, const uint8_t *cipher, size_t len)
{
	static const uint8_t zeros[128];
	uint8_t bytes[128];

	memcpy(bytes, cipher, len);
	assert_int_equal(chunk_open(aead, other, index, entry, bytes, len), -EBADMSG);
	assert_memory_equal(bytes, zeros, len);
}

static void test_place(void **state)
{
	uint8_t plain[100] = "plain", cipher[100], entry[TAG_ENTRY_SIZE];
	static const uint8_t zeros[TAG_ENTRY_SIZE];
	struct object_identity other;

	(void)state;
	assert_int_equal(chunk_seal(aead, &identity, 7, 3, plain, sizeof(plain), cipher, entry), 0);
	expect_refused(&identity, 8, entry, cipher, 100);
	expect_refused(&identity, 7 + (1ULL << 32), entry, cipher, 100);
	expect_refused(&identity, 7, entry, cipher, 99);
	other = identity;
	other.file_id[0] ^= 1;
	expect_refused(&other, 7, entry, cipher, 100);
	other = identity;
	other.vault_id[15] ^= 1;
	expect_refused(&other, 7, entry, cipher, 100);
	for (size_t at = 0; at < TAG_ENTRY_SIZE; at++) {
		entry[at] ^= 1;
		expect_refused(&identity, 7, entry, cipher, 100);
		entry[at] ^= 1;
	}
	/* No bypass for holes. */
	expect_refused(&identity, 7, zeros, zeros, 0);
	expect_refused(&identity, 7, zeros, zeros, 32);
	assert_int_equal(chunk_open(aead, &identity, 7, entry, cipher, 100), 0);
	assert_memory_equal(cipher, plain, 100);
}

static void test_nonces_differ(void **state)
{
	uint8_t cipher[64] = {0}, entries[64][TAG_ENTRY_SIZE];

	(void)state;
	for (size_t i = 0; i < 64; i++) {
		assert_int_equal(
			chunk_seal(aead, &identity, 0, 1, cipher, 64, cipher, entries[i]), 0);
		for (size_t j = 0; j < i; j++)
			assert_memory_not_equal(entries[i], entries[j], AEAD_NONCE_SIZE);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_place),
		cmocka_unit_test(test_nonces_differ),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
