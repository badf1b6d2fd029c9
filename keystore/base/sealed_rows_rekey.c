/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed_rows_rekey.c - all rows under other keys, in the transaction of the change under way. Each
 * table is walked once: every row is checked under the old key before it gets a MAC of the new one,
 * and every bucket against the old seal, so that nothing is blessed that was not sealed before.
 */
#include <errno.h>

#include "keystore/base/sealed_rows_private.h"

/* The keys of before, until all is committed. */
struct rekey {
	struct sealed_rows *rows;
	struct hmac *row_hmac, *seal_hmac; /* the new ones */
};

static int make_update(const struct sealed_table *table, char **ret_sql)
{
	scope_buffer struct buffer sql = {0};
	const char *name = table->columns;
	size_t len;

	buffer_add_format(&sql, "UPDATE %s SET mac=? WHERE ", table->name);
	for (unsigned i = 0; i < table->key_columns; i++) {
		name += strspn(name, ", ");
		len = strcspn(name, ",");
		buffer_add_format(&sql, "%s%.*s=?", i ? " AND " : "", (int)len, name);
		name += len;
	}
	return buffer_take(&sql, ret_sql, &len);
}

static int rekey_row(struct rekey *rekey, struct sealed_walk *walk, const char *update,
	struct sealed_macs *before, struct sealed_macs *after)
{
	struct db_value values[LIMIT_SEALED_COLUMNS + 1];
	const struct sealed_table *table = walk->part->table;
	uint8_t mac[DIGEST_SIZE];
	int r;

	if (!walk->is_genuine)
		return -EBADMSG;
	buffer_add(&before->macs[walk->bucket], walk->mac.data, DIGEST_SIZE);
	r = sealed_row_mac(rekey->row_hmac, &walk->encoded, mac);
	if (r < 0)
		return r;
	buffer_add(&after->macs[walk->bucket], mac, DIGEST_SIZE);
	values[0] = db_blob(mac, DIGEST_SIZE);
	memcpy(values + 1, walk->values, table->key_columns * sizeof(*values));
	r = db_run(rekey->rows->db, update, values, table->key_columns + 1);
	if (r < 0)
		return r;
	return db_changes(rekey->rows->db) == 1 ? 0 : -EIO;
}

/* A bucket that this change touched was compared before it was. */
static int rekey_buckets(struct rekey *rekey, struct sealed_part *part,
	const struct sealed_macs *before, const struct sealed_macs *after)
{
	struct sealed_rows *rows = rekey->rows;
	uint8_t mac[DIGEST_SIZE];
	int r;

	for (unsigned i = 0; i < SEALED_BUCKETS; i++) {
		r = sealed_bucket_mac(rows->seal_hmac, part->table, i, &before->macs[i], mac);
		if (r < 0)
			return r;
		if (!bucket_set_has(&part->touched, i) &&
			!bytes_equal_constant_time(
				mac, seal_bucket(rows, &rows->seal, part, i), DIGEST_SIZE))
			return -EBADMSG;
		r = sealed_bucket_mac(rekey->seal_hmac, part->table, i, &after->macs[i],
			seal_bucket(rows, &rows->next, part, i));
		if (r < 0)
			return r;
	}
	return 0;
}

static int rekey_part(struct rekey *rekey, struct sealed_part *part)
{
	__attribute__((cleanup(sealed_walk_done))) struct sealed_walk walk = {0};
	scope(sealed_macs_free) struct sealed_macs *before = NULL;
	scope(sealed_macs_free) struct sealed_macs *after = NULL;
	scope_free char *update = NULL;
	int r;

	before = calloc(1, sizeof(*before));
	after = calloc(1, sizeof(*after));
	if (!before || !after)
		return -ENOMEM;
	r = make_update(part->table, &update);
	if (r < 0)
		return r;
	r = sealed_walk_init(&walk, rekey->rows, part);
	if (r < 0)
		return r;
	/* The index that the walk follows does not hold what the update changes. */
	while ((r = sealed_walk_next(&walk)) > 0) {
		r = rekey_row(rekey, &walk, update, before, after);
		if (r < 0)
			return r;
	}
	return r < 0 ? r : rekey_buckets(rekey, part, before, after);
}

static void exchange_keys(struct rekey *rekey)
{
	struct sealed_rows *rows = rekey->rows;
	struct hmac *row_hmac = rows->row_hmac, *seal_hmac = rows->seal_hmac;

	rows->row_hmac = rekey->row_hmac;
	rows->seal_hmac = rekey->seal_hmac;
	rekey->row_hmac = row_hmac;
	rekey->seal_hmac = seal_hmac;
}

static int rekey_all(struct rekey *rekey)
{
	struct sealed_rows *rows = rekey->rows;
	int r;

	for (size_t i = 0; i < rows->part_count; i++) {
		r = rekey_part(rekey, &rows->parts[i]);
		if (r < 0)
			return r;
	}
	for (size_t i = 0; i < SEALED_EPOCHS; i++) {
		if (rows->next.epochs[i] >= INT64_MAX - 1)
			return -EOVERFLOW;
		rows->next.epochs[i]++;
	}
	exchange_keys(rekey);
	r = seal_update(rows, &rows->next);
	if (r == 0)
		r = db_commit(rows->db);
	if (r < 0)
		exchange_keys(rekey);
	return r;
}

int sealed_rows_commit_rekeyed(
	struct sealed_rows *rows, const struct secret *row_key, const struct secret *seal_key)
{
	struct rekey rekey = {.rows = rows};
	int r;

	if (!rows->in_change)
		return -EINVAL;
	r = hmac_new(row_key, &rekey.row_hmac);
	if (r == 0)
		r = hmac_new(seal_key, &rekey.seal_hmac);
	if (r == 0)
		r = rekey_all(&rekey);
	hmac_free(rekey.row_hmac);
	hmac_free(rekey.seal_hmac);
	if (r < 0) {
		sealed_rows_abort(rows);
		return r;
	}
	seal_copy(rows, &rows->seal, &rows->next);
	rows->in_change = false;
	return 0;
}
