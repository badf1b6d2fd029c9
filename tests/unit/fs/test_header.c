/* SPDX-License-Identifier: Apache-2.0 */
/* test_header.c - the header page byte by byte, and the cause of each difference. */
#include "fs/format/header.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <cmocka.h>

#include "keystore/base/bytes.h"
#include "keystore/base/digest.h"

static struct object_identity identity = {
	.vault_id = "vault id of 16 b",
	.file_id = "file id, 16 byte",
	.suite = AEAD_AES_256_GCM,
	.chunk_log2 = 14,
};
static struct object_version version = {.size = 0x0102030405060708, .generation = 0x0a0b0c0d};
static struct secret *key;

static int setup(void **state)
{
	(void)state;
	memset(version.root, 0x77, sizeof(version.root));
	return secret_random(KEY_SIZE, &key);
}

static int teardown(void **state)
{
	(void)state;
	key = secret_free(key);
	return 0;
}

static void expect(const uint8_t *page, enum damage cause)
{
	struct damage_report report = {DAMAGE_NONE, 0};
	int r = header_check(page, &identity, key, &version, &report);

	assert_int_equal(r, cause == DAMAGE_NONE ? 0 : -EBADMSG);
	assert_string_equal(damage_text(report.cause), damage_text(cause));
}

static void test_bytes(void **state)
{
	static const uint8_t start[16] = {
		'M', 'V', 'O', 'B', 'J', 0, '\r', '\n', 1, 0, 1, 0, 1, 14, 0, 0};
	static const uint8_t numbers[16] = {8, 7, 6, 5, 4, 3, 2, 1, 0xd, 0xc, 0xb, 0xa};
	static const uint8_t zeros[HEADER_SIZE - 128];
	uint8_t page[HEADER_SIZE], mac[DIGEST_SIZE];
	const struct iovec part = PART(page, 96);
	struct header header;

	(void)state;
	memset(page, 0xff, sizeof(page));
	assert_int_equal(header_pack(&identity, &version, key, page), 0);
	assert_memory_equal(page, start, 16);
	assert_memory_equal(page + 16, "vault id of 16 b", 16);
	assert_memory_equal(page + 32, "file id, 16 byte", 16);
	assert_memory_equal(page + 48, numbers, 16);
	assert_memory_equal(page + 64, version.root, 32);
	assert_int_equal(hmac_once(key, &part, 1, mac), 0);
	assert_memory_equal(page + 96, mac, 32);
	assert_memory_equal(page + 128, zeros, sizeof(zeros));

	assert_int_equal(header_parse(page, &header), 0);
	assert_memory_equal(header.identity.vault_id, identity.vault_id, ID_SIZE);
	assert_memory_equal(header.identity.file_id, identity.file_id, ID_SIZE);
	assert_int_equal(header.identity.suite, AEAD_AES_256_GCM);
	assert_int_equal(header.identity.chunk_log2, 14);
	assert_int_equal(header.version.size, version.size);
	assert_int_equal(header.version.generation, version.generation);
	assert_memory_equal(header.version.root, version.root, 32);
	expect(page, DAMAGE_NONE);
}

static void test_parse_refuses(void **state)
{
	uint8_t page[HEADER_SIZE] = {0};
	struct header header;

	(void)state;
	assert_int_equal(header_parse(page, &header), -EUCLEAN);
	memset(page, 0xff, sizeof(page));
	assert_int_equal(header_parse(page, &header), -EUCLEAN);
	assert_int_equal(header_pack(&identity, &version, key, page), 0);
	store_u16(page + 10, 2);
	assert_int_equal(header_parse(page, &header), -EPROTONOSUPPORT);
	store_u16(page + 10, 0);
	assert_int_equal(header_parse(page, &header), -EUCLEAN);
	store_u16(page + 10, 1);
	store_u16(page + 8, 0);
	assert_int_equal(header_parse(page, &header), -EUCLEAN);
	store_u16(page + 8, 1);
	for (size_t at = 128; at < HEADER_SIZE; at++) {
		page[at] = 1;
		assert_int_equal(header_parse(page, &header), -EUCLEAN);
		page[at] = 0;
	}
	assert_int_equal(header_parse(page, &header), 0);
}

static void test_every_bit(void **state)
{
	uint8_t page[HEADER_SIZE];

	(void)state;
	assert_int_equal(header_pack(&identity, &version, key, page), 0);
	for (size_t bit = 0; bit < 8 * 128; bit++) {
		size_t at = bit / 8;

		page[at] ^= (uint8_t)(1 << bit % 8);
		expect(page, at >= 16 && at < 32   ? DAMAGE_FOREIGN
			     : at >= 32 && at < 48 ? DAMAGE_MISPLACED
						   : DAMAGE_HEADER);
		page[at] ^= (uint8_t)(1 << bit % 8);
	}
	expect(page, DAMAGE_NONE);
}

/* Authentic headers of other states. */
static void test_versions(void **state)
{
	struct object_version other;
	uint8_t page[HEADER_SIZE];

	(void)state;
	other = version;
	other.generation--;
	assert_int_equal(header_pack(&identity, &other, key, page), 0);
	expect(page, DAMAGE_ROLLED_BACK);
	other = version;
	other.root[31] ^= 1;
	assert_int_equal(header_pack(&identity, &other, key, page), 0);
	expect(page, DAMAGE_ROLLED_BACK);
	other = version;
	other.size--;
	assert_int_equal(header_pack(&identity, &other, key, page), 0);
	expect(page, DAMAGE_ROLLED_BACK);
	other = version;
	other.generation++;
	assert_int_equal(header_pack(&identity, &other, key, page), 0);
	expect(page, DAMAGE_HEADER);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_bytes),
		cmocka_unit_test(test_parse_refuses),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_versions),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, setup, teardown);
}
