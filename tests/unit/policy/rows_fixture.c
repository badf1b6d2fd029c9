/* SPDX-License-Identifier: Apache-2.0 */
/* rows_fixture.c - the schema of a vault, under keys that are always the same. */
#include "tests/unit/policy/rows_fixture.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "keystore/schema.h"

static void open_rows(struct rows_fixture *fixture)
{
	static const uint8_t vault_id[ID_SIZE] = {1, 2, 3};
	struct secret *row_key, *seal_key;
	uint8_t key[KEY_SIZE] = {7};

	assert_int_equal(secret_from(key, sizeof(key), &row_key), 0);
	key[0] = 8;
	assert_int_equal(secret_from(key, sizeof(key), &seal_key), 0);
	assert_int_equal(sealed_rows_open(fixture->db, vault_tables, vault_table_count, vault_id,
				 row_key, seal_key, &fixture->rows),
		0);
	secret_free(row_key);
	secret_free(seal_key);
}

void rows_fixture_make(struct rows_fixture *fixture)
{
	snprintf(fixture->dir, sizeof(fixture->dir), "/tmp/test_rows.XXXXXX");
	assert_non_null(mkdtemp(fixture->dir));
	snprintf(fixture->path, sizeof(fixture->path), "%s/keystore.db", fixture->dir);
	assert_int_equal(db_open(fixture->path, DB_CREATE | DB_SYNC_NORMAL, &fixture->db), 0);
	assert_int_equal(schema_create(fixture->db), 0);
	open_rows(fixture);
	assert_int_equal(sealed_rows_create(fixture->rows), 0);
	assert_int_equal(sealed_rows_check(fixture->rows), 0);
}

void rows_fixture_done(struct rows_fixture *fixture)
{
	char name[96];

	sealed_rows_close(fixture->rows);
	db_close(fixture->db);
	unlink(fixture->path);
	snprintf(name, sizeof(name), "%s-wal", fixture->path);
	unlink(name);
	snprintf(name, sizeof(name), "%s-shm", fixture->path);
	unlink(name);
	assert_int_equal(rmdir(fixture->dir), 0);
}

void rows_fixture_open_again(struct rows_fixture *fixture)
{
	fixture->rows = sealed_rows_close(fixture->rows);
	open_rows(fixture);
	(void)sealed_rows_check(fixture->rows);
}
