/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore_copy.c - the copy beside the database, and settling: a key whose rows are gone still
 * lies in the write-ahead log, in the copy and, where rows moved from page to page, in gaps of the
 * database itself. Log and copy are made anew; the database is when there are bytes of it in one.
 * That costs as much for one key as for thousands.
 */
#include <errno.h>

#include "keystore/backup.h"
#include "keystore/keystore_private.h"

static int copy_locked(struct keystore *keystore)
{
	uint64_t epochs[SEALED_EPOCHS];
	bool changed = false;
	int r;

	for (unsigned i = 0; i < SEALED_EPOCHS; i++) {
		epochs[i] = sealed_rows_epoch(keystore->rows, i);
		changed |= epochs[i] != keystore->copied_epochs[i];
	}
	if (!changed || (!keystore->unsettled && !sealed_rows_is_intact(keystore->rows)))
		return 0;
	r = backup_replace(keystore->db, keystore->vault_dir, KEYSTORE_COPY_NAME);
	if (r < 0)
		return r;
	for (unsigned i = 0; i < SEALED_EPOCHS; i++)
		keystore->copied_epochs[i] = epochs[i];
	return 0;
}

int keystore_copy(struct keystore *keystore)
{
	int r;

	/* A good copy is not replaced by a broken database. */
	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	keystore_lock_rows(keystore);
	r = keystore_settle_locked(keystore);
	if (r == 0)
		r = copy_locked(keystore);
	keystore_unlock_rows(keystore);
	return r;
}

void keystore_unsettle(struct keystore *keystore, const uint8_t wrap[DEK_WRAPPED_SIZE])
{
	gone_keys_add(&keystore->gone, wrap);
	keystore->unsettled = true;
}

void keystore_unsettle_file(struct keystore *keystore, const struct inode *inode)
{
	bool known = inode->has_file_row && !inode->info.damaged;

	keystore_unsettle(keystore, known ? inode->dek.bytes : NULL);
}

/* Takes what is gone out of log and gaps. */
static int clear_out(struct keystore *keystore)
{
	bool found;
	int r;

	r = db_checkpoint(keystore->db);
	if (r < 0)
		return r;
	/* What cannot be looked through is built anew. */
	if (gone_keys_find(&keystore->gone, keystore->db, &found) == 0 && !found)
		return 0;
	r = db_vacuum(keystore->db);
	return r < 0 ? r : db_checkpoint(keystore->db);
}

int keystore_settle_locked(struct keystore *keystore)
{
	int r;

	if (!keystore->unsettled)
		return 0;
	r = clear_out(keystore);
	if (r == 0)
		r = copy_locked(keystore);
	if (r < 0)
		return r;
	gone_keys_clear(&keystore->gone);
	keystore->unsettled = false;
	return 0;
}

int keystore_settle(struct keystore *keystore)
{
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	keystore_lock_rows(keystore);
	r = keystore_settle_locked(keystore);
	keystore_unlock_rows(keystore);
	return r;
}

int keystore_open_named(const char *vault_dir, const char *name, struct keystore **ret_keystore)
{
	return keystore_open_file(vault_dir, name, ret_keystore);
}

int keystore_copy_database(const char *path, const char *to_dir, const char *to_name)
{
	scope(db_close) struct db *db = NULL;
	int r;

	r = db_open(path, DB_READ_ONLY, &db);
	if (r < 0)
		return r;
	return backup_replace(db, to_dir, to_name);
}
