/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_init.c - `init VAULT`: makes an empty vault with one slot; who runs it becomes admin, auditor
 * and custodian. Everything is made in order, `id` last: before that nothing takes the directory
 * for a vault, and a failed init takes away what it made.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/machine_zone.h"
#include "fs/cmd/mounts.h"
#include "fs/cmd/options.h"
#include "fs/cmd/reserve.h"
#include "fs/cmd/unlock.h"
#include "fs/cmd/vault.h"
#include "fs/format/geometry.h"
#include "keystore/aead.h"
#include "keystore/base/file.h"
#include "policy/time_zone.h"

static int parse_zone(const struct invocation *invocation, char ret_zone[MACHINE_ZONE_SIZE],
	struct output *output)
{
	const char *zone = invocation_option(invocation, "timezone");

	if (!zone) {
		machine_zone(ret_zone);
		return EXIT_DONE;
	}
	if (strlen(zone) >= MACHINE_ZONE_SIZE || time_zone_check(zone) < 0) {
		complain(output,
			"init: timezone '%s' is not known on this machine: UTC, or a name such as "
			"Europe/Berlin; the package tzdata has them",
			zone);
		return EXIT_USAGE;
	}
	memcpy(ret_zone, zone, strlen(zone) + 1);
	return EXIT_DONE;
}

static int parse_options(const struct invocation *invocation, struct keystore_options *options,
	struct output *output)
{
	const char *cipher = invocation_option(invocation, "cipher");
	const char *chunk = invocation_option(invocation, "chunk");
	enum aead_suite suite = AEAD_AES_256_GCM;
	uint64_t size = 1u << CHUNK_LOG2_DEFAULT;

	if (cipher && aead_suite_from_name(cipher, &suite) < 0) {
		complain(output,
			"init: cipher '%s' is not known; aes-256-gcm, aes-256-ocb and "
			"chacha20-poly1305 are",
			cipher);
		return EXIT_USAGE;
	}
	if (chunk && (size_from_text(chunk, &size) < 0 || size < 1u << CHUNK_LOG2_MIN ||
			     size > 1u << CHUNK_LOG2_MAX || (size & (size - 1)))) {
		complain(output, "init: chunk '%s': a power of two from 4K to 1M", chunk);
		return EXIT_USAGE;
	}
	options->suite = suite;
	options->chunk_log2 = (uint32_t)__builtin_ctzll(size);
	return EXIT_DONE;
}

/* Makes the directory, or takes an empty one. *ret_made: it was made here. */
static int take_directory(const char *path, bool *ret_made, struct output *output)
{
	scope_fd int fd = -1;

	*ret_made = false;
	if (mkdir(path, 0711) == 0) {
		*ret_made = true;
		return EXIT_DONE;
	}
	if (errno != EEXIST) {
		complain(output, "init: %s: %s; %s", path, strerror(errno),
			errno == ENOENT ? "make the directory above it first"
					: "choose a place where this user can make a directory");
		return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		complain(output, "init: %s: %s", path, strerror(errno));
		return EXIT_FAILED;
	}
	if (faccessat(fd, "id", F_OK, AT_SYMLINK_NOFOLLOW) == 0) {
		complain(output, "init: %s is a vault already and is left alone", path);
		return EXIT_FAILED;
	}
	if (rmdir(path) < 0) {
		complain(output, "init: %s is not empty; choose a new or empty directory", path);
		return EXIT_FAILED;
	}
	if (mkdir(path, 0711) < 0) {
		complain(output, "init: %s: %s", path, strerror(errno));
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static int store_policy(struct keystore *keystore, bool is_private)
{
	struct sealed_rows *rows = keystore_rows(keystore);
	struct passwd *user = getpwuid(geteuid());
	int r;

	keystore_lock_rows(keystore);
	r = sealed_rows_begin(rows);
	if (r == 0)
		r = policy_store_first_holder(rows, geteuid(), user ? user->pw_name : "");
	if (r == 0)
		r = policy_store_private(rows, is_private);
	if (r == 0)
		r = sealed_rows_commit(rows);
	else
		sealed_rows_abort(rows);
	keystore_unlock_rows(keystore);
	return r;
}

static int write_id(const char *path, const uint8_t *vault_id)
{
	scope_fd int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	char text[64], id[VAULT_ID_TEXT];
	int len;

	if (directory < 0)
		return -errno;
	hex_encode(vault_id, ID_SIZE, id);
	len = snprintf(text, sizeof(text), "modelvault 1 %s\n", id);
	return file_replace(directory, "id", text, (size_t)len, 0644);
}

static int record_init(
	const char *path, struct keystore *keystore, const struct audit_key_wrapper *wrapper)
{
	scope(audit_close) struct audit *audit = NULL;
	struct audit_event event = AUDIT_EVENT_EMPTY;
	struct subject self = {0};
	int r;

	r = audit_open(path, keystore_vault_id(keystore), wrapper, AUDIT_REQUIRED, &audit);
	if (r < 0)
		return r;
	event.action = AUDIT_INIT;
	event.outcome = AUDIT_ALLOW;
	event.reason = REASON_SLOT;
	event.uid = geteuid();
	event.gid = getegid();
	event.pid = getpid();
	if (subject_of_process(geteuid(), getegid(), getpid(), &self) == 0)
		event.exe = self.exe;
	r = audit_append_wait(audit, &event, true);
	subject_done(&self);
	return r;
}

static int make_vault(const char *path, const struct keystore_options *options,
	const struct unlock_secrets *secrets, bool is_private, uint8_t ret_fingerprint[DIGEST_SIZE])
{
	scope(keystore_close) struct keystore *keystore = NULL;
	struct audit_key_wrapper wrapper;
	int r;

	r = keystore_create(path, options, secrets, &keystore);
	if (r < 0)
		return r;
	wrapper = vault_key_wrapper(keystore);
	r = object_store_create(keystore_objects_path(keystore));
	if (r == 0)
		r = store_policy(keystore, is_private);
	if (r == 0)
		r = audit_create(path, keystore_vault_id(keystore), &wrapper, ret_fingerprint);
	if (r == 0)
		r = record_init(path, keystore, &wrapper);
	if (r == 0)
		r = keystore_copy(keystore);
	/* Where there is no room for it the vault works without. */
	if (r == 0)
		reserve_fill(path);
	if (r == 0)
		r = write_id(path, keystore_vault_id(keystore));
	return r;
}

/* What a failed init made in its own, so far empty directory. */
static void take_back(const char *path, bool made, const char *objects, const char *key_file)
{
	static const char *const names[] = {"keystore.db", "keystore.db-wal", "keystore.db-shm",
		"keystore.db.new", "keystore.copy", "audit.db", "audit.db-wal", "audit.db-shm",
		"audit.key", "reserve", "lock", "id"};
	scope_fd int directory = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scope_fd int below = open(objects, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	for (size_t i = 0; directory >= 0 && i < ARRAY_SIZE(names); i++)
		unlinkat(directory, names[i], 0);
	if (below >= 0)
		unlinkat(below, ".new", AT_REMOVEDIR);
	rmdir(objects);
	if (made)
		rmdir(path);
	if (key_file)
		unlink(key_file);
}

static int init_in(
	struct invocation *invocation, const char *path, bool made, struct output *output)
{
	const char *objects_option = invocation_option(invocation, "objects");
	const char *key_file = invocation_option(invocation, "new-key-file");
	bool is_private = invocation_option(invocation, "private");
	struct keystore_options options = {0};
	struct unlock_secrets secrets = {0};
	scope_free char *objects = NULL;
	char zone[MACHINE_ZONE_SIZE];
	uint8_t fingerprint[DIGEST_SIZE];
	char text[2 * DIGEST_SIZE + 1];
	int code, r;

	code = parse_options(invocation, &options, output);
	if (code == EXIT_DONE)
		code = parse_zone(invocation, zone, output);
	options.timezone = zone;
	if (code == EXIT_DONE)
		code = new_secrets_get(invocation, path, &secrets, output);
	if (code != EXIT_DONE) {
		if (made)
			rmdir(path);
		return code;
	}
	if (objects_option && *objects_option != '/') {
		scope_free char *here = getcwd(NULL, 0);

		if (!here || asprintf(&objects, "%s/%s", here, objects_option) < 0)
			objects = NULL;
	} else if (asprintf(&objects, "%s%s", objects_option ? objects_option : path,
			   objects_option ? "" : "/objects") < 0) {
		objects = NULL;
	}
	options.objects = objects_option ? objects : NULL;
	r = objects ? make_vault(path, &options, &secrets, is_private, fingerprint) : -ENOMEM;
	unlock_secrets_done(&secrets);
	if (r < 0) {
		complain(output, "init: %s%s%s: %s; nothing was made", path,
			objects_option ? ", objects in " : "", objects_option ? objects : "",
			result_text(r));
		if (objects)
			take_back(path, made, objects, key_file);
		return EXIT_FAILED;
	}
	hex_encode(fingerprint, DIGEST_SIZE, text);
	say(output, "audit key fingerprint: %s\n", text);
	remark(output,
		"made %s, time zone %s; uid %u is admin, auditor and custodian. Keep the "
		"fingerprint: it proves the trail%s%s",
		path, zone, geteuid(), key_file ? "; keep a copy of " : "",
		key_file ? key_file : "");
	if (is_private)
		remark(output, "Its names are hidden from whom no rule allows anything");
	remark(output, "Next: modelvault import %s SOURCE...", path);
	return EXIT_DONE;
}

/* A vault that lies on a mount of a vault would wait for that one's server, or for its own. */
static int check_place(const char *path, struct output *output)
{
	scope_free char *parent = strdup(path);
	scope_free char *real = NULL, *shown = NULL;
	const char *rest;
	char *slash;

	if (!parent)
		return EXIT_FAILED;
	real = realpath(path, NULL);
	/* What is not there yet will be where its parent is. */
	while (!real && (slash = strrchr(parent, '/')) && slash != parent) {
		*slash = '\0';
		real = realpath(parent, NULL);
	}
	if (!real)
		real = realpath(*path == '/' ? "/" : ".", NULL);
	shown = real ? mounts_vault_above(real, &rest) : NULL;
	if (!shown)
		return EXIT_DONE;
	complain(output, "init: %s is on a mount of the vault %s; choose another place", path,
		shown);
	return EXIT_USAGE;
}

int run_init(struct invocation *invocation)
{
	struct output output = output_to_terminal();
	const char *objects = invocation_option(invocation, "objects");
	const char *operand = invocation->vault;
	scope_free char *path = NULL;
	bool made;
	int code;

	if (secret_init() < 0) {
		complain(&output, "no memory can be locked for keys; raise `ulimit -l`");
		return EXIT_FAILED;
	}
	if (strcmp(operand, "@") == 0)
		operand = getenv("MODELVAULT");
	if (!operand || !*operand) {
		complain(&output, "init: '%s' names no directory for the vault%s",
			invocation->vault,
			operand ? "" : ": '@' stands for $MODELVAULT, which is not set");
		return EXIT_NOT_FOUND;
	}
	code = check_place(operand, &output);
	if (code == EXIT_DONE && objects)
		code = check_place(objects, &output);
	if (code == EXIT_DONE)
		code = take_directory(operand, &made, &output);
	if (code != EXIT_DONE)
		return code;
	path = realpath(operand, NULL);
	if (!path) {
		complain(&output, "init: %s: %s", operand, strerror(errno));
		return EXIT_FAILED;
	}
	return init_in(invocation, path, made, &output);
}
