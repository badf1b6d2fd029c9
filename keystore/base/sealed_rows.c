/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed_rows.c - opening a set of sealed tables: the generic SQL of each table is made here once,
 * from its list of columns.
 */
#include "keystore/base/sealed_rows.h"

#include <errno.h>

#include "keystore/base/sealed_rows_private.h"

const char sealed_rows_schema[] = "CREATE TABLE seal (\n"
				  "	id INTEGER PRIMARY KEY CHECK (id = 1),\n"
				  "	version INTEGER NOT NULL,\n"
				  "	vault_id BLOB NOT NULL,\n"
				  "	policy_epoch INTEGER NOT NULL,\n"
				  "	catalogue_epoch INTEGER NOT NULL,\n"
				  "	buckets BLOB NOT NULL,\n"
				  "	mac BLOB NOT NULL\n"
				  ") STRICT;\n";

/* The list of columns cut at its commas. */
struct column_names {
	char *copy;
	char *names[LIMIT_SEALED_COLUMNS];
	unsigned count;
};

static void column_names_done(struct column_names *columns)
{
	free(columns->copy);
}

static int column_names_init(struct column_names *columns, const struct sealed_table *table)
{
	char *rest, *name;

	columns->copy = strdup(table->columns);
	if (!columns->copy)
		return -ENOMEM;
	rest = columns->copy;
	while ((name = strsep(&rest, ","))) {
		name += strspn(name, " ");
		if (columns->count == LIMIT_SEALED_COLUMNS)
			return -EINVAL;
		columns->names[columns->count++] = name;
	}
	if (columns->count != table->column_count || table->key_columns < 1 ||
		table->key_columns > table->column_count)
		return -EINVAL;
	return 0;
}

/* "a, b, c" or, with a suffix and another separator, "a=? AND b=?". */
static void add_names(struct buffer *sql, const struct column_names *columns, unsigned count,
	const char *suffix, const char *separator)
{
	for (unsigned i = 0; i < count; i++)
		buffer_add_format(sql, "%s%s%s", i ? separator : "", columns->names[i], suffix);
}

static int make_selects(struct sealed_part *part, const struct column_names *columns)
{
	const struct sealed_table *table = part->table;
	scope_buffer struct buffer all = {0};
	scope_buffer struct buffer macs = {0};
	size_t len;
	int r;

	buffer_add_format(&all, "SELECT %s, bucket, mac FROM %s ORDER BY bucket, ", table->columns,
		table->name);
	add_names(&all, columns, table->key_columns, "", ", ");
	r = buffer_take(&all, &part->select_all, &len);
	if (r < 0)
		return r;
	buffer_add_format(&macs, "SELECT mac FROM %s WHERE bucket=? ORDER BY ", table->name);
	add_names(&macs, columns, table->key_columns, "", ", ");
	return buffer_take(&macs, &part->select_macs, &len);
}

/*
 * Not INSERT OR REPLACE: that would also delete rows that collide in another UNIQUE, in buckets
 * that nobody touched.
 */
static int make_changes(struct sealed_part *part, const struct column_names *columns)
{
	const struct sealed_table *table = part->table;
	scope_buffer struct buffer put = {0};
	scope_buffer struct buffer delete = {0};
	size_t len;
	int r;

	buffer_add_format(
		&put, "INSERT INTO %s (%s, bucket, mac) VALUES (", table->name, table->columns);
	for (unsigned i = 0; i < table->column_count; i++)
		buffer_add_text(&put, "?, ");
	buffer_add_text(&put, "?, ?) ON CONFLICT (");
	add_names(&put, columns, table->key_columns, "", ", ");
	buffer_add_text(&put, ") DO UPDATE SET ");
	for (unsigned i = table->key_columns; i < table->column_count; i++)
		buffer_add_format(&put, "%s=excluded.%s, ", columns->names[i], columns->names[i]);
	buffer_add_text(&put, "bucket=excluded.bucket, mac=excluded.mac");
	r = buffer_take(&put, &part->put, &len);
	if (r < 0)
		return r;
	buffer_add_format(&delete, "DELETE FROM %s WHERE ", table->name);
	add_names(&delete, columns, table->key_columns, "=?", " AND ");
	return buffer_take(&delete, &part->delete, &len);
}

static int part_init(struct sealed_part *part, const struct sealed_table *table)
{
	__attribute__((cleanup(column_names_done))) struct column_names columns = {0};
	int r;

	part->table = table;
	r = column_names_init(&columns, table);
	if (r < 0)
		return r;
	r = make_selects(part, &columns);
	if (r < 0)
		return r;
	return make_changes(part, &columns);
}

static int parts_init(
	struct sealed_rows *rows, const struct sealed_table *tables, size_t table_count)
{
	int r;

	rows->parts = calloc(table_count, sizeof(*rows->parts));
	rows->seal.buckets = calloc(table_count, SEALED_TABLE_BUCKETS);
	rows->next.buckets = calloc(table_count, SEALED_TABLE_BUCKETS);
	if (!rows->parts || !rows->seal.buckets || !rows->next.buckets)
		return -ENOMEM;
	rows->part_count = table_count;
	for (size_t i = 0; i < table_count; i++) {
		r = part_init(&rows->parts[i], &tables[i]);
		if (r < 0)
			return r;
	}
	return 0;
}

int sealed_rows_open(struct db *db, const struct sealed_table *tables, size_t table_count,
	const uint8_t vault_id[ID_SIZE], const struct secret *row_key,
	const struct secret *seal_key, struct sealed_rows **ret_rows)
{
	scope(sealed_rows_close) struct sealed_rows *rows = NULL;
	int r;

	if (table_count < 1 || table_count > LIMIT_SEALED_TABLES)
		return -EINVAL;
	rows = calloc(1, sizeof(*rows));
	if (!rows)
		return -ENOMEM;
	rows->db = db;
	memcpy(rows->vault_id, vault_id, ID_SIZE);
	r = parts_init(rows, tables, table_count);
	if (r < 0)
		return r;
	r = hmac_new(row_key, &rows->row_hmac);
	if (r < 0)
		return r;
	r = hmac_new(seal_key, &rows->seal_hmac);
	if (r < 0)
		return r;
	*ret_rows = take(&rows);
	return 0;
}

struct sealed_rows *sealed_rows_close(struct sealed_rows *rows)
{
	if (!rows)
		return NULL;
	sealed_rows_abort(rows);
	for (size_t i = 0; i < rows->part_count; i++) {
		free(rows->parts[i].select_all);
		free(rows->parts[i].select_macs);
		free(rows->parts[i].put);
		free(rows->parts[i].delete);
	}
	free(rows->parts);
	free(rows->seal.buckets);
	free(rows->next.buckets);
	hmac_free(rows->row_hmac);
	hmac_free(rows->seal_hmac);
	free(rows);
	return NULL;
}

struct sealed_part *sealed_part_of(const struct sealed_rows *rows, const char *table)
{
	for (size_t i = 0; i < rows->part_count; i++)
		if (strcmp(rows->parts[i].table->name, table) == 0)
			return &rows->parts[i];
	return NULL;
}

uint8_t *seal_bucket(const struct sealed_rows *rows, const struct seal *seal,
	const struct sealed_part *part, unsigned bucket)
{
	return seal->buckets + (size_t)(part - rows->parts) * SEALED_TABLE_BUCKETS +
	       bucket * DIGEST_SIZE;
}

bool sealed_rows_is_intact(const struct sealed_rows *rows)
{
	for (size_t i = 0; i < rows->part_count; i++)
		if (rows->parts[i].is_broken)
			return false;
	return rows->is_sound;
}

bool sealed_rows_policy_is_broken(const struct sealed_rows *rows)
{
	for (size_t i = 0; i < rows->part_count; i++)
		if (rows->parts[i].table->epoch == SEALED_POLICY && rows->parts[i].is_broken)
			return true;
	return !rows->is_sound;
}

uint64_t sealed_rows_epoch(const struct sealed_rows *rows, enum sealed_epoch epoch)
{
	return rows->is_sound ? rows->seal.epochs[epoch] : 0;
}
