/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore_watch.c - believing the database: loading what the seal covers, and looking again after
 * a foreign commit.
 */
#include <errno.h>

#include "keystore/catalogue_store.h"
#include "keystore/keystore_private.h"

static void set_tree(struct keystore *keystore, struct catalogue **catalogue,
	struct kek_ring **keks, struct settings **settings)
{
	struct catalogue *old_catalogue = keystore->catalogue;
	struct kek_ring *old_keks = keystore->keks;
	struct settings *old_settings = keystore->settings;

	pthread_rwlock_wrlock(&keystore->tree_lock);
	keystore->catalogue = take(catalogue);
	keystore->keks = take(keks);
	keystore->settings = take(settings);
	pthread_rwlock_unlock(&keystore->tree_lock);
	catalogue_free(old_catalogue);
	kek_ring_free(old_keks);
	settings_free(old_settings);
}

int keystore_load(struct keystore *keystore)
{
	scope(catalogue_free) struct catalogue *catalogue = NULL;
	scope(kek_ring_free) struct kek_ring *keks = NULL;
	scope(settings_free) struct settings *settings = NULL;
	int r;

	r = db_check_plain(keystore->db);
	if (r < 0)
		return r;
	r = sealed_rows_check(keystore->rows);
	if (r < 0)
		return r;
	r = kek_ring_load(keystore->rows, keystore->master, keystore->vault_id, &keks);
	if (r < 0)
		return r;
	r = settings_load(keystore->rows, &settings);
	if (r < 0)
		return r;
	r = catalogue_load(keystore->rows, keks, &catalogue);
	if (r < 0)
		return r;
	if (sealed_rows_policy_is_broken(keystore->rows))
		atomic_store(&keystore->broken, true);
	if (keystore->catalogue)
		catalogue_continue(catalogue, keystore->catalogue);
	set_tree(keystore, &catalogue, &keks, &settings);
	return 0;
}

/* After a check that could not be finished the rows know no epochs: the last ones stand. */
static void remember_epochs(struct keystore *keystore)
{
	for (unsigned i = 0; i < SEALED_EPOCHS; i++) {
		uint64_t now = sealed_rows_epoch(keystore->rows, i);

		if (now > 0)
			keystore->epochs[i] = now;
	}
}

/* Only this process commits; a genuine seal with other epochs is another state put in its place. */
static int compare_epochs(const struct keystore *keystore)
{
	int r = 0;

	for (unsigned i = 0; i < SEALED_EPOCHS; i++) {
		uint64_t now = sealed_rows_epoch(keystore->rows, i);

		if (now < keystore->epochs[i])
			return -ESTALE;
		if (now > keystore->epochs[i])
			r = -EBADMSG;
	}
	return r;
}

static int watch_locked(struct keystore *keystore)
{
	int64_t version;
	int r;

	if (!db_is_in_place(keystore->db))
		return -EBADMSG;
	r = db_data_version(keystore->db, &version);
	if (r < 0 || version == keystore->data_version)
		return r;
	remember_epochs(keystore);
	r = keystore_load(keystore);
	if (r == 0)
		r = compare_epochs(keystore);
	if (r == 0 && keystore_is_broken(keystore))
		r = -EBADMSG;
	if (r == 0)
		keystore->data_version = version;
	return r;
}

int keystore_watch(struct keystore *keystore)
{
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	keystore_lock_rows(keystore);
	r = watch_locked(keystore);
	/* A database that cannot be read now (busy, no memory) is looked at again, not condemned.
	 */
	if (r == -EBADMSG || r == -ESTALE || r == -EUCLEAN)
		atomic_store(&keystore->broken, true);
	keystore_unlock_rows(keystore);
	return r;
}
