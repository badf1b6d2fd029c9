/* SPDX-License-Identifier: Apache-2.0 */
/* header.c - packs, parses and checks the header page. */
#include "fs/format/header.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "keystore/base/bytes.h"
#include "keystore/base/digest.h"

#define MAGIC_SIZE     8
#define OFFSET_MAC     96
#define OFFSET_ZEROS   (OFFSET_MAC + DIGEST_SIZE)
#define READER_VERSION 1

static const uint8_t magic[MAGIC_SIZE] = {'M', 'V', 'O', 'B', 'J', 0, '\r', '\n'};

static_assert(
	16 + 2 * ID_SIZE + 8 + 4 + 4 + DIGEST_SIZE == OFFSET_MAC, "header bytes under the MAC");
static_assert(OFFSET_ZEROS == 128 && HEADER_SIZE == 4096, "header page of format 1");

static int header_mac(
	const uint8_t *page, const struct secret *header_key, uint8_t ret_mac[DIGEST_SIZE])
{
	const struct iovec part = PART(page, OFFSET_MAC);

	return hmac_once(header_key, &part, 1, ret_mac);
}

int header_pack(const struct object_identity *identity, const struct object_version *version,
	const struct secret *header_key, uint8_t ret_page[HEADER_SIZE])
{
	memset(ret_page, 0, HEADER_SIZE);
	memcpy(ret_page, magic, MAGIC_SIZE);
	store_u16(ret_page + 8, HEADER_FORMAT_VERSION);
	store_u16(ret_page + 10, READER_VERSION);
	ret_page[12] = (uint8_t)identity->suite;
	ret_page[13] = (uint8_t)identity->chunk_log2;
	memcpy(ret_page + 16, identity->vault_id, ID_SIZE);
	memcpy(ret_page + 32, identity->file_id, ID_SIZE);
	store_u64(ret_page + 48, version->size);
	store_u32(ret_page + 56, version->generation);
	memcpy(ret_page + 64, version->root, DIGEST_SIZE);
	return header_mac(ret_page, header_key, ret_page + OFFSET_MAC);
}

static bool all_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

/* Copies len bytes; a cursor that has failed is found at the end of the parse. */
static void take_bytes(struct cursor *cursor, void *to, size_t len)
{
	const uint8_t *bytes = cursor_bytes(cursor, len);

	if (bytes)
		memcpy(to, bytes, len);
}

int header_parse(const uint8_t page[HEADER_SIZE], struct header *ret_header)
{
	struct header header = {0};
	const uint8_t *found_magic, *zeros;
	uint16_t format, reader, reserved16;
	uint32_t reserved32;
	struct cursor cursor;

	cursor_init(&cursor, page, HEADER_SIZE);
	found_magic = cursor_bytes(&cursor, MAGIC_SIZE);
	format = cursor_u16(&cursor);
	reader = cursor_u16(&cursor);
	if (!found_magic || memcmp(found_magic, magic, MAGIC_SIZE) != 0)
		return -EUCLEAN;
	if (reader > READER_VERSION)
		return -EPROTONOSUPPORT;
	if (reader < 1 || format < reader)
		return -EUCLEAN;
	header.identity.suite = cursor_u8(&cursor);
	header.identity.chunk_log2 = cursor_u8(&cursor);
	reserved16 = cursor_u16(&cursor);
	take_bytes(&cursor, header.identity.vault_id, ID_SIZE);
	take_bytes(&cursor, header.identity.file_id, ID_SIZE);
	header.version.size = cursor_u64(&cursor);
	header.version.generation = cursor_u32(&cursor);
	reserved32 = cursor_u32(&cursor);
	take_bytes(&cursor, header.version.root, DIGEST_SIZE);
	take_bytes(&cursor, header.mac, DIGEST_SIZE);
	zeros = cursor_bytes(&cursor, HEADER_SIZE - OFFSET_ZEROS);
	if (!cursor_is_done(&cursor))
		return -EUCLEAN;
	if (reserved16 != 0 || reserved32 != 0 || !all_zero(zeros, HEADER_SIZE - OFFSET_ZEROS))
		return -EUCLEAN;
	*ret_header = header;
	return 0;
}

/* What an authentic header that is not the row's means. */
static enum damage compare_versions(
	const struct object_version *found, const struct object_version *expected)
{
	if (found->generation > expected->generation)
		return DAMAGE_HEADER;
	if (found->generation < expected->generation || found->size != expected->size ||
		memcmp(found->root, expected->root, DIGEST_SIZE) != 0)
		return DAMAGE_ROLLED_BACK;
	return DAMAGE_NONE;
}

int header_check(const uint8_t page[HEADER_SIZE], const struct object_identity *identity,
	const struct secret *header_key, const struct object_version *version,
	struct damage_report *ret_report)
{
	uint8_t mac[DIGEST_SIZE];
	struct header header;
	enum damage cause;
	int r;

	r = header_parse(page, &header);
	if (r < 0)
		return damage_found(ret_report, DAMAGE_HEADER, DAMAGE_NO_CHUNK);
	if (memcmp(header.identity.vault_id, identity->vault_id, ID_SIZE) != 0)
		return damage_found(ret_report, DAMAGE_FOREIGN, DAMAGE_NO_CHUNK);
	if (memcmp(header.identity.file_id, identity->file_id, ID_SIZE) != 0)
		return damage_found(ret_report, DAMAGE_MISPLACED, DAMAGE_NO_CHUNK);
	if (header.identity.suite != identity->suite ||
		header.identity.chunk_log2 != identity->chunk_log2)
		return damage_found(ret_report, DAMAGE_HEADER, DAMAGE_NO_CHUNK);
	r = header_mac(page, header_key, mac);
	if (r < 0)
		return r;
	if (!bytes_equal_constant_time(mac, header.mac, DIGEST_SIZE))
		return damage_found(ret_report, DAMAGE_HEADER, DAMAGE_NO_CHUNK);
	cause = compare_versions(&header.version, version);
	if (cause != DAMAGE_NONE)
		return damage_found(ret_report, cause, DAMAGE_NO_CHUNK);
	return 0;
}
