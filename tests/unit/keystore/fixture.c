/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.c - makes and removes the temporary keystore. */
#include "tests/unit/keystore/fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const struct keystore_options options = {
	.suite = 1,
	.chunk_log2 = 14,
	.timezone = "UTC",
};

int fixture_setup(void **state)
{
	struct fixture *fixture = calloc(1, sizeof(*fixture));
	static const uint8_t key[32] = "a key file of thirty-two bytes.";

	/* Repeated calls are for the first only; the arena is one. */
	static bool ready;

	if (!ready && secret_init() < 0)
		return -1;
	ready = true;
	strcpy(fixture->dir, "/tmp/keystore-test-XXXXXX");
	if (!mkdtemp(fixture->dir))
		return -1;
	setenv("MODELVAULT_STATE_DIR", fixture->dir, 1);
	assert_int_equal(secret_from(key, sizeof(key), &fixture->key_file), 0);
	assert_int_equal(secret_from("open sesame", 11, &fixture->passphrase), 0);
	fixture->secrets.key_file = fixture->key_file;
	assert_int_equal(
		keystore_create(fixture->dir, &options, &fixture->secrets, &fixture->keystore), 0);
	*state = fixture;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *fixture = *state;
	struct dirent *entry;
	DIR *dir;

	keystore_close(fixture->keystore);
	secret_free(fixture->key_file);
	secret_free(fixture->passphrase);
	dir = opendir(fixture->dir);
	while (dir && (entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	if (dir)
		closedir(dir);
	rmdir(fixture->dir);
	free(fixture);
	return 0;
}

void fixture_reopen(struct fixture *fixture)
{
	fixture->keystore = keystore_close(fixture->keystore);
	assert_int_equal(keystore_open(fixture->dir, &fixture->keystore), 0);
}

int fixture_unlock_again(struct fixture *fixture)
{
	uint32_t slot;

	fixture_reopen(fixture);
	return keystore_unlock(fixture->keystore, &fixture->secrets, &slot);
}

char *fixture_path(const struct fixture *fixture, const char *name, char to[128])
{
	snprintf(to, 128, "%s/%s", fixture->dir, name);
	return to;
}

void fixture_sql(struct fixture *fixture, const char *sql)
{
	scope(db_close) struct db *db = NULL;
	char path[128];

	assert_int_equal(db_open(fixture_path(fixture, "keystore.db", path), 0, &db), 0);
	if (db_exec(db, sql) < 0)
		fail_msg("%s: %s", sql, db_error(db));
}

struct new_entry fixture_entry(uint64_t parent, const char *name)
{
	return (struct new_entry){
		.parent = parent,
		.name = name,
		.name_len = strlen(name),
		.mode = 0640,
		.uid = 7,
		.gid = 8,
		.mtime_ns = 1234567890123456789,
	};
}

uint64_t fixture_mkdir(struct fixture *fixture, uint64_t parent, const char *name)
{
	const struct new_entry entry = fixture_entry(parent, name);
	uint64_t ino = 0;

	assert_int_equal(keystore_mkdir(fixture->keystore, &entry, &ino), 0);
	return ino;
}

uint64_t fixture_file(struct fixture *fixture, uint64_t parent, const char *name, uint64_t size)
{
	const struct new_entry entry = fixture_entry(parent, name);
	const uint8_t root[DIGEST_SIZE] = {0xaa};
	struct new_file file;
	uint64_t ino = 0;

	assert_int_equal(keystore_new_file(fixture->keystore, &file), 0);
	assert_int_equal(
		keystore_add_file(fixture->keystore, &entry, &file, size, root, false, NULL, &ino),
		0);
	new_file_done(&file);
	return ino;
}

struct entry_info fixture_stat(struct fixture *fixture, uint64_t ino)
{
	struct entry_info info = {0};

	assert_int_equal(keystore_stat(fixture->keystore, ino, &info), 0);
	return info;
}
