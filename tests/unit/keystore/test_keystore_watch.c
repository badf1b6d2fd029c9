/* SPDX-License-Identifier: Apache-2.0 */
/* test_keystore_watch.c - foreign commits while a server runs, broken seals, older databases. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/keystore/fixture.h"

static int key_of(struct fixture *fixture, uint64_t ino)
{
	scope(secret_free) struct secret *dek = NULL;

	return keystore_file_key(fixture->keystore, ino, &dek);
}

static void test_own_changes_are_nothing_new(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ino = fixture_file(fixture, ROOT_INO, "m", 1);

	assert_int_equal(keystore_watch(fixture->keystore), 0);
	assert_int_equal(keystore_set_setting(fixture->keystore, "a", "b"), 0);
	assert_int_equal(keystore_watch(fixture->keystore), 0);
	assert_int_equal(key_of(fixture, ino), 0);
}

static void test_foreign_commit_that_leaves_rows_alone(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ino = fixture_file(fixture, ROOT_INO, "m", 1);

	fixture_sql(fixture, "CREATE TABLE unknown(x)");
	assert_int_equal(keystore_watch(fixture->keystore), 0);
	assert_int_equal(key_of(fixture, ino), 0);
	fixture_file(fixture, ROOT_INO, "n", 1);
	assert_int_equal(keystore_watch(fixture->keystore), 0);
}

static void test_exchanged_file_is_seen(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ino = fixture_file(fixture, ROOT_INO, "m", 1);
	char path[128], moved[128];

	fixture_path(fixture, "keystore.db", path);
	fixture_path(fixture, "moved.db", moved);
	assert_int_equal(rename(path, moved), 0);
	assert_int_equal(keystore_watch(fixture->keystore), -EBADMSG);
	assert_int_equal(rename(moved, path), 0);
	/* It never goes back. */
	assert_int_equal(keystore_watch(fixture->keystore), -EBADMSG);
	assert_int_equal(key_of(fixture, ino), -EBADMSG);
}

static void test_edited_file_row_is_seen(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ino = fixture_file(fixture, ROOT_INO, "m", 1);
	uint64_t other = fixture_file(fixture, ROOT_INO, "n", 1);

	fixture_sql(fixture, "UPDATE file SET size = 2 WHERE ino = (SELECT min(ino) FROM file)");
	assert_int_equal(keystore_watch(fixture->keystore), 0);
	assert_int_equal(key_of(fixture, ino), -EBADMSG);
	assert_int_equal(key_of(fixture, other), 0);
	assert_false(keystore_is_broken(fixture->keystore));
}

static void check_policy_break(struct fixture *fixture, const char *sql)
{
	uint64_t ino = fixture_file(fixture, ROOT_INO, "m", 1);

	fixture_sql(fixture, sql);
	assert_int_equal(keystore_watch(fixture->keystore), -EBADMSG);
	assert_true(keystore_is_broken(fixture->keystore));
	assert_int_equal(key_of(fixture, ino), -EBADMSG);
	assert_int_equal(keystore_set_setting(fixture->keystore, "a", "b"), -EBADMSG);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_true(keystore_is_broken(fixture->keystore));
	assert_int_equal(key_of(fixture, ino), -EBADMSG);
}

static void test_setting_edited(void **state)
{
	check_policy_break(*state, "UPDATE setting SET value = '20' WHERE name = 'chunk_log2'");
}

static void test_setting_removed(void **state)
{
	check_policy_break(*state, "DELETE FROM setting WHERE name = 'timezone'");
}

static void test_rule_added(void **state)
{
	check_policy_break(
		*state, "INSERT INTO rule VALUES (1, 1, 'allow any', 0, 0, 0, zeroblob(32))");
}

static void test_role_added(void **state)
{
	check_policy_break(
		*state, "INSERT INTO role VALUES ('admin', 'user', 1000, 'eve', 0, zeroblob(32))");
}

static void test_slot_added(void **state)
{
	check_policy_break(*state,
		"INSERT INTO slot VALUES (2, 'key-file', zeroblob(32), zeroblob(60), 0, 0,"
		" zeroblob(32))");
}

static void test_objects_path_edited(void **state)
{
	struct fixture *fixture = *state;

	check_policy_break(fixture, "UPDATE vault SET objects = '/tmp/mine'");
	assert_null(strstr(keystore_objects_path(fixture->keystore), "mine"));
}

static void test_seal_edited(void **state)
{
	struct fixture *fixture = *state;

	fixture_sql(fixture, "UPDATE seal SET policy_epoch = policy_epoch + 1");
	assert_int_equal(keystore_watch(fixture->keystore), -EBADMSG);
	assert_true(keystore_is_broken(fixture->keystore));
	assert_int_equal(fixture_unlock_again(fixture), -EBADMSG);
	assert_false(keystore_is_unlocked(fixture->keystore));
	fixture_sql(fixture, "DELETE FROM seal");
	assert_int_equal(fixture_unlock_again(fixture), -EBADMSG);
}

/* All tables as they were, seal included: genuine, but older. */
static void test_older_state_put_back(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ino = fixture_file(fixture, ROOT_INO, "m", 1);

	fixture_sql(fixture, "CREATE TABLE old_setting AS SELECT * FROM setting;"
			     "CREATE TABLE old_seal AS SELECT * FROM seal");
	assert_int_equal(keystore_watch(fixture->keystore), 0);
	assert_int_equal(keystore_set_setting(fixture->keystore, "audit", "sync"), 0);
	fixture_sql(fixture, "DELETE FROM setting; INSERT INTO setting SELECT * FROM old_setting;"
			     "DELETE FROM seal; INSERT INTO seal SELECT * FROM old_seal");
	assert_int_equal(keystore_watch(fixture->keystore), -ESTALE);
	assert_true(keystore_is_broken(fixture->keystore));
	assert_int_equal(key_of(fixture, ino), -EBADMSG);
}

static void test_anchor_round_trip(void **state)
{
	struct fixture *fixture = *state;
	const struct anchor anchor = {
		.epochs = {3, 1ULL << 40}, .audit_segment = 5, .audit_seq = 1234567890123};
	struct anchor back = {0};
	char path[128], name[2 * ID_SIZE + 1];
	struct stat st;
	FILE *file;

	assert_int_equal(keystore_anchor_read(fixture->keystore, &back), -ENOENT);
	assert_int_equal(keystore_anchor_write(fixture->keystore, &anchor), 0);
	assert_int_equal(keystore_anchor_read(fixture->keystore, &back), 0);
	assert_memory_equal(&anchor, &back, sizeof(anchor));
	hex_encode(keystore_vault_id(fixture->keystore), ID_SIZE, name);
	assert_int_equal(stat(fixture_path(fixture, name, path), &st), 0);
	assert_int_equal(st.st_size, 96);
	assert_int_equal(st.st_mode & 07777, 0600);
	for (long at = 0; at < 96; at++) {
		int byte;

		file = fopen(path, "r+e");
		fseek(file, at, SEEK_SET);
		byte = fgetc(file);
		fseek(file, at, SEEK_SET);
		fputc(byte ^ 1, file);
		fclose(file);
		assert_int_equal(keystore_anchor_read(fixture->keystore, &back), -EBADMSG);
		file = fopen(path, "r+e");
		fseek(file, at, SEEK_SET);
		fputc(byte, file);
		fclose(file);
	}
	assert_int_equal(keystore_anchor_read(fixture->keystore, &back), 0);
	assert_int_equal(truncate(path, 95), 0);
	assert_int_equal(keystore_anchor_read(fixture->keystore, &back), -EBADMSG);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_own_changes_are_nothing_new),
		TEST(test_foreign_commit_that_leaves_rows_alone),
		TEST(test_exchanged_file_is_seen),
		TEST(test_edited_file_row_is_seen),
		TEST(test_setting_edited),
		TEST(test_setting_removed),
		TEST(test_rule_added),
		TEST(test_role_added),
		TEST(test_slot_added),
		TEST(test_objects_path_edited),
		TEST(test_seal_edited),
		TEST(test_older_state_put_back),
		TEST(test_anchor_round_trip),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
