/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed_rows_mac.c - the bytes that the MACs of sealed rows are over, as contrib/docs/keystore.md
 * ("Sealed rows") lists them. Pure: no database.
 */
#include <errno.h>

#include "keystore/base/sealed_rows_private.h"

static int encode_value(const struct db_value *value, struct buffer *encoded)
{
	buffer_add_u8(encoded, (uint8_t)value->type);
	if (value->type == DB_INTEGER)
		buffer_add_u64(encoded, (uint64_t)value->integer);
	if (value->type == DB_TEXT || value->type == DB_BLOB) {
		if (value->len > LIMIT_SEALED_ROW)
			return -EFBIG;
		buffer_add_u32(encoded, (uint32_t)value->len);
		buffer_add(encoded, value->data, value->len);
	}
	return encoded->len > LIMIT_SEALED_ROW ? -EFBIG : 0;
}

int sealed_encode(const struct sealed_table *table, const struct db_value *values, unsigned count,
	struct buffer *encoded)
{
	int r;

	encoded->len = 0;
	buffer_add_u32(encoded, (uint32_t)strlen(table->name));
	buffer_add_text(encoded, table->name);
	buffer_add_u32(encoded, table->key_columns);
	for (unsigned i = 0; i < count; i++) {
		if (i < table->key_columns && values[i].type == DB_NULL)
			return -EINVAL;
		if (i == table->key_columns)
			buffer_add_u32(encoded, table->column_count - table->key_columns);
		r = encode_value(&values[i], encoded);
		if (r < 0)
			return r;
	}
	if (count == table->column_count && count == table->key_columns)
		buffer_add_u32(encoded, 0);
	return encoded->failed ? -ENOMEM : 0;
}

int sealed_bucket_of(const char *key, size_t len, unsigned *ret_bucket)
{
	const struct iovec part = PART(key, len);
	uint8_t digest[DIGEST_SIZE];
	int r;

	r = sha256_parts(&part, 1, digest);
	if (r < 0)
		return r;
	*ret_bucket = digest[0];
	return 0;
}

int sealed_row_mac(
	struct hmac *row_hmac, const struct buffer *encoded, uint8_t ret_mac[DIGEST_SIZE])
{
	const struct iovec parts[] = {
		PART_TEXT("modelvault/1/row"),
		PART(encoded->data, encoded->len),
	};

	return hmac_parts(row_hmac, parts, ARRAY_SIZE(parts), ret_mac);
}

int sealed_bucket_mac(struct hmac *seal_hmac, const struct sealed_table *table, unsigned bucket,
	const struct buffer *row_macs, uint8_t ret_mac[DIGEST_SIZE])
{
	const uint8_t bucket_byte = (uint8_t)bucket;
	uint8_t name_len[4];
	const struct iovec parts[] = {
		PART_TEXT("modelvault/1/bucket"),
		PART(name_len, sizeof(name_len)),
		PART(table->name, strlen(table->name)),
		PART(&bucket_byte, 1),
		PART(row_macs->data, row_macs->len),
	};

	if (row_macs->failed)
		return -ENOMEM;
	if (row_macs->len == 0) {
		memset(ret_mac, 0, DIGEST_SIZE);
		return 0;
	}
	store_u32(name_len, (uint32_t)strlen(table->name));
	return hmac_parts(seal_hmac, parts, ARRAY_SIZE(parts), ret_mac);
}

int seal_mac(struct hmac *seal_hmac, const uint8_t vault_id[ID_SIZE], const struct seal *seal,
	size_t table_count, uint8_t ret_mac[DIGEST_SIZE])
{
	uint8_t version[4], epochs[16], tables[4];
	const struct iovec parts[] = {
		PART_TEXT("modelvault/1/seal"),
		PART(version, sizeof(version)),
		PART(vault_id, ID_SIZE),
		PART(epochs, sizeof(epochs)),
		PART(tables, sizeof(tables)),
		PART(seal->buckets, table_count * SEALED_TABLE_BUCKETS),
	};

	store_u32(version, SEAL_VERSION);
	store_u64(epochs, seal->epochs[SEALED_POLICY]);
	store_u64(epochs + 8, seal->epochs[SEALED_CATALOGUE]);
	store_u32(tables, (uint32_t)table_count);
	return hmac_parts(seal_hmac, parts, ARRAY_SIZE(parts), ret_mac);
}
