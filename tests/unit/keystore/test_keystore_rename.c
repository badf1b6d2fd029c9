/* SPDX-License-Identifier: Apache-2.0 */
/* test_keystore_rename.c - names move: in memory, in the rows, and with what they replace. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/keystore/fixture.h"

static const uint8_t none[ID_SIZE];

static struct entry_name name_of(uint64_t parent, const char *name)
{
	return (struct entry_name){.parent = parent, .name = name, .len = strlen(name)};
}

static int move(struct fixture *fixture, uint64_t from_parent, const char *from, uint64_t to_parent,
	const char *to, bool replace, uint8_t ret_old_id[ID_SIZE])
{
	struct entry_name source = name_of(from_parent, from), target = name_of(to_parent, to);

	return keystore_rename(fixture->keystore, &source, &target, replace, ret_old_id);
}

static uint64_t ino_at(struct fixture *fixture, const char *path)
{
	struct entry_info info;

	if (keystore_resolve(fixture->keystore, path, strlen(path), &info) < 0)
		return 0;
	assert_false(info.damaged);
	return info.ino;
}

static void test_a_file_moves(void **state)
{
	struct fixture *fixture = *state;
	uint64_t a = fixture_mkdir(fixture, ROOT_INO, "a"), b = fixture_mkdir(fixture, a, "b");
	uint64_t file = fixture_file(fixture, a, "f", 7);
	uint8_t old_id[ID_SIZE];

	assert_int_equal(move(fixture, a, "f", b, "g", false, old_id), 0);
	assert_memory_equal(old_id, none, ID_SIZE);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ino_at(fixture, "a/b/g"), file);
		assert_int_equal(ino_at(fixture, "a/f"), 0);
		assert_int_equal(fixture_stat(fixture, file).nlink, 1);
		assert_int_equal(fixture_unlock_again(fixture), 0);
	}
}

static void test_a_directory_takes_all_with_it(void **state)
{
	struct fixture *fixture = *state;
	uint64_t a = fixture_mkdir(fixture, ROOT_INO, "a"), b = fixture_mkdir(fixture, a, "b");
	uint64_t other = fixture_mkdir(fixture, ROOT_INO, "other");
	uint64_t file = fixture_file(fixture, b, "f", 7);

	assert_int_equal(move(fixture, a, "b", other, "c", false, NULL), 0);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ino_at(fixture, "other/c/f"), file);
		assert_int_equal(ino_at(fixture, "a/b"), 0);
		assert_int_equal(fixture_stat(fixture, a).nlink, 2);
		assert_int_equal(fixture_stat(fixture, other).nlink, 3);
		assert_int_equal(fixture_stat(fixture, b).parent, other);
		assert_int_equal(fixture_unlock_again(fixture), 0);
	}
	assert_int_equal(move(fixture, ROOT_INO, "other", b, "x", false, NULL), -EINVAL);
	assert_int_equal(move(fixture, ROOT_INO, "other", other, "x", false, NULL), -EINVAL);
}

static void test_what_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	uint64_t file = fixture_file(fixture, ROOT_INO, "f", 7);
	uint64_t old = fixture_file(fixture, ROOT_INO, "old", 9);
	uint64_t directory = fixture_mkdir(fixture, ROOT_INO, "d");
	struct new_entry second = fixture_entry(ROOT_INO, "second");
	uint8_t old_id[ID_SIZE], expected[ID_SIZE];

	memcpy(expected, fixture_stat(fixture, old).file_id, ID_SIZE);
	assert_int_equal(keystore_link(fixture->keystore, &second, old), 0);
	assert_int_equal(move(fixture, ROOT_INO, "f", ROOT_INO, "old", false, NULL), -EEXIST);
	assert_int_equal(move(fixture, ROOT_INO, "old", ROOT_INO, "second", true, NULL), -EEXIST);
	assert_int_equal(move(fixture, ROOT_INO, "f", ROOT_INO, "d", true, NULL), -EISDIR);
	assert_int_equal(move(fixture, ROOT_INO, "d", ROOT_INO, "f", true, NULL), -ENOTDIR);
	/* It has another name still. */
	assert_int_equal(move(fixture, ROOT_INO, "f", ROOT_INO, "old", true, old_id), 0);
	assert_memory_equal(old_id, none, ID_SIZE);
	assert_int_equal(fixture_stat(fixture, old).nlink, 1);
	assert_int_equal(move(fixture, ROOT_INO, "old", ROOT_INO, "second", true, old_id), 0);
	assert_memory_equal(old_id, expected, ID_SIZE);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(ino_at(fixture, "second"), file);
		assert_int_equal(ino_at(fixture, "d"), directory);
		assert_int_equal(ino_at(fixture, "f") + ino_at(fixture, "old"), 0);
		assert_false(keystore_knows_file(fixture->keystore, expected));
		assert_int_equal(fixture_unlock_again(fixture), 0);
	}
}

/* Nothing may come to lie deeper than a walk to the root goes. */
static void test_depth(void **state)
{
	struct fixture *fixture = *state;
	uint64_t deep = ROOT_INO, low = fixture_mkdir(fixture, ROOT_INO, "low");
	uint64_t below;

	for (int i = 0; i < LIMIT_DEPTH - 2; i++)
		deep = fixture_mkdir(fixture, deep, "x");
	below = fixture_mkdir(fixture, low, "b");
	assert_int_equal(move(fixture, ROOT_INO, "low", deep, "ok", false, NULL), 0);
	assert_int_equal(move(fixture, deep, "ok", ROOT_INO, "low", false, NULL), 0);
	fixture_mkdir(fixture, below, "c");
	assert_int_equal(move(fixture, ROOT_INO, "low", deep, "no", false, NULL), -ELOOP);
	assert_int_equal(ino_at(fixture, "low/b"), below);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(ino_at(fixture, "low/b"), below);
}

static void test_names_that_are_none(void **state)
{
	struct fixture *fixture = *state;

	fixture_file(fixture, ROOT_INO, "f", 1);
	assert_int_equal(move(fixture, ROOT_INO, "f", ROOT_INO, "..", false, NULL), -EINVAL);
	assert_int_equal(move(fixture, ROOT_INO, "f", ROOT_INO, "", false, NULL), -EINVAL);
	assert_int_equal(move(fixture, ROOT_INO, "g", ROOT_INO, "h", false, NULL), -ENOENT);
	assert_int_equal(move(fixture, ROOT_INO, "f", 999, "h", false, NULL), -ENOENT);
	fixture_reopen(fixture);
	assert_int_equal(move(fixture, ROOT_INO, "f", ROOT_INO, "h", false, NULL), -ENOKEY);
}

static void test_a_damaged_row_is_not_sealed_anew(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ino = fixture_mkdir(fixture, ROOT_INO, "d");

	fixture_sql(fixture, "UPDATE inode SET mode = 511 WHERE ino <> 1");
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(move(fixture, ROOT_INO, "d", ROOT_INO, "e", false, NULL), -EBADMSG);
	assert_true(fixture_stat(fixture, ino).damaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_a_file_moves, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_directory_takes_all_with_it, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_what_is_replaced, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_depth, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_names_that_are_none, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_damaged_row_is_not_sealed_anew, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
