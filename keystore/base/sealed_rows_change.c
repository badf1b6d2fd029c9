/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed_rows_change.c - changing sealed tables. A bucket is compared with the seal before its
 * first change: the new bucket MAC is made from what the table holds, and must not bless what
 * somebody else has put there since the last check.
 */
#include <errno.h>

#include "keystore/base/sealed_rows_private.h"

static int seal_write(struct sealed_rows *rows, const char *sql, struct seal *seal)
{
	const struct db_value values[] = {
		db_integer(SEAL_VERSION),
		db_blob(rows->vault_id, ID_SIZE),
		db_integer((int64_t)seal->epochs[SEALED_POLICY]),
		db_integer((int64_t)seal->epochs[SEALED_CATALOGUE]),
		db_blob(seal->buckets, rows->part_count * SEALED_TABLE_BUCKETS),
		db_blob(seal->mac, DIGEST_SIZE),
	};
	int r;

	r = seal_mac(rows->seal_hmac, rows->vault_id, seal, rows->part_count, seal->mac);
	if (r < 0)
		return r;
	r = db_run(rows->db, sql, values, ARRAY_SIZE(values));
	if (r < 0)
		return r;
	return db_changes(rows->db) == 1 ? 0 : -EBADMSG;
}

void seal_copy(const struct sealed_rows *rows, struct seal *to, const struct seal *from)
{
	memcpy(to->epochs, from->epochs, sizeof(to->epochs));
	memcpy(to->mac, from->mac, DIGEST_SIZE);
	memcpy(to->buckets, from->buckets, rows->part_count * SEALED_TABLE_BUCKETS);
}

int seal_update(struct sealed_rows *rows, struct seal *seal)
{
	return seal_write(rows,
		"UPDATE seal SET version=?, vault_id=?, policy_epoch=?, catalogue_epoch=?, "
		"buckets=?, mac=? WHERE id=1",
		seal);
}

int sealed_rows_create(struct sealed_rows *rows)
{
	int r;

	r = db_begin(rows->db);
	if (r < 0)
		return r;
	memset(rows->next.buckets, 0, rows->part_count * SEALED_TABLE_BUCKETS);
	rows->next.epochs[SEALED_POLICY] = 1;
	rows->next.epochs[SEALED_CATALOGUE] = 1;
	r = seal_write(rows, "INSERT INTO seal VALUES (1, ?, ?, ?, ?, ?, ?)", &rows->next);
	if (r < 0) {
		db_rollback(rows->db);
		return r;
	}
	r = db_commit(rows->db);
	if (r < 0)
		return r;
	seal_copy(rows, &rows->seal, &rows->next);
	rows->is_sound = true;
	return 0;
}

int sealed_rows_begin(struct sealed_rows *rows)
{
	int r;

	if (!rows->is_sound)
		return -EBADMSG;
	if (rows->in_change)
		return -EBUSY;
	r = db_begin(rows->db);
	if (r < 0)
		return r;
	r = seal_read(rows, &rows->next);
	if (r == 0 && memcmp(rows->next.mac, rows->seal.mac, DIGEST_SIZE) != 0)
		r = -EBADMSG; /* genuine, but another one: the database was exchanged */
	if (r < 0) {
		db_rollback(rows->db);
		return r;
	}
	for (size_t i = 0; i < rows->part_count; i++)
		rows->parts[i].touched = (struct bucket_set){0};
	rows->in_change = true;
	return 0;
}

static int touch(struct sealed_rows *rows, struct sealed_part *part, unsigned bucket)
{
	uint8_t mac[DIGEST_SIZE];
	int r;

	if (bucket_set_has(&part->touched, bucket))
		return 0;
	r = sealed_bucket_read(rows, part, bucket, mac);
	if (r < 0)
		return r;
	if (!bytes_equal_constant_time(
		    mac, seal_bucket(rows, &rows->seal, part, bucket), DIGEST_SIZE))
		return -EBADMSG;
	bucket_set_add(&part->touched, bucket);
	return 0;
}

/* Encodes the key and touches its bucket. */
static int touch_key(struct sealed_rows *rows, struct sealed_part *part, const struct db_value *key,
	struct buffer *encoded, unsigned *ret_bucket)
{
	unsigned bucket;
	int r;

	r = sealed_encode(part->table, key, part->table->key_columns, encoded);
	if (r < 0)
		return r;
	r = sealed_bucket_of(encoded->data, encoded->len, &bucket);
	if (r < 0)
		return r;
	r = touch(rows, part, bucket);
	if (r < 0)
		return r;
	*ret_bucket = bucket;
	return 0;
}

int sealed_rows_put(struct sealed_rows *rows, const char *table, const struct db_value *values)
{
	struct sealed_part *part = sealed_part_of(rows, table);
	scope_buffer struct buffer encoded = {0};
	struct db_value stored[LIMIT_SEALED_COLUMNS + 2];
	uint8_t mac[DIGEST_SIZE];
	unsigned bucket, count;
	int r;

	if (!part || !rows->in_change)
		return -EINVAL;
	r = touch_key(rows, part, values, &encoded, &bucket);
	if (r < 0)
		return r;
	count = part->table->column_count;
	r = sealed_encode(part->table, values, count, &encoded);
	if (r < 0)
		return r;
	r = sealed_row_mac(rows->row_hmac, &encoded, mac);
	if (r < 0)
		return r;
	memcpy(stored, values, count * sizeof(*values));
	stored[count] = db_integer(bucket);
	stored[count + 1] = db_blob(mac, DIGEST_SIZE);
	r = db_run(rows->db, part->put, stored, count + 2);
	if (r < 0)
		return r;
	/* A forged schema can say ON CONFLICT IGNORE. */
	return db_changes(rows->db) == 1 ? 0 : -EIO;
}

int sealed_rows_delete(struct sealed_rows *rows, const char *table, const struct db_value *key)
{
	struct sealed_part *part = sealed_part_of(rows, table);
	scope_buffer struct buffer encoded = {0};
	unsigned bucket;
	int r;

	if (!part || !rows->in_change)
		return -EINVAL;
	r = touch_key(rows, part, key, &encoded, &bucket);
	if (r < 0)
		return r;
	r = db_run(rows->db, part->delete, key, part->table->key_columns);
	if (r < 0)
		return r;
	return db_changes(rows->db) > 0 ? 0 : -ENOENT;
}

/* The new bucket MACs of a table into rows->next; true when there were any. */
static int part_reseal(struct sealed_rows *rows, struct sealed_part *part)
{
	bool changed = false;
	int r;

	for (unsigned i = 0; i < SEALED_BUCKETS; i++) {
		if (!bucket_set_has(&part->touched, i))
			continue;
		r = sealed_bucket_read(rows, part, i, seal_bucket(rows, &rows->next, part, i));
		if (r < 0)
			return r;
		changed = true;
	}
	return changed;
}

static int reseal(struct sealed_rows *rows)
{
	bool raise[SEALED_EPOCHS] = {false};
	int r;

	for (size_t i = 0; i < rows->part_count; i++) {
		r = part_reseal(rows, &rows->parts[i]);
		if (r < 0)
			return r;
		if (r > 0)
			raise[rows->parts[i].table->epoch] = true;
	}
	if (!raise[SEALED_POLICY] && !raise[SEALED_CATALOGUE])
		return 0;
	for (size_t i = 0; i < SEALED_EPOCHS; i++) {
		if (raise[i] && rows->next.epochs[i] >= INT64_MAX - 1)
			return -EOVERFLOW;
		rows->next.epochs[i] += raise[i];
	}
	return seal_update(rows, &rows->next);
}

int sealed_rows_commit(struct sealed_rows *rows)
{
	int r;

	if (!rows->in_change)
		return -EINVAL;
	r = reseal(rows);
	if (r == 0)
		r = db_commit(rows->db);
	if (r < 0) {
		sealed_rows_abort(rows);
		return r;
	}
	seal_copy(rows, &rows->seal, &rows->next);
	rows->in_change = false;
	return 0;
}

void sealed_rows_abort(struct sealed_rows *rows)
{
	if (!rows->in_change)
		return;
	db_rollback(rows->db);
	rows->in_change = false;
}

bool sealed_rows_in_change(const struct sealed_rows *rows)
{
	return rows->in_change;
}
