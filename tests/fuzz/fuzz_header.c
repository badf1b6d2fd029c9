/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_header.c - the header page of an object: any bytes, edits of a genuine page, and edited
 * pages whose MAC is right (an older or another state that was authentic once).
 * libFuzzer: -max_len=4200 -max_total_time=20
 */
#include <errno.h>

#include "fs/format/header.h"
#include "keystore/base/digest.h"
#include "tests/fuzz/fuzz.h"

enum { EDITED = 1, AUTHENTIC = 2 };

static const struct object_identity identity = {
	.vault_id = "vault id of 16 b",
	.file_id = "file id of 16 by",
	.suite = AEAD_AES_256_GCM,
	.chunk_log2 = 14,
};
static const struct object_version version = {
	.size = 1000000,
	.generation = 7,
	.root = "a root of thirty-two bytes long.",
};
static struct secret *key;
static uint8_t genuine[HEADER_SIZE];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	key = fuzz_key("the header key, of 32 bytes too.");
	holds(header_pack(&identity, &version, key, genuine) == 0);
	return 0;
}

/* What is read is all there is: packed again, only the MAC may differ, and a later format. */
static void parse_and_pack(const uint8_t page[HEADER_SIZE])
{
	uint8_t packed[HEADER_SIZE];
	struct header header;
	int r;

	r = header_parse(page, &header);
	holds(r == 0 || r == -EUCLEAN || r == -EPROTONOSUPPORT);
	if (r < 0)
		return;
	holds(header_pack(&header.identity, &header.version, key, packed) == 0);
	memcpy(packed + 8, page + 8, 2);
	memcpy(packed + 96, page + 96, DIGEST_SIZE);
	holds(memcmp(packed, page, HEADER_SIZE) == 0);
	holds(memcmp(header.mac, page + 96, DIGEST_SIZE) == 0);
}

/* The cause that the specification gives; read off the bytes. */
static enum damage expected_cause(const uint8_t page[HEADER_SIZE], bool authentic)
{
	struct header header;

	if (header_parse(page, &header) < 0)
		return DAMAGE_HEADER;
	if (memcmp(page + 16, genuine + 16, ID_SIZE) != 0)
		return DAMAGE_FOREIGN;
	if (memcmp(page + 32, genuine + 32, ID_SIZE) != 0)
		return DAMAGE_MISPLACED;
	if (memcmp(page + 12, genuine + 12, 2) != 0)
		return DAMAGE_HEADER;
	if (!authentic && memcmp(page, genuine, 128) != 0)
		return DAMAGE_HEADER;
	if (load_u32(page + 56) > version.generation)
		return DAMAGE_HEADER;
	return memcmp(page + 48, genuine + 48, 48) != 0 ? DAMAGE_ROLLED_BACK : DAMAGE_NONE;
}

static void check_against_row(const uint8_t page[HEADER_SIZE], bool authentic)
{
	struct damage_report report = {.cause = DAMAGE_NONE};
	enum damage expected = expected_cause(page, authentic);
	int r;

	r = header_check(page, &identity, key, &version, &report);
	holds(r == (expected == DAMAGE_NONE ? 0 : -EBADMSG));
	holds(report.cause == expected);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	uint8_t page[HEADER_SIZE] = {0};
	struct cursor cursor;
	unsigned mode;
	size_t len;
	const void *bytes;

	cursor_init(&cursor, input, size);
	mode = cursor_u8(&cursor);
	if (mode & EDITED) {
		memcpy(page, genuine, HEADER_SIZE);
		fuzz_edit(&cursor, page, HEADER_SIZE);
	} else {
		bytes = fuzz_take(&cursor, HEADER_SIZE, &len);
		if (len)
			memcpy(page, bytes, len);
	}
	parse_and_pack(page);
	if (mode & AUTHENTIC) {
		const struct iovec part = PART(page, 96);

		holds(hmac_once(key, &part, 1, page + 96) == 0);
	}
	check_against_row(page, mode & AUTHENTIC);
	return 0;
}
