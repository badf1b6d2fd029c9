/* SPDX-License-Identifier: Apache-2.0 */
/* object_seal.c - leaves, seal pages, seal index and root. */
#include "fs/format/object_seal.h"

#include <assert.h>
#include <errno.h>

#include "fs/format/chunk.h"
#include "keystore/base/bytes.h"
#include "keystore/base/digest.h"

static_assert(GROUP_CHUNKS * DIGEST_SIZE == PAGE_BYTES, "a seal page is one page");

int object_seal_leaf(const struct object_identity *identity, uint64_t group,
	const uint8_t tag_page[PAGE_BYTES], uint8_t ret_leaf[DIGEST_SIZE])
{
	uint8_t number[8];
	const struct iovec parts[] = {
		PART_TEXT("mv1 tags"),
		PART(identity->file_id, ID_SIZE),
		PART(number, sizeof(number)),
		PART(tag_page, PAGE_BYTES),
	};

	store_u64(number, group);
	return sha256_parts(parts, ARRAY_SIZE(parts), ret_leaf);
}

int object_seal_page_digest(const uint8_t seal_page[PAGE_BYTES], uint8_t ret_digest[DIGEST_SIZE])
{
	const struct iovec part = PART(seal_page, PAGE_BYTES);

	return sha256_parts(&part, 1, ret_digest);
}

int object_seal_root(const struct object_identity *identity, const struct secret *root_key,
	uint64_t size, uint32_t generation, const uint8_t *index, size_t index_size,
	uint8_t ret_root[DIGEST_SIZE])
{
	uint8_t numbers[8 + 4], digest[DIGEST_SIZE];
	const struct iovec index_part = PART(index, index_size);
	const struct iovec parts[] = {
		PART_TEXT("modelvault/1/root"),
		PART(identity->vault_id, ID_SIZE),
		PART(identity->file_id, ID_SIZE),
		PART(numbers, sizeof(numbers)),
		PART(digest, sizeof(digest)),
	};
	int r;

	store_u64(numbers, size);
	store_u32(numbers + 8, generation);
	r = sha256_parts(&index_part, 1, digest);
	if (r < 0)
		return r;
	return hmac_once(root_key, parts, ARRAY_SIZE(parts), ret_root);
}

int object_seal_check_index(const struct object_identity *identity, const struct secret *root_key,
	const struct object_version *version, const uint8_t *index, size_t index_size)
{
	uint8_t root[DIGEST_SIZE];
	int r;

	r = object_seal_root(
		identity, root_key, version->size, version->generation, index, index_size, root);
	if (r < 0)
		return r;
	return bytes_equal_constant_time(root, version->root, DIGEST_SIZE) ? 0 : -EBADMSG;
}

static bool zero_from(const uint8_t page[PAGE_BYTES], size_t start)
{
	for (size_t i = start; i < PAGE_BYTES; i++)
		if (page[i] != 0)
			return false;
	return true;
}

int object_seal_check_page(const struct geometry *geometry, uint64_t number,
	const uint8_t seal_page[PAGE_BYTES], const uint8_t digest[DIGEST_SIZE])
{
	uint8_t found[DIGEST_SIZE];
	int r;

	r = object_seal_page_digest(seal_page, found);
	if (r < 0)
		return r;
	if (!bytes_equal_constant_time(found, digest, DIGEST_SIZE))
		return -EBADMSG;
	if (!zero_from(seal_page, geometry_seal_page_leaves(geometry, number) * DIGEST_SIZE))
		return -EBADMSG;
	return 0;
}

int object_seal_check_tag_page(const struct object_identity *identity,
	const struct geometry *geometry, uint32_t generation, uint64_t group,
	const uint8_t tag_page[PAGE_BYTES], const uint8_t leaf[DIGEST_SIZE])
{
	uint32_t chunks = geometry_group_chunks(geometry, group);
	uint8_t found[DIGEST_SIZE];
	int r;

	r = object_seal_leaf(identity, group, tag_page, found);
	if (r < 0)
		return r;
	if (!bytes_equal_constant_time(found, leaf, DIGEST_SIZE))
		return -EBADMSG;
	if (!zero_from(tag_page, chunks * TAG_ENTRY_SIZE))
		return -EBADMSG;
	for (uint32_t i = 0; i < chunks; i++)
		if (chunk_entry_generation(tag_page + i * TAG_ENTRY_SIZE) > generation)
			return -EBADMSG;
	return 0;
}
