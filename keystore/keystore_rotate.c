/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore_rotate.c - a new KEK, and every DEK wrapped anew under it, in one transaction:
 *   1. row of KEK n+1; rows of the older KEKs deleted
 *   2. each file's row with its DEK under the new KEK
 *   3. commit; then memory is exchanged, which cannot fail
 * Before the commit a crash leaves everything as it was, after it everything as it is to be.
 * Readers go on meanwhile: they need the tree in memory only, which is locked for the exchange
 * alone.
 */
#include <assert.h>
#include <errno.h>

#include "keystore/catalogue_store.h"
#include "keystore/keystore_private.h"

struct rewrap {
	struct inode *inode;
	struct wrapped_dek dek;
};

struct rotation {
	struct keystore *keystore;
	struct kek_ring *keks; /* of after */
	struct rewrap *rewraps;
	size_t count;
};

static void rotation_done(struct rotation *rotation)
{
	kek_ring_free(rotation->keks);
	free(rotation->rewraps);
}

static int rewrap_file(struct rotation *rotation, struct inode *inode)
{
	struct rewrap *rewrap = &rotation->rewraps[rotation->count];
	const uint8_t *file_id = inode->info.file_id;
	scope(secret_free) struct secret *dek = NULL;
	struct inode changed = *inode;
	int r;

	/* A row that nobody vouches for must not get a good MAC. */
	if (inode->info.damaged)
		return -EBADMSG;
	r = dek_unwrap(rotation->keystore->keks, file_id, &inode->dek, &dek);
	if (r < 0)
		return r;
	r = dek_wrap(rotation->keks, file_id, dek, &changed.dek);
	if (r < 0)
		return r;
	r = catalogue_put_file(rotation->keystore->rows, &changed);
	if (r < 0)
		return r;
	rewrap->inode = inode;
	rewrap->dek = changed.dek;
	rotation->count++;
	return 0;
}

static int rewrap_all(struct rotation *rotation)
{
	const struct hash_table *inodes = &rotation->keystore->catalogue->by_ino;
	struct hash_link *link = NULL;
	int r;

	rotation->rewraps = calloc(inodes->count + 1, sizeof(*rotation->rewraps));
	if (!rotation->rewraps)
		return -ENOMEM;
	while ((link = hash_table_walk(inodes, link))) {
		struct inode *inode = hash_object(link, struct inode, by_ino);

		if (inode->info.kind != ENTRY_FILE)
			continue;
		r = rewrap_file(rotation, inode);
		if (r < 0)
			return r;
	}
	return 0;
}

static int put_all(struct rotation *rotation)
{
	struct keystore *keystore = rotation->keystore;
	uint32_t number = kek_ring_newest(keystore->keks);
	int r;

	if (number == UINT32_MAX)
		return -EOVERFLOW;
	r = kek_ring_delete(keystore->rows, keystore->keks);
	if (r == 0)
		r = kek_create(keystore->rows, keystore->master, keystore->vault_id, number + 1);
	if (r == 0)
		r = kek_ring_load(
			keystore->rows, keystore->master, keystore->vault_id, &rotation->keks);
	return r < 0 ? r : rewrap_all(rotation);
}

static void exchange(struct rotation *rotation)
{
	struct keystore *keystore = rotation->keystore;
	struct kek_ring *old = keystore->keks;

	pthread_rwlock_wrlock(&keystore->tree_lock);
	for (size_t i = 0; i < rotation->count; i++) {
		assert(rotation->rewraps[i].inode);
		rotation->rewraps[i].inode->dek = rotation->rewraps[i].dek;
	}
	keystore->keks = rotation->keks;
	rotation->keks = old;
	pthread_rwlock_unlock(&keystore->tree_lock);
}

static int rotate_locked(struct keystore *keystore, uint64_t *ret_files)
{
	__attribute__((cleanup(rotation_done))) struct rotation rotation = {.keystore = keystore};
	int r;

	if (!sealed_rows_is_intact(keystore->rows))
		return -EBADMSG;
	r = sealed_rows_begin(keystore->rows);
	if (r < 0)
		return r;
	r = put_all(&rotation);
	if (r == 0)
		r = sealed_rows_commit(keystore->rows);
	else
		sealed_rows_abort(keystore->rows);
	if (r < 0)
		return r;
	exchange(&rotation);
	keystore_unsettle(keystore, NULL);
	*ret_files = rotation.count;
	return 0;
}

int keystore_rotate(struct keystore *keystore, uint64_t *ret_files)
{
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	keystore_lock_rows(keystore);
	r = rotate_locked(keystore, ret_files);
	keystore_unlock_rows(keystore);
	return r;
}
