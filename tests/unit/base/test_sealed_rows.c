/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of keystore/base/sealed_rows*.c: the documented bytes, changes and their failure, and what
 * a writer of the database file can do to rows, buckets and the seal.
 */
#include "keystore/base/sealed_rows.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/base/bytes.h"

static const struct sealed_table tables[] = {
	{"rule", "id, text", 1, 2, SEALED_POLICY},
	{"entry", "parent, name, ino, note, extra", 2, 5, SEALED_CATALOGUE},
};

static const char schema[] =
	"CREATE TABLE rule (id INTEGER PRIMARY KEY, text TEXT NOT NULL, "
	"bucket INTEGER NOT NULL, mac BLOB NOT NULL) STRICT;"
	"CREATE INDEX rule_bucket ON rule (bucket, id);"
	"CREATE TABLE entry (parent INTEGER NOT NULL, name BLOB NOT NULL, ino INTEGER UNIQUE, "
	"note TEXT, extra BLOB, bucket INTEGER NOT NULL, mac BLOB NOT NULL, "
	"PRIMARY KEY (parent, name)) STRICT;"
	"CREATE INDEX entry_bucket ON entry (bucket, parent, name);";

struct fixture {
	char path[64];
	struct db *db;
	struct db *foe; /* another connection: who can write the file */
	struct sealed_rows *rows;
};

static uint8_t vault_id[ID_SIZE];

static struct sealed_rows *open_rows(struct db *db, uint8_t row_key, uint8_t seal_key)
{
	struct secret *keys[2];
	struct sealed_rows *rows = NULL;
	const uint8_t firsts[] = {row_key, seal_key};

	for (int k = 0; k < 2; k++) {
		assert_int_equal(secret_new(KEY_SIZE, &keys[k]), 0);
		for (int i = 0; i < KEY_SIZE; i++)
			secret_bytes(keys[k])[i] = (uint8_t)(firsts[k] + i);
	}
	for (int i = 0; i < ID_SIZE; i++)
		vault_id[i] = (uint8_t)(0xa0 + i);
	assert_int_equal(
		sealed_rows_open(db, tables, ARRAY_SIZE(tables), vault_id, keys[0], keys[1], &rows),
		0);
	secret_free(keys[0]);
	secret_free(keys[1]);
	return rows;
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	snprintf(f->path, sizeof(f->path), "/tmp/test_sealed.XXXXXX");
	assert_non_null(mkdtemp(f->path));
	strcat(f->path, "/db");
	assert_int_equal(db_open(f->path, DB_CREATE | DB_SYNC_NORMAL, &f->db), 0);
	assert_int_equal(db_exec(f->db, sealed_rows_schema), 0);
	assert_int_equal(db_exec(f->db, schema), 0);
	assert_int_equal(db_open(f->path, DB_SYNC_NORMAL, &f->foe), 0);
	f->rows = open_rows(f->db, 0, 32);
	assert_int_equal(sealed_rows_create(f->rows), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	sealed_rows_close(f->rows);
	db_close(f->foe);
	db_close(f->db);
	*strrchr(f->path, '/') = '\0';
	snprintf(command, sizeof(command), "rm -rf %s", f->path);
	free(f);
	return system(command);
}

static int put_rule(struct fixture *f, int64_t id, const char *text)
{
	const struct db_value values[] = {db_integer(id), db_text(text)};

	return sealed_rows_put(f->rows, "rule", values);
}

static int put_entry(struct fixture *f, int64_t parent, const char *name, int64_t ino)
{
	const struct db_value values[] = {db_integer(parent), db_blob(name, strlen(name)),
		db_integer(ino), db_text("note"), db_null()};

	return sealed_rows_put(f->rows, "entry", values);
}

static void fill(struct fixture *f, int count)
{
	char name[32];

	assert_int_equal(sealed_rows_begin(f->rows), 0);
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof(name), "file-%d", i);
		assert_int_equal(put_entry(f, 1, name, 100 + i), 0);
		assert_int_equal(put_rule(f, i, name), 0);
	}
	assert_int_equal(sealed_rows_commit(f->rows), 0);
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_is_intact(f->rows));
}

struct tally {
	int rows;
	int damaged;
	int64_t damaged_key; /* the last one's third column (entry) or first (rule) */
	int column;
};

static int count_row(void *arg, const struct db_value *values, bool intact)
{
	struct tally *tally = arg;

	tally->rows++;
	if (!intact) {
		tally->damaged++;
		tally->damaged_key = values[tally->column].integer;
	}
	return 0;
}

static struct tally tally_of(struct fixture *f, const char *table)
{
	struct tally tally = {.column = strcmp(table, "entry") == 0 ? 2 : 0};

	assert_int_equal(sealed_rows_each(f->rows, table, count_row, &tally), 0);
	return tally;
}

static void foe(struct fixture *f, const char *sql)
{
	int r = db_exec(f->foe, sql);

	if (r < 0)
		fail_msg("%s: %s", sql, db_error(f->foe));
}

static void assert_hex(struct db *db, const char *sql, const char *expected)
{
	struct db_query *query = NULL;
	struct db_value value;
	char text[2 * DIGEST_SIZE + 1];

	assert_int_equal(db_prepare(db, sql, &query), 0);
	assert_int_equal(db_step(query), 1);
	value = db_column(query, 0);
	assert_int_equal(value.len, DIGEST_SIZE);
	hex_encode(value.data, value.len, text);
	assert_string_equal(text, expected);
	db_done(query);
}

/*
 * Computed with Python's hmac and hashlib from the text of contrib/docs/keystore.md alone: row key
 * 00..1f, seal key 20..3f, vault id a0..af, one row of `entry`.
 */
static void test_documented_bytes(void **state)
{
	struct fixture *f = *state;
	const struct db_value values[] = {
		db_integer(1), db_blob("model.bin", 9), db_integer(-2), db_text("note"), db_null()};
	char sql[128];
	int64_t bucket;

	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_int_equal(sealed_rows_put(f->rows, "entry", values), 0);
	assert_int_equal(sealed_rows_commit(f->rows), 0);
	assert_int_equal(db_read_integer(f->db, "SELECT bucket FROM entry", &bucket), 0);
	assert_int_equal(bucket, 115);
	assert_hex(f->db, "SELECT mac FROM entry",
		"eddb26f661d5f53bcb3d07cd91538263fa8f219aafcef5b9c67c05706f774dc5");
	/* Buckets of table 1 begin after the 8192 bytes of table 0; substr counts from 1. */
	snprintf(sql, sizeof(sql), "SELECT substr(buckets, %d, 32) FROM seal",
		8192 + 32 * (int)bucket + 1);
	assert_hex(f->db, sql, "269a5d124a03620dde8703907100c16f4ec5ea67bf49afc3e3aaf3adf699fb50");
	assert_hex(f->db, "SELECT mac FROM seal",
		"47e593445add3ece134814e7484a54beb8c56d3312c76c1c37b7321a4a0dbc53");
}

static void test_epochs_and_changes(void **state)
{
	struct fixture *f = *state;
	const struct db_value key = db_integer(7);

	assert_int_equal(sealed_rows_epoch(f->rows, SEALED_POLICY), 1);
	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_true(sealed_rows_in_change(f->rows));
	assert_int_equal(put_rule(f, 7, "allow"), 0);
	assert_int_equal(sealed_rows_commit(f->rows), 0);
	assert_int_equal(sealed_rows_epoch(f->rows, SEALED_POLICY), 2);
	assert_int_equal(sealed_rows_epoch(f->rows, SEALED_CATALOGUE), 1);
	/* Replacing, and more than one change of a row. */
	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_int_equal(put_rule(f, 7, "deny"), 0);
	assert_int_equal(put_rule(f, 7, "deny all"), 0);
	assert_int_equal(put_entry(f, 1, "x", 1), 0);
	assert_int_equal(sealed_rows_commit(f->rows), 0);
	assert_int_equal(sealed_rows_epoch(f->rows, SEALED_POLICY), 3);
	assert_int_equal(sealed_rows_epoch(f->rows, SEALED_CATALOGUE), 2);
	assert_int_equal(tally_of(f, "rule").rows, 1);
	/* A change of nothing raises nothing. */
	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_int_equal(sealed_rows_commit(f->rows), 0);
	assert_int_equal(sealed_rows_epoch(f->rows, SEALED_POLICY), 3);
	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_int_equal(sealed_rows_delete(f->rows, "rule", &key), 0);
	assert_int_equal(sealed_rows_delete(f->rows, "rule", &key), -ENOENT);
	assert_int_equal(sealed_rows_commit(f->rows), 0);
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_is_intact(f->rows));
	assert_int_equal(tally_of(f, "rule").rows, 0);
}

static void test_survives_reopening(void **state)
{
	struct fixture *f = *state;
	struct sealed_rows *wrong;

	fill(f, 600); /* some buckets hold several rows: their order counts */
	f->rows = sealed_rows_close(f->rows);
	f->rows = open_rows(f->db, 0, 32);
	assert_true(sealed_rows_policy_is_broken(f->rows)); /* not checked yet */
	assert_int_equal(sealed_rows_begin(f->rows), -EBADMSG);
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_is_intact(f->rows));
	assert_false(sealed_rows_policy_is_broken(f->rows));
	assert_int_equal(tally_of(f, "entry").rows, 600);
	assert_int_equal(tally_of(f, "entry").damaged, 0);
	wrong = open_rows(f->db, 0, 33);
	assert_int_equal(sealed_rows_check(wrong), -EBADMSG);
	assert_int_equal(sealed_rows_epoch(wrong, SEALED_POLICY), 0);
	sealed_rows_close(wrong);
	wrong = open_rows(f->db, 1, 32);
	assert_int_equal(sealed_rows_check(wrong), 0);
	assert_true(sealed_rows_policy_is_broken(wrong));
	sealed_rows_close(wrong);
}

static void test_abort(void **state)
{
	struct fixture *f = *state;

	fill(f, 3);
	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_int_equal(put_rule(f, 1, "changed"), 0);
	assert_int_equal(put_entry(f, 9, "new", 9), 0);
	sealed_rows_abort(f->rows);
	assert_false(sealed_rows_in_change(f->rows));
	assert_false(db_in_transaction(f->db));
	assert_int_equal(sealed_rows_epoch(f->rows, SEALED_POLICY), 2);
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_is_intact(f->rows));
	assert_int_equal(tally_of(f, "entry").rows, 3);
	/* A collision in another UNIQUE is an error: no other row is replaced. */
	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_int_equal(put_entry(f, 1, "other", 100), -EEXIST);
	sealed_rows_abort(f->rows);
	fill(f, 5);
	assert_int_equal(tally_of(f, "entry").rows, 5);
}

static void test_misuse(void **state)
{
	struct fixture *f = *state;
	const struct db_value null_key[] = {
		db_integer(1), db_null(), db_null(), db_null(), db_null()};
	static char large[LIMIT_SEALED_ROW + 1];

	assert_int_equal(put_rule(f, 1, "outside"), -EINVAL);
	assert_int_equal(sealed_rows_commit(f->rows), -EINVAL);
	assert_int_equal(sealed_rows_create(f->rows), -EEXIST);
	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_int_equal(sealed_rows_begin(f->rows), -EBUSY);
	assert_int_equal(sealed_rows_check(f->rows), -EBUSY);
	assert_int_equal(sealed_rows_put(f->rows, "entry", null_key), -EINVAL);
	assert_int_equal(sealed_rows_put(f->rows, "absent", null_key), -EINVAL);
	memset(large, 'x', sizeof(large) - 1);
	assert_int_equal(put_rule(f, 1, large), -EFBIG);
	sealed_rows_abort(f->rows);
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_is_intact(f->rows));
}

/* What the owner of the file does to rows, and how many rows of it must be damaged. */
static const struct attack {
	const char *sql;
	int damaged; /* -1: at least one */
} entry_attacks[] = {
	{"UPDATE entry SET ino = 999 WHERE ino = 105", 1},
	{"UPDATE entry SET note = NULL WHERE ino = 105", 1},
	{"UPDATE entry SET extra = x'' WHERE ino = 105", 1},
	{"UPDATE entry SET parent = 2 WHERE ino = 105", -1},
	{"UPDATE entry SET mac = zeroblob(32) WHERE ino = 105", -1},
	{"UPDATE entry SET mac = zeroblob(2000000) WHERE ino = 105", -1},
	{"UPDATE entry SET mac = x'' WHERE ino = 105", -1},
	{"UPDATE entry SET note = hex(zeroblob(1000000)) WHERE ino = 105", 1},
	{"UPDATE entry SET bucket = (bucket + 1) % 256 WHERE ino = 105", -1},
	{"UPDATE entry SET bucket = -1 WHERE ino = 105", -1},
	{"UPDATE entry SET bucket = 9223372036854775807 WHERE ino = 105", -1},
	{"INSERT INTO entry SELECT 5, name, 5, note, extra, bucket, mac FROM entry WHERE ino = 105",
		-1},
	{"INSERT INTO entry VALUES (5, x'00', 5, 'n', NULL, 300, zeroblob(32))", 1},
	{"CREATE TEMP TABLE s AS SELECT a.ino AS i, b.mac AS m FROM entry a, entry b "
	 "WHERE a.ino + b.ino = 211 AND a.ino IN (105, 106); "
	 "UPDATE entry SET mac = (SELECT m FROM s WHERE i = ino) WHERE ino IN (105, 106)",
		-1},
};

static void test_edited_rows(void **state)
{
	struct fixture *f = *state;

	fill(f, 20);
	for (size_t i = 0; i < ARRAY_SIZE(entry_attacks); i++) {
		struct tally tally;

		assert_int_equal(db_begin(f->foe), 0);
		foe(f, entry_attacks[i].sql);
		assert_int_equal(db_commit(f->foe), 0);
		assert_int_equal(sealed_rows_check(f->rows), 0);
		assert_false(sealed_rows_is_intact(f->rows));
		assert_false(sealed_rows_policy_is_broken(f->rows));
		tally = tally_of(f, "entry");
		if (entry_attacks[i].damaged < 0 ? tally.damaged < 1 || tally.damaged > 4
						 : tally.damaged != entry_attacks[i].damaged)
			fail_msg("%s: %d damaged", entry_attacks[i].sql, tally.damaged);
		teardown(state);
		setup(state);
		f = *state;
		fill(f, 20);
	}
}

/* A schema without types lets a REAL stand where NULL was. */
static void test_real_is_not_null(void **state)
{
	struct fixture *f = *state;

	fill(f, 1);
	foe(f, "CREATE TABLE loose (parent, name, ino, note, extra, bucket, mac, "
	       "PRIMARY KEY (parent, name)); INSERT INTO loose SELECT * FROM entry; "
	       "DROP TABLE entry; ALTER TABLE loose RENAME TO entry");
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_is_intact(f->rows));
	foe(f, "UPDATE entry SET extra = 0.5");
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_false(sealed_rows_is_intact(f->rows));
	foe(f, "UPDATE entry SET extra = NULL");
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_is_intact(f->rows));
}

static void test_removed_and_restored_rows(void **state)
{
	struct fixture *f = *state;
	const struct db_value key[] = {db_integer(1), db_blob("file-5", 6)};

	fill(f, 2000);
	foe(f, "CREATE TABLE stolen AS SELECT * FROM entry WHERE ino = 105");
	foe(f, "DELETE FROM entry WHERE ino = 105");
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_false(sealed_rows_is_intact(f->rows));
	assert_true(tally_of(f, "entry").damaged > 0); /* its neighbours in the bucket */
	assert_true(tally_of(f, "entry").damaged < 40);
	foe(f, "INSERT INTO entry SELECT * FROM stolen");
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_is_intact(f->rows));
	/* Taken away rightly, then pasted back with its genuine MAC. */
	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_int_equal(sealed_rows_delete(f->rows, "entry", key), 0);
	assert_int_equal(sealed_rows_commit(f->rows), 0);
	foe(f, "INSERT INTO entry SELECT * FROM stolen");
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_false(sealed_rows_is_intact(f->rows));
	assert_true(tally_of(f, "entry").damaged > 1);
	assert_false(sealed_rows_policy_is_broken(f->rows));
}

static void test_policy_breaks(void **state)
{
	struct fixture *f = *state;

	fill(f, 20);
	foe(f, "UPDATE rule SET text = 'allow all' WHERE id = 3");
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_policy_is_broken(f->rows));
	assert_int_equal(tally_of(f, "rule").damaged, 1);
	assert_int_equal(tally_of(f, "rule").damaged_key, 3);
	assert_int_equal(tally_of(f, "entry").damaged, 0);
	foe(f, "UPDATE rule SET text = 'file-3' WHERE id = 3");
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_false(sealed_rows_policy_is_broken(f->rows));
	foe(f, "DELETE FROM rule WHERE id = 4");
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_policy_is_broken(f->rows));
	foe(f, "DELETE FROM rule");
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_policy_is_broken(f->rows));
}

static void test_hostile_seals(void **state)
{
	static const char *const attacks[] = {
		"UPDATE seal SET policy_epoch = policy_epoch - 1",
		"UPDATE seal SET catalogue_epoch = catalogue_epoch + 1",
		"UPDATE seal SET policy_epoch = -1",
		"UPDATE seal SET version = 2",
		"UPDATE seal SET vault_id = zeroblob(16)",
		"UPDATE seal SET vault_id = zeroblob(1000000)",
		"UPDATE seal SET buckets = zeroblob(16384)",
		"UPDATE seal SET buckets = x''",
		"UPDATE seal SET buckets = CAST(buckets || zeroblob(8192) AS BLOB)",
		"UPDATE seal SET mac = zeroblob(32)",
		"UPDATE seal SET mac = x'00'",
		"DELETE FROM seal",
		"DROP TABLE seal; CREATE TABLE seal (id, version, vault_id, policy_epoch, "
		"catalogue_epoch, buckets, mac); "
		"INSERT INTO seal VALUES ('1', 1.0, 'text', NULL, x'01', 5, 6)",
		"CREATE TABLE s2 AS SELECT * FROM seal; DROP TABLE seal; "
		"ALTER TABLE s2 RENAME TO seal; INSERT INTO seal SELECT * FROM seal",
	};

	for (size_t i = 0; i < ARRAY_SIZE(attacks); i++) {
		struct fixture *f = *state;

		fill(f, 3);
		foe(f, attacks[i]);
		/* Before a check notices: no change may seal over it. */
		assert_int_equal(sealed_rows_begin(f->rows), -EBADMSG);
		assert_int_equal(sealed_rows_check(f->rows), -EBADMSG);
		assert_true(sealed_rows_policy_is_broken(f->rows));
		assert_int_equal(tally_of(f, "entry").damaged, 3);
		assert_int_equal(sealed_rows_epoch(f->rows, SEALED_POLICY), 0);
		teardown(state);
		setup(state);
	}
}

/* The older seal with its older rows is genuine: only the epochs tell. But never in mid-change. */
static void test_rollback(void **state)
{
	struct fixture *f = *state;

	fill(f, 3);
	foe(f, "CREATE TABLE old_seal AS SELECT * FROM seal; "
	       "CREATE TABLE old_rule AS SELECT * FROM rule");
	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_int_equal(put_rule(f, 50, "deny"), 0);
	assert_int_equal(sealed_rows_commit(f->rows), 0);
	assert_int_equal(sealed_rows_epoch(f->rows, SEALED_POLICY), 3);
	foe(f, "DELETE FROM seal; INSERT INTO seal SELECT * FROM old_seal; "
	       "DELETE FROM rule; INSERT INTO rule SELECT * FROM old_rule");
	assert_int_equal(sealed_rows_begin(f->rows), -EBADMSG);
	assert_false(db_in_transaction(f->db));
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_is_intact(f->rows));
	assert_int_equal(sealed_rows_epoch(f->rows, SEALED_POLICY), 2);
}

/* A row that somebody pasted must not be sealed in by our next change of its bucket. */
static void test_change_does_not_bless(void **state)
{
	struct fixture *f = *state;
	const struct db_value key = db_integer(7);

	fill(f, 10);
	foe(f, "CREATE TABLE stolen AS SELECT * FROM rule WHERE id = 7");
	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_int_equal(sealed_rows_delete(f->rows, "rule", &key), 0);
	assert_int_equal(sealed_rows_commit(f->rows), 0);
	foe(f, "INSERT INTO rule SELECT * FROM stolen");
	assert_int_equal(sealed_rows_begin(f->rows), 0);
	assert_int_equal(put_rule(f, 7, "deny"), -EBADMSG);
	sealed_rows_abort(f->rows);
	assert_int_equal(sealed_rows_check(f->rows), 0);
	assert_true(sealed_rows_policy_is_broken(f->rows));
}

static void test_lost_table(void **state)
{
	struct fixture *f = *state;

	fill(f, 3);
	foe(f, "DROP TABLE rule");
	assert_int_equal(sealed_rows_check(f->rows), -EIO);
	assert_true(sealed_rows_policy_is_broken(f->rows));
	assert_int_equal(tally_of(f, "entry").damaged, 3);
	assert_int_equal(sealed_rows_begin(f->rows), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_documented_bytes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_epochs_and_changes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_survives_reopening, setup, teardown),
		cmocka_unit_test_setup_teardown(test_abort, setup, teardown),
		cmocka_unit_test_setup_teardown(test_misuse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edited_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_real_is_not_null, setup, teardown),
		cmocka_unit_test_setup_teardown(test_removed_and_restored_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_policy_breaks, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hostile_seals, setup, teardown),
		cmocka_unit_test_setup_teardown(test_rollback, setup, teardown),
		cmocka_unit_test_setup_teardown(test_change_does_not_bless, setup, teardown),
		cmocka_unit_test_setup_teardown(test_lost_table, setup, teardown),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
