/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore.c - the life of a keystore (open, unlock, close), its settings, and what is wrapped
 * under keys derived from the master key.
 */
#include "keystore/keystore.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keystore/anchor.h"
#include "keystore/key_slot.h"
#include "keystore/keystore_private.h"
#include "keystore/schema.h"
#include "keystore/vault_store.h"

static int set_objects(struct keystore *keystore, const struct db_value *objects)
{
	char *path = NULL;

	if (objects->type == DB_TEXT)
		path = strndup(objects->data, objects->len);
	else if (asprintf(&path, "%s/objects", keystore->vault_dir) < 0)
		path = NULL;
	if (!path)
		return -ENOMEM;
	free(keystore->objects);
	keystore->objects = path;
	return 0;
}

static bool objects_is_sane(const struct db_value *objects)
{
	if (objects->type == DB_NULL)
		return true;
	return objects->type == DB_TEXT && objects->len > 0 && objects->len <= LIMIT_PATH &&
	       ((const char *)objects->data)[0] == '/' &&
	       !memchr(objects->data, '\0', objects->len);
}

/* Before any key is known: only what finds the slots, believed later. */
static int take_vault_row(void *arg, const struct db_value *values)
{
	struct keystore *keystore = arg;
	const struct db_value *format = &values[0], *vault_id = &values[1];

	if (format->type != DB_INTEGER || format->integer < 1)
		return -EUCLEAN;
	if (format->integer > KEYSTORE_FORMAT)
		return -EPROTONOSUPPORT;
	if (vault_id->type != DB_BLOB || vault_id->len != ID_SIZE || !objects_is_sane(&values[2]))
		return -EUCLEAN;
	memcpy(keystore->vault_id, vault_id->data, ID_SIZE);
	return set_objects(keystore, &values[2]);
}

int keystore_open_file(const char *vault_dir, const char *file_name, struct keystore **ret_keystore)
{
	scope(keystore_close) struct keystore *keystore = NULL;
	scope_free char *path = NULL;
	int r;

	keystore = calloc(1, sizeof(*keystore));
	if (!keystore)
		return -ENOMEM;
	pthread_mutex_init(&keystore->rows_lock, NULL);
	pthread_rwlock_init(&keystore->tree_lock, NULL);
	keystore->vault_dir = realpath(vault_dir, NULL);
	if (!keystore->vault_dir)
		return -errno;
	if (asprintf(&path, "%s/%s", keystore->vault_dir, file_name) < 0)
		return -ENOMEM;
	/* Who had it before was killed: keys that he had removed may lie there. */
	if (db_has_log(path))
		keystore_unsettle(keystore, NULL);
	r = db_open(path, 0, &keystore->db);
	if (r < 0)
		return r;
	r = schema_open(keystore->db);
	if (r < 0)
		return r;
	r = vault_row_read(keystore->db, take_vault_row, keystore);
	if (r < 0)
		return r;
	*ret_keystore = take(&keystore);
	return 0;
}

int keystore_open(const char *vault_dir, struct keystore **ret_keystore)
{
	return keystore_open_file(vault_dir, KEYSTORE_FILE_NAME, ret_keystore);
}

struct keystore *keystore_close(struct keystore *keystore)
{
	if (!keystore)
		return NULL;
	catalogue_free(keystore->catalogue);
	kek_ring_free(keystore->keks);
	settings_free(keystore->settings);
	gone_keys_clear(&keystore->gone);
	sealed_rows_close(keystore->rows);
	db_close(keystore->db);
	secret_free(keystore->master);
	pthread_rwlock_destroy(&keystore->tree_lock);
	pthread_mutex_destroy(&keystore->rows_lock);
	free(keystore->objects);
	free(keystore->vault_dir);
	free(keystore);
	return NULL;
}

static int open_rows(struct keystore *keystore, const struct secret *master)
{
	scope(secret_free) struct secret *row_key = NULL;
	scope(secret_free) struct secret *seal_key = NULL;
	int r;

	r = master_key_derive(master, DERIVE_ROW, keystore->vault_id, &row_key);
	if (r < 0)
		return r;
	r = master_key_derive(master, DERIVE_SEAL, keystore->vault_id, &seal_key);
	if (r < 0)
		return r;
	return sealed_rows_open(keystore->db, vault_tables, vault_table_count, keystore->vault_id,
		row_key, seal_key, &keystore->rows);
}

/* The intact row decides where objects are; without one, the default. */
static int load_vault_row(void *arg, const struct db_value *values, bool intact)
{
	struct keystore *keystore = arg;

	if (!intact || values[0].integer != 1 || !objects_is_sane(&values[3]))
		return 0;
	return set_objects(keystore, &values[3]);
}

static int unlock_locked(struct keystore *keystore, struct secret *master)
{
	const struct db_value none = db_null();
	int r;

	r = open_rows(keystore, master);
	if (r < 0)
		return r;
	keystore->master = master;
	r = db_data_version(keystore->db, &keystore->data_version);
	if (r < 0)
		return r;
	r = keystore_load(keystore);
	if (r < 0)
		return r;
	/* The copy may be all that is left of rows that somebody damaged: it is not renewed. */
	keystore->unsettled &= sealed_rows_is_intact(keystore->rows);
	r = set_objects(keystore, &none);
	if (r < 0)
		return r;
	return sealed_rows_each(keystore->rows, "vault", load_vault_row, keystore);
}

int keystore_unlock_master(struct keystore *keystore, struct secret *master)
{
	int r;

	keystore_lock_rows(keystore);
	r = unlock_locked(keystore, master);
	if (r < 0) {
		keystore->rows = sealed_rows_close(keystore->rows);
		keystore->master = secret_free(master);
	}
	keystore_unlock_rows(keystore);
	if (r == 0)
		atomic_store(&keystore->unlocked, true);
	return r;
}

int keystore_unlock(
	struct keystore *keystore, const struct unlock_secrets *secrets, uint32_t *ret_slot)
{
	struct secret *master;
	uint32_t number;
	int r;

	if (keystore_is_unlocked(keystore))
		return -EALREADY;
	keystore_lock_rows(keystore);
	r = key_slots_open(keystore->db, keystore->vault_id, secrets, &master, &number);
	keystore_unlock_rows(keystore);
	if (r < 0)
		return r;
	r = keystore_unlock_master(keystore, master);
	if (r < 0)
		return r;
	*ret_slot = number;
	return 0;
}

bool keystore_is_unlocked(const struct keystore *keystore)
{
	return atomic_load(&keystore->unlocked);
}

bool keystore_is_broken(const struct keystore *keystore)
{
	return atomic_load(&keystore->broken);
}

bool keystore_is_intact(struct keystore *keystore)
{
	bool intact;

	keystore_lock_rows(keystore);
	intact = sealed_rows_is_intact(keystore->rows);
	keystore_unlock_rows(keystore);
	return intact;
}

int keystore_usable(const struct keystore *keystore)
{
	if (!keystore_is_unlocked(keystore))
		return -ENOKEY;
	return keystore_is_broken(keystore) ? -EBADMSG : 0;
}

const uint8_t *keystore_vault_id(const struct keystore *keystore)
{
	return keystore->vault_id;
}

const char *keystore_objects_path(const struct keystore *keystore)
{
	return keystore->objects;
}

struct sealed_rows *keystore_rows(struct keystore *keystore)
{
	return keystore->rows;
}

void keystore_lock_rows(struct keystore *keystore)
{
	pthread_mutex_lock(&keystore->rows_lock);
}

void keystore_unlock_rows(struct keystore *keystore)
{
	pthread_mutex_unlock(&keystore->rows_lock);
}

static int derived_key(
	struct keystore *keystore, enum derive_purpose purpose, struct secret **ret_key)
{
	int r;

	if (!keystore_is_unlocked(keystore))
		return -ENOKEY;
	pthread_rwlock_rdlock(&keystore->tree_lock);
	r = master_key_derive(keystore->master, purpose, keystore->vault_id, ret_key);
	pthread_rwlock_unlock(&keystore->tree_lock);
	return r;
}

int keystore_wrap(struct keystore *keystore, const void *aad, size_t aad_len,
	const struct secret *secret, uint8_t *ret_wrapped)
{
	scope(secret_free) struct secret *key = NULL;
	int r;

	r = derived_key(keystore, DERIVE_AUDIT_KEY_WRAP, &key);
	if (r < 0)
		return r;
	return key_wrap(key, aad, aad_len, secret, ret_wrapped);
}

int keystore_unwrap(struct keystore *keystore, const void *aad, size_t aad_len,
	const uint8_t *wrapped, size_t wrapped_len, struct secret **ret_secret)
{
	scope(secret_free) struct secret *key = NULL;
	int r;

	r = derived_key(keystore, DERIVE_AUDIT_KEY_WRAP, &key);
	if (r < 0)
		return r;
	return key_unwrap(key, aad, aad_len, wrapped, wrapped_len, ret_secret);
}

int keystore_anchor_read(struct keystore *keystore, struct anchor *ret_anchor)
{
	scope(secret_free) struct secret *key = NULL;
	int r;

	r = derived_key(keystore, DERIVE_ANCHOR, &key);
	if (r < 0)
		return r;
	return anchor_read(keystore->vault_id, key, ret_anchor);
}

int keystore_anchor_write(struct keystore *keystore, const struct anchor *anchor)
{
	scope(secret_free) struct secret *key = NULL;
	int r;

	r = derived_key(keystore, DERIVE_ANCHOR, &key);
	if (r < 0)
		return r;
	return anchor_write(keystore->vault_id, key, anchor);
}

int keystore_setting(struct keystore *keystore, const char *name, char **ret_value)
{
	const char *value;
	char *copy = NULL;

	if (!keystore_is_unlocked(keystore))
		return -ENOKEY;
	pthread_rwlock_rdlock(&keystore->tree_lock);
	value = settings_find(keystore->settings, name);
	if (value)
		copy = strdup(value);
	pthread_rwlock_unlock(&keystore->tree_lock);
	if (!copy)
		return value ? -ENOMEM : -ENOENT;
	*ret_value = copy;
	return 0;
}

static int set_setting_locked(struct keystore *keystore, const char *name, const char *value)
{
	scope(settings_free) struct settings *settings = NULL;
	struct settings *old;
	int r;

	/* A copy with the change in it: after the commit nothing can fail. */
	r = settings_copy(keystore->settings, &settings);
	if (r == 0)
		r = settings_set(settings, name, value);
	if (r < 0)
		return r;
	r = sealed_rows_begin(keystore->rows);
	if (r < 0)
		return r;
	r = setting_put(keystore->rows, name, value);
	if (r == 0)
		r = sealed_rows_commit(keystore->rows);
	if (r < 0) {
		sealed_rows_abort(keystore->rows);
		return r;
	}
	pthread_rwlock_wrlock(&keystore->tree_lock);
	old = keystore->settings;
	keystore->settings = take(&settings);
	pthread_rwlock_unlock(&keystore->tree_lock);
	settings_free(old);
	return 0;
}

int keystore_set_setting(struct keystore *keystore, const char *name, const char *value)
{
	int r;

	r = setting_check(name, value);
	if (r < 0)
		return r;
	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	keystore_lock_rows(keystore);
	r = set_setting_locked(keystore, name, value);
	keystore_unlock_rows(keystore);
	return r;
}
