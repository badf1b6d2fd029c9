/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of keystore/base/db.c: what is opened, what is refused, statements, transactions, copies.
 */
#include "keystore/base/db.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static char directory[64];

static const char *path_of(const char *name)
{
	static char path[2][128];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", directory, name);
	return path[turn];
}

static int setup(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test_db.XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static struct db *new_db(const char *name)
{
	struct db *db = NULL;

	assert_int_equal(db_open(path_of(name), DB_CREATE, &db), 0);
	assert_int_equal(db_exec(db, "CREATE TABLE t (k INTEGER PRIMARY KEY, v ANY) STRICT"), 0);
	return db;
}

static int64_t read_integer(struct db *db, const char *sql)
{
	int64_t value = -99;

	assert_int_equal(db_read_integer(db, sql, &value), 0);
	return value;
}

static void test_created_private(void **state)
{
	mode_t umask_before = umask(0);
	struct db *db = new_db("new.db");
	static const char *const names[] = {"new.db", "new.db-wal", "new.db-shm"};
	struct stat st;

	(void)state;
	umask(umask_before);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		assert_int_equal(stat(path_of(names[i]), &st), 0);
		assert_int_equal(st.st_mode & 07777, 0600);
	}
	db_close(db);
	assert_int_equal(db_open(path_of("new.db"), DB_CREATE, &db), -EEXIST);
}

static void test_pragmas(void **state)
{
	struct db *db = new_db("pragmas.db");

	(void)state;
	assert_int_equal(read_integer(db, "PRAGMA synchronous"), 2);
	assert_int_equal(read_integer(db, "PRAGMA secure_delete"), 1);
	assert_int_equal(read_integer(db, "PRAGMA foreign_keys"), 1);
	assert_int_equal(read_integer(db, "PRAGMA trusted_schema"), 0);
	assert_int_equal(read_integer(db, "PRAGMA mmap_size"), 0);
	assert_int_equal(read_integer(db, "PRAGMA busy_timeout"), 5000);
	assert_int_equal(read_integer(db, "PRAGMA cell_size_check"), 1);
	assert_int_equal(
		read_integer(db, "SELECT journal_mode = 'wal' FROM pragma_journal_mode"), 1);
	assert_int_equal(db_set_sync_full(db, false), 0);
	assert_int_equal(read_integer(db, "PRAGMA synchronous"), 1);
	/* A double-quoted string would make a mistyped column a constant. */
	assert_int_equal(db_exec(db, "SELECT \"mistyped\" FROM t"), -EIO);
	db_exec(db, "PRAGMA writable_schema=ON");
	assert_true(db_exec(db, "DELETE FROM sqlite_schema") < 0);
	db_close(db);
}

static void test_other_files_refused(void **state)
{
	struct db *db = new_db("real.db");
	static const char text[] = "this is no database at all, but some text that goes on a while";
	char deep[128];
	FILE *file;

	(void)state;
	db_close(db);
	db = NULL;
	assert_int_equal(symlink("real.db", path_of("link.db")), 0);
	assert_int_equal(db_open(path_of("link.db"), 0, &db), -ELOOP);
	assert_int_equal(db_open(path_of("link.db"), DB_CREATE, &db), -EEXIST);
	assert_int_equal(db_open(path_of("absent.db"), 0, &db), -ENOENT);
	assert_int_equal(db_open(path_of("absent/x.db"), DB_CREATE, &db), -ENOENT);
	assert_int_equal(mkfifo(path_of("fifo.db"), 0600), 0);
	assert_int_equal(db_open(path_of("fifo.db"), 0, &db), -EINVAL);
	assert_int_equal(db_open(directory, 0, &db), -EINVAL);
	assert_int_equal(db_open(path_of("real.db"), DB_READ_ONLY | DB_CREATE, &db), -EINVAL);
	snprintf(deep, sizeof(deep), "%s", path_of("text.db"));
	file = fopen(deep, "we");
	assert_non_null(file);
	assert_int_equal(fwrite(text, sizeof(text), 1, file), 1);
	fclose(file);
	assert_int_equal(db_open(deep, 0, &db), -EUCLEAN);
	assert_null(db);
}

/* /var/run and many homes are symlinks: only the last component may not be one. */
static void test_symlinked_directory(void **state)
{
	struct db *db = NULL;

	(void)state;
	assert_int_equal(mkdir(path_of("there"), 0700), 0);
	assert_int_equal(symlink("there", path_of("here")), 0);
	assert_int_equal(db_open(path_of("here/x.db"), DB_CREATE, &db), 0);
	db_close(db);
	assert_int_equal(access(path_of("there/x.db"), F_OK), 0);
}

static void test_values_round_trip(void **state)
{
	struct db *db = new_db("values.db");
	static const char with_nul[] = "a\0b";
	const struct db_value given[] = {db_null(), db_integer(INT64_MIN), db_text(""),
		{.type = DB_TEXT, .data = with_nul, .len = 3}, db_blob(NULL, 0),
		db_blob("\0\xff", 2)};
	struct db_query *query = NULL;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		const struct db_value values[] = {db_integer((int64_t)i), given[i]};

		assert_int_equal(db_run(db, "INSERT INTO t VALUES (?, ?)", values, 2), 0);
		assert_int_equal(db_last_rowid(db), i);
		assert_int_equal(db_changes(db), 1);
	}
	assert_int_equal(db_prepare(db, "SELECT k, v FROM t ORDER BY k", &query), 0);
	assert_int_equal(db_column_count(query), 2);
	for (size_t i = 0; i < ARRAY_SIZE(given); i++) {
		struct db_value value;

		assert_int_equal(db_step(query), 1);
		value = db_column(query, 1);
		assert_int_equal(db_column_integer(query, 0), i);
		assert_int_equal(value.type, given[i].type);
		assert_int_equal(value.integer, given[i].integer);
		assert_int_equal(value.len, given[i].len);
		if (value.len)
			assert_memory_equal(value.data, given[i].data, value.len);
	}
	assert_int_equal(db_step(query), 0);
	db_done(query);
	db_close(db);
}

static void test_statement_cache(void **state)
{
	struct db *db = new_db("cache.db");
	struct db_query *outer = NULL, *inner = NULL, *again = NULL;
	char sql[] = "SELECT k FROM t WHERE k >= ? ORDER BY k";

	(void)state;
	assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1,1), (2,2), (3,3)"), 0);
	assert_int_equal(db_prepare(db, sql, &outer), 0);
	assert_int_equal(db_prepare(db, sql, &inner), 0);
	assert_ptr_not_equal(outer, inner);
	db_bind(outer, 1, db_integer(1));
	db_bind(inner, 1, db_integer(3));
	assert_int_equal(db_step(outer), 1);
	assert_int_equal(db_step(inner), 1);
	assert_int_equal(db_column_integer(inner, 0), 3);
	assert_int_equal(db_step(outer), 1);
	assert_int_equal(db_column_integer(outer, 0), 2);
	db_done(inner);
	assert_int_equal(db_prepare(db, "SELECT k FROM t WHERE k >= ? ORDER BY k", &again), 0);
	assert_ptr_equal(again, inner);
	/* What was bound before is gone. */
	assert_int_equal(db_step(again), 0);
	db_done(again);
	memset(sql, 'x', sizeof(sql) - 1); /* the cache has its own copy */
	db_done(outer);
	assert_int_equal(db_prepare(db, "  -- nothing", &again), -EINVAL);
	assert_int_equal(db_prepare(db, "SELECT FROM", &again), -EIO);
	assert_non_null(strstr(db_error(db), "syntax error"));
	db_close(db);
}

static void test_failed_bind(void **state)
{
	struct db *db = new_db("bind.db");
	struct db_query *query = NULL;
	const struct db_value values[] = {db_integer(1), db_integer(2)};

	(void)state;
	assert_int_equal(db_prepare(db, "INSERT INTO t VALUES (?, 0)", &query), 0);
	db_bind(query, 2, db_integer(7));
	db_bind(query, 1, db_integer(7));
	assert_int_equal(db_step(query), -EIO);
	db_done(query);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (?, 0)", values, 2), -EIO);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (?, 0)", values, 1), 0);
	assert_int_equal(db_run(db, "INSERT INTO t VALUES (?, 0)", values, 1), -EEXIST);
	assert_int_equal(read_integer(db, "SELECT count(*) FROM t"), 1);
	assert_int_equal(db_read_integer(db, "SELECT k FROM t WHERE k=9", &(int64_t){0}), -ENOENT);
	db_close(db);
}

static void test_transactions(void **state)
{
	struct db *db = new_db("transactions.db"), *other = NULL;
	int64_t before, after;

	(void)state;
	assert_int_equal(db_begin(db), 0);
	assert_true(db_in_transaction(db));
	assert_int_equal(db_begin(db), -EIO);
	assert_int_equal(db_set_sync_full(db, true), -EBUSY);
	assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1, 1)"), 0);
	db_rollback(db);
	assert_false(db_in_transaction(db));
	assert_int_equal(read_integer(db, "SELECT count(*) FROM t"), 0);
	assert_int_equal(db_open(path_of("transactions.db"), 0, &other), 0);
	assert_int_equal(db_data_version(db, &before), 0);
	assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1, 1)"), 0);
	assert_int_equal(db_data_version(db, &after), 0);
	assert_int_equal(before, after);
	assert_int_equal(db_exec(other, "INSERT INTO t VALUES (2, 1)"), 0);
	assert_int_equal(db_data_version(db, &after), 0);
	assert_int_not_equal(before, after);
	assert_int_equal(db_exec(db, "PRAGMA busy_timeout=0"), 0);
	assert_int_equal(db_begin(other), 0);
	assert_int_equal(db_begin(db), -EBUSY);
	db_close(other);
	/* A commit that fails leaves no transaction behind. */
	assert_int_equal(db_exec(db, "CREATE TABLE c (p INTEGER REFERENCES t(k) "
				     "DEFERRABLE INITIALLY DEFERRED) STRICT"),
		0);
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(db_exec(db, "INSERT INTO c VALUES (77)"), 0);
	assert_int_equal(db_commit(db), -EEXIST);
	assert_false(db_in_transaction(db));
	assert_int_equal(read_integer(db, "SELECT count(*) FROM c"), 0);
	db_close(db);
}

static void test_migrations(void **state)
{
	static const struct db_migration steps[] = {
		{1, "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1)"},
		{2, "UPDATE a SET x = x + 1"},
		{3, "UPDATE a SET x = 100; UPDATE no_such_table SET x = 1"},
	};
	struct db *db = new_db("migrations.db");

	(void)state;
	assert_int_equal(db_migrate(db, steps, 1), 0);
	assert_int_equal(db_migrate(db, steps, 2), 0);
	assert_int_equal(db_migrate(db, steps, 2), 0);
	assert_int_equal(read_integer(db, "SELECT x FROM a"), 2);
	assert_int_equal(db_migrate(db, steps, 3), -EIO);
	assert_int_equal(read_integer(db, "SELECT x FROM a"), 2);
	assert_int_equal(read_integer(db, "PRAGMA user_version"), 2);
	assert_int_equal(db_migrate(db, steps, 1), -EPROTONOSUPPORT);
	assert_int_equal(db_exec(db, "PRAGMA user_version=-1"), 0);
	assert_int_equal(db_migrate(db, steps, 2), -EUCLEAN);
	db_close(db);
}

static void test_checkpoint_and_copy(void **state)
{
	struct db *db = new_db("source.db"), *copy = NULL;
	struct stat st;

	(void)state;
	assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1, 'kept')"), 0);
	assert_int_equal(stat(path_of("source.db-wal"), &st), 0);
	assert_true(st.st_size > 0);
	assert_int_equal(db_backup(db, path_of("copy.db")), 0);
	assert_int_equal(db_backup(db, path_of("copy.db")), -EEXIST);
	assert_int_equal(db_checkpoint(db), 0);
	assert_int_equal(stat(path_of("source.db-wal"), &st), 0);
	assert_int_equal(st.st_size, 0);
	assert_int_equal(stat(path_of("copy.db"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(access(path_of("copy.db-wal"), F_OK), -1);
	assert_int_equal(access(path_of("copy.db-journal"), F_OK), -1);
	assert_int_equal(db_open(path_of("copy.db"), DB_READ_ONLY, &copy), 0);
	assert_int_equal(read_integer(copy, "SELECT v = 'kept' FROM t"), 1);
	assert_int_equal(db_exec(copy, "INSERT INTO t VALUES (2, 1)"), -EROFS);
	db_close(copy);
	assert_int_equal(db_begin(db), 0);
	assert_int_equal(db_backup(db, path_of("uncommitted.db")), -EBUSY);
	assert_int_equal(access(path_of("uncommitted.db"), F_OK), -1);
	db_rollback(db);
	assert_int_equal(db_backup(db, path_of("absent/copy.db")), -ENOENT);
	db_close(db);
}

/* From here on the directories of a test may be read only, for root too. */
static void be_nobody(bool nobody)
{
	if (getuid() == 0)
		assert_int_equal(seteuid(nobody ? 65534 : 0), 0);
}

/* A database with one row committed, its files as they lie while the writer has it open. */
static void copy_to(const char *target, bool with_log)
{
	struct db *db = new_db("written.db");
	char command[512];

	assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1, 'kept')"), 0);
	if (!with_log)
		assert_int_equal(db_checkpoint(db), 0);
	assert_int_equal(mkdir(path_of(target), 0755), 0);
	snprintf(command, sizeof(command),
		"cd %s && cp written.db '%s/x?y#z.db' && cp written.db-wal '%s/x?y#z.db-wal' && "
		"chmod 444 '%s'/* && chmod 555 '%s' && rm written.db*",
		directory, target, target, target, target);
	assert_int_equal(system(command), 0);
	db_close(db);
}

static void test_read_only_directory(void **state)
{
	struct db *db = NULL;

	(void)state;
	assert_int_equal(chmod(directory, 0755), 0);
	copy_to("quiet %41&", false);
	copy_to("busy %41&", true);
	be_nobody(true);
	assert_int_equal(db_open(path_of("quiet %41&/x?y#z.db"), DB_READ_ONLY, &db), 0);
	assert_int_equal(read_integer(db, "SELECT v = 'kept' FROM t"), 1);
	assert_int_equal(db_exec(db, "INSERT INTO t VALUES (2, 1)"), -EROFS);
	db = db_close(db);
	assert_int_equal(db_open(path_of("busy %41&/x?y#z.db"), DB_READ_ONLY, &db), -EROFS);
	be_nobody(false);
	assert_null(db);
	/* No log is as good as an empty one. */
	assert_int_equal(chmod(path_of("quiet %41&"), 0755), 0);
	assert_int_equal(unlink(path_of("quiet %41&/x?y#z.db-wal")), 0);
	assert_int_equal(chmod(path_of("quiet %41&"), 0555), 0);
	be_nobody(true);
	assert_int_equal(db_open(path_of("quiet %41&/x?y#z.db"), DB_READ_ONLY, &db), 0);
	assert_int_equal(read_integer(db, "SELECT count(*) FROM t"), 1);
	be_nobody(false);
	db_close(db);
	chmod(path_of("quiet %41&"), 0755);
	chmod(path_of("busy %41&"), 0755);
}

/* Who can write the file must not get code to run in our transactions. */
static void test_foreign_schema_is_inert(void **state)
{
	struct db *db = new_db("schema.db");

	(void)state;
	assert_int_equal(db_exec(db, "CREATE TRIGGER x AFTER INSERT ON t BEGIN "
				     "INSERT INTO t VALUES (new.k + 1000, 0); END"),
		0);
	assert_int_equal(db_exec(db, "INSERT INTO t VALUES (1, 1)"), 0);
	assert_int_equal(read_integer(db, "SELECT count(*) FROM t"), 1);
	assert_int_equal(db_exec(db, "CREATE VIEW w AS SELECT 1"), 0);
	assert_true(db_exec(db, "SELECT * FROM w") < 0);
	db_close(db);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_created_private),
		cmocka_unit_test(test_pragmas),
		cmocka_unit_test(test_other_files_refused),
		cmocka_unit_test(test_symlinked_directory),
		cmocka_unit_test(test_values_round_trip),
		cmocka_unit_test(test_statement_cache),
		cmocka_unit_test(test_failed_bind),
		cmocka_unit_test(test_transactions),
		cmocka_unit_test(test_migrations),
		cmocka_unit_test(test_checkpoint_and_copy),
		cmocka_unit_test(test_read_only_directory),
		cmocka_unit_test(test_foreign_schema_is_inert),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
