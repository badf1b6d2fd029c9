/* SPDX-License-Identifier: Apache-2.0 */
/* test_key_slot.c - what a slot is bound to, and rows that somebody made up. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/key_slot.h"
#include "tests/unit/keystore/fixture.h"

static const uint8_t vault_id[ID_SIZE] = {1, 2, 3};

static void make_slot(struct fixture *fixture, const char *kind, struct secret **ret_master,
	struct key_slot *ret_slot)
{
	struct unlock_secrets secrets = {fixture->key_file, fixture->passphrase};

	assert_int_equal(master_key_generate(ret_master), 0);
	assert_int_equal(
		key_slot_make(provider_find(kind), &secrets, *ret_master, vault_id, 5, ret_slot),
		0);
}

static int open_slot(struct fixture *fixture, const struct key_slot *slot, const uint8_t *id)
{
	struct unlock_secrets secrets = {fixture->key_file, fixture->passphrase};
	struct secret *master = NULL;
	int r = key_slot_open(slot, id, &secrets, &master);

	secret_free(master);
	return r;
}

static void check_round_trip(struct fixture *fixture, const char *kind)
{
	struct unlock_secrets secrets = {fixture->key_file, fixture->passphrase};
	scope(secret_free) struct secret *master = NULL;
	scope(secret_free) struct secret *back = NULL;
	struct key_slot slot;

	make_slot(fixture, kind, &master, &slot);
	assert_string_equal(slot.kind, kind);
	assert_null(memmem(slot.wrapped, sizeof(slot.wrapped), secret_view(master), 8));
	assert_int_equal(key_slot_open(&slot, vault_id, &secrets, &back), 0);
	assert_true(secret_equal(master, back));
	secrets = (struct unlock_secrets){0};
	assert_int_equal(key_slot_open(&slot, vault_id, &secrets, &back), -ENOKEY);
}

static void test_key_file_round_trip(void **state)
{
	check_round_trip(*state, "key-file");
}

static void test_passphrase_round_trip(void **state)
{
	check_round_trip(*state, "passphrase");
}

static void test_every_part_is_bound(void **state)
{
	static const uint8_t other_id[ID_SIZE] = {1, 2, 4};
	struct fixture *fixture = *state;
	scope(secret_free) struct secret *master = NULL;
	struct key_slot slot, changed;

	make_slot(fixture, "key-file", &master, &slot);
	assert_int_equal(open_slot(fixture, &slot, vault_id), 0);
	assert_int_equal(open_slot(fixture, &slot, other_id), -EKEYREJECTED);
	changed = slot;
	changed.number = 6;
	assert_int_equal(open_slot(fixture, &changed, vault_id), -EKEYREJECTED);
	changed = slot;
	changed.params[0] ^= 1;
	assert_int_equal(open_slot(fixture, &changed, vault_id), -EKEYREJECTED);
	changed = slot;
	changed.params_len++;
	assert_int_equal(open_slot(fixture, &changed, vault_id), -EUCLEAN);
	changed = slot;
	strcpy(changed.kind, "tpm2");
	assert_int_equal(open_slot(fixture, &changed, vault_id), -ENOKEY);
	for (size_t i = 0; i < sizeof(slot.wrapped); i++) {
		changed = slot;
		changed.wrapped[i] ^= 0x80;
		assert_int_equal(open_slot(fixture, &changed, vault_id), -EKEYREJECTED);
	}
}

static void test_forged_costs_are_bounded(void **state)
{
	struct fixture *fixture = *state;
	scope(secret_free) struct secret *master = NULL;
	struct key_slot slot, changed;

	make_slot(fixture, "passphrase", &master, &slot);
	assert_int_equal(slot.params_len, 44);
	for (size_t at = 32; at < 44; at += 4) {
		changed = slot;
		store_u32(changed.params + at, UINT32_MAX);
		assert_int_equal(open_slot(fixture, &changed, vault_id), -EUCLEAN);
		store_u32(changed.params + at, 0);
		assert_int_equal(open_slot(fixture, &changed, vault_id), -EUCLEAN);
	}
	changed = slot;
	changed.params_len--;
	assert_int_equal(open_slot(fixture, &changed, vault_id), -EUCLEAN);
}

/* Rows that cannot be slots are passed over; the good one still opens. */
static void test_made_up_rows(void **state)
{
	struct fixture *fixture = *state;
	static const char *const rows[] = {
		"-1, 'key-file', zeroblob(32), zeroblob(60)",
		"0, 'key-file', zeroblob(32), zeroblob(60)",
		"4294967296, 'key-file', zeroblob(32), zeroblob(60)",
		"2, '', zeroblob(32), zeroblob(60)",
		"3, printf('%.32c', 'k'), zeroblob(32), zeroblob(60)",
		"4, 'key-file', zeroblob(31), zeroblob(60)",
		"5, 'key-file', zeroblob(257), zeroblob(60)",
		"6, 'key-file', zeroblob(32), zeroblob(59)",
		"7, 'key-file', zeroblob(32), zeroblob(61)",
		"8, 'key-file' || char(0), zeroblob(32), zeroblob(60)",
	};
	scope(db_close) struct db *db = NULL;
	struct key_slot *slots = NULL;
	char path[128], sql[256];
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		snprintf(sql, sizeof(sql), "INSERT INTO slot VALUES (%s, 0, 0, zeroblob(32))",
			rows[i]);
		fixture_sql(fixture, sql);
	}
	assert_int_equal(db_open(fixture_path(fixture, "keystore.db", path), 0, &db), 0);
	assert_int_equal(key_slots_read(db, &slots, &count), 0);
	assert_int_equal(count, 1);
	assert_int_equal(slots[0].number, 1);
	free(slots);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_true(keystore_is_broken(fixture->keystore));
	fixture_sql(fixture,
		"DELETE FROM slot; WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n"
		" WHERE i < 1000) INSERT INTO slot SELECT i, 'key-file', zeroblob(32),"
		" zeroblob(60), 0, 0, zeroblob(32) FROM n");
	assert_int_equal(key_slots_read(db, &slots, &count), 0);
	assert_int_equal(count, LIMIT_SLOTS);
	free(slots);
	assert_int_equal(fixture_unlock_again(fixture), -EKEYREJECTED);
}

static void test_providers(void **state)
{
	(void)state;
	assert_null(provider_find("tpm2"));
	assert_null(provider_find(""));
	for (size_t i = 0; providers[i]; i++) {
		assert_ptr_equal(provider_find(providers[i]->name), providers[i]);
		assert_true(strlen(providers[i]->name) < SLOT_KIND_SIZE);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_key_file_round_trip),
		TEST(test_passphrase_round_trip),
		TEST(test_every_part_is_bound),
		TEST(test_forged_costs_are_bounded),
		TEST(test_made_up_rows),
		cmocka_unit_test(test_providers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
