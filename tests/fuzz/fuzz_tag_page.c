/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_tag_page.c - a tag page against its leaf, and a chunk against its entry. A page is accepted
 * when it is the one that was sealed; one that was sealed in a form that no writer makes (the leaf
 * is made anew) is not.
 * libFuzzer: -max_len=512 -max_total_time=20
 */
#include <errno.h>

#include "fs/format/chunk.h"
#include "fs/format/object_seal.h"
#include "tests/fuzz/fuzz.h"

#define GENERATION 3
#define CHUNK_LEN  100

static const struct object_identity identity = {
	.vault_id = "vault id of 16 b",
	.file_id = "file id of 16 by",
	.suite = AEAD_AES_256_GCM,
	.chunk_log2 = CHUNK_LOG2_MIN,
};
static struct secret *key;
static struct aead *aead;

/* One chunk, sealed here by the letter of format.md. */
static struct {
	uint64_t index;
	uint8_t plain[CHUNK_LEN], cipher[CHUNK_LEN], entry[TAG_ENTRY_SIZE];
} chunk = {.index = 130};

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	struct aead_message message = {
		.nonce = chunk.entry, .input = chunk.plain, .len = CHUNK_LEN};
	uint8_t aad[47] = "mv1vault id of 16 bfile id of 16 by";

	(void)argc;
	(void)argv;
	key = fuzz_key("the chunk key, of 32 bytes, too.");
	holds(aead_new(AEAD_AES_256_GCM, key, &aead) == 0);
	memset(chunk.plain, 'p', CHUNK_LEN);
	memset(chunk.entry, 'n', AEAD_NONCE_SIZE);
	store_u32(chunk.entry + 28, 2);
	store_u64(aad + 35, chunk.index);
	store_u32(aad + 43, 2);
	message.aad = aad;
	message.aad_len = sizeof(aad);
	holds(aead_seal(aead, &message, chunk.cipher, chunk.entry + AEAD_NONCE_SIZE) == 0);
	return 0;
}

/* Entries as of a file written in sessions 1 to GENERATION; the others zero. */
static void make_page(uint32_t chunks, uint8_t ret_page[PAGE_BYTES])
{
	memset(ret_page, 0, PAGE_BYTES);
	for (uint32_t i = 0; i < chunks; i++) {
		memset(ret_page + i * TAG_ENTRY_SIZE, (int)(1 + i % 255), TAG_ENTRY_SIZE - 4);
		store_u32(ret_page + i * TAG_ENTRY_SIZE + 28, 1 + i % GENERATION);
	}
}

static bool page_is_of_the_form(const uint8_t page[PAGE_BYTES], uint32_t chunks)
{
	for (uint32_t i = 0; i < PAGE_BYTES; i++)
		if (i >= chunks * TAG_ENTRY_SIZE && page[i])
			return false;
	for (uint32_t i = 0; i < chunks; i++)
		if (load_u32(page + i * TAG_ENTRY_SIZE + 28) > GENERATION)
			return false;
	return true;
}

static void check_page(struct cursor *input)
{
	uint8_t page[PAGE_BYTES], genuine[PAGE_BYTES], leaf[DIGEST_SIZE];
	struct geometry geometry;
	uint64_t group, other;
	uint32_t chunks;
	bool resealed;
	int r;

	holds(geometry_init(1 + cursor_u32(input) % (300 << CHUNK_LOG2_MIN), CHUNK_LOG2_MIN,
		      &geometry) == 0);
	group = cursor_u8(input) % geometry.groups;
	other = cursor_u8(input) % geometry.groups;
	resealed = cursor_u8(input) & 1;
	chunks = geometry_group_chunks(&geometry, group);
	make_page(chunks, genuine);
	memcpy(page, genuine, PAGE_BYTES);
	fuzz_edit(input, page, PAGE_BYTES);
	holds(object_seal_leaf(&identity, group, resealed ? page : genuine, leaf) == 0);
	r = object_seal_check_tag_page(&identity, &geometry, GENERATION, other, page, leaf);
	holds(r == 0 || r == -EBADMSG);
	if (other != group)
		holds(r == -EBADMSG);
	else if (resealed)
		holds((r == 0) == page_is_of_the_form(page, chunks));
	else
		holds((r == 0) == (memcmp(page, genuine, PAGE_BYTES) == 0));
}

static void check_chunk(struct cursor *input)
{
	uint64_t index = chunk.index ^ cursor_u8(input);
	uint8_t parts[TAG_ENTRY_SIZE + CHUNK_LEN];
	uint8_t *bytes = parts + TAG_ENTRY_SIZE;
	size_t len = CHUNK_LEN;
	bool same;
	int r;

	memcpy(parts, chunk.entry, TAG_ENTRY_SIZE);
	memcpy(bytes, chunk.cipher, CHUNK_LEN);
	len -= cursor_u8(input) % (CHUNK_LEN + 1);
	fuzz_edit(input, parts, sizeof(parts));
	same = index == chunk.index && len == CHUNK_LEN &&
	       memcmp(parts, chunk.entry, TAG_ENTRY_SIZE) == 0 &&
	       memcmp(bytes, chunk.cipher, CHUNK_LEN) == 0;
	r = chunk_open(aead, &identity, index, parts, bytes, len);
	holds(r == (same ? 0 : -EBADMSG));
	for (size_t i = 0; i < len; i++)
		holds(bytes[i] == (same ? 'p' : 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor cursor;

	cursor_init(&cursor, input, size);
	if (cursor_u8(&cursor) & 1)
		check_chunk(&cursor);
	else
		check_page(&cursor);
	return 0;
}
