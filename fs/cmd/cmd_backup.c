/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_backup.c - `backup VAULT DEST`: a directory that is a vault itself, of one moment, while
 * everything goes on. In this order, so that whenever it is killed DEST is incomplete and known as
 * such, or a whole backup (the new one or the one before):
 *   1. DEST/backup says incomplete, unless a complete one is there
 *   2. the objects that a snapshot of keystore.db names; those of an earlier backup stay
 *   3. audit.db, keystore.db, keystore.copy, each replaced atomically
 *   4. `id`, which makes it a vault; DEST/backup says complete
 *   5. objects that the catalogue does not name any more are removed
 * The front makes and opens DEST with the caller's rights; the verb writes in it.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/cmd/backup_copy.h"
#include "fs/cmd/backup_mark.h"
#include "fs/cmd/commands.h"
#include "fs/cmd/mounts.h"
#include "fs/cmd/progress.h"
#include "fs/cmd/vault_access.h"
#include "fs/cmd/vault_act.h"
#include "keystore/base/file.h"

/* Objects removed while they are copied make the snapshot old: a newer one has not got them. */
#define ROUNDS 10

struct backup {
	struct vault_act act;
	int dir_fd;
	bool is_new; /* DEST has no complete backup yet */
	struct object_copy copy;
	struct keystore_snapshot snapshot;
	char path[64]; /* of dir_fd, whatever its name is */
};

static int by_id(const void *a, const void *b)
{
	return memcmp(a, b, ID_SIZE);
}

static bool is_in_snapshot(void *arg, const uint8_t *file_id)
{
	const struct keystore_snapshot *snapshot = arg;

	return bsearch(file_id, snapshot->ids, snapshot->count, ID_SIZE, by_id);
}

/* How many objects the snapshot names that were not there; -errno. */
static int64_t copy_objects(struct vault *vault, struct backup *backup)
{
	int64_t damaged = 0;
	int r;

	backup->copy.missing = backup->copy.present = 0;
	for (size_t i = 0; i < backup->snapshot.count; i++) {
		const uint8_t *id = backup->snapshot.ids[i];
		uint64_t before = backup->copy.missing;

		r = copy_object(&backup->copy, id);
		if (r < 0)
			return r;
		/* Still in the catalogue and without an object: lost, in every snapshot to come. */
		if (backup->copy.missing > before && keystore_knows_file(vault->keystore, id))
			damaged++;
	}
	backup->copy.missing -= (uint64_t)damaged;
	return damaged;
}

/* 0, a count of files that have no object, or -errno. */
static int64_t copy_consistently(struct vault *vault, struct backup *backup)
{
	for (int round = 0; round < ROUNDS; round++) {
		int64_t damaged;
		int r;

		keystore_snapshot_done(&backup->snapshot);
		r = keystore_take_snapshot(vault->keystore, &backup->snapshot);
		if (r < 0)
			return r;
		qsort(backup->snapshot.ids, backup->snapshot.count, ID_SIZE, by_id);
		damaged = copy_objects(vault, backup);
		if (damaged < 0 || backup->copy.missing == 0)
			return damaged;
	}
	return -EBUSY;
}

static int open_target(struct backup *backup)
{
	char path[80];
	int r;

	snprintf(path, sizeof(path), "%s/objects", backup->path);
	r = object_store_create(path);
	if (r < 0 && r != -EEXIST)
		return r;
	return object_store_open(path, &backup->copy.to);
}

/* The trail as it is now: its copy lies in the vault for a moment, where nobody keeps us waiting.
 */
static int copy_trail(struct vault *vault, struct backup *backup)
{
	scope_free char *from = NULL, *to = NULL;
	scope_fd int fd = -1;
	int r;

	if (asprintf(&from, "%s/audit.db", vault->place.path) < 0 ||
		asprintf(&to, "%s/audit.backup", vault->place.path) < 0)
		return -ENOMEM;
	r = audit_flush(vault->audit);
	if (r == 0)
		r = keystore_copy_database(from, vault->place.path, "audit.backup");
	if (r < 0)
		return r;
	fd = open(to, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	r = fd < 0 ? -errno : 0;
	unlink(to);
	return r < 0 ? r : copy_file_to(fd, backup->dir_fd, "audit.db");
}

static int write_id(struct vault *vault, struct backup *backup)
{
	struct backup_mark mark = {.complete = true};
	uint8_t socket_id[ID_SIZE];
	char text[128], socket_text[VAULT_ID_TEXT];
	int len, r;

	memcpy(mark.vault_id, vault->place.id, ID_SIZE);
	if (backup->is_new) {
		r = random_fill(socket_id, ID_SIZE);
		if (r < 0)
			return r;
		hex_encode(socket_id, ID_SIZE, socket_text);
		len = snprintf(text, sizeof(text), "modelvault 1 %s %s\n", vault->place.id_text,
			socket_text);
		r = file_replace(backup->dir_fd, "id", text, (size_t)len, 0644);
		if (r < 0)
			return r;
	}
	return backup_mark_write(backup->dir_fd, &mark);
}

static int copy_all(struct vault *vault, struct backup *backup, int64_t *ret_damaged)
{
	struct backup_mark mark = {0};
	int r;

	memcpy(mark.vault_id, vault->place.id, ID_SIZE);
	r = backup->is_new ? backup_mark_write(backup->dir_fd, &mark) : 0;
	if (r == 0)
		r = open_target(backup);
	if (r < 0)
		return r;
	*ret_damaged = copy_consistently(vault, backup);
	if (*ret_damaged < 0)
		return (int)*ret_damaged;
	r = copy_trail(vault, backup);
	if (r == 0)
		r = copy_file_to(backup->snapshot.fd, backup->dir_fd, "keystore.db");
	if (r == 0)
		r = copy_file_to(backup->snapshot.fd, backup->dir_fd, "keystore.copy");
	if (r == 0)
		r = write_id(vault, backup);
	if (r < 0)
		return r;
	r = object_store_collect(backup->copy.to, is_in_snapshot, &backup->snapshot);
	return r < 0 ? r : 0;
}

/* The vault is being closed: a server that is told to end does not wait for a copy. */
static bool is_closing(void *arg)
{
	return gate_is_shut(((struct vault *)arg)->gate);
}

static int run_act(struct vault *vault, struct verb_call *call, void *arg)
{
	struct backup *backup = arg;
	char bytes[BYTES_TEXT_SIZE];
	int64_t damaged = 0;
	int r;

	r = copy_all(vault, backup, &damaged);
	if (r < 0) {
		complain(call->output, "backup: %s; what is there is %s, give the command again",
			r == -EBUSY	  ? "files went as fast as they were copied"
			: r == -ECANCELED ? "the server is ending"
					  : result_text(r),
			backup->is_new ? "incomplete" : "the backup of before");
		return r;
	}
	bytes_to_text(backup->copy.copied_bytes, bytes);
	snprintf(backup->act.done, sizeof(backup->act.done),
		"%s: %zu files, %llu objects copied (%s), %llu present", backup->act.words,
		backup->snapshot.count, (unsigned long long)backup->copy.copied, bytes,
		(unsigned long long)backup->copy.present);
	remark(call->output, "%zu file%s: %llu object%s copied (%s), %llu there already",
		backup->snapshot.count, plural(backup->snapshot.count),
		(unsigned long long)backup->copy.copied, plural(backup->copy.copied), bytes,
		(unsigned long long)backup->copy.present);
	if (damaged)
		complain(call->output,
			"backup: %lld file%s of the vault %s no object; `modelvault verify %s` "
			"names them",
			(long long)damaged, plural((uint64_t)damaged),
			damaged == 1 ? "has" : "have", vault->place.path);
	return damaged ? 1 : 0;
}

/* Writes as the server's user: whoever could not write there himself must not make it. */
static int check_target(struct vault *vault, struct verb_call *call, struct backup *backup)
{
	struct backup_mark mark;
	int r;

	backup->dir_fd = message_fd(call->request, 0);
	if (call->caller->uid != geteuid() && call->caller->uid != 0) {
		complain(call->output,
			"backup: it writes as user %u, who serves the vault; run it as that user",
			geteuid());
		return EXIT_REFUSED;
	}
	if (backup->dir_fd < 0 || faccessat(backup->dir_fd, ".", W_OK, AT_EACCESS) < 0) {
		complain(call->output, "backup: the directory cannot be written: %s",
			strerror(backup->dir_fd < 0 ? EBADF : errno));
		return EXIT_FAILED;
	}
	r = backup_mark_read(backup->dir_fd, &mark);
	if (r == -EUCLEAN || (r == 0 && memcmp(mark.vault_id, vault->place.id, ID_SIZE) != 0)) {
		complain(call->output,
			"backup: the backup there is another vault's; choose another "
			"directory");
		return EXIT_FAILED;
	}
	backup->is_new = r < 0 || !mark.complete;
	snprintf(backup->path, sizeof(backup->path), "/proc/self/fd/%d", backup->dir_fd);
	return EXIT_DONE;
}

int verb_backup(struct vault *vault, struct verb_call *call)
{
	struct backup backup = {
		.act = {.action = AUDIT_BACKUP, .run = run_act}, .snapshot = {.fd = -1}};
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	scope_free char *words = NULL, *shown = NULL;
	size_t len = 0;
	const char *path = verb_operand(call, 0, &len);
	int code, r;

	shown = path ? text_for_terminal(path, len) : NULL;
	if (!shown || asprintf(&words, "to %.150s", shown) < 0)
		return EXIT_USAGE;
	code = check_target(vault, call, &backup);
	if (code != EXIT_DONE)
		return code;
	if (pthread_mutex_trylock(&one_at_a_time) != 0) {
		complain(call->output, "backup: another backup of this vault is being made");
		return EXIT_BUSY;
	}
	backup.act.words = words;
	backup.act.arg = &backup;
	backup.copy.from = vault->objects;
	backup.copy.is_over = is_closing;
	backup.copy.arg = vault;
	r = vault_act_unlocked(vault, call, &backup.act);
	pthread_mutex_unlock(&one_at_a_time);
	object_store_close(backup.copy.to);
	keystore_snapshot_done(&backup.snapshot);
	if (r < 0)
		return exit_code_of(r);
	remark(call->output, "the backup is complete. It takes the secrets of this vault's slots; "
			     "modelvault restore puts it back");
	return r > 0 ? EXIT_FAILED : EXIT_DONE;
}

/* ---- the front ---- */

static bool is_empty(int fd)
{
	int copy = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	const struct dirent *entry;
	bool empty = dir;

	while (dir && empty && (entry = readdir(dir)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir)
		closedir(dir);
	else if (copy >= 0)
		close(copy);
	return empty;
}

static int complain_dest(const char *dest, const char *words, struct output *output)
{
	complain(output, "backup: %s %s", dest, words);
	return EXIT_FAILED;
}

/* An empty or new directory, or one with a backup in it; never within the vault or a mount. */
static int open_dest(const char *dest, const struct vault_place *place, bool *ret_made, int *ret_fd,
	struct output *output)
{
	size_t len = strlen(place->path);
	scope_free char *real = NULL, *mounted = NULL;
	struct backup_mark mark;
	scope_fd int fd = -1;

	*ret_made = mkdir(dest, 0711) == 0;
	if (!*ret_made && errno != EEXIST)
		return complain_dest(dest, strerror(errno), output);
	real = realpath(dest, NULL);
	fd = open(dest, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || !real)
		return complain_dest(dest, strerror(errno), output);
	if (strncmp(real, place->path, len) == 0 && (!real[len] || real[len] == '/'))
		return complain_dest(
			dest, "is in the vault itself; choose a directory on another disk", output);
	mounted = mounts_vault_at(real);
	if (mounted)
		return complain_dest(dest, "is a mount of a vault", output);
	if (!is_empty(fd) && backup_mark_read(fd, &mark) < 0)
		return complain_dest(
			dest, "is not empty and no backup; choose a new directory", output);
	*ret_fd = take_fd(&fd);
	return EXIT_DONE;
}

static int backup_to(struct invocation *invocation, struct vault_access *access, const char *dest,
	struct output *output)
{
	scope(access_line_free) struct access_line *line = NULL;
	bool made = false;
	int fd, code;

	code = open_dest(dest, access_place(access), &made, &fd, output);
	if (code == EXIT_DONE &&
		(message_add_fd(invocation->request, fd) < 0 || access_line_new(access, &line) < 0))
		code = EXIT_FAILED;
	if (code == EXIT_DONE)
		code = access_call(line, invocation->request, output);
	/* Only when nothing came into it. */
	if (code != EXIT_DONE && made)
		rmdir(dest);
	return code;
}

int run_backup(struct invocation *invocation)
{
	scope(access_close) struct vault_access *access = NULL;
	struct output output = output_to_terminal();
	int code;

	code = access_open(invocation, &access, &output);
	if (code != EXIT_DONE)
		return code;
	return backup_to(
		invocation, access, message_at(invocation->request, "arg", 0, NULL), &output);
}
