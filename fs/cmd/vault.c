/* SPDX-License-Identifier: Apache-2.0 */
/* vault.c - opens and closes a vault: lock, keystore, anchor, policy, objects, trail, gate. */
#include "fs/cmd/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/export_slots.h"
#include "fs/cmd/path_lock.h"
#include "fs/cmd/reserve.h"
#include "fs/cmd/vault_private.h"
#include "keystore/base/file.h"
#include "keystore/base/log.h"
#include "policy/time_zone.h"

static pid_t read_holder(int fd)
{
	char text[64] = "";
	ssize_t len = file_read_at(fd, text, sizeof(text) - 1, 0);
	long pid = 0;

	if (len > 0 && sscanf(text, "pid %ld", &pid) == 1)
		return (pid_t)pid;
	return 0;
}

pid_t vault_holder(const char *path)
{
	scope_free char *name = NULL;
	scope_fd int fd = -1;

	if (asprintf(&name, "%s/lock", path) < 0)
		return 0;
	fd = open(name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? 0 : read_holder(fd);
}

int vault_lock(const char *path, pid_t *ret_holder)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	scope_free char *name = NULL;
	scope_fd int fd = -1;
	char text[64];
	int len;

	*ret_holder = 0;
	if (asprintf(&name, "%s/lock", path) < 0)
		return -ENOMEM;
	fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	if (fcntl(fd, F_OFD_SETLK, &lock) < 0) {
		if (errno != EAGAIN && errno != EACCES)
			return -errno;
		*ret_holder = read_holder(fd);
		return -EBUSY;
	}
	len = snprintf(text, sizeof(text), "pid %ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0)
		return -errno;
	if (file_write_at(fd, text, (size_t)len, 0) < 0)
		return -EIO;
	return take_fd(&fd);
}

static int wrap_key(void *arg, const void *aad, size_t aad_len, const struct secret *secret,
	uint8_t *ret_wrapped)
{
	return keystore_wrap(arg, aad, aad_len, secret, ret_wrapped);
}

static int unwrap_key(void *arg, const void *aad, size_t aad_len, const uint8_t *wrapped,
	size_t wrapped_len, struct secret **ret_secret)
{
	return keystore_unwrap(arg, aad, aad_len, wrapped, wrapped_len, ret_secret);
}

struct audit_key_wrapper vault_key_wrapper(struct keystore *keystore)
{
	return (struct audit_key_wrapper){.wrap = wrap_key, .unwrap = unwrap_key, .arg = keystore};
}

static int open_keystore(
	struct vault *vault, const struct unlock_secrets *secrets, struct output *output)
{
	const char *path = vault->place.path;
	int r;

	r = keystore_open(path, &vault->keystore);
	if (r == 0 && memcmp(keystore_vault_id(vault->keystore), vault->place.id, ID_SIZE) != 0) {
		complain(output, "%s: keystore.db belongs to another vault than the file id", path);
		return EXIT_INTEGRITY;
	}
	if (r == 0)
		r = keystore_unlock(vault->keystore, secrets, &vault->slot);
	switch (r) {
	case 0:
		return EXIT_DONE;
	case -EKEYREJECTED:
		complain(output, "%s: wrong key: it opens no slot of this vault", path);
		break;
	case -ENOKEY:
		complain(output, "%s has no slot for this kind of key", path);
		break;
	case -EBADMSG:
		complain(output,
			"%s: keystore.db was changed by somebody without a key; `modelvault "
			"recover %s` puts keystore.copy, the last good state, in its place",
			path, path);
		break;
	case -EUCLEAN:
		complain(output,
			"%s: keystore.db is not a vault's database; `modelvault recover %s` puts "
			"keystore.copy, the last good state, in its place",
			path, path);
		break;
	case -ENOENT:
	case -EINVAL:
	case -ELOOP:
		complain(output,
			"%s: keystore.db is %s; `modelvault recover %s` puts keystore.copy, the "
			"last good state, in its place",
			path, r == -ENOENT ? "missing" : "not a regular file", path);
		return EXIT_INTEGRITY;
	case -EPROTONOSUPPORT:
		complain(output, "%s was made by a newer modelvault; use that version", path);
		break;
	default:
		complain(output, "%s: keystore.db: %s", path, result_text(r));
	}
	return exit_code_of(r);
}

/* Rules go by the vault's wall clock: another one would let in at other hours than was granted. */
static int set_zone(struct vault *vault, struct output *output)
{
	scope_free char *zone = NULL;
	int r;

	r = keystore_setting(vault->keystore, "timezone", &zone);
	/* Rows that somebody wrote without a key say nothing, and nobody is let in by them. */
	if (r == -ENOENT)
		r = time_zone_set("UTC");
	else if (r == 0)
		r = time_zone_set(zone);
	if (r == 0)
		return EXIT_DONE;
	if (r == -ENOENT)
		complain(output,
			"%s: the vault's time zone %s is not known on this machine, and its rules "
			"go by it; install the package tzdata",
			vault->place.path, zone);
	else
		complain(output, "%s: its time zone: %s", vault->place.path, result_text(r));
	return EXIT_FAILED;
}

static void lock_rows(void *arg)
{
	keystore_lock_rows(arg);
}

static void unlock_rows(void *arg)
{
	keystore_unlock_rows(arg);
}

static int open_policy(struct vault *vault)
{
	const struct policy_lock lock = {lock_rows, unlock_rows, vault->keystore};
	int r;

	keystore_lock_rows(vault->keystore);
	r = policy_open(keystore_rows(vault->keystore), &lock, &vault->policy);
	keystore_unlock_rows(vault->keystore);
	if (r == 0 && keystore_is_broken(vault->keystore))
		policy_set_broken(vault->policy);
	return r;
}

static bool knows_file(void *arg, const uint8_t *file_id)
{
	return keystore_knows_file(arg, file_id);
}

static int open_objects(struct vault *vault, struct output *output)
{
	const char *path = keystore_objects_path(vault->keystore);
	int r;

	r = object_store_open(path, &vault->objects);
	if (r < 0) {
		complain(output, "the objects directory %s: %s; mount it or put it back", path,
			result_text(r));
		return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED;
	}
	return EXIT_DONE;
}

/*
 * Removes what a killed import left. Only when every row is as it was sealed and none older than
 * the anchor: else the objects of files that were tampered with would go, and no good copy of the
 * database would bring them back.
 */
static void collect_objects(struct vault *vault)
{
	int r;

	if (!keystore_is_intact(vault->keystore))
		return;
	r = object_store_collect(vault->objects, knows_file, vault->keystore);
	if (r < 0)
		log_warning("%s: left-over objects could not be removed: %s",
			keystore_objects_path(vault->keystore), result_text(r));
}

struct backend vault_backend(const struct vault *vault)
{
	return (struct backend){.keystore = vault->keystore,
		.policy = vault->policy,
		.audit = vault->audit,
		.objects = vault->objects};
}

static int open_rest(struct vault *vault, struct output *output)
{
	struct backend backend;
	int r;

	r = open_policy(vault);
	if (r < 0) {
		complain(output, "%s: the rules cannot be read: %s", vault->place.path,
			result_text(r));
		return exit_code_of(r);
	}
	r = vault_open_trail(vault, output);
	if (r != EXIT_DONE)
		return r;
	r = open_objects(vault, output);
	if (r != EXIT_DONE)
		return r;
	backend = vault_backend(vault);
	r = gate_new(&backend, &vault->gate);
	if (r == 0)
		r = export_slots_new(&vault->export_slots);
	if (r == 0)
		r = path_locks_new(&vault->path_locks);
	if (r < 0) {
		complain(output, "%s", result_text(r));
		return EXIT_FAILED;
	}
	r = vault_check_anchor(vault, output);
	if (r == EXIT_DONE && !vault->acceptance)
		collect_objects(vault);
	return r;
}

/* What a killed backup or recover left: copies of the databases, which keys must not outlive in. */
static void remove_left_over(const char *path)
{
	static const char *const names[] = {"keystore.backup", "keystore.backup.new",
		"keystore.backup-wal", "keystore.backup-shm", "audit.backup", "audit.backup.new",
		"keystore.db.new", "keystore.db.new.new", "keystore.db.new-wal",
		"keystore.db.new-shm", "keystore.copy.new"};
	scope_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; fd >= 0 && i < ARRAY_SIZE(names); i++)
		unlinkat(fd, names[i], 0);
}

static int open_vault(const struct vault_place *place, const struct unlock_secrets *secrets,
	struct vault_acceptance *acceptance, struct vault **ret_vault, struct output *output)
{
	scope(vault_close) struct vault *vault = calloc(1, sizeof(*vault));
	pid_t holder;
	int code;

	if (!vault || !(vault->place.path = strdup(place->path))) {
		free(vault);
		vault = NULL;
		complain(output, "out of memory");
		return EXIT_FAILED;
	}
	memcpy(vault->place.id, place->id, ID_SIZE);
	memcpy(vault->place.id_text, place->id_text, VAULT_ID_TEXT);
	memcpy(vault->place.socket_text, place->socket_text, VAULT_ID_TEXT);
	vault->acceptance = acceptance;
	vault->place.owner = place->owner;
	vault->place.dev = place->dev;
	vault->place.ino = place->ino;
	pthread_mutex_init(&vault->acting, NULL);
	pthread_mutex_init(&vault->changing, NULL);
	pthread_mutex_init(&vault->anchoring, NULL);
	vault->lock_fd = vault_lock(place->path, &holder);
	if (vault->lock_fd == -EBUSY) {
		complain(output, "%s is in use by process %ld; wait for it, or unmount",
			place->path, (long)holder);
		return EXIT_BUSY;
	}
	if (vault->lock_fd < 0) {
		complain(output, "%s/lock: %s; %s", place->path, result_text(vault->lock_fd),
			vault->lock_fd == -EACCES  ? "the user whose vault it is can open it"
			: vault->lock_fd == -EROFS ? "a vault is opened where it can be written"
						   : "it is a regular file that may be removed");
		return vault->lock_fd == -EACCES || vault->lock_fd == -EPERM ? EXIT_REFUSED
									     : EXIT_FAILED;
	}
	remove_left_over(place->path);
	code = open_keystore(vault, secrets, output);
	if (code == EXIT_DONE)
		code = set_zone(vault, output);
	if (code == EXIT_DONE)
		code = open_rest(vault, output);
	if (code == EXIT_DONE) {
		vault->whole = true;
		vault->acceptance = NULL;
		/* After a kill only; what cannot be done now is tried again. */
		keystore_settle(vault->keystore);
		reserve_fill(place->path);
		*ret_vault = take(&vault);
	}
	return code;
}

int vault_open(const struct vault_place *place, const struct unlock_secrets *secrets,
	struct vault **ret_vault, struct output *output)
{
	return open_vault(place, secrets, NULL, ret_vault, output);
}

int vault_open_accepting(const struct vault_place *place, const struct unlock_secrets *secrets,
	struct vault_acceptance *ret_acceptance, struct vault **ret_vault, struct output *output)
{
	*ret_acceptance = (struct vault_acceptance){0};
	return open_vault(place, secrets, ret_acceptance, ret_vault, output);
}

struct vault *vault_close(struct vault *vault)
{
	int r;

	if (!vault)
		return NULL;
	gate_free(vault->gate);
	export_slots_free(vault->export_slots);
	path_locks_free(vault->path_locks);
	if (vault_save_changes(vault) < 0)
		vault_drop_changes(vault);
	/* Only a vault that came up whole leaves an anchor: a refused one must not bless itself. */
	if (vault->whole) {
		vault_write_anchor(vault);
		r = keystore_copy(vault->keystore);
		if (r < 0)
			log_warning("%s: keystore.copy could not be written: %s", vault->place.path,
				result_text(r));
	}
	object_store_close(vault->objects);
	policy_close(vault->policy);
	audit_close(vault->audit);
	keystore_close(vault->keystore);
	if (vault->lock_fd >= 0)
		close(vault->lock_fd);
	pthread_mutex_destroy(&vault->anchoring);
	pthread_mutex_destroy(&vault->changing);
	pthread_mutex_destroy(&vault->acting);
	vault_place_done(&vault->place);
	free(vault);
	return NULL;
}
