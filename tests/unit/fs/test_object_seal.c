/* SPDX-License-Identifier: Apache-2.0 */
/* test_object_seal.c - the bytes under each hash, and what each check refuses. */
#include "fs/format/object_seal.h"

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
	.chunk_log2 = 12,
};

static void test_leaf(void **state)
{
	uint8_t page[PAGE_BYTES], leaf[DIGEST_SIZE], expected[DIGEST_SIZE];
	uint8_t message[8 + 16 + 8 + PAGE_BYTES] = "mv1 tagsfile id, 16 byte\x02\x01";
	const struct iovec part = PART(message, sizeof(message));

	(void)state;
	memset(page, 0x5a, sizeof(page));
	memcpy(message + 32, page, sizeof(page));
	assert_int_equal(sha256_parts(&part, 1, expected), 0);
	assert_int_equal(object_seal_leaf(&identity, 0x0102, page, leaf), 0);
	assert_memory_equal(leaf, expected, sizeof(leaf));
}

static void test_root(void **state)
{
	uint8_t message[17 + 16 + 16 + 8 + 4 + 32] =
		"modelvault/1/rootvault id of 16 bfile id, 16 byte"
		"\x08\x07\x06\x05\x04\x03\x02\x01\x0d\x0c\x0b\x0a";
	const struct iovec part = PART(message, sizeof(message));
	const struct iovec index_part = PART_TEXT("index of some bytes");
	scope(secret_free) struct secret *key = NULL;
	struct object_version version = {.size = 0x0102030405060708, .generation = 0x0a0b0c0d};
	uint8_t index[19] = "index of some bytes", expected[DIGEST_SIZE];

	(void)state;
	assert_int_equal(secret_random(KEY_SIZE, &key), 0);
	assert_int_equal(sha256_parts(&index_part, 1, message + 61), 0);
	assert_int_equal(hmac_once(key, &part, 1, expected), 0);
	assert_int_equal(object_seal_root(&identity, key, version.size, version.generation, index,
				 sizeof(index), version.root),
		0);
	assert_memory_equal(version.root, expected, DIGEST_SIZE);
	assert_int_equal(object_seal_check_index(&identity, key, &version, index, 19), 0);
	assert_int_equal(object_seal_check_index(&identity, key, &version, index, 18), -EBADMSG);
	version.size++;
	assert_int_equal(object_seal_check_index(&identity, key, &version, index, 19), -EBADMSG);
	version.size--;
	index[3] ^= 1;
	assert_int_equal(object_seal_check_index(&identity, key, &version, index, 19), -EBADMSG);
}

/* Pages whose hash fits, but whose unused part is not zero: only our own writer could make them. */
static void test_unused_parts(void **state)
{
	uint8_t page[PAGE_BYTES] = {0}, digest[DIGEST_SIZE];
	struct geometry geometry;

	(void)state;
	assert_int_equal(geometry_init(130 * 4096, 12, &geometry), 0);
	memset(page, 1, 2 * DIGEST_SIZE);
	assert_int_equal(object_seal_page_digest(page, digest), 0);
	assert_int_equal(object_seal_check_page(&geometry, 0, page, digest), 0);
	digest[0] ^= 1;
	assert_int_equal(object_seal_check_page(&geometry, 0, page, digest), -EBADMSG);
	page[2 * DIGEST_SIZE] = 1;
	assert_int_equal(object_seal_page_digest(page, digest), 0);
	assert_int_equal(object_seal_check_page(&geometry, 0, page, digest), -EBADMSG);
}

static int check_tags(const struct geometry *geometry, uint64_t group, const uint8_t *page)
{
	uint8_t leaf[DIGEST_SIZE];

	assert_int_equal(object_seal_leaf(&identity, group, page, leaf), 0);
	return object_seal_check_tag_page(&identity, geometry, 5, group, page, leaf);
}

static void test_tag_page(void **state)
{
	uint8_t page[PAGE_BYTES] = {0}, leaf[DIGEST_SIZE];
	struct geometry geometry;

	(void)state;
	/* Group 1 has two chunks. */
	assert_int_equal(geometry_init(130 * 4096, 12, &geometry), 0);
	store_u32(page + 28, 5);
	store_u32(page + 32 + 28, 4);
	assert_int_equal(check_tags(&geometry, 1, page), 0);
	assert_int_equal(object_seal_leaf(&identity, 0, page, leaf), 0);
	assert_int_equal(
		object_seal_check_tag_page(&identity, &geometry, 5, 1, page, leaf), -EBADMSG);
	store_u32(page + 32 + 28, 6);
	assert_int_equal(check_tags(&geometry, 1, page), -EBADMSG);
	store_u32(page + 32 + 28, 4);
	for (size_t at = 64; at < PAGE_BYTES; at++) {
		page[at] = 1;
		assert_int_equal(check_tags(&geometry, 1, page), -EBADMSG);
		page[at] = 0;
	}
	assert_int_equal(check_tags(&geometry, 1, page), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leaf),
		cmocka_unit_test(test_root),
		cmocka_unit_test(test_unused_parts),
		cmocka_unit_test(test_tag_page),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
