/* SPDX-License-Identifier: Apache-2.0 */
/* test_keystore_attr.c - times set back: stored, sealed, and never on what is damaged. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/keystore/fixture.h"

#define THEN 981173106789012345LL

static void test_mtime_outlives_reopening(void **state)
{
	struct fixture *fixture = *state;
	uint64_t directory = fixture_mkdir(fixture, ROOT_INO, "d");
	uint64_t file = fixture_file(fixture, directory, "f", 5);
	struct entry_info info;

	assert_int_equal(keystore_set_mtime(fixture->keystore, directory, THEN), 0);
	assert_int_equal(keystore_set_mtime(fixture->keystore, file, -1), 0);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	info = fixture_stat(fixture, directory);
	assert_int_equal(info.mtime_ns, THEN);
	assert_true(info.ctime_ns > THEN);
	assert_false(info.damaged);
	info = fixture_stat(fixture, file);
	assert_int_equal(info.mtime_ns, -1);
	assert_int_equal(info.size, 5);
	assert_false(info.damaged);
}

static void test_the_parent_is_not_touched(void **state)
{
	struct fixture *fixture = *state;
	uint64_t above = fixture_mkdir(fixture, ROOT_INO, "a");
	uint64_t below = fixture_mkdir(fixture, above, "b");

	assert_int_equal(keystore_set_mtime(fixture->keystore, above, THEN), 0);
	assert_int_equal(keystore_set_mtime(fixture->keystore, below, THEN + 1), 0);
	assert_int_equal(fixture_stat(fixture, above).mtime_ns, THEN);
}

static void test_unknown_inode(void **state)
{
	struct fixture *fixture = *state;

	assert_int_equal(keystore_set_mtime(fixture->keystore, 12345, THEN), -ENOENT);
}

static void test_locked(void **state)
{
	struct fixture *fixture = *state;

	fixture_reopen(fixture);
	assert_int_equal(keystore_set_mtime(fixture->keystore, ROOT_INO, THEN), -ENOKEY);
}

/* A good MAC over a forged size would be the end of it. */
static void test_a_damaged_row_is_not_sealed_anew(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ino = fixture_mkdir(fixture, ROOT_INO, "d");

	fixture_sql(fixture, "UPDATE inode SET mode = 511 WHERE ino <> 1");
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_true(fixture_stat(fixture, ino).damaged);
	assert_int_equal(keystore_set_mtime(fixture->keystore, ino, THEN), -EBADMSG);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_true(fixture_stat(fixture, ino).damaged);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_mtime_outlives_reopening, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_the_parent_is_not_touched, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_unknown_inode, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_locked, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_a_damaged_row_is_not_sealed_anew, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
