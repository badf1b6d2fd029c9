/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_recover.c - `recover VAULT`: keystore.db is lost or broken; keystore.copy, when it is whole,
 * takes its place. In this order, each step repeatable after a kill:
 *   1. keystore.copy is copied to keystore.db.new, unlocked and checked there
 *   2. objects of files that it does not know are kept aside
 *   3. the broken database is set aside, keystore.db.new renamed to keystore.db
 *   4. it is put on record, the anchor renewed
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/cmd/aside.h"
#include "fs/cmd/commands.h"
#include "fs/cmd/put_back.h"
#include "fs/cmd/unlock.h"
#include "fs/cmd/vault_own.h"
#include "keystore/base/clock.h"
#include "keystore/base/file.h"

#define COPY_NAME "keystore.copy"

/* The vault's directory, be its file `id` there or not. */
static int locate(const char *operand, struct vault_place *ret_place, struct output *output)
{
	const char *path = strcmp(operand, "@") == 0 ? getenv("MODELVAULT") : operand;
	struct output silent = output_to_nowhere();
	scope_free char *copy = NULL, *real = NULL;

	if (vault_locate(operand, ret_place, &silent) == 0)
		return 0;
	real = path ? realpath(path, NULL) : NULL;
	if (!real || asprintf(&copy, "%s/" COPY_NAME, real) < 0 || access(copy, F_OK) < 0)
		return vault_locate(operand, ret_place, output);
	*ret_place = (struct vault_place){.path = take(&real)};
	return 0;
}

/* EXIT_DONE: it is broken and to be replaced. */
static int judge(const struct vault_place *place, const struct unlock_secrets *secrets,
	struct output *output)
{
	scope(keystore_close) struct keystore *keystore = NULL;
	uint32_t slot;
	int r;

	r = keystore_open(place->path, &keystore);
	if (r == 0)
		r = keystore_unlock(keystore, secrets, &slot);
	if (r == -EKEYREJECTED || r == -ENOKEY) {
		complain(output,
			"recover: keystore.db is there and the secret opens no slot of it; when "
			"its "
			"slots themselves were damaged, move %s/keystore.db away and give the "
			"command again",
			place->path);
		return EXIT_KEY;
	}
	if (r == 0 && keystore_is_intact(keystore)) {
		complain(output, "recover: %s/keystore.db is whole; there is nothing to recover",
			place->path);
		return EXIT_FAILED;
	}
	if (r == 0 || r == -ENOENT || r == -EUCLEAN || r == -EBADMSG || r == -EINVAL || r == -ELOOP)
		return EXIT_DONE;
	complain(output, "recover: %s/keystore.db: %s", place->path, result_text(r));
	return exit_code_of(r);
}

static int time_of_copy(const struct put_back *put, char ret_text[TIME_TEXT_SIZE])
{
	struct stat attr;

	if (fstatat(put->vault_fd, COPY_NAME, &attr, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	time_to_text((int64_t)attr.st_mtim.tv_sec * NS_PER_S, ret_text);
	ret_text[19] = '\0';
	return 0;
}

static int recover(
	struct put_back *put, const struct unlock_secrets *secrets, struct output *output)
{
	scope_free char *copy = NULL;
	char time[TIME_TEXT_SIZE], detail[128];
	int code;

	if (asprintf(&copy, "%s/" COPY_NAME, put->place->path) < 0)
		return EXIT_FAILED;
	if (time_of_copy(put, time) < 0) {
		complain(output,
			"recover: %s is missing too; `modelvault restore %s BACKUP` puts a backup "
			"in its place",
			copy, put->place->path);
		return EXIT_NOT_FOUND;
	}
	code = put_back_prepare(put, copy, secrets, output);
	if (code == EXIT_DONE)
		code = put_back_keep_objects(put, output);
	if (code == EXIT_DONE)
		code = put_back_database(put, output);
	if (code != EXIT_DONE)
		return code;
	remark(output,
		"keystore.db is as keystore.copy was on %s UTC; what changed after that is "
		"lost",
		time);
	snprintf(detail, sizeof(detail), "recovered from keystore.copy of %s", time);
	return vault_own_accept(put->place, secrets, AUDIT_RESTORE, detail, output);
}

static int recover_place(
	struct invocation *invocation, struct vault_place *place, struct output *output)
{
	__attribute__((cleanup(unlock_secrets_done))) struct unlock_secrets secrets = {0};
	__attribute__((cleanup(put_back_done))) struct put_back put = {0};
	int code;

	code = vault_own_check(place, "recover", output);
	if (code == EXIT_DONE)
		code = unlock_secrets_get(invocation, place->path, &secrets, output);
	if (code == EXIT_DONE)
		code = put_back_init(&put, place, "recover", output);
	if (code == EXIT_DONE)
		code = judge(place, &secrets, output);
	if (code == EXIT_DONE)
		code = recover(&put, &secrets, output);
	return code;
}

int run_recover(struct invocation *invocation)
{
	struct output output = output_to_terminal();
	struct vault_place place;
	int code, r;

	if (secret_init() < 0) {
		complain(&output, "no memory can be locked for keys; raise `ulimit -l`");
		return EXIT_FAILED;
	}
	r = locate(invocation->vault, &place, &output);
	if (r < 0)
		return r == -ENOENT ? EXIT_NOT_FOUND : exit_code_of(r);
	code = recover_place(invocation, &place, &output);
	vault_place_done(&place);
	return code;
}
