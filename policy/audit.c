/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.c - the facade: which files a trail is made of, which key fits it, how a segment changes.
 *
 * A segment change, so that a crash at any point leaves a key that fits the head:
 *   1. audit.key holds the current and the next key
 *   2. one transaction, synced: segment-end record, checkpoint, next segment's row, head signed by
 *      the next key
 *   3. audit.key holds the next key only; the file before it is overwritten
 * audit_open takes the key of the head's segment and does step 3 when it finds two keys.
 *
 * A change of the master key (audit_rekey_begin, _end): audit.key.next holds the same private key
 * wrapped under the new one; the keystore commits; audit.key.next takes the place of audit.key.
 * audit_open takes the one that the master key in force unwraps, and drops the other.
 */
#include "policy/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "keystore/base/file.h"
#include "policy/audit_writer.h"

#define DATABASE "audit.db"

struct audit {
	int vault_fd;
	uint8_t vault_id[ID_SIZE];
	struct audit_key_wrapper wrapper;
	struct audit_writer *writer;
	pthread_mutex_t
		segment_lock; /* guards keys and the file audit.key; before the writer's lock */
	struct audit_keys keys;
	struct audit_keys next; /* while the master key changes */
};

static int database_path(const char *vault_dir, char **ret_path)
{
	return asprintf(ret_path, "%s/" DATABASE, vault_dir) < 0 ? -ENOMEM : 0;
}

static int open_vault(const char *vault_dir)
{
	int fd = open(vault_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int create_files(int vault_fd, const char *path, const uint8_t vault_id[ID_SIZE],
	const struct audit_key_wrapper *wrapper, struct audit_signer *signer)
{
	struct audit_keys keys = {.count = 1};
	scope(db_close) struct db *db = NULL;
	int r;

	r = audit_key_wrap(signer, 1, vault_id, wrapper, &keys.keys[0]);
	if (r < 0)
		return r;
	r = audit_store_create(path, vault_id, &db);
	if (r < 0)
		return r;
	r = audit_trail_create(db, vault_id, signer);
	if (r == 0)
		r = audit_keys_save(vault_fd, vault_id, &keys);
	if (r < 0) {
		db = db_close(db);
		unlink(path);
	}
	return r;
}

int audit_create(const char *vault_dir, const uint8_t vault_id[ID_SIZE],
	const struct audit_key_wrapper *wrapper, uint8_t ret_fingerprint[DIGEST_SIZE])
{
	scope(audit_signer_free) struct audit_signer *signer = NULL;
	scope_free char *path = NULL;
	scope_fd int vault_fd = -1;
	int r;

	vault_fd = open_vault(vault_dir);
	if (vault_fd < 0)
		return vault_fd;
	r = database_path(vault_dir, &path);
	if (r < 0)
		return r;
	r = audit_signer_generate(&signer);
	if (r < 0)
		return r;
	r = create_files(vault_fd, path, vault_id, wrapper, signer);
	if (r < 0)
		return r;
	return audit_fingerprint(audit_signer_public(signer), ret_fingerprint);
}

/* The signer of that segment from these keys. */
static int find_signer(const struct audit *audit, const struct audit_keys *keys, uint64_t segment,
	struct audit_signer **ret_signer)
{
	const struct audit_key *key = audit_keys_find(keys, segment);

	if (!key)
		return -EKEYREJECTED;
	return audit_key_unwrap(key, audit->vault_id, &audit->wrapper, ret_signer);
}

/* From audit.key, or from what a change of the master key left beside it. */
static int load_signer(struct audit *audit, uint64_t segment, struct audit_signer **ret_signer)
{
	struct audit_keys next;
	int r;

	r = audit_keys_load(audit->vault_fd, audit->vault_id, &audit->keys);
	if (r == 0)
		r = find_signer(audit, &audit->keys, segment, ret_signer);
	if (r == 0)
		return audit_keys_drop_next(audit->vault_fd);
	if (r != -EKEYREJECTED ||
		audit_keys_load_next(audit->vault_fd, audit->vault_id, &next) < 0 ||
		find_signer(audit, &next, segment, ret_signer) < 0)
		return r;
	audit->keys = next;
	return audit_keys_promote(audit->vault_fd);
}

/* Gives the trail the key of its segment, and ends a change that was interrupted. */
static int fit_key(struct audit *audit, struct audit_trail *trail, uint64_t segment)
{
	scope(audit_signer_free) struct audit_signer *signer = NULL;
	const struct audit_key *key;
	int r;

	r = load_signer(audit, segment, &signer);
	if (r < 0)
		return r;
	r = audit_trail_set_signer(trail, signer);
	if (r < 0)
		return r;
	take(&signer);
	if (audit->keys.count == 1)
		return 0;
	key = audit_keys_find(&audit->keys, segment);
	audit->keys = (struct audit_keys){.count = 1, .keys = {*key}};
	return audit_keys_save(audit->vault_fd, audit->vault_id, &audit->keys);
}

static int start(struct audit *audit, const char *path, enum audit_level level)
{
	scope(audit_trail_close) struct audit_trail *trail = NULL;
	struct db *db;
	int r;

	r = audit_store_open(path, &db);
	if (r < 0)
		return r == -EUCLEAN ? -EBADMSG : r;
	r = audit_trail_open(db, audit->vault_id, &trail);
	if (r < 0)
		return r;
	r = fit_key(audit, trail, audit_trail_segment(trail));
	if (r < 0)
		return r;
	r = audit_writer_start(trail, level, &audit->writer);
	if (r < 0)
		return r;
	take(&trail);
	return 0;
}

int audit_open(const char *vault_dir, const uint8_t vault_id[ID_SIZE],
	const struct audit_key_wrapper *wrapper, enum audit_level level, struct audit **ret_audit)
{
	scope(audit_close) struct audit *audit = NULL;
	scope_free char *path = NULL;
	int r;

	r = database_path(vault_dir, &path);
	if (r < 0)
		return r;
	audit = calloc(1, sizeof(*audit));
	if (!audit)
		return -ENOMEM;
	pthread_mutex_init(&audit->segment_lock, NULL);
	memcpy(audit->vault_id, vault_id, ID_SIZE);
	audit->wrapper = *wrapper;
	audit->vault_fd = open_vault(vault_dir);
	if (audit->vault_fd < 0)
		return audit->vault_fd;
	r = start(audit, path, level);
	if (r < 0)
		return r;
	*ret_audit = take(&audit);
	return 0;
}

struct audit *audit_close(struct audit *audit)
{
	if (audit) {
		audit_writer_stop(audit->writer);
		if (audit->vault_fd >= 0)
			close(audit->vault_fd);
		pthread_mutex_destroy(&audit->segment_lock);
		free(audit);
	}
	return NULL;
}

int audit_append(struct audit *audit, const struct audit_event *event,
	void (*done)(void *arg, int result), void *arg)
{
	const struct audit_entry entry = {.event = event, .done = done, .arg = arg};

	return audit_writer_add(audit->writer, &entry);
}

int audit_append_wait(struct audit *audit, const struct audit_event *event, bool sync)
{
	const struct audit_entry entry = {.event = event, .sync = sync, .is_never_dropped = sync};

	return audit_writer_add_wait(audit->writer, &entry);
}

int audit_append_last(struct audit *audit, const struct audit_event *event)
{
	const struct audit_entry entry = {
		.event = event, .sync = true, .is_never_dropped = true, .is_last = true};

	return audit_writer_add_wait(audit->writer, &entry);
}

int audit_flush(struct audit *audit)
{
	struct audit_entry entry = {.event = NULL};

	return audit_writer_add_wait(audit->writer, &entry);
}

void audit_set_level(struct audit *audit, enum audit_level level)
{
	audit_writer_set_level(audit->writer, level);
}

enum audit_level audit_level(const struct audit *audit)
{
	return audit_writer_level(audit->writer);
}

int audit_health(struct audit *audit)
{
	return audit_writer_health(audit->writer);
}

void audit_head(struct audit *audit, struct audit_head *ret_head)
{
	audit_writer_head(audit->writer, ret_head);
}

/* Step 2. The signer is the trail's when this succeeds. */
static int commit_segment(struct audit *audit, struct audit_signer *next)
{
	struct audit_event event = AUDIT_EVENT_EMPTY;
	const struct audit_entry entry = {
		.event = &event,
		.sync = true,
		.is_never_dropped = true,
		.next = next,
	};

	event.action = AUDIT_SEGMENT_END;
	event.outcome = AUDIT_ALLOW;
	return audit_writer_add_wait(audit->writer, &entry);
}

/* With segment_lock held. */
static int next_segment(struct audit *audit)
{
	scope(audit_signer_free) struct audit_signer *next = NULL;
	struct audit_keys keys = {.count = 2};
	int r;

	r = audit_signer_generate(&next);
	if (r < 0)
		return r;
	keys.keys[0] = audit->keys.keys[0];
	r = audit_key_wrap(
		next, keys.keys[0].segment + 1, audit->vault_id, &audit->wrapper, &keys.keys[1]);
	if (r < 0)
		return r;
	r = audit_keys_save(audit->vault_fd, audit->vault_id, &keys);
	if (r < 0)
		return r;
	r = commit_segment(audit, next);
	if (r < 0)
		return r; /* both keys stay: a commit that failed while syncing may yet survive */
	take(&next);
	audit->keys = (struct audit_keys){.count = 1, .keys = {keys.keys[1]}};
	return audit_keys_save(audit->vault_fd, audit->vault_id, &audit->keys);
}

int audit_next_segment(struct audit *audit)
{
	int r;

	pthread_mutex_lock(&audit->segment_lock);
	r = next_segment(audit);
	pthread_mutex_unlock(&audit->segment_lock);
	return r;
}

/* With segment_lock held. */
static int rewrap_keys(struct audit *audit, const struct audit_key_wrapper *next)
{
	audit->next.count = audit->keys.count;
	for (size_t i = 0; i < audit->keys.count; i++) {
		const struct audit_key *key = &audit->keys.keys[i];
		scope(audit_signer_free) struct audit_signer *signer = NULL;
		int r;

		r = audit_key_unwrap(key, audit->vault_id, &audit->wrapper, &signer);
		if (r < 0)
			return r;
		r = audit_key_wrap(
			signer, key->segment, audit->vault_id, next, &audit->next.keys[i]);
		if (r < 0)
			return r;
	}
	return audit_keys_save_next(audit->vault_fd, audit->vault_id, &audit->next);
}

int audit_rekey_begin(struct audit *audit, const struct audit_key_wrapper *next)
{
	int r;

	pthread_mutex_lock(&audit->segment_lock);
	r = rewrap_keys(audit, next);
	if (r < 0) {
		audit_keys_drop_next(audit->vault_fd);
		pthread_mutex_unlock(&audit->segment_lock);
	}
	return r;
}

int audit_rekey_end(struct audit *audit, bool in_force)
{
	int r;

	if (in_force) {
		audit->keys = audit->next;
		r = audit_keys_promote(audit->vault_fd);
	} else {
		r = audit_keys_drop_next(audit->vault_fd);
	}
	pthread_mutex_unlock(&audit->segment_lock);
	return r;
}
