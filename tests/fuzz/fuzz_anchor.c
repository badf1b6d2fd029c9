/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_anchor.c - the anchor file: accepted is what this key wrote for this vault, and nothing that
 * the format does not have even when the MAC is right.
 * libFuzzer: -max_len=128 -max_total_time=4
 */
#include <errno.h>

#include "keystore/anchor.h"
#include "keystore/base/digest.h"
#include "tests/fuzz/fuzz.h"

static const uint8_t vault_id[ID_SIZE] = "vault id of 16 b";
static const struct anchor written = {.epochs = {5, 77}, .audit_segment = 3, .audit_seq = 123456};
static struct secret *key;
static uint8_t genuine[ANCHOR_FILE_SIZE];

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	key = fuzz_key("the anchor key, of 32 bytes too.");
	holds(anchor_pack(&written, vault_id, key, genuine) == 0);
	return 0;
}

static void sign(uint8_t bytes[ANCHOR_FILE_SIZE])
{
	const struct iovec parts[] = {PART_TEXT("modelvault/1/anchor"), PART(bytes, 64)};

	holds(hmac_once(key, parts, ARRAY_SIZE(parts), bytes + 64) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	uint8_t bytes[ANCHOR_FILE_SIZE], again[ANCHOR_FILE_SIZE];
	struct anchor anchor;
	struct cursor cursor;
	unsigned mode;
	size_t len;
	int r;

	cursor_init(&cursor, input, size);
	mode = cursor_u8(&cursor);
	len = mode & 2 ? cursor_u8(&cursor) % ANCHOR_FILE_SIZE : ANCHOR_FILE_SIZE;
	memcpy(bytes, genuine, sizeof(bytes));
	fuzz_edit(&cursor, bytes, sizeof(bytes));
	if (mode & 1)
		sign(bytes);
	r = anchor_parse(bytes, len, vault_id, key, &anchor);
	holds(r == 0 || r == -EBADMSG);
	holds(r < 0 || len == ANCHOR_FILE_SIZE);
	if (!(mode & 1))
		holds((r == 0) == (len == sizeof(bytes) && !memcmp(bytes, genuine, len)));
	if (r < 0)
		return 0;
	holds(anchor_pack(&anchor, vault_id, key, again) == 0);
	holds(memcmp(again, bytes, sizeof(bytes)) == 0);
	return 0;
}
