/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed_rows_check.c - comparing the tables with their seal. Whatever the database holds is taken
 * as hostile: types, lengths, bucket numbers and MACs of a row are its writer's choice.
 *
 * A bucket is sound when the MACs stored in the rows that say they are in it, in key order, give
 * the sealed bucket MAC. A row is intact when it is in the bucket that its key gives, its own MAC
 * is right, and its bucket is sound. All three are needed: the first two alone let rows be left out
 * or pasted back, the last alone lets their columns be edited.
 */
#include <errno.h>

#include "keystore/base/sealed_rows_private.h"

/* An epoch is at least 1, and never so high that it could not be raised. */
static bool is_epoch(const struct db_value *value)
{
	return value->type == DB_INTEGER && value->integer >= 1 && value->integer < INT64_MAX;
}

static int seal_parse(struct sealed_rows *rows, struct db_query *query, struct seal *ret_seal)
{
	enum { ID, VERSION, VAULT_ID, POLICY, CATALOGUE, BUCKETS, MAC, COLUMNS };
	size_t size = rows->part_count * SEALED_TABLE_BUCKETS;
	struct db_value values[COLUMNS];
	uint8_t mac[DIGEST_SIZE];
	int r;

	for (int i = 0; i < COLUMNS; i++)
		values[i] = db_column(query, i);
	if (values[ID].integer != 1 || values[VERSION].integer != SEAL_VERSION ||
		!sealed_is_blob(&values[VAULT_ID], ID_SIZE) ||
		memcmp(values[VAULT_ID].data, rows->vault_id, ID_SIZE) != 0 ||
		!is_epoch(&values[POLICY]) || !is_epoch(&values[CATALOGUE]) ||
		!sealed_is_blob(&values[BUCKETS], size) ||
		!sealed_is_blob(&values[MAC], DIGEST_SIZE))
		return -EBADMSG;
	ret_seal->epochs[SEALED_POLICY] = (uint64_t)values[POLICY].integer;
	ret_seal->epochs[SEALED_CATALOGUE] = (uint64_t)values[CATALOGUE].integer;
	memcpy(ret_seal->buckets, values[BUCKETS].data, size);
	memcpy(ret_seal->mac, values[MAC].data, DIGEST_SIZE);
	r = seal_mac(rows->seal_hmac, rows->vault_id, ret_seal, rows->part_count, mac);
	if (r < 0)
		return r;
	return bytes_equal_constant_time(mac, ret_seal->mac, DIGEST_SIZE) ? 0 : -EBADMSG;
}

int seal_read(struct sealed_rows *rows, struct seal *ret_seal)
{
	scope(db_done) struct db_query *query = NULL;
	int r;

	r = db_prepare(rows->db,
		"SELECT id, version, vault_id, policy_epoch, catalogue_epoch, buckets, mac "
		"FROM seal",
		&query);
	if (r < 0)
		return r;
	r = db_step(query);
	if (r <= 0)
		return r < 0 ? r : -EBADMSG;
	r = seal_parse(rows, query, ret_seal);
	if (r < 0)
		return r;
	r = db_step(query); /* a second seal is none */
	return r > 0 ? -EBADMSG : r;
}

int sealed_bucket_read(struct sealed_rows *rows, const struct sealed_part *part, unsigned bucket,
	uint8_t ret_mac[DIGEST_SIZE])
{
	scope(db_done) struct db_query *query = NULL;
	scope_buffer struct buffer macs = {0};
	int r;

	r = db_prepare(rows->db, part->select_macs, &query);
	if (r < 0)
		return r;
	db_bind(query, 1, db_integer(bucket));
	while ((r = db_step(query)) > 0) {
		struct db_value mac = db_column(query, 0);

		if (!sealed_is_blob(&mac, DIGEST_SIZE))
			return -EBADMSG;
		buffer_add(&macs, mac.data, mac.len);
	}
	if (r < 0)
		return r;
	return sealed_bucket_mac(rows->seal_hmac, part->table, bucket, &macs, ret_mac);
}

void sealed_walk_done(struct sealed_walk *walk)
{
	db_done(walk->query);
	buffer_done(&walk->encoded);
}

int sealed_walk_init(struct sealed_walk *walk, struct sealed_rows *rows, struct sealed_part *part)
{
	walk->rows = rows;
	walk->part = part;
	return db_prepare(rows->db, part->select_all, &walk->query);
}

/* Whether the row is in the bucket of its key and its MAC is right; -errno when that failed. */
static int row_is_genuine(struct sealed_walk *walk)
{
	const struct sealed_table *table = walk->part->table;
	uint8_t mac[DIGEST_SIZE];
	unsigned bucket;
	int r;

	if (!sealed_is_blob(&walk->mac, DIGEST_SIZE))
		return false;
	r = sealed_encode(table, walk->values, table->key_columns, &walk->encoded);
	if (r == 0)
		r = sealed_bucket_of(walk->encoded.data, walk->encoded.len, &bucket);
	if (r == 0)
		r = sealed_encode(table, walk->values, table->column_count, &walk->encoded);
	if (r == -EFBIG || r == -EINVAL)
		return false; /* no row that was ever put */
	if (r < 0)
		return r;
	r = sealed_row_mac(walk->rows->row_hmac, &walk->encoded, mac);
	if (r < 0)
		return r;
	return bucket == walk->bucket &&
	       bytes_equal_constant_time(mac, walk->mac.data, DIGEST_SIZE);
}

int sealed_walk_next(struct sealed_walk *walk)
{
	int count = (int)walk->part->table->column_count;
	struct db_value bucket;
	int r;

	r = db_step(walk->query);
	if (r <= 0)
		return r;
	for (int i = 0; i < count; i++)
		walk->values[i] = db_column(walk->query, i);
	bucket = db_column(walk->query, count);
	walk->bucket = SEALED_NO_BUCKET;
	if (bucket.type == DB_INTEGER && bucket.integer >= 0 && bucket.integer < SEALED_BUCKETS)
		walk->bucket = (unsigned)bucket.integer;
	walk->mac = db_column(walk->query, count + 1);
	r = row_is_genuine(walk);
	if (r < 0)
		return r;
	walk->is_genuine = r;
	return 1;
}

struct sealed_macs *sealed_macs_free(struct sealed_macs *gathered)
{
	for (size_t i = 0; gathered && i < SEALED_BUCKETS; i++)
		buffer_done(&gathered->macs[i]);
	free(gathered);
	return NULL;
}

static int gather(struct sealed_walk *walk, struct sealed_macs *gathered)
{
	struct sealed_part *part = walk->part;
	int r;

	while ((r = sealed_walk_next(walk)) > 0) {
		if (!walk->is_genuine)
			part->is_broken = true;
		if (walk->bucket == SEALED_NO_BUCKET)
			continue;
		if (sealed_is_blob(&walk->mac, DIGEST_SIZE))
			buffer_add(&gathered->macs[walk->bucket], walk->mac.data, DIGEST_SIZE);
		else
			bucket_set_add(&part->broken, walk->bucket);
	}
	return r;
}

static int check_part(struct sealed_rows *rows, struct sealed_part *part)
{
	__attribute__((cleanup(sealed_walk_done))) struct sealed_walk walk = {0};
	scope(sealed_macs_free) struct sealed_macs *gathered = NULL;
	uint8_t mac[DIGEST_SIZE];
	int r;

	gathered = calloc(1, sizeof(*gathered));
	if (!gathered)
		return -ENOMEM;
	r = sealed_walk_init(&walk, rows, part);
	if (r < 0)
		return r;
	r = gather(&walk, gathered);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < SEALED_BUCKETS; i++) {
		const uint8_t *sealed = seal_bucket(rows, &rows->seal, part, i);

		r = sealed_bucket_mac(rows->seal_hmac, part->table, i, &gathered->macs[i], mac);
		if (r < 0)
			return r;
		if (!bytes_equal_constant_time(mac, sealed, DIGEST_SIZE))
			bucket_set_add(&part->broken, i);
		if (bucket_set_has(&part->broken, i))
			part->is_broken = true;
	}
	return 0;
}

static int check_all(struct sealed_rows *rows)
{
	int r;

	rows->is_sound = false;
	r = seal_read(rows, &rows->seal);
	if (r < 0)
		return r;
	for (size_t i = 0; i < rows->part_count; i++) {
		rows->parts[i].broken = (struct bucket_set){0};
		rows->parts[i].is_broken = false;
		r = check_part(rows, &rows->parts[i]);
		if (r < 0)
			return r;
	}
	rows->is_sound = true;
	return 0;
}

int sealed_rows_check(struct sealed_rows *rows)
{
	bool own_transaction = !db_in_transaction(rows->db);
	int r;

	if (rows->in_change)
		return -EBUSY;
	if (own_transaction) {
		r = db_exec(rows->db, "BEGIN");
		if (r < 0) {
			rows->is_sound = false;
			return r;
		}
	}
	r = check_all(rows);
	if (own_transaction)
		db_rollback(rows->db); /* nothing was written */
	return r;
}

int sealed_rows_each(struct sealed_rows *rows, const char *table,
	int (*row)(void *arg, const struct db_value *values, bool intact), void *arg)
{
	__attribute__((cleanup(sealed_walk_done))) struct sealed_walk walk = {0};
	struct sealed_part *part = sealed_part_of(rows, table);
	int r;

	if (!part)
		return -EINVAL;
	r = sealed_walk_init(&walk, rows, part);
	if (r < 0)
		return r;
	while ((r = sealed_walk_next(&walk)) > 0) {
		bool intact = rows->is_sound && walk.is_genuine &&
			      !bucket_set_has(&part->broken, walk.bucket);

		r = row(arg, walk.values, intact);
		if (r < 0)
			return r;
	}
	return r;
}
