/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_catalogue.c - any rows at all, intact ones that make no sense among them, made into a tree.
 * The invariants of catalogue_private.h hold, every walk ends, and what is not marked damaged has
 * all its rows intact, and a way from the root whose every name is.
 * libFuzzer: -max_len=1024 -max_total_time=10
 */
#include <errno.h>

#include "keystore/catalogue_store.h"
#include "keystore/keystore.h"
#include "tests/fuzz/fuzz.h"

#define ROWS_MAX    64
#define COLUMNS_MAX 10

enum table { INODE, FILE_TABLE, XATTR, NAME, TABLES };
static const char *const table_names[TABLES] = {"inode", "file", "xattr", "name"};
static const unsigned table_columns[TABLES] = {10, 10, 3, 4};

struct row {
	enum table table;
	bool intact;
	struct db_value values[COLUMNS_MAX];
};

static struct {
	struct row rows[ROWS_MAX];
	size_t count;
	char store[ROWS_MAX * COLUMNS_MAX][64];
	size_t stored;
} input_rows;

int __wrap_sealed_rows_each(struct sealed_rows *rows, const char *table,
	int (*row)(void *arg, const struct db_value *values, bool intact), void *arg);
bool __wrap_kek_ring_has(const struct kek_ring *ring, uint32_t number);

/* The linker puts these two in the place of the database. */
int __wrap_sealed_rows_each(struct sealed_rows *rows, const char *table,
	int (*row)(void *arg, const struct db_value *values, bool intact), void *arg)
{
	int r = 0;

	(void)rows;
	for (size_t i = 0; i < input_rows.count && r >= 0; i++) {
		const struct row *at = &input_rows.rows[i];

		if (strcmp(table_names[at->table], table) == 0)
			r = row(arg, at->values, at->intact);
	}
	return r < 0 ? r : 0;
}

bool __wrap_kek_ring_has(const struct kek_ring *ring, uint32_t number)
{
	(void)ring;
	return number == 1;
}

static struct db_value blob_of(struct cursor *input, size_t max)
{
	char *room = input_rows.store[input_rows.stored++];
	size_t len;
	const void *bytes = fuzz_take(input, max, &len);

	memset(room, 0, sizeof(input_rows.store[0]));
	if (bytes && len)
		memcpy(room, bytes, len);
	return db_blob(room, bytes ? len : 0);
}

/* A value that fits the column, or one of another kind. */
static struct db_value value_of(struct cursor *input, struct db_value fitting, unsigned oddity)
{
	switch (oddity) {
	case 1:
		return db_null();
	case 2:
		return db_integer((int64_t)cursor_u64(input));
	case 3:
		return db_integer(cursor_u8(input));
	case 4:
		return blob_of(input, cursor_u8(input) % 64);
	default:
		return fitting;
	}
}

static struct db_value id_of(struct cursor *input)
{
	struct db_value value = blob_of(input, 1);

	value.len = ID_SIZE;
	return value;
}

/* What a writer of ours would put, but for numbers that need not agree with other rows. */
static void fill(struct cursor *input, struct row *row)
{
	static const char long_enough[64] = "wrapped";
	struct db_value *values = row->values;
	uint8_t kind = cursor_u8(input);

	for (unsigned i = 0; i < COLUMNS_MAX; i++)
		values[i] = db_integer(1);
	values[0] = db_integer(kind % 16);
	switch (row->table) {
	case INODE:
		values[1] = db_integer(1 + kind / 16 % 3);
		values[8] = db_integer(kind / 64);
		values[9] = kind / 16 % 3 == 2 ? blob_of(input, 3) : db_null();
		break;
	case FILE_TABLE:
		values[1] = id_of(input);
		values[3] = db_integer(CHUNK_LOG2_MIN);
		values[7] = db_blob(long_enough, DIGEST_SIZE);
		values[9] = db_blob(long_enough, DEK_WRAPPED_SIZE);
		break;
	case XATTR:
		values[1] = blob_of(input, 2);
		values[2] = blob_of(input, kind / 16);
		break;
	case NAME:
		values[1] = blob_of(input, 1 + kind / 128);
		values[2] = db_integer(cursor_u8(input) % 16);
		values[3] = db_integer(kind / 16 % 8);
		break;
	default:
		break;
	}
}

static void read_rows(struct cursor *input)
{
	input_rows.count = 0;
	input_rows.stored = 0;
	while (input->left > 0 && !input->failed && input_rows.count < ROWS_MAX) {
		struct row *row = &input_rows.rows[input_rows.count++];
		uint8_t what = cursor_u8(input), odd = 0;

		row->table = what % TABLES;
		row->intact = !(what & 64);
		fill(input, row);
		if (what & 128) {
			odd = cursor_u8(input);
			odd %= 8 * table_columns[row->table];
			row->values[odd / 8] = value_of(input, row->values[odd / 8], odd % 8);
		}
	}
}

/* Rows of that table whose column is ino; broken ones among them are told. */
static size_t count_rows(enum table table, unsigned column, uint64_t ino, bool *ret_broken)
{
	size_t count = 0;

	for (size_t i = 0; i < input_rows.count; i++) {
		const struct row *row = &input_rows.rows[i];
		const struct db_value *value = &row->values[column];

		if (row->table != table || value->type != DB_INTEGER ||
			(uint64_t)value->integer != ino)
			continue;
		count++;
		*ret_broken |= !row->intact;
	}
	return count;
}

static void check_sound(const struct inode *inode)
{
	uint64_t ino = inode->info.ino;
	bool broken = false;
	size_t names;

	holds(inode->has_row && count_rows(INODE, 0, ino, &broken) == 1);
	count_rows(XATTR, 0, ino, &broken);
	holds((count_rows(FILE_TABLE, 0, ino, &broken) == 1) == (inode->info.kind == ENTRY_FILE));
	holds(inode->info.kind != ENTRY_FILE || inode->dek.kek == 1);
	holds(!inode->target == (inode->info.kind != ENTRY_SYMLINK));
	/* Names that cannot be any are no names: their rows are not counted. */
	names = count_rows(NAME, 2, ino, &broken);
	holds(inode->name_count <= names);
	holds(ino == ROOT_INO || inode->name_count > 0);
	for (const struct name *name = inode->names; name; name = name->next_of_inode)
		for (const struct name *up = name; up; up = up->parent->names)
			holds(!up->damaged);
	if (ino != ROOT_INO && inode_is_directory(inode))
		holds(inode->name_count == 1);
	if (inode->name_count == names)
		holds(!broken);
}

static void check_names(const struct catalogue *catalogue, const struct inode *inode)
{
	struct name_list list;
	struct inode *found;
	int r;

	for (const struct name *name = inode->names; name; name = name->next_of_inode) {
		holds(name->inode == inode && inode_is_directory(name->parent));
		holds(catalogue_find_name(catalogue, name->parent, name->bytes, name->len) == name);
		holds(name_is_valid(name->bytes, name->len));
	}
	r = catalogue_names(inode, &list);
	holds(r == 0 || r == -EBADMSG);
	holds(r == 0 || inode->info.damaged);
	if (r < 0)
		return;
	for (size_t i = 0; i < list.count; i++) {
		holds(catalogue_resolve(catalogue, list.names[i].path, list.names[i].len, &found) ==
			0);
		holds(found == inode);
	}
	name_list_done(&list);
}

struct listing {
	uint64_t cookie;
	size_t count;
};

static int see(
	void *arg, uint64_t cookie, const char *name, size_t len, const struct entry_info *info)
{
	struct listing *listing = arg;

	holds(cookie > listing->cookie && name_is_valid(name, len) && info->ino >= ROOT_INO);
	listing->cookie = cookie;
	listing->count++;
	return 0;
}

static void check_inode(const struct catalogue *catalogue, const struct inode *inode)
{
	struct listing listing = {0};
	int r;

	if (!inode->info.damaged)
		check_sound(inode);
	check_names(catalogue, inode);
	r = catalogue_list(catalogue, inode->info.ino, 0, see, &listing);
	holds(r == (inode_is_directory(inode) ? 0 : -ENOTDIR));
	holds(listing.count == inode->child_live);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	scope(catalogue_free) struct catalogue *catalogue = NULL;
	struct hash_link *link = NULL;
	struct cursor cursor;
	size_t inodes = 0;

	cursor_init(&cursor, input, size);
	read_rows(&cursor);
	holds(catalogue_load(NULL, NULL, &catalogue) == 0);
	holds(catalogue->root && inode_is_directory(catalogue->root));
	holds(catalogue_find(catalogue, ROOT_INO) == catalogue->root && !catalogue->root->names);
	while ((link = hash_table_walk(&catalogue->by_ino, link))) {
		const struct inode *inode = hash_object(link, struct inode, by_ino);

		holds(inode->info.ino < catalogue->next_ino);
		check_inode(catalogue, inode);
		inodes++;
	}
	holds(inodes == 1 + catalogue->files + catalogue->directories + catalogue->symlinks);
	return 0;
}
