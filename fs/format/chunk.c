/* SPDX-License-Identifier: Apache-2.0 */
/* chunk.c - seals and opens one chunk. */
#include "fs/format/chunk.h"

#include <assert.h>
#include <string.h>

#include "keystore/base/bytes.h"

#define AAD_TEXT	  "mv1"
#define AAD_TEXT_SIZE	  3
#define AAD_SIZE	  (AAD_TEXT_SIZE + 2 * ID_SIZE + 8 + 4)
#define OFFSET_TAG	  AEAD_NONCE_SIZE
#define OFFSET_GENERATION (OFFSET_TAG + AEAD_TAG_SIZE)

static_assert(OFFSET_GENERATION + 4 == TAG_ENTRY_SIZE, "tag entry of format 1");
static_assert(AAD_SIZE == 47, "associated data of format 1");
static_assert(GROUP_CHUNKS * TAG_ENTRY_SIZE == PAGE_BYTES, "a tag page is one page");

static void pack_aad(const struct object_identity *identity, uint64_t index, uint32_t generation,
	uint8_t aad[AAD_SIZE])
{
	memcpy(aad, AAD_TEXT, AAD_TEXT_SIZE);
	aad += AAD_TEXT_SIZE;
	memcpy(aad, identity->vault_id, ID_SIZE);
	memcpy(aad + ID_SIZE, identity->file_id, ID_SIZE);
	store_u64(aad + 2 * ID_SIZE, index);
	store_u32(aad + 2 * ID_SIZE + 8, generation);
}

uint32_t chunk_entry_generation(const uint8_t entry[TAG_ENTRY_SIZE])
{
	return load_u32(entry + OFFSET_GENERATION);
}

int chunk_seal(struct aead *aead, const struct object_identity *identity, uint64_t index,
	uint32_t generation, const void *plain, size_t len, void *cipher,
	uint8_t ret_entry[TAG_ENTRY_SIZE])
{
	uint8_t aad[AAD_SIZE], entry[TAG_ENTRY_SIZE];
	struct aead_message message = {
		.nonce = entry,
		.aad = aad,
		.aad_len = sizeof(aad),
		.input = plain,
		.len = len,
	};
	int r;

	r = random_fill(entry, AEAD_NONCE_SIZE);
	if (r < 0)
		return r;
	pack_aad(identity, index, generation, aad);
	r = aead_seal(aead, &message, cipher, entry + OFFSET_TAG);
	if (r < 0)
		return r;
	store_u32(entry + OFFSET_GENERATION, generation);
	memcpy(ret_entry, entry, sizeof(entry));
	return 0;
}

int chunk_open(struct aead *aead, const struct object_identity *identity, uint64_t index,
	const uint8_t entry[TAG_ENTRY_SIZE], void *bytes, size_t len)
{
	uint8_t aad[AAD_SIZE];
	struct aead_message message = {
		.nonce = entry,
		.aad = aad,
		.aad_len = sizeof(aad),
		.input = bytes,
		.len = len,
	};

	pack_aad(identity, index, chunk_entry_generation(entry), aad);
	return aead_open(aead, &message, entry + OFFSET_TAG, bytes);
}
