/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_keystore_settle.c - once settled, no byte of a wrapped key that went is in any file: neither
 * where rows were deleted nor in the gaps that moving rows between pages leaves.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "keystore/base/bytes.h"
#include "keystore/base/db.h"
#include "keystore/file_key.h"
#include "keystore/base/file.h"
#include "tests/unit/keystore/fixture.h"

#define FILES	    400
#define ROUNDS	    2
#define PAGE	    4096
#define CHURN_FILES 95

struct wraps {
	size_t count;
	uint8_t list[FILES][DEK_WRAPPED_SIZE];
};

static void read_wraps(struct fixture *fixture, struct wraps *wraps)
{
	scope(db_close) struct db *db = NULL;
	scope(db_done) struct db_query *query = NULL;
	char path[128];

	wraps->count = 0;
	assert_int_equal(db_open(fixture_path(fixture, "keystore.db", path), DB_READ_ONLY, &db), 0);
	assert_int_equal(db_prepare(db, "SELECT wrapped_dek FROM file", &query), 0);
	while (db_step(query) > 0) {
		struct db_value wrap = db_column(query, 0);

		assert_int_equal(wrap.len, DEK_WRAPPED_SIZE);
		assert_true(wraps->count < FILES);
		memcpy(wraps->list[wraps->count++], wrap.data, wrap.len);
	}
	query = db_done(query);
}

/* How many of these wraps have their ciphertext in the file. */
static size_t found_in(struct fixture *fixture, const char *name, const struct wraps *wraps)
{
	scope_free char *bytes = NULL;
	size_t len, found = 0;
	char path[128];
	int r;

	r = file_load(AT_FDCWD, fixture_path(fixture, name, path), 64 << 20, &bytes, &len);
	if (r == -ENOENT)
		return 0;
	assert_int_equal(r, 0);
	for (size_t i = 0; i < wraps->count; i++)
		found += memmem(bytes, len, wraps->list[i] + AEAD_NONCE_SIZE, KEY_SIZE) != NULL;
	return found;
}

static size_t found_anywhere(struct fixture *fixture, const struct wraps *wraps)
{
	return found_in(fixture, "keystore.db", wraps) +
	       found_in(fixture, "keystore.db-wal", wraps) +
	       found_in(fixture, "keystore.copy", wraps);
}

static void test_nothing_is_left(void **state)
{
	struct fixture *fixture = *state;
	struct wraps *wraps = calloc(1, sizeof(*wraps));
	uint64_t files;
	char name[32];

	assert_non_null(wraps);
	for (int i = 0; i < FILES - 1; i++) {
		snprintf(name, sizeof(name), "%d", i);
		fixture_file(fixture, ROOT_INO, name, 10);
	}
	for (int round = 0; round < ROUNDS; round++) {
		assert_int_equal(keystore_copy(fixture->keystore), 0);
		read_wraps(fixture, wraps);
		assert_int_equal(wraps->count, FILES - 1);
		assert_true(found_anywhere(fixture, wraps) >= FILES - 1);
		assert_int_equal(keystore_rotate(fixture->keystore, &files), 0);
		assert_true(found_anywhere(fixture, wraps) > 0);
		assert_int_equal(keystore_settle(fixture->keystore), 0);
		assert_int_equal(found_anywhere(fixture, wraps), 0);
	}
	free(wraps);
}

/* Where a leaf page of a table has room that belongs to no row; 0 when it has none. */
static off_t gap_of(const uint8_t *page, off_t at)
{
	size_t cells = (size_t)page[3] << 8 | page[4];
	size_t content = (size_t)page[5] << 8 | page[6];
	size_t pointers_end = 8 + 2 * cells;

	if (page[0] != 0x0d || content < pointers_end + 192)
		return 0;
	return at + (off_t)(pointers_end + content) / 2 - 8;
}

/* As a row that was moved away leaves its bytes: in the first page after the schema's with a gap.
 */
static void plant(struct fixture *fixture, const void *bytes, size_t len, unsigned shift)
{
	char path[128];
	scope_fd int fd = open(fixture_path(fixture, "keystore.db", path), O_RDWR | O_CLOEXEC);
	uint8_t page[PAGE];
	off_t gap = 0;

	for (off_t at = PAGE; gap == 0; at += PAGE) {
		assert_int_equal(pread(fd, page, PAGE, at), PAGE);
		gap = gap_of(page, at);
	}
	assert_int_equal(pwrite(fd, bytes, len, gap + shift), len);
}

static bool is_in_database(struct fixture *fixture, const void *wanted, size_t wanted_len)
{
	scope_free char *bytes = NULL;
	char path[128];
	size_t len;

	assert_int_equal(file_load(AT_FDCWD, fixture_path(fixture, "keystore.db", path), 64 << 20,
				 &bytes, &len),
		0);
	return memmem(bytes, len, wanted, wanted_len) != NULL;
}

static void remove_and_settle(struct fixture *fixture, const char *name)
{
	uint8_t id[ID_SIZE];

	assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, name, strlen(name), id), 0);
	assert_int_equal(keystore_settle(fixture->keystore), 0);
	assert_true(keystore_is_intact(fixture->keystore));
}

/* A piece of len bytes of the one wrap, from each place of it, goes with its file. */
static void check_gaps(struct fixture *fixture, size_t len)
{
	struct wraps *wraps = calloc(1, sizeof(*wraps));
	const char other[] = "of no key that went";

	assert_non_null(wraps);
	for (size_t at = 0; at + len <= DEK_WRAPPED_SIZE; at += 4) {
		fixture_file(fixture, ROOT_INO, "m", 10);
		assert_int_equal(fixture_unlock_again(fixture), 0);
		read_wraps(fixture, wraps);
		assert_int_equal(wraps->count, 1);
		plant(fixture, wraps->list[0] + at, len, at / 4);
		assert_int_equal(fixture_unlock_again(fixture), 0);
		remove_and_settle(fixture, "m");
		assert_false(is_in_database(fixture, wraps->list[0] + at, len));
	}
	/* And what is no key's is no reason to build the database anew. */
	fixture_file(fixture, ROOT_INO, "m", 10);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	plant(fixture, other, sizeof(other), 0);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	remove_and_settle(fixture, "m");
	assert_true(is_in_database(fixture, other, sizeof(other)));
	free(wraps);
}

static void test_gaps_are_emptied(void **state)
{
	check_gaps(*state, DEK_WRAPPED_SIZE);
	check_gaps(*state, 8);
}

static void test_unknown_keys(void **state)
{
	struct fixture *fixture = *state;
	const char other[] = "of a key that nobody knows";
	uint64_t files;

	fixture_file(fixture, ROOT_INO, "m", 10);
	fixture_file(fixture, ROOT_INO, "n", 10);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	plant(fixture, other, sizeof(other), 0);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(keystore_rotate(fixture->keystore, &files), 0);
	remove_and_settle(fixture, "m");
	assert_false(is_in_database(fixture, other, sizeof(other)));
}

/* Files come and go, so that rows move between pages; of those that went nothing is left. */
static void churn(struct fixture *fixture, unsigned seed)
{
	struct wraps *before = calloc(1, sizeof(*before)), *after = calloc(1, sizeof(*after));
	uint8_t id[ID_SIZE];
	size_t gone = 0;
	char name[32];

	assert_true(before && after);
	srandom(seed);
	for (int i = 0; i < CHURN_FILES; i++) {
		snprintf(name, sizeof(name), "%u.%d.%0*d", seed, i, (int)(random() % 20) + 1, 0);
		fixture_file(fixture, ROOT_INO, name, 10);
	}
	read_wraps(fixture, before);
	srandom(seed);
	for (int i = 0; i < CHURN_FILES; i++) {
		snprintf(name, sizeof(name), "%u.%d.%0*d", seed, i, (int)(random() % 20) + 1, 0);
		if (i * 7919u % 5 < seed % 5)
			assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, name,
						 strlen(name), id),
				0);
	}
	assert_int_equal(keystore_settle(fixture->keystore), 0);
	read_wraps(fixture, after);
	for (size_t i = 0; i < before->count; i++) {
		bool kept = false;

		for (size_t j = 0; j < after->count && !kept; j++)
			kept = memcmp(before->list[i], after->list[j], DEK_WRAPPED_SIZE) == 0;
		if (!kept)
			memmove(before->list[gone++], before->list[i], DEK_WRAPPED_SIZE);
	}
	before->count = gone;
	assert_true(gone > 0);
	assert_int_equal(found_anywhere(fixture, before), 0);
	free(before);
	free(after);
}

static void test_many_come_and_go(void **state)
{
	/* A removed file in one of five, two, three, four. */
	for (unsigned seed = 1; seed <= 4; seed++)
		churn(*state, seed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			test_nothing_is_left, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_gaps_are_emptied, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(test_unknown_keys, fixture_setup, fixture_teardown),
		cmocka_unit_test_setup_teardown(
			test_many_come_and_go, fixture_setup, fixture_teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
