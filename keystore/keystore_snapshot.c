/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore_snapshot.c - the database at one moment, for a backup: a file without a name in the
 * vault directory, and the ids of the files in it. In it objects lie in `objects` beside the
 * database, wherever they lie here.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "keystore/backup.h"
#include "keystore/keystore_private.h"
#include "keystore/vault_store.h"

#define SNAPSHOT_NAME "keystore.backup"

void keystore_snapshot_done(struct keystore_snapshot *snapshot)
{
	if (snapshot->fd >= 0)
		close(snapshot->fd);
	free(snapshot->ids);
	*snapshot = (struct keystore_snapshot){.fd = -1};
}

static int list_ids(struct keystore *keystore, struct keystore_snapshot *snapshot)
{
	const struct hash_table *inodes = &keystore->catalogue->by_ino;
	struct hash_link *link = NULL;

	snapshot->ids = calloc(inodes->count + 1, sizeof(*snapshot->ids));
	if (!snapshot->ids)
		return -ENOMEM;
	while ((link = hash_table_walk(inodes, link))) {
		const struct inode *inode = hash_object(link, struct inode, by_ino);

		if (inode->info.kind == ENTRY_FILE && inode->has_file_row && !inode->info.damaged)
			memcpy(snapshot->ids[snapshot->count++], inode->info.file_id, ID_SIZE);
	}
	return 0;
}

static int note_objects(void *arg, const struct db_value *values)
{
	*(bool *)arg = values[2].type != DB_NULL;
	return 0;
}

static int take_locked(
	struct keystore *keystore, struct keystore_snapshot *snapshot, bool *ret_elsewhere)
{
	int r;

	r = vault_row_read(keystore->db, note_objects, ret_elsewhere);
	if (r == 0)
		r = list_ids(keystore, snapshot);
	if (r == 0)
		r = backup_replace(keystore->db, keystore->vault_dir, SNAPSHOT_NAME);
	return r;
}

static int put_default_objects(void *arg, const struct db_value *values, bool intact)
{
	struct keystore *copy = arg;
	const struct db_value changed[] = {values[0], values[1], values[2], db_null(), values[4]};

	return intact ? sealed_rows_put(copy->rows, "vault", changed) : -EBADMSG;
}

/* The one row that says where objects are, sealed anew in the copy. */
static int move_objects(struct keystore *keystore)
{
	scope(keystore_close) struct keystore *copy = NULL;
	scope(secret_free) struct secret *master = NULL;
	int r;

	pthread_rwlock_rdlock(&keystore->tree_lock);
	r = secret_copy(keystore->master, &master);
	pthread_rwlock_unlock(&keystore->tree_lock);
	if (r < 0)
		return r;
	r = keystore_open_file(keystore->vault_dir, SNAPSHOT_NAME, &copy);
	if (r < 0)
		return r;
	r = keystore_unlock_master(copy, take(&master));
	if (r < 0)
		return r;
	r = sealed_rows_begin(copy->rows);
	if (r == 0)
		r = sealed_rows_each(copy->rows, "vault", put_default_objects, copy);
	if (r == 0)
		r = sealed_rows_commit(copy->rows);
	return r < 0 ? r : db_checkpoint(copy->db);
}

int keystore_take_snapshot(struct keystore *keystore, struct keystore_snapshot *ret_snapshot)
{
	__attribute__((cleanup(keystore_snapshot_done))) struct keystore_snapshot snapshot = {
		.fd = -1};
	scope_free char *path = NULL;
	bool elsewhere = false;
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	if (asprintf(&path, "%s/" SNAPSHOT_NAME, keystore->vault_dir) < 0)
		return -ENOMEM;
	keystore_lock_rows(keystore);
	r = keystore_settle_locked(keystore);
	if (r == 0)
		r = take_locked(keystore, &snapshot, &elsewhere);
	keystore_unlock_rows(keystore);
	if (r == 0 && elsewhere)
		r = move_objects(keystore);
	if (r == 0) {
		snapshot.fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
		r = snapshot.fd < 0 ? -errno : 0;
	}
	unlink(path);
	if (r < 0)
		return r;
	*ret_snapshot = snapshot;
	snapshot = (struct keystore_snapshot){.fd = -1};
	return 0;
}
