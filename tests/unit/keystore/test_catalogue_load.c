/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_catalogue_load.c - trees whose rows somebody without a key has edited: damaged where they
 * were touched, whole elsewhere, and never a loop or a lie.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/keystore/fixture.h"

/* root/d/e/f (file), root/g (file), root/h hard link of f */
struct tree {
	uint64_t d, e, f, g;
};

static struct tree make_tree(struct fixture *fixture)
{
	struct tree tree;
	struct new_entry entry = fixture_entry(ROOT_INO, "h");

	tree.d = fixture_mkdir(fixture, ROOT_INO, "d");
	tree.e = fixture_mkdir(fixture, tree.d, "e");
	tree.f = fixture_file(fixture, tree.e, "f", 100);
	tree.g = fixture_file(fixture, ROOT_INO, "g", 200);
	assert_int_equal(keystore_link(fixture->keystore, &entry, tree.f), 0);
	fixture->keystore = keystore_close(fixture->keystore);
	return tree;
}

static bool is_damaged(struct fixture *fixture, uint64_t ino)
{
	scope(secret_free) struct secret *dek = NULL;
	struct entry_info info = fixture_stat(fixture, ino);
	int r = keystore_file_key(fixture->keystore, ino, &dek);

	if (info.kind == ENTRY_FILE)
		assert_int_equal(r, info.damaged ? -EBADMSG : 0);
	return info.damaged;
}

static void tamper(struct fixture *fixture, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

static void tamper(struct fixture *fixture, const char *format, ...)
{
	char sql[1024];
	va_list args;

	va_start(args, format);
	vsnprintf(sql, sizeof(sql), format, args);
	va_end(args);
	fixture_sql(fixture, sql);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_false(keystore_is_broken(fixture->keystore));
}

static void test_untouched_is_sound(void **state)
{
	struct fixture *fixture = *state;
	struct tree tree = make_tree(fixture);

	tamper(fixture, "SELECT 1");
	assert_false(is_damaged(fixture, tree.d));
	assert_false(is_damaged(fixture, tree.e));
	assert_false(is_damaged(fixture, tree.f));
	assert_false(is_damaged(fixture, tree.g));
	assert_false(is_damaged(fixture, ROOT_INO));
}

static void test_edited_rows(void **state)
{
	struct fixture *fixture = *state;
	static const char *const edits[] = {
		"UPDATE inode SET mode = 511 WHERE ino = %d",
		"UPDATE inode SET kind = 3 WHERE ino = %d",
		"UPDATE inode SET names = 2 WHERE ino = %d",
		"UPDATE inode SET mac = x'00' WHERE ino = %d",
		"UPDATE file SET size = 1 WHERE ino = %d",
		"UPDATE file SET kek = 2 WHERE ino = %d",
		"UPDATE file SET file_id = x'00' WHERE ino = %d",
		"UPDATE file SET state = 2 WHERE ino = %d",
		"UPDATE file SET bucket = (bucket + 1) %% 256 WHERE ino = %d",
		"DELETE FROM file WHERE ino = %d",
		"UPDATE name SET cookie = -5 WHERE ino = %d",
		"UPDATE name SET name = x'676f6f64' WHERE ino = %d",
	};
	struct tree tree = make_tree(fixture);
	struct entry_info info;
	char sql[512];
	bool renamed;

	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		fixture->keystore = keystore_close(fixture->keystore);
		fixture_sql(fixture, "CREATE TABLE kept_inode AS SELECT * FROM inode;"
				     "CREATE TABLE kept_file AS SELECT * FROM file;"
				     "CREATE TABLE kept_name AS SELECT * FROM name");
		snprintf(sql, sizeof(sql), edits[i], (int)tree.g);
		tamper(fixture, "%s", sql);
		assert_true(is_damaged(fixture, tree.g));
		assert_int_equal(fixture_stat(fixture, tree.g).ino, tree.g);
		renamed = strstr(edits[i], "676f6f64");
		/* Still in the listing of the root, under the name stored. */
		assert_int_equal(keystore_resolve(fixture->keystore, renamed ? "good" : "g",
					 renamed ? 4 : 1, &info),
			0);
		assert_true(info.damaged);
		fixture_sql(fixture,
			"DELETE FROM inode; INSERT INTO inode SELECT * FROM kept_inode;"
			"DELETE FROM file; INSERT INTO file SELECT * FROM kept_file;"
			"DELETE FROM name; INSERT INTO name SELECT * FROM kept_name;"
			"DROP TABLE kept_inode; DROP TABLE kept_file; DROP TABLE kept_name");
	}
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_false(is_damaged(fixture, tree.g));
}

static void test_renamed_directory_taints_what_is_below(void **state)
{
	struct fixture *fixture = *state;
	struct tree tree = make_tree(fixture);

	tamper(fixture, "UPDATE name SET name = x'7075626c6963' WHERE ino = %d", (int)tree.d);
	assert_true(is_damaged(fixture, tree.d));
	assert_true(is_damaged(fixture, tree.e));
	assert_true(is_damaged(fixture, tree.f));
	assert_false(is_damaged(fixture, tree.g));
}

static void test_removed_hard_link_is_missed(void **state)
{
	struct fixture *fixture = *state;
	struct tree tree = make_tree(fixture);

	tamper(fixture, "DELETE FROM name WHERE name = x'68'");
	assert_true(is_damaged(fixture, tree.f));
	assert_false(is_damaged(fixture, tree.g));
}

/* f is d/e/f and h: with the name of d gone, h leads to it and the rules of d/ would not be asked.
 */
static void test_second_name_out_of_reach(void **state)
{
	struct fixture *fixture = *state;
	struct tree tree = make_tree(fixture);

	tamper(fixture, "DELETE FROM name WHERE ino = %d", (int)tree.d);
	assert_true(is_damaged(fixture, tree.f));
	assert_false(is_damaged(fixture, tree.g));
}

static void test_missing_inode_is_shown(void **state)
{
	struct fixture *fixture = *state;
	struct tree tree = make_tree(fixture);
	struct entry_info info;

	tamper(fixture, "DELETE FROM inode WHERE ino IN (%d, %d)", (int)tree.d, (int)tree.g);
	assert_int_equal(keystore_resolve(fixture->keystore, "g", 1, &info), 0);
	assert_true(info.damaged);
	/* A directory that lost its row is still one, and what it holds can be seen. */
	assert_int_equal(keystore_resolve(fixture->keystore, "d/e/f", 5, &info), 0);
	assert_int_equal(info.ino, tree.f);
	assert_true(is_damaged(fixture, tree.d));
}

static void test_cycles_and_orphans(void **state)
{
	struct fixture *fixture = *state;
	struct tree tree = make_tree(fixture);
	struct name_list names;
	struct entry_info info;

	/* d below e below d; the link h still leads to f, but one of its names cannot be followed
	 */
	tamper(fixture, "UPDATE name SET parent = %d WHERE ino = %d", (int)tree.e, (int)tree.d);
	assert_true(is_damaged(fixture, tree.d));
	assert_true(is_damaged(fixture, tree.e));
	assert_int_equal(keystore_names(fixture->keystore, tree.f, &names), -EBADMSG);
	assert_int_equal(keystore_resolve(fixture->keystore, "d", 1, &info), -ENOENT);

	tamper(fixture,
		"UPDATE name SET parent = 777 WHERE ino = %d;"
		"UPDATE name SET parent = %d WHERE name = x'68'",
		(int)tree.d, (int)tree.g);
	assert_true(is_damaged(fixture, tree.f));
	assert_true(is_damaged(fixture, tree.g));
	tamper(fixture, "UPDATE name SET ino = 1");
	assert_true(is_damaged(fixture, ROOT_INO));
	tamper(fixture, "DELETE FROM name; DELETE FROM inode");
	assert_true(is_damaged(fixture, ROOT_INO));
	assert_int_equal(fixture_stat(fixture, ROOT_INO).kind, ENTRY_DIRECTORY);
}

static void test_second_name_of_a_directory(void **state)
{
	struct fixture *fixture = *state;
	struct tree tree = make_tree(fixture);
	struct entry_info info;

	tamper(fixture, "INSERT INTO name VALUES (1, x'6161', %d, 1, 0, zeroblob(32))",
		(int)tree.e);
	assert_int_equal(keystore_resolve(fixture->keystore, "d/e", 3, &info), 0);
	assert_true(info.damaged);
	assert_int_equal(keystore_resolve(fixture->keystore, "aa", 2, &info), -ENOENT);
}

static void test_bad_kek_damages_its_files(void **state)
{
	struct fixture *fixture = *state;
	struct tree tree = make_tree(fixture);

	tamper(fixture, "UPDATE kek SET wrapped = zeroblob(60)");
	assert_true(is_damaged(fixture, tree.f));
	assert_true(is_damaged(fixture, tree.g));
	assert_false(is_damaged(fixture, tree.d));
}

static void test_damaged_rows_are_not_laundered(void **state)
{
	struct fixture *fixture = *state;
	struct tree tree = make_tree(fixture);
	struct new_entry entry = fixture_entry(tree.d, "new");
	uint8_t id[ID_SIZE], zero[ID_SIZE] = {0};
	uint64_t ino;

	tamper(fixture,
		"UPDATE inode SET uid = 1000 WHERE ino IN (%d, %d);"
		"UPDATE file SET size = 3 WHERE ino = %d",
		(int)tree.d, (int)tree.f, (int)tree.g);
	assert_int_equal(keystore_mkdir(fixture->keystore, &entry, &ino), -EBADMSG);
	entry.parent = ROOT_INO;
	assert_int_equal(keystore_link(fixture->keystore, &entry, tree.f), -EBADMSG);
	assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, "h", 1, id), -EBADMSG);
	/* All of it may go, but its id, perhaps another's, is not named. */
	assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, "g", 1, id), 0);
	assert_memory_equal(id, zero, ID_SIZE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_untouched_is_sound),
		TEST(test_edited_rows),
		TEST(test_renamed_directory_taints_what_is_below),
		TEST(test_removed_hard_link_is_missed),
		TEST(test_second_name_out_of_reach),
		TEST(test_missing_inode_is_shown),
		TEST(test_cycles_and_orphans),
		TEST(test_second_name_of_a_directory),
		TEST(test_bad_kek_damages_its_files),
		TEST(test_damaged_rows_are_not_laundered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
