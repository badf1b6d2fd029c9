/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_row.c - a keystore.db whose rows somebody without a key has edited, added, removed, copied
 * and exchanged, with values of any type (its tables are declared without types or constraints, as
 * a hostile writer may do). Whatever changed is noticed; a row that counts as intact is one that
 * was put; an inode that is not damaged says what was stored.
 * libFuzzer: -max_len=256 -max_total_time=20
 */
#include <errno.h>

#include "keystore/catalogue_store.h"
#include "keystore/key_slot.h"
#include "keystore/keystore.h"
#include "keystore/schema.h"
#include "keystore/settings.h"
#include "tests/fuzz/fuzz.h"

#define TABLES	  12 /* the sealed ones, and seal */
#define ROWS_KEPT 16

static const uint8_t vault_id[ID_SIZE] = "vault id of 16 b";
static struct secret *master, *row_key, *seal_key;
static struct db *db;
static struct sealed_rows *rows;

/* What was put: the bytes of each table's rows, and the tree that they make. */
struct content {
	struct buffer rows[ROWS_KEPT];
	size_t count;
};
static struct content contents[TABLES];
static struct catalogue *tree;
static struct kek_ring *keks;

static const char *table_name(size_t table)
{
	return table < vault_table_count ? vault_tables[table].name : "seal";
}

static const char *table_columns(size_t table)
{
	return table < vault_table_count
		       ? vault_tables[table].columns
		       : "id, version, vault_id, policy_epoch, catalogue_epoch, buckets";
}

/* ---- making it ---- */

static void run(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void run(const char *format, ...)
{
	scope_free char *sql = NULL;
	va_list args;
	int n;

	va_start(args, format);
	n = vasprintf(&sql, format, args);
	va_end(args);
	holds(n > 0 && db_exec(db, sql) == 0);
}

static void make_tables(void)
{
	for (size_t i = 0; i < vault_table_count; i++) {
		const char *columns = vault_tables[i].columns, *key_end = columns;

		for (unsigned k = 0; k < vault_tables[i].key_columns; k++)
			key_end += strcspn(key_end, ",") + 1;
		run("CREATE TABLE %s(%s, bucket, mac); CREATE UNIQUE INDEX %s_key ON %s(%.*s)",
			vault_tables[i].name, columns, vault_tables[i].name, vault_tables[i].name,
			(int)(key_end - columns - 1), columns);
	}
	run("CREATE TABLE seal(%s, mac)", table_columns(vault_table_count));
}

static void put_inode(uint64_t ino, enum entry_kind kind, const char *target)
{
	struct entry_info info = {.ino = ino, .kind = kind, .mode = 0755, .uid = 1, .gid = 2};

	info.size = target ? strlen(target) : 0;
	holds(catalogue_put_inode(rows, &info, ino != ROOT_INO, target) == 0);
}

static void put_file(uint64_t ino, uint8_t id)
{
	struct inode file = {.info = {.ino = ino, .kind = ENTRY_FILE, .suite = 1}};

	file.info.chunk_log2 = CHUNK_LOG2_MIN;
	file.info.size = 1000 + ino;
	file.info.state = FILE_ROOTED;
	file.info.generation = 1;
	memset(file.info.file_id, id, ID_SIZE);
	memset(file.info.root, id, DIGEST_SIZE);
	file.dek.kek = 1;
	memset(file.dek.bytes, id, sizeof(file.dek.bytes));
	put_inode(ino, ENTRY_FILE, NULL);
	holds(catalogue_put_file(rows, &file) == 0);
}

static void put_name(uint64_t parent, const char *text, uint64_t ino)
{
	struct name *name = name_new(text, strlen(text));

	holds(name && catalogue_put_name(rows, parent, name, ino, ino) == 0);
	name_free(name);
}

static void put_policy(void)
{
	struct key_slot slot = {.number = 1, .kind = "key-file", .params_len = 32};

	holds(sealed_rows_put(rows, "vault",
		      (struct db_value[]){db_integer(1), db_integer(1), db_blob(vault_id, ID_SIZE),
			      db_null(), db_integer(5)}) == 0);
	holds(key_slot_put(rows, &slot) == 0);
	holds(setting_put(rows, "suite", "aes-256-gcm") == 0);
	holds(setting_put(rows, "next_rule", "3") == 0);
	holds(sealed_rows_put(rows, "rule",
		      (struct db_value[]){db_integer(1), db_integer(1),
			      db_text("allow any read '**'"), db_integer(5), db_integer(0)}) == 0);
	holds(sealed_rows_put(rows, "rule",
		      (struct db_value[]){db_integer(2), db_integer(1),
			      db_text("deny user:1 read b"), db_integer(5), db_integer(0)}) == 0);
	holds(sealed_rows_put(rows, "role",
		      (struct db_value[]){db_text("admin"), db_text("user"), db_integer(0),
			      db_text("root")}) == 0);
}

/* root: a (file), d (directory) with b (file) and l (link) */
static void put_rows(void)
{
	holds(sealed_rows_create(rows) == 0);
	holds(sealed_rows_begin(rows) == 0);
	put_policy();
	holds(kek_create(rows, master, vault_id, 1) == 0);
	put_inode(ROOT_INO, ENTRY_DIRECTORY, NULL);
	put_file(2, 'a');
	put_inode(3, ENTRY_DIRECTORY, NULL);
	put_file(4, 'b');
	put_inode(5, ENTRY_SYMLINK, "../a");
	put_name(ROOT_INO, "a", 2);
	put_name(ROOT_INO, "d", 3);
	put_name(3, "b", 4);
	put_name(3, "l", 5);
	holds(sealed_rows_put(rows, "xattr",
		      (struct db_value[]){db_integer(4), db_blob("user.x", 6), db_blob("1", 1)}) ==
		0);
	holds(sealed_rows_commit(rows) == 0);
}

/* ---- comparing ---- */

static void add_value(struct buffer *to, const struct db_value *value)
{
	buffer_add_u8(to, (uint8_t)value->type);
	if (value->type == DB_INTEGER) {
		buffer_add_u64(to, (uint64_t)value->integer);
	} else {
		buffer_add_u32(to, (uint32_t)value->len);
		buffer_add(to, value->data ? value->data : "", value->len);
	}
}

static bool is_content(const struct content *content, const struct buffer *row)
{
	for (size_t i = 0; i < content->count; i++)
		if (content->rows[i].len == row->len &&
			memcmp(content->rows[i].data, row->data, row->len) == 0)
			return true;
	return false;
}

/* Reads a table as it is now, own columns and MAC; `content` gathers, else it is compared. */
static bool table_is(size_t table, struct content *content, bool gather)
{
	scope(db_done) struct db_query *query = NULL;
	scope_free char *sql = NULL;
	size_t count = 0;
	bool same = true;
	int r;

	holds(asprintf(&sql, "SELECT %s, %s mac FROM %s", table_columns(table),
		      table < vault_table_count ? "bucket," : "", table_name(table)) > 0);
	holds(db_prepare(db, sql, &query) == 0);
	while ((r = db_step(query)) > 0) {
		struct buffer row = {0};

		for (int i = 0; i < db_column_count(query); i++) {
			struct db_value value = db_column(query, i);

			add_value(&row, &value);
		}
		count++;
		if (gather) {
			holds(content->count < ROWS_KEPT);
			content->rows[content->count++] = row;
			continue;
		}
		same &= is_content(content, &row);
		buffer_done(&row);
	}
	holds(r == 0);
	/* No row was put twice, so the same number of known rows is the same table. */
	return same && count == content->count;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	char directory[] = "row-XXXXXX"; /* whoever runs this throws it away */
	scope_free char *path = NULL;

	(void)argc;
	(void)argv;
	holds(mkdtemp(directory) && asprintf(&path, "%s/keystore.db", directory) > 0);
	master = fuzz_key("the master key, of 32 bytes too.");
	row_key = fuzz_key("the row key, thirty-two bytes...");
	seal_key = fuzz_key("the seal key, thirty-two bytes..");
	holds(db_open(path, DB_CREATE, &db) == 0);
	holds(sealed_rows_open(db, vault_tables, vault_table_count, vault_id, row_key, seal_key,
		      &rows) == 0);
	make_tables();
	put_rows();
	for (size_t i = 0; i < TABLES; i++)
		table_is(i, &contents[i], true);
	holds(sealed_rows_check(rows) == 0 && sealed_rows_is_intact(rows));
	holds(kek_ring_load(rows, master, vault_id, &keks) == 0);
	holds(catalogue_load(rows, keks, &tree) == 0);
	return 0;
}

/* ---- tampering ---- */

/* The n-th of the comma-separated columns, bucket and mac among them; the caller frees. */
static char *column_of(size_t table, unsigned n)
{
	scope_free char *all = NULL;
	char *rest, *name;
	unsigned count = 1;

	holds(asprintf(&all, "%s, %s mac", table_columns(table),
		      table < vault_table_count ? "bucket," : "") > 0);
	for (const char *at = all; *at; at++)
		count += *at == ',';
	rest = all;
	for (n %= count; n > 0; n--)
		strsep(&rest, ",");
	name = strsep(&rest, ",");
	return strdup(name + strspn(name, " "));
}

static struct db_value any_value(struct cursor *input)
{
	static const uint8_t lengths[] = {0, 1, ID_SIZE, DIGEST_SIZE, DEK_WRAPPED_SIZE};
	unsigned kind = cursor_u8(input);
	struct db_value value;
	const void *bytes;
	size_t len;

	if (kind % 4 == 0)
		return db_null();
	if (kind % 4 == 1)
		return db_integer(kind & 128 ? (int64_t)cursor_u64(input) : cursor_u8(input));
	bytes = fuzz_take(input, lengths[kind / 4 % ARRAY_SIZE(lengths)], &len);
	value = db_blob(bytes ? bytes : "", bytes ? len : 0);
	value.type = kind % 4 == 2 ? DB_TEXT : DB_BLOB;
	return value;
}

/* One edit. That SQLite refuses it (a key twice) is no matter. */
static void tamper(struct cursor *input)
{
	static const char *const edits[] = {
		"UPDATE %1$s SET %2$s = ?2 WHERE rowid = ?1",
		"DELETE FROM %1$s WHERE rowid = ?1",
		"UPDATE %1$s SET %2$s = (SELECT %2$s FROM %1$s WHERE rowid = ?2) WHERE rowid = ?1",
		"UPDATE %1$s SET %2$s = CAST(%2$s AS BLOB) WHERE rowid = ?1",
		"UPDATE %1$s SET %2$s = %2$s + 1 WHERE rowid = ?1",
		"UPDATE %1$s SET %2$s = coalesce(%2$s, 0) + 0.5 WHERE rowid = ?1",
		"INSERT INTO %1$s SELECT * FROM %1$s WHERE rowid = ?1",
		"UPDATE %1$s SET rowid = rowid + 100 WHERE rowid = ?1",
	};
	const char *format = edits[cursor_u8(input) % ARRAY_SIZE(edits)];
	size_t table = cursor_u8(input) % TABLES;
	scope_free char *column = column_of(table, cursor_u8(input));
	scope_free char *sql = NULL;
	struct db_value values[2];

	values[0] = db_integer(1 + cursor_u8(input) % 6);
	values[1] = strstr(format, "rowid = ?2") ? db_integer(1 + cursor_u8(input) % 6)
						 : any_value(input);
	/* Both words are used, whatever the edit. */
	holds(asprintf(&sql, format, table_name(table), column) > 0);
	db_run(db, sql, values, strstr(sql, "?2") ? 2 : 1);
}

/* ---- what must hold ---- */

struct row_look {
	size_t table;
	unsigned columns;
};

static int see_row(void *arg, const struct db_value *values, bool intact)
{
	const struct row_look *look = arg;
	const struct content *content = &contents[look->table];
	scope_buffer struct buffer row = {0};
	bool known = false;

	if (!intact)
		return 0;
	for (unsigned i = 0; i < look->columns; i++)
		add_value(&row, &values[i]);
	for (size_t i = 0; i < content->count; i++)
		known |= content->rows[i].len > row.len &&
			 memcmp(content->rows[i].data, row.data, row.len) == 0;
	holds(known);
	return 0;
}

static void check_inode(const struct inode *inode)
{
	const struct inode *was = catalogue_find(tree, inode->info.ino);
	struct name_list names, names_were;

	if (inode->info.damaged)
		return;
	holds(was && was->info.kind == inode->info.kind && was->info.mode == inode->info.mode);
	holds(was->info.uid == inode->info.uid && was->info.size == inode->info.size);
	holds(memcmp(was->info.file_id, inode->info.file_id, ID_SIZE) == 0);
	holds(memcmp(was->info.root, inode->info.root, DIGEST_SIZE) == 0);
	holds(memcmp(&was->dek, &inode->dek, sizeof(was->dek)) == 0);
	holds(!was->target || strcmp(was->target, inode->target) == 0);
	holds(catalogue_names(inode, &names) == 0 && catalogue_names(was, &names_were) == 0);
	holds(names.count == 1 && strcmp(names.names[0].path, names_were.names[0].path) == 0);
	name_list_done(&names);
	name_list_done(&names_were);
}

static void check_tree(void)
{
	scope(catalogue_free) struct catalogue *now = NULL;
	scope(kek_ring_free) struct kek_ring *keks_now = NULL;
	scope(settings_free) struct settings *settings = NULL;
	struct hash_link *link = NULL;

	holds(kek_ring_load(rows, master, vault_id, &keks_now) == 0);
	holds(settings_load(rows, &settings) == 0);
	holds(!settings_find(settings, "suite") ||
		strcmp(settings_find(settings, "suite"), "aes-256-gcm") == 0);
	holds(catalogue_load(rows, keks_now, &now) == 0);
	while ((link = hash_table_walk(&now->by_ino, link)))
		check_inode(hash_object(link, struct inode, by_ino));
}

static void check_all(void)
{
	scope_free struct key_slot *slots = NULL;
	bool seal_same = table_is(vault_table_count, &contents[vault_table_count], false);
	bool policy_same = true, same = true;
	size_t slot_count = 0;
	int r;

	holds(key_slots_read(db, &slots, &slot_count) == 0);
	r = sealed_rows_check(rows);
	holds(r == (seal_same ? 0 : -EBADMSG));
	if (r < 0) {
		holds(sealed_rows_policy_is_broken(rows) && !sealed_rows_is_intact(rows));
		return;
	}
	for (size_t i = 0; i < vault_table_count; i++) {
		bool table_same = table_is(i, &contents[i], false);
		struct row_look look = {.table = i, .columns = vault_tables[i].column_count};

		same &= table_same;
		policy_same &= table_same || vault_tables[i].epoch != SEALED_POLICY;
		holds(sealed_rows_each(rows, vault_tables[i].name, see_row, &look) == 0);
	}
	holds(sealed_rows_is_intact(rows) == same);
	holds(sealed_rows_policy_is_broken(rows) == !policy_same);
	check_tree();
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct cursor cursor;

	cursor_init(&cursor, input, size);
	holds(db_begin(db) == 0);
	while (cursor.left > 0 && !cursor.failed)
		tamper(&cursor);
	check_all();
	db_rollback(db);
	return 0;
}
