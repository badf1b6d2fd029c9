/* SPDX-License-Identifier: Apache-2.0 */
/* vault.c - opens and closes a vault: lock, keystore, anchor, policy, objects, trail, gate. */
#include "fs/cmd/vault.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/reserve.h"
#include "fs/cmd/export_slots.h"
#include "fs/cmd/path_lock.h"
#include "keystore/anchor.h"
#include "keystore/base/file.h"
#include "keystore/base/log.h"

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
			"%s: keystore.db was changed by somebody without a key; restore it, "
			"keystore.copy is the last good state",
			path);
		break;
	case -EUCLEAN:
		complain(output,
			"%s: keystore.db is not a vault's database; restore it, keystore.copy is "
			"the last good state",
			path);
		break;
	case -ENOENT:
	case -EINVAL:
	case -ELOOP:
		complain(output, "%s: keystore.db is %s; keystore.copy is the last good state",
			path, r == -ENOENT ? "missing" : "not a regular file");
		return EXIT_INTEGRITY;
	case -EPROTONOSUPPORT:
		complain(output, "%s was made by a newer modelvault; use that version", path);
		break;
	default:
		complain(output, "%s: keystore.db: %s", path, result_text(r));
	}
	return exit_code_of(r);
}

/* Where the anchor is, for messages; the caller frees. */
static char *anchor_path(const struct vault *vault)
{
	scope_free char *directory = NULL;
	char *path;

	if (anchor_directory(&directory) < 0 ||
		asprintf(&path, "%s/%s", directory, vault->place.id_text) < 0)
		return NULL;
	return path;
}

/* Is what was opened at least as new as what this machine has seen? */
static int check_anchor(struct vault *vault, struct output *output)
{
	struct sealed_rows *rows = keystore_rows(vault->keystore);
	struct anchor anchor;
	struct audit_head head;
	scope_free char *path = anchor_path(vault);
	const char *older = NULL;
	int r;

	r = keystore_anchor_read(vault->keystore, &anchor);
	if (r == -ENOENT)
		return EXIT_DONE;
	if (r < 0) {
		complain(output, "%s: the anchor %s cannot be believed (%s)", vault->place.path,
			path ? path : "", result_text(r));
		return EXIT_INTEGRITY;
	}
	audit_head(vault->audit, &head);
	if (sealed_rows_epoch(rows, SEALED_POLICY) < anchor.epochs[SEALED_POLICY] ||
		sealed_rows_epoch(rows, SEALED_CATALOGUE) < anchor.epochs[SEALED_CATALOGUE])
		older = "keystore.db";
	else if (head.seq < anchor.audit_seq)
		older = "audit.db";
	if (!older)
		return EXIT_DONE;
	complain(output,
		"%s: %s is older than this machine has seen; if a restore was meant, remove %s",
		vault->place.path, older, path ? path : "the anchor");
	return EXIT_INTEGRITY;
}

static int open_policy(struct vault *vault)
{
	int r;

	keystore_lock_rows(vault->keystore);
	r = policy_open(keystore_rows(vault->keystore), &vault->policy);
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

static int complain_trail(const char *path, int result, struct output *output)
{
	const char *cause;

	switch (result) {
	case -EPROTONOSUPPORT:
		complain(output, "%s: audit.db was made by a newer modelvault; use that version",
			path);
		return EXIT_FAILED;
	case -EKEYREJECTED:
		cause = "audit.key is not of its last segment";
		break;
	case -ENOENT:
		cause = "audit.db or audit.key is missing";
		break;
	case -EINVAL:
	case -ELOOP:
		cause = "audit.db or audit.key is not a regular file";
		break;
	case -ENOSPC:
	case -EROFS:
	case -EDQUOT:
		complain(output, "%s: the audit trail cannot be written: %s; make room for it",
			path, result_text(result));
		return EXIT_FAILED;
	default:
		cause = result_text(result);
	}
	complain(output,
		"%s: the audit trail cannot be continued (%s); `modelvault audit %s verify` says "
		"where it breaks, and a backup has it whole",
		path, cause, path);
	return EXIT_INTEGRITY;
}

static int open_rest(struct vault *vault, struct output *output)
{
	struct audit_key_wrapper wrapper = vault_key_wrapper(vault->keystore);
	struct backend backend;
	int r;

	r = open_policy(vault);
	if (r < 0) {
		complain(output, "%s: the rules cannot be read: %s", vault->place.path,
			result_text(r));
		return exit_code_of(r);
	}
	r = audit_open(vault->place.path, vault->place.id, &wrapper, AUDIT_REQUIRED, &vault->audit);
	if (r < 0)
		return complain_trail(vault->place.path, r, output);
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
	r = check_anchor(vault, output);
	if (r == EXIT_DONE)
		collect_objects(vault);
	return r;
}

int vault_open(const struct vault_place *place, const struct unlock_secrets *secrets,
	struct vault **ret_vault, struct output *output)
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
	vault->place.owner = place->owner;
	vault->place.dev = place->dev;
	vault->place.ino = place->ino;
	pthread_mutex_init(&vault->changing, NULL);
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
	code = open_keystore(vault, secrets, output);
	if (code == EXIT_DONE)
		code = open_rest(vault, output);
	if (code == EXIT_DONE) {
		vault->whole = true;
		/* After a kill only; what cannot be done now is tried again. */
		keystore_settle(vault->keystore);
		reserve_fill(place->path);
		*ret_vault = take(&vault);
	}
	return code;
}

void vault_write_anchor(struct vault *vault)
{
	struct sealed_rows *rows = keystore_rows(vault->keystore);
	struct anchor anchor = {0};
	struct audit_head head;
	int r;

	if (keystore_is_broken(vault->keystore))
		return;
	audit_head(vault->audit, &head);
	keystore_lock_rows(vault->keystore);
	anchor.epochs[SEALED_POLICY] = sealed_rows_epoch(rows, SEALED_POLICY);
	anchor.epochs[SEALED_CATALOGUE] = sealed_rows_epoch(rows, SEALED_CATALOGUE);
	keystore_unlock_rows(vault->keystore);
	anchor.audit_segment = head.segment;
	anchor.audit_seq = head.seq;
	r = keystore_anchor_write(vault->keystore, &anchor);
	if (r < 0)
		log_warning("%s: the anchor could not be written: %s", vault->place.path,
			result_text(r));
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
	pthread_mutex_destroy(&vault->changing);
	vault_place_done(&vault->place);
	free(vault);
	return NULL;
}
