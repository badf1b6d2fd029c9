/* SPDX-License-Identifier: Apache-2.0 */
/* test_keystore_keys.c - slots come and go, KEK and master key change, a file is destroyed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "keystore/anchor.h"
#include "tests/unit/keystore/fixture.h"

static int unlock_with(struct fixture *fixture, struct secret *key_file, struct secret *passphrase)
{
	struct unlock_secrets secrets = {key_file, passphrase};
	uint32_t slot;

	fixture_reopen(fixture);
	return keystore_unlock(fixture->keystore, &secrets, &slot);
}

static void check_key(struct fixture *fixture, uint64_t ino, const struct secret *expected)
{
	scope(secret_free) struct secret *dek = NULL;

	assert_int_equal(keystore_file_key(fixture->keystore, ino, &dek), 0);
	assert_true(secret_equal(dek, expected));
}

static void test_slots(void **state)
{
	struct fixture *fixture = *state;
	struct unlock_secrets none = {0}, passphrase = {.passphrase = fixture->passphrase};
	uint32_t number = 0;

	assert_int_equal(keystore_remove_slot(fixture->keystore, 1), -EPERM);
	assert_int_equal(keystore_add_slot(fixture->keystore, &none, &number), -ENOKEY);
	assert_int_equal(keystore_add_slot(fixture->keystore, &passphrase, &number), 0);
	assert_int_equal(number, 2);
	assert_int_equal(unlock_with(fixture, NULL, fixture->passphrase), 0);
	assert_int_equal(keystore_remove_slot(fixture->keystore, 3), -ENOENT);
	assert_int_equal(keystore_remove_slot(fixture->keystore, 1), 0);
	assert_int_equal(keystore_remove_slot(fixture->keystore, 2), -EPERM);
	assert_int_equal(unlock_with(fixture, fixture->key_file, NULL), -ENOKEY);
	assert_int_equal(keystore_add_slot(fixture->keystore, &passphrase, &number), -ENOKEY);
	assert_int_equal(unlock_with(fixture, NULL, fixture->passphrase), 0);
	assert_true(keystore_is_intact(fixture->keystore));
}

static void test_slots_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	uint32_t number;

	for (unsigned i = 1; i < LIMIT_SLOTS; i++)
		assert_int_equal(
			keystore_add_slot(fixture->keystore, &fixture->secrets, &number), 0);
	assert_int_equal(number, LIMIT_SLOTS);
	assert_int_equal(keystore_add_slot(fixture->keystore, &fixture->secrets, &number), -ENOSPC);
}

static void test_rotate(void **state)
{
	struct fixture *fixture = *state;
	scope(secret_free) struct secret *dek = NULL;
	uint64_t ino = fixture_file(fixture, ROOT_INO, "m", 10), files = 0;

	fixture_file(fixture, ROOT_INO, "n", 10);
	assert_int_equal(keystore_file_key(fixture->keystore, ino, &dek), 0);
	assert_int_equal(keystore_rotate(fixture->keystore, &files), 0);
	assert_int_equal(files, 2);
	check_key(fixture, ino, dek);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_true(keystore_is_intact(fixture->keystore));
	check_key(fixture, ino, dek);
	assert_int_equal(keystore_rotate(fixture->keystore, &files), 0);
	check_key(fixture, ino, dek);
	fixture->keystore = keystore_close(fixture->keystore);
	fixture_sql(fixture, "UPDATE file SET size = 11");
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(keystore_rotate(fixture->keystore, &files), -EBADMSG);
}

static int rekey(struct fixture *fixture, struct rekey_offer *offer)
{
	scope(keystore_rekey_free) struct keystore_rekey *rekey = NULL;
	int r;

	r = keystore_rekey_prepare(fixture->keystore, offer, &rekey);
	return r < 0 ? r : keystore_rekey_commit(fixture->keystore, rekey);
}

static void test_rekey(void **state)
{
	struct fixture *fixture = *state;
	struct unlock_secrets both[] = {
		{.passphrase = fixture->passphrase}, {.key_file = fixture->key_file}};
	struct rekey_offer offer = {.secrets = both, .count = 1};
	scope(secret_free) struct secret *dek = NULL;
	uint64_t ino = fixture_file(fixture, ROOT_INO, "m", 10);
	const struct anchor before = {.epochs = {7, 8}, .audit_seq = 9};
	struct anchor anchor = {0};
	uint32_t number;

	assert_int_equal(keystore_file_key(fixture->keystore, ino, &dek), 0);
	assert_int_equal(keystore_anchor_write(fixture->keystore, &before), 0);
	assert_int_equal(keystore_add_slot(fixture->keystore, &both[0], &number), 0);
	assert_int_equal(rekey(fixture, &offer), -EKEYREJECTED);
	assert_int_equal(offer.missing_count, 1);
	assert_int_equal(offer.missing[0], 1);
	offer.count = 2;
	assert_int_equal(rekey(fixture, &offer), 0);
	check_key(fixture, ino, dek);
	fixture_file(fixture, ROOT_INO, "n", 10);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(unlock_with(fixture, both[i].key_file, both[i].passphrase), 0);
		assert_true(keystore_is_intact(fixture->keystore));
		check_key(fixture, ino, dek);
	}
	/* The one beside it takes the anchor's place, though no more was written. */
	assert_int_equal(keystore_anchor_read(fixture->keystore, &anchor), 0);
	assert_memory_equal(&anchor, &before, sizeof(anchor));
	assert_int_equal(keystore_anchor_read(fixture->keystore, &anchor), 0);
}

static void test_rekey_does_not_bless(void **state)
{
	struct fixture *fixture = *state;
	struct rekey_offer offer = {.secrets = &fixture->secrets, .count = 1};
	scope(keystore_rekey_free) struct keystore_rekey *rekey = NULL;

	fixture_file(fixture, ROOT_INO, "m", 10);
	fixture_file(fixture, ROOT_INO, "n", 10);
	assert_int_equal(keystore_rekey_prepare(fixture->keystore, &offer, &rekey), 0);
	/* After the last look: one row edited, then one taken out. */
	fixture_sql(fixture, "UPDATE file SET size = 11 WHERE ino = (SELECT min(ino) FROM file)");
	assert_int_equal(keystore_rekey_commit(fixture->keystore, rekey), -EBADMSG);
	fixture_sql(fixture, "UPDATE file SET size = 10; DELETE FROM name WHERE name = x'6e'");
	assert_int_equal(keystore_rekey_commit(fixture->keystore, rekey), -EBADMSG);
	/* Nothing of it holds: the old keys still fit everything. */
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_false(keystore_is_intact(fixture->keystore));
	assert_false(keystore_is_broken(fixture->keystore));
}

static void test_destroy(void **state)
{
	struct fixture *fixture = *state;
	uint64_t directory = fixture_mkdir(fixture, ROOT_INO, "d");
	uint64_t ino = fixture_file(fixture, directory, "m", 10);
	struct new_entry other = fixture_entry(ROOT_INO, "other");
	struct destroyed_file destroyed = {0};
	struct entry_info info;

	fixture_file(fixture, ROOT_INO, "stays", 10);
	assert_int_equal(keystore_link(fixture->keystore, &other, ino), 0);
	assert_int_equal(keystore_destroy(fixture->keystore, directory, &destroyed), -EINVAL);
	assert_int_equal(keystore_destroy(fixture->keystore, 999, &destroyed), -ENOENT);
	assert_int_equal(keystore_destroy(fixture->keystore, ino, &destroyed), 0);
	assert_int_equal(destroyed.count, 2);
	assert_true((destroyed.parents[0] == directory && destroyed.parents[1] == ROOT_INO) ||
		    (destroyed.parents[1] == directory && destroyed.parents[0] == ROOT_INO));
	free(destroyed.parents);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(keystore_stat(fixture->keystore, ino, &info), -ENOENT);
		assert_int_equal(keystore_resolve(fixture->keystore, "other", 5, &info), -ENOENT);
		assert_int_equal(keystore_resolve(fixture->keystore, "d/m", 3, &info), -ENOENT);
		assert_int_equal(keystore_resolve(fixture->keystore, "stays", 5, &info), 0);
		assert_int_equal(fixture_unlock_again(fixture), 0);
		assert_true(keystore_is_intact(fixture->keystore));
	}
}

static void test_snapshot(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ino = fixture_file(fixture, ROOT_INO, "m", 10);
	struct entry_info info = fixture_stat(fixture, ino);
	struct keystore_snapshot snapshot = {.fd = -1};
	char magic[16] = "", path[128];

	fixture_mkdir(fixture, ROOT_INO, "d");
	assert_int_equal(keystore_take_snapshot(fixture->keystore, &snapshot), 0);
	assert_int_equal(snapshot.count, 1);
	assert_memory_equal(snapshot.ids[0], info.file_id, ID_SIZE);
	assert_int_equal(pread(snapshot.fd, magic, sizeof(magic), 0), sizeof(magic));
	assert_string_equal(magic, "SQLite format 3");
	assert_int_equal(access(fixture_path(fixture, "keystore.backup", path), F_OK), -1);
	keystore_snapshot_done(&snapshot);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_slots),
		TEST(test_slots_are_bounded),
		TEST(test_rotate),
		TEST(test_rekey),
		TEST(test_rekey_does_not_bless),
		TEST(test_destroy),
		TEST(test_snapshot),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
