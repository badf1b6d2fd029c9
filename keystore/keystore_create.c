/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore_create.c - a new keystore.db. It is made as keystore.db.new and renamed when it is
 * complete, so that no crash leaves half of one.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "keystore/base/clock.h"
#include "keystore/base/file.h"
#include "keystore/catalogue_store.h"
#include "keystore/key_slot.h"
#include "keystore/keystore_private.h"
#include "keystore/schema.h"

#define NEW_FILE_NAME KEYSTORE_FILE_NAME ".new"
#define FIRST_SLOT    1
#define FIRST_KEK     1

static int put_vault(struct sealed_rows *rows, const struct keystore_options *options,
	const uint8_t vault_id[ID_SIZE])
{
	const struct db_value values[] = {
		db_integer(1),
		db_integer(KEYSTORE_FORMAT),
		db_blob(vault_id, ID_SIZE),
		options->objects ? db_text(options->objects) : db_null(),
		db_integer(clock_now_ns()),
	};

	return sealed_rows_put(rows, "vault", values);
}

static int put_settings(struct sealed_rows *rows, const struct keystore_options *options)
{
	char number[16];
	int r;

	snprintf(number, sizeof(number), "%u", options->chunk_log2);
	r = setting_put(rows, "chunk_log2", number);
	if (r < 0)
		return r;
	r = setting_put(rows, "suite", aead_suite_name(options->suite));
	if (r < 0)
		return r;
	return setting_put(rows, "timezone", options->timezone);
}

static int put_root(struct sealed_rows *rows)
{
	int64_t now = clock_now_ns();
	const struct entry_info root = {
		.ino = ROOT_INO,
		.kind = ENTRY_DIRECTORY,
		.mode = 0755,
		.uid = geteuid(),
		.gid = getegid(),
		.mtime_ns = now,
		.ctime_ns = now,
		.btime_ns = now,
	};

	return catalogue_put_inode(rows, &root, 0, NULL);
}

/* What a new vault is made of, before it is written. */
struct seed {
	const struct keystore_options *options;
	uint8_t vault_id[ID_SIZE];
	struct secret *master;
	struct key_slot slot;
};

static int put_all(struct sealed_rows *rows, const struct seed *seed)
{
	int r;

	r = put_vault(rows, seed->options, seed->vault_id);
	if (r < 0)
		return r;
	r = key_slot_put(rows, &seed->slot);
	if (r < 0)
		return r;
	r = put_settings(rows, seed->options);
	if (r < 0)
		return r;
	r = kek_create(rows, seed->master, seed->vault_id, FIRST_KEK);
	if (r < 0)
		return r;
	return put_root(rows);
}

static int fill(struct db *db, const struct seed *seed)
{
	scope(secret_free) struct secret *row_key = NULL;
	scope(secret_free) struct secret *seal_key = NULL;
	scope(sealed_rows_close) struct sealed_rows *rows = NULL;
	int r;

	r = schema_create(db);
	if (r < 0)
		return r;
	r = master_key_derive(seed->master, DERIVE_ROW, seed->vault_id, &row_key);
	if (r < 0)
		return r;
	r = master_key_derive(seed->master, DERIVE_SEAL, seed->vault_id, &seal_key);
	if (r < 0)
		return r;
	r = sealed_rows_open(
		db, vault_tables, vault_table_count, seed->vault_id, row_key, seal_key, &rows);
	if (r < 0)
		return r;
	r = sealed_rows_create(rows);
	if (r < 0)
		return r;
	r = sealed_rows_begin(rows);
	if (r < 0)
		return r;
	r = put_all(rows, seed);
	if (r < 0)
		return r; /* closing the rows aborts */
	r = sealed_rows_commit(rows);
	if (r < 0)
		return r;
	return db_checkpoint(db);
}

static int write_database(const char *path, const struct seed *seed)
{
	scope(db_close) struct db *db = NULL;
	int r;

	r = db_open(path, DB_CREATE, &db);
	if (r < 0)
		return r;
	return fill(db, seed);
}

/* The database of that name in dir_fd, and what SQLite keeps beside it. */
static void remove_database(int dir_fd, const char *name)
{
	static const char *const suffixes[] = {"", "-wal", "-shm", "-journal"};
	char path[64];

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		snprintf(path, sizeof(path), "%s%s", name, suffixes[i]);
		unlinkat(dir_fd, path, 0);
	}
}

static int make_seed(const struct unlock_secrets *secrets, struct seed *seed)
{
	const struct provider *provider = key_slot_provider(secrets);
	int r;

	if (!provider)
		return -ENOKEY;
	r = random_fill(seed->vault_id, ID_SIZE);
	if (r < 0)
		return r;
	r = master_key_generate(&seed->master);
	if (r < 0)
		return r;
	return key_slot_make(
		provider, secrets, seed->master, seed->vault_id, FIRST_SLOT, &seed->slot);
}

/* Puts the complete file in its place and opens it. */
static int publish(
	const char *vault_dir, int dir_fd, struct secret **master, struct keystore **ret_keystore)
{
	scope(keystore_close) struct keystore *keystore = NULL;
	int r;

	r = renameat2(dir_fd, NEW_FILE_NAME, dir_fd, KEYSTORE_FILE_NAME, RENAME_NOREPLACE) < 0
		    ? -errno
		    : file_sync_directory(dir_fd);
	if (r == -EEXIST)
		return r;
	if (r == 0)
		r = keystore_open(vault_dir, &keystore);
	if (r == 0)
		r = keystore_unlock_master(keystore, take(master));
	if (r < 0) {
		keystore = keystore_close(keystore);
		remove_database(dir_fd, KEYSTORE_FILE_NAME);
		return r;
	}
	*ret_keystore = take(&keystore);
	return 0;
}

static bool options_are_sane(const struct keystore_options *options)
{
	return (!options->objects || options->objects[0] == '/') &&
	       aead_suite_name(options->suite) && options->chunk_log2 >= CHUNK_LOG2_MIN &&
	       options->chunk_log2 <= CHUNK_LOG2_MAX &&
	       setting_check("timezone", options->timezone) == 0;
}

int keystore_create(const char *vault_dir, const struct keystore_options *options,
	const struct unlock_secrets *secrets, struct keystore **ret_keystore)
{
	scope(secret_free) struct secret *master = NULL;
	struct seed seed = {.options = options};
	scope_free char *path = NULL;
	scope_fd int dir_fd = -1;
	int r;

	if (!options_are_sane(options))
		return -EINVAL;
	dir_fd = open(vault_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	if (faccessat(dir_fd, KEYSTORE_FILE_NAME, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	if (asprintf(&path, "%s/%s", vault_dir, NEW_FILE_NAME) < 0)
		return -ENOMEM;
	r = make_seed(secrets, &seed);
	master = seed.master;
	if (r < 0)
		return r;
	/* What a crash left behind. */
	remove_database(dir_fd, NEW_FILE_NAME);
	r = write_database(path, &seed);
	if (r == 0)
		r = publish(vault_dir, dir_fd, &master, ret_keystore);
	if (r < 0)
		remove_database(dir_fd, NEW_FILE_NAME);
	return r;
}
