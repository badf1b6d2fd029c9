/* SPDX-License-Identifier: Apache-2.0 */
/* test_catalogue.c - listing by cookie, resolving, depth, and many entries. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/catalogue_private.h"
#include "tests/unit/keystore/fixture.h"

/* What a walk saw: names joined by blanks; it ends after `limit`. */
struct seen {
	char text[256];
	uint64_t cookie;
	int limit;
};

static int see(
	void *arg, uint64_t cookie, const char *name, size_t len, const struct entry_info *info)
{
	struct seen *seen = arg;

	assert_int_equal(strlen(name), len);
	assert_true(info->ino > ROOT_INO);
	assert_true(cookie > seen->cookie);
	seen->cookie = cookie;
	strcat(seen->text, name);
	strcat(seen->text, " ");
	return --seen->limit == 0;
}

static void expect_list(struct fixture *fixture, uint64_t cookie, const char *text)
{
	struct seen seen = {0};

	assert_int_equal(keystore_list(fixture->keystore, ROOT_INO, cookie, see, &seen), 0);
	assert_string_equal(seen.text, text);
}

static void test_cookies_are_stable(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = {.limit = 2};
	uint8_t id[ID_SIZE];

	fixture_mkdir(fixture, ROOT_INO, "z");
	fixture_mkdir(fixture, ROOT_INO, "a");
	fixture_file(fixture, ROOT_INO, "m", 1);
	fixture_file(fixture, ROOT_INO, "b", 1);
	expect_list(fixture, 0, "z a m b ");
	assert_int_equal(keystore_list(fixture->keystore, ROOT_INO, 0, see, &seen), 0);
	assert_string_equal(seen.text, "z a ");
	assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, "a", 1, id), 0);
	assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, "z", 1, id), 0);
	assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, "m", 1, id), 0);
	expect_list(fixture, seen.cookie, "b ");
	fixture_mkdir(fixture, ROOT_INO, "a");
	expect_list(fixture, seen.cookie, "b a ");
	assert_int_equal(fixture_unlock_again(fixture), 0);
	expect_list(fixture, seen.cookie, "b a ");
	assert_int_equal(keystore_list(fixture->keystore, 999, 0, see, &seen), -ENOENT);
	assert_int_equal(keystore_list(fixture->keystore, ROOT_INO + 1, 0, see, &seen), -ENOENT);
}

static int resolve(struct fixture *fixture, const char *path, uint64_t *ret_ino)
{
	struct entry_info info;
	int r = keystore_resolve(fixture->keystore, path, strlen(path), &info);

	if (r == 0)
		*ret_ino = info.ino;
	return r;
}

static void test_resolve(void **state)
{
	struct fixture *fixture = *state;
	uint64_t d = fixture_mkdir(fixture, ROOT_INO, "d"), ino;
	uint64_t f = fixture_file(fixture, d, "f", 1);
	static char long_path[LIMIT_PATH + 2];

	assert_int_equal(resolve(fixture, "", &ino), 0);
	assert_int_equal(ino, ROOT_INO);
	assert_int_equal(resolve(fixture, "///", &ino), 0);
	assert_int_equal(ino, ROOT_INO);
	assert_int_equal(resolve(fixture, "//d//f/", &ino), 0);
	assert_int_equal(ino, f);
	assert_int_equal(resolve(fixture, "d/./f", &ino), -ENOENT);
	assert_int_equal(resolve(fixture, "d/../d", &ino), -ENOENT);
	assert_int_equal(resolve(fixture, "D", &ino), -ENOENT);
	assert_int_equal(resolve(fixture, "d/f/g", &ino), -ENOTDIR);
	memset(long_path, 'x', 256);
	assert_int_equal(resolve(fixture, long_path, &ino), -ENAMETOOLONG);
	memset(long_path, '/', LIMIT_PATH + 1);
	assert_int_equal(resolve(fixture, long_path, &ino), -ENAMETOOLONG);
}

static void test_depth_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct new_entry entry;
	uint64_t deepest = ROOT_INO, ino;
	struct name_list names;

	for (int i = 0; i < LIMIT_DEPTH; i++)
		deepest = fixture_mkdir(fixture, deepest, "d");
	assert_int_equal(keystore_names(fixture->keystore, deepest, &names), 0);
	assert_int_equal(names.names[0].len, 2 * LIMIT_DEPTH - 1);
	name_list_done(&names);
	entry = fixture_entry(deepest, "e");
	assert_int_equal(keystore_mkdir(fixture->keystore, &entry, &ino), -ELOOP);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_false(fixture_stat(fixture, deepest).damaged);
}

static void test_path_length_is_bounded(void **state)
{
	struct fixture *fixture = *state;
	struct new_entry entry;
	char name[256] = {0};
	uint64_t ino = ROOT_INO;

	memset(name, 'n', 255);
	for (int i = 0; i < 256; i++)
		ino = fixture_mkdir(fixture, ino, name); /* 256 * 256 - 1 bytes */
	entry = fixture_entry(ino, "x");
	assert_int_equal(keystore_mkdir(fixture->keystore, &entry, &ino), -ENAMETOOLONG);
}

static void test_counts_and_directory_links(void **state)
{
	struct fixture *fixture = *state;
	uint64_t d = fixture_mkdir(fixture, ROOT_INO, "d");
	struct catalogue_counts counts;
	uint8_t id[ID_SIZE];

	fixture_mkdir(fixture, d, "e");
	fixture_file(fixture, d, "f", 100);
	fixture_file(fixture, d, "g", 23);
	assert_int_equal(fixture_stat(fixture, d).nlink, 3);
	assert_int_equal(fixture_stat(fixture, d).parent, ROOT_INO);
	assert_int_equal(keystore_remove(fixture->keystore, d, "f", 1, id), 0);
	assert_int_equal(keystore_remove(fixture->keystore, d, "e", 1, id), 0);
	for (int i = 0; i < 2; i++) {
		keystore_counts(fixture->keystore, &counts);
		assert_int_equal(counts.files, 1);
		assert_int_equal(counts.directories, 1);
		assert_int_equal(counts.symlinks, 0);
		assert_int_equal(counts.bytes, 23);
		assert_int_equal(fixture_stat(fixture, d).nlink, 2);
		assert_int_equal(fixture_unlock_again(fixture), 0);
	}
}

/* In memory only: every one is found, listed in order, and removable in any order. */
static void test_many_entries(void **state)
{
	const struct entry_info info = {.ino = ROOT_INO, .kind = ENTRY_DIRECTORY};
	scope(catalogue_free) struct catalogue *catalogue = NULL;
	const uint64_t count = 20000;
	struct inode *root = inode_new(&info), *found;
	char text[32];
	int len;

	(void)state;
	assert_int_equal(catalogue_new(&catalogue), 0);
	assert_int_equal(catalogue_reserve(catalogue), 0);
	catalogue_add_inode(catalogue, root);
	for (uint64_t i = 1; i <= count; i++) {
		const struct entry_info file = {.ino = ROOT_INO + i, .kind = ENTRY_FILE};
		struct inode *inode = inode_new(&file);

		len = snprintf(text, sizeof(text), "file-%lu", (unsigned long)i);
		assert_int_equal(catalogue_reserve(catalogue), 0);
		assert_int_equal(inode_reserve_child(root), 0);
		catalogue_add_inode(catalogue, inode);
		catalogue_add_name(
			catalogue, root, name_new(text, (size_t)len), inode, root->next_cookie);
	}
	for (uint64_t i = 1; i <= count; i += 2) {
		len = snprintf(text, sizeof(text), "file-%lu", (unsigned long)i);
		assert_int_equal(
			catalogue_lookup(catalogue, ROOT_INO, text, (size_t)len, &found), 0);
		assert_int_equal(found->info.ino, ROOT_INO + i);
		catalogue_drop_name(
			catalogue, catalogue_find_name(catalogue, root, text, (size_t)len));
		catalogue_drop_inode(catalogue, found);
	}
	assert_int_equal(root->child_live, count / 2);
	assert_int_equal(catalogue->files, count / 2);
	assert_int_equal(catalogue_lookup(catalogue, ROOT_INO, "file-2", 6, &found), 0);
	assert_int_equal(catalogue_lookup(catalogue, ROOT_INO, "file-1", 6, &found), -ENOENT);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_cookies_are_stable),
		TEST(test_resolve),
		TEST(test_depth_is_bounded),
		TEST(test_path_length_is_bounded),
		TEST(test_counts_and_directory_links),
		cmocka_unit_test(test_many_entries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
