/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_seal.c - seal pages against the index, and the index against the root, for objects of up to
 * three seal pages. Accepted is what was sealed, under the numbers it was sealed with.
 * libFuzzer: -max_len=512 -max_total_time=20
 */
#include <errno.h>

#include "fs/format/object_seal.h"
#include "tests/fuzz/fuzz.h"

#define SEAL_PAGES_MAX 3
#define GROUP_BYTES    ((uint64_t)GROUP_CHUNKS << CHUNK_LOG2_MIN)
#define SIZE_MAX_HERE  (SEAL_PAGES_MAX * GROUP_CHUNKS * GROUP_BYTES)

static const struct object_identity identity = {
	.vault_id = "vault id of 16 b",
	.file_id = "file id of 16 by",
	.suite = AEAD_AES_256_GCM,
	.chunk_log2 = CHUNK_LOG2_MIN,
};
static struct secret *root_key;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	root_key = fuzz_key("the root key; it has 32 bytes...");
	return 0;
}

static void make_page(const struct geometry *geometry, uint64_t number, uint8_t page[PAGE_BYTES])
{
	uint32_t leaves = geometry_seal_page_leaves(geometry, number);

	memset(page, 0, PAGE_BYTES);
	for (uint32_t i = 0; i < leaves; i++)
		memset(page + i * DIGEST_SIZE, (int)(1 + (i + number) % 255), DIGEST_SIZE);
}

static bool zero_from(const uint8_t page[PAGE_BYTES], size_t start)
{
	for (size_t i = start; i < PAGE_BYTES; i++)
		if (page[i])
			return false;
	return true;
}

static void check_page(const struct geometry *geometry, struct cursor *input)
{
	uint64_t number = cursor_u8(input) % geometry->seal_pages;
	uint8_t page[PAGE_BYTES], genuine[PAGE_BYTES], digest[DIGEST_SIZE];
	bool resealed = cursor_u8(input) & 1, expected;
	int r;

	make_page(geometry, number, genuine);
	memcpy(page, genuine, PAGE_BYTES);
	fuzz_edit(input, page, PAGE_BYTES);
	holds(object_seal_page_digest(resealed ? page : genuine, digest) == 0);
	expected = resealed ? zero_from(page, geometry_seal_page_leaves(geometry, number) *
						      (size_t)DIGEST_SIZE)
			    : memcmp(page, genuine, PAGE_BYTES) == 0;
	r = object_seal_check_page(geometry, number, page, digest);
	holds(r == (expected ? 0 : -EBADMSG));
}

static void check_index(const struct geometry *geometry, struct cursor *input)
{
	uint8_t index[SEAL_PAGES_MAX * DIGEST_SIZE], genuine[sizeof(index)], page[PAGE_BYTES];
	size_t size = geometry_index_size(geometry), len;
	struct object_version version = {.size = geometry->size, .generation = 9}, sealed;
	struct object_identity other = identity;
	bool same;
	int r;

	for (uint64_t i = 0; i < geometry->seal_pages; i++) {
		make_page(geometry, i, page);
		holds(object_seal_page_digest(page, genuine + i * DIGEST_SIZE) == 0);
	}
	holds(object_seal_root(&identity, root_key, version.size, version.generation, genuine, size,
		      version.root) == 0);
	sealed = version;
	memcpy(index, genuine, size);
	version.size ^= cursor_u32(input);
	version.generation ^= cursor_u8(input);
	other.file_id[0] ^= cursor_u8(input);
	other.vault_id[15] ^= cursor_u8(input);
	version.root[31] ^= cursor_u8(input);
	len = size - cursor_u8(input) % (size + 1);
	fuzz_edit(input, index, size);
	same = len == size && memcmp(index, genuine, size) == 0 && version.size == sealed.size &&
	       version.generation == sealed.generation &&
	       memcmp(version.root, sealed.root, DIGEST_SIZE) == 0 &&
	       memcmp(other.file_id, identity.file_id, ID_SIZE) == 0 &&
	       memcmp(other.vault_id, identity.vault_id, ID_SIZE) == 0;
	r = object_seal_check_index(&other, root_key, &version, index, len);
	holds(r == (same ? 0 : -EBADMSG));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct geometry geometry;
	struct cursor cursor;
	bool page;

	cursor_init(&cursor, input, size);
	page = cursor_u8(&cursor) & 1;
	holds(geometry_init(1 + cursor_u32(&cursor) % SIZE_MAX_HERE, CHUNK_LOG2_MIN, &geometry) ==
		0);
	if (page)
		check_page(&geometry, &cursor);
	else
		check_index(&geometry, &cursor);
	return 0;
}
