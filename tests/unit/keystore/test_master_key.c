/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_master_key.c - wrapped keys and the anchor's bytes against values computed from
 * contrib/docs/keystore.md by tests/vectors/keystore.py (Python's cryptography, no code of ours).
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/anchor.h"
#include "keystore/base/bytes.h"
#include "keystore/file_key.h"
#include "keystore/master_key.h"
#include "keystore/schema.h"

static const char slot_hex[] = "c0c1c2c3c4c5c6c7c8c9cacb51eb98a94494a4f2baa51f197a042bbc36ef55ed"
			       "f4f5efe16e7093131e9a4c5f1c05844f888b6e8d381a01af16d9bec5";
static const char kek_hex[] = "c0c1c2c3c4c5c6c7c8c9cacb74aec77819270ac51a202d937b6e30f48afb5ed0"
			      "ac83fff0c56d189002f53f0e51aa90d1e070af2b49db4a7cc341fc2c";
static const char dek_hex[] = "c0c1c2c3c4c5c6c7c8c9cacbc49d222118084564aa869de4ee0c9e9f9970b8f2"
			      "56b544e291571606936ad33cbed156bc8658d630fe9961abde4aee6e";
static const char anchor_hex[] = "4d56414e43484f520100000000000000000102030405060708090a0b0c0d0e0f"
				 "0500000000000000060000000000000007000000000000000800000000000000"
				 "0e4302826046e4524b1bfbb2bdb5908e5039d71f782a89fb6e021ac8461bafa2";

/* The inputs: runs of counting bytes. */
static void counting(uint8_t first, uint8_t *to, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(first + i);
}

static struct secret *counting_secret(uint8_t first)
{
	uint8_t bytes[KEY_SIZE];
	struct secret *secret = NULL;

	counting(first, bytes, sizeof(bytes));
	assert_int_equal(secret_from(bytes, sizeof(bytes), &secret), 0);
	return secret;
}

static void expect_counting(const struct secret *secret, uint8_t first)
{
	scope(secret_free) struct secret *expected = counting_secret(first);

	assert_true(secret_equal(secret, expected));
}

static void test_slot(void **state)
{
	scope(secret_free) struct secret *material = counting_secret(0x60);
	scope(secret_free) struct secret *master = NULL;
	uint8_t vault_id[ID_SIZE], salt[SLOT_SALT_SIZE], wrapped[MASTER_KEY_WRAPPED_SIZE];
	struct slot_binding binding = {vault_id, 3, "key-file", salt};

	(void)state;
	counting(0, vault_id, ID_SIZE);
	counting(0x20, salt, sizeof(salt));
	assert_int_equal(hex_decode(slot_hex, wrapped, sizeof(wrapped)), 0);
	assert_int_equal(master_key_unwrap(wrapped, material, &binding, &master), 0);
	expect_counting(master, 0x40);
	binding.kind = "key-filf";
	assert_int_equal(master_key_unwrap(wrapped, material, &binding, &master), -EKEYREJECTED);
}

/* A KEK row with a known wrap, put as the facade would, opens a DEK with a known wrap. */
static void test_file_keys(void **state)
{
	scope(secret_free) struct secret *master = counting_secret(0x40);
	scope(secret_free) struct secret *dek = NULL;
	scope(sealed_rows_close) struct sealed_rows *rows = NULL;
	scope(kek_ring_free) struct kek_ring *ring = NULL;
	scope(db_close) struct db *db = NULL;
	uint8_t vault_id[ID_SIZE], file_id[ID_SIZE], kek[WRAPPED_SIZE(KEY_SIZE)];
	struct wrapped_dek wrapped = {.kek = 1};
	char path[] = "/tmp/file-key-XXXXXX";

	(void)state;
	counting(0, vault_id, ID_SIZE);
	counting(16, file_id, ID_SIZE);
	assert_int_equal(hex_decode(kek_hex, kek, sizeof(kek)), 0);
	assert_int_equal(hex_decode(dek_hex, wrapped.bytes, sizeof(wrapped.bytes)), 0);
	close(mkstemp(path));
	unlink(path);
	assert_int_equal(db_open(path, DB_CREATE, &db), 0);
	assert_int_equal(schema_create(db), 0);
	assert_int_equal(sealed_rows_open(db, vault_tables, vault_table_count, vault_id, master,
				 master, &rows),
		0);
	assert_int_equal(sealed_rows_create(rows), 0);
	assert_int_equal(sealed_rows_begin(rows), 0);
	assert_int_equal(sealed_rows_put(rows, "kek",
				 (struct db_value[]){
					 db_integer(1), db_blob(kek, sizeof(kek)), db_integer(0)}),
		0);
	assert_int_equal(sealed_rows_commit(rows), 0);
	assert_int_equal(kek_ring_load(rows, master, vault_id, &ring), 0);
	assert_true(kek_ring_has(ring, 1));
	assert_int_equal(dek_unwrap(ring, file_id, &wrapped, &dek), 0);
	expect_counting(dek, 0xa0);
	dek = secret_free(dek);
	file_id[0] ^= 1;
	assert_int_equal(dek_unwrap(ring, file_id, &wrapped, &dek), -EBADMSG);
	file_id[0] ^= 1;
	wrapped.kek = 2;
	assert_int_equal(dek_unwrap(ring, file_id, &wrapped, &dek), -EBADMSG);
	rows = sealed_rows_close(rows);
	db = db_close(db);
	unlink(path);
}

static void test_anchor(void **state)
{
	scope(secret_free) struct secret *master = counting_secret(0x40);
	scope(secret_free) struct secret *key = NULL;
	const struct anchor anchor = {.epochs = {5, 6}, .audit_segment = 7, .audit_seq = 8};
	uint8_t vault_id[ID_SIZE], expected[ANCHOR_FILE_SIZE], bytes[ANCHOR_FILE_SIZE];
	struct anchor back;

	(void)state;
	counting(0, vault_id, ID_SIZE);
	assert_int_equal(hex_decode(anchor_hex, expected, sizeof(expected)), 0);
	assert_int_equal(master_key_derive(master, DERIVE_ANCHOR, vault_id, &key), 0);
	assert_int_equal(anchor_pack(&anchor, vault_id, key, bytes), 0);
	assert_memory_equal(bytes, expected, sizeof(bytes));
	assert_int_equal(anchor_parse(bytes, sizeof(bytes), vault_id, key, &back), 0);
	assert_memory_equal(&back, &anchor, sizeof(back));
	vault_id[0] ^= 1;
	assert_int_equal(anchor_parse(bytes, sizeof(bytes), vault_id, key, &back), -EBADMSG);
}

static void expect_directory(const char *expected)
{
	char *path = NULL;

	assert_int_equal(anchor_directory(&path), 0);
	assert_string_equal(path, expected);
	free(path);
}

static void test_anchor_directory(void **state)
{
	bool root = geteuid() == 0;

	(void)state;
	setenv("MODELVAULT_STATE_DIR", "/given", 1);
	setenv("XDG_STATE_HOME", "/state", 1);
	setenv("HOME", "/home/me", 1);
	expect_directory("/given");
	setenv("MODELVAULT_STATE_DIR", "relative", 1);
	expect_directory(root ? "/var/lib/modelvault" : "/state/modelvault");
	unsetenv("MODELVAULT_STATE_DIR");
	setenv("XDG_STATE_HOME", "relative", 1);
	expect_directory(root ? "/var/lib/modelvault" : "/home/me/.local/state/modelvault");
}

static int prepare(void **state)
{
	(void)state;
	return secret_init();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_slot),
		cmocka_unit_test(test_file_keys),
		cmocka_unit_test(test_anchor),
		cmocka_unit_test(test_anchor_directory),
	};

	return cmocka_run_group_tests(tests, prepare, NULL);
}
