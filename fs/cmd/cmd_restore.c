/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_restore.c - `restore VAULT BACKUP`: a backup comes in a vault's place, which is missing,
 * empty or the same vault, served by nobody. In this order, and again from the start after a kill:
 *   1. the backup's keystore.db is copied beside, unlocked and checked; objects are copied
 *   2. objects of files that it does not know are kept aside
 *   3. the trail: that of VAULT goes on when it is whole and has at least as many records
 *   4. the databases of before are kept aside, the new one renamed; `id` when there was none
 *   5. it is put on record, the anchor renewed
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/cmd/backup_copy.h"
#include "fs/cmd/backup_mark.h"
#include "fs/cmd/commands.h"
#include "fs/cmd/progress.h"
#include "fs/cmd/put_back.h"
#include "fs/cmd/unlock.h"
#include "fs/cmd/vault_own.h"
#include "keystore/base/file.h"

#define MARK "restore" /* in a directory that was empty, until it is a vault */

struct restore {
	struct put_back put;
	struct vault_place from;
	struct unlock_secrets secrets;
	struct object_copy copy;
};

/* ---- the two places ---- */

static int find_backup(const char *operand, struct vault_place *ret_from, struct output *output)
{
	struct backup_mark mark = {.complete = true};
	struct output silent = output_to_nowhere();
	scope_fd int fd = open(operand, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (fd >= 0 && backup_mark_read(fd, &mark) == 0 && !mark.complete) {
		complain(output,
			"restore: the backup in %s is incomplete; give its `backup` again, or "
			"restore another",
			operand);
		return EXIT_FAILED;
	}
	r = vault_locate(operand, ret_from, &silent);
	if (r == 0)
		return vault_own_check(ret_from, "restore", output);
	complain(output, "restore: %s: %s", operand,
		r == -ENOENT ? "there is nothing there" : "is no backup and no vault");
	return r == -ENOENT ? EXIT_NOT_FOUND : exit_code_of(r);
}

/* Nothing in it, or what an interrupted restore put there. */
static bool is_ours_to_fill(const char *path)
{
	scope_free char *mark = NULL;
	const struct dirent *entry;
	bool empty = true;
	DIR *dir;

	if (asprintf(&mark, "%s/" MARK, path) < 0)
		return false;
	if (access(mark, F_OK) == 0)
		return true;
	dir = opendir(path);
	while (dir && empty && (entry = readdir(dir)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	if (dir)
		closedir(dir);
	return dir && empty;
}

static int make_place(const char *path, struct vault_place *ret_place, struct output *output)
{
	scope_fd int fd = -1;

	if (mkdir(path, 0711) < 0 && errno != EEXIST) {
		complain(output, "restore: %s: %s", path, strerror(errno));
		return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED;
	}
	if (!is_ours_to_fill(path)) {
		complain(output,
			"restore: %s is not empty and no vault; give a new or empty directory, or "
			"the vault that the backup is of",
			path);
		return EXIT_FAILED;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || file_replace(fd, MARK, "", 0, 0600) < 0) {
		complain(output, "restore: %s cannot be written", path);
		return EXIT_FAILED;
	}
	ret_place->path = realpath(path, NULL);
	return ret_place->path ? EXIT_DONE : EXIT_FAILED;
}

static int find_place(const char *operand, const struct vault_place *from,
	struct vault_place *ret_place, struct output *output)
{
	const char *path = strcmp(operand, "@") == 0 ? getenv("MODELVAULT") : operand;
	struct output silent = output_to_nowhere();
	struct vault_place place = {0};

	if (!path) {
		vault_locate(operand, &place, output);
		return EXIT_NOT_FOUND;
	}
	if (vault_locate(operand, &place, &silent) < 0)
		return make_place(path, ret_place, output);
	if (memcmp(place.id, from->id, ID_SIZE) != 0 ||
		(place.dev == from->dev && place.ino == from->ino)) {
		complain(output, "restore: %s is %s", place.path,
			place.ino == from->ino && place.dev == from->dev
				? "the backup itself"
				: "another vault than the backup is of; give a new directory");
		vault_place_done(&place);
		return EXIT_FAILED;
	}
	*ret_place = place;
	return vault_own_check(ret_place, "restore", output);
}

/* ---- objects ---- */

static int copy_all(struct restore *restore)
{
	__attribute__((cleanup(keystore_snapshot_done))) struct keystore_snapshot snapshot = {
		.fd = -1};
	int r;

	r = keystore_take_snapshot(restore->put.keystore, &snapshot);
	for (size_t i = 0; i < snapshot.count && r == 0; i++)
		r = copy_object(&restore->copy, snapshot.ids[i]);
	return r;
}

static int copy_objects(struct restore *restore, struct output *output)
{
	const char *to = keystore_objects_path(restore->put.keystore);
	struct object_copy *copy = &restore->copy;
	char bytes[BYTES_TEXT_SIZE];
	scope_free char *from = NULL;
	int r;

	if (asprintf(&from, "%s/objects", restore->from.path) < 0)
		return EXIT_FAILED;
	r = object_store_create(to);
	if (r == 0 || r == -EEXIST)
		r = object_store_open(to, &copy->to);
	if (r == 0)
		r = object_store_open(from, &copy->from);
	if (r == 0)
		r = copy_all(restore);
	if (r < 0) {
		complain(output,
			"restore: objects could not be copied: %s; nothing else was changed",
			result_text(r));
		return EXIT_FAILED;
	}
	bytes_to_text(copy->copied_bytes, bytes);
	remark(output, "%llu object%s copied (%s), %llu there already",
		(unsigned long long)copy->copied, plural(copy->copied), bytes,
		(unsigned long long)copy->present);
	if (copy->missing)
		complain(output,
			"restore: %llu file%s of the backup %s no object there; `modelvault "
			"verify` "
			"names them",
			(unsigned long long)copy->missing, plural(copy->missing),
			copy->missing == 1 ? "has" : "have");
	return EXIT_DONE;
}

/* ---- the trail ---- */

/* The number of records of a trail that is whole; 0 of any other. */
static uint64_t records_of(const char *directory, char **ret_path)
{
	struct audit_verdict verdict = {0};

	if (asprintf(ret_path, "%s/audit.db", directory) < 0)
		return 0;
	return audit_verify(*ret_path, NULL, NULL, &verdict) == 0 ? verdict.records : 0;
}

/* Can it be gone on with, under the keys that are put back? */
static bool trail_goes_on(struct restore *restore)
{
	struct audit_key_wrapper wrapper = vault_key_wrapper(restore->put.keystore);
	scope(audit_close) struct audit *audit = NULL;

	return audit_open(restore->put.place->path, restore->from.id, &wrapper, AUDIT_REQUIRED,
		       &audit) == 0;
}

static int put_back_trail(struct restore *restore, struct output *output)
{
	struct put_back *put = &restore->put;
	scope_free char *ours = NULL, *theirs = NULL;
	uint64_t here = records_of(put->place->path, &ours);
	uint64_t there = records_of(restore->from.path, &theirs);
	int r;

	if (!ours || !theirs)
		return EXIT_FAILED;
	if (here > 0 && here >= there && trail_goes_on(restore)) {
		remark(output, "the audit trail of %s is whole and goes on: %llu records",
			put->place->path, (unsigned long long)here);
		return EXIT_DONE;
	}
	if (here > 0)
		remark(output,
			"the audit trail of %s (%llu records) cannot be gone on with and is kept "
			"aside; the backup's has %llu",
			put->place->path, (unsigned long long)here, (unsigned long long)there);
	r = aside_take_database(&put->aside, "audit.db");
	if (r >= 0)
		r = aside_take(&put->aside, "audit.key");
	if (r >= 0)
		r = aside_take(&put->aside, "audit.key.next");
	if (r >= 0 && there > 0)
		r = keystore_copy_database(theirs, put->place->path, "audit.db");
	if (r < 0)
		complain(output, "restore: the audit trail: %s; give the command again",
			result_text(r));
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

/* ---- all of it ---- */

static int restore_databases(struct restore *restore, struct output *output)
{
	scope_free char *from = NULL;
	scope_free char *detail = NULL;
	int code;

	if (asprintf(&from, "%s/keystore.db", restore->from.path) < 0 ||
		asprintf(&detail, "restored from %.150s", restore->from.path) < 0)
		return EXIT_FAILED;
	code = put_back_prepare(&restore->put, from, &restore->secrets, output);
	if (code == EXIT_DONE)
		code = copy_objects(restore, output);
	if (code == EXIT_DONE)
		code = put_back_keep_objects(&restore->put, output);
	if (code == EXIT_DONE)
		code = put_back_trail(restore, output);
	if (code == EXIT_DONE)
		code = put_back_database(&restore->put, output);
	if (code == EXIT_DONE)
		code = vault_own_accept(
			restore->put.place, &restore->secrets, AUDIT_RESTORE, detail, output);
	return code;
}

static int restore_place(struct invocation *invocation, struct restore *restore,
	struct vault_place *place, struct output *output)
{
	int code;

	code = unlock_secrets_get(invocation, place->path, &restore->secrets, output);
	if (code == EXIT_DONE)
		code = put_back_init(&restore->put, place, "restore", output);
	if (code == EXIT_DONE)
		code = restore_databases(restore, output);
	if (code != EXIT_DONE)
		return code;
	unlinkat(restore->put.vault_fd, MARK, 0);
	remark(output, "%s is restored. Next: modelvault verify %s", place->path, place->path);
	return restore->copy.missing ? EXIT_FAILED : EXIT_DONE;
}

int run_restore(struct invocation *invocation)
{
	const char *backup = message_at(invocation->request, "arg", 0, NULL);
	struct output output = output_to_terminal();
	struct restore restore = {0};
	struct vault_place place = {0};
	int code;

	if (secret_init() < 0) {
		complain(&output, "no memory can be locked for keys; raise `ulimit -l`");
		return EXIT_FAILED;
	}
	code = find_backup(backup, &restore.from, &output);
	if (code == EXIT_DONE)
		code = find_place(invocation->vault, &restore.from, &place, &output);
	if (code == EXIT_DONE)
		code = restore_place(invocation, &restore, &place, &output);
	put_back_done(&restore.put);
	unlock_secrets_done(&restore.secrets);
	object_store_close(restore.copy.from);
	object_store_close(restore.copy.to);
	vault_place_done(&restore.from);
	vault_place_done(&place);
	return code;
}
