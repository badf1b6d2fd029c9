/* SPDX-License-Identifier: Apache-2.0 */
/* put_back.c - nothing of the vault is touched before the new database proved to be whole. */
#include "fs/cmd/put_back.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "keystore/base/file.h"

#define NEW_NAME "keystore.db.new"

int put_back_init(
	struct put_back *put, struct vault_place *place, const char *what, struct output *output)
{
	pid_t holder;

	*put = (struct put_back){
		.place = place, .vault_fd = -1, .lock_fd = -1, .aside = {.fd = -1}};
	put->id_known = place->id_text[0];
	put->vault_fd = open(place->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (put->vault_fd >= 0)
		put->lock_fd = vault_lock(place->path, &holder);
	if (put->lock_fd < 0) {
		complain(output, "%s: %s: %s", what, place->path,
			result_text(put->vault_fd < 0 ? -errno : put->lock_fd));
		return put->lock_fd == -EBUSY ? EXIT_BUSY : EXIT_FAILED;
	}
	aside_init(&put->aside, put->vault_fd, what);
	return EXIT_DONE;
}

void put_back_done(struct put_back *put)
{
	put->keystore = keystore_close(put->keystore);
	if (!put->place)
		return;
	aside_done(&put->aside);
	if (put->vault_fd >= 0)
		close(put->vault_fd);
	if (put->lock_fd >= 0)
		close(put->lock_fd);
	put->place = NULL;
}

static void remove_new(const struct put_back *put)
{
	static const char *const endings[] = {"", "-wal", "-shm", ".new"};
	char name[64];

	for (size_t i = 0; i < ARRAY_SIZE(endings); i++) {
		snprintf(name, sizeof(name), NEW_NAME "%s", endings[i]);
		unlinkat(put->vault_fd, name, 0);
	}
}

static int complain_new(const char *from, int result, struct output *output)
{
	if (result == -EKEYREJECTED || result == -ENOKEY)
		complain(
			output, "%s: wrong key: it opens no slot of it; nothing was changed", from);
	else if (result == -EBADMSG || result == -EUCLEAN || result == -EROFS)
		complain(output,
			"%s is not whole (%s) and cannot be put back; nothing was changed, take a "
			"(or another) backup",
			from, result_text(result));
	else
		complain(output, "%s: %s; nothing was changed", from, result_text(result));
	return result == -EKEYREJECTED || result == -ENOKEY ? EXIT_KEY
	       : result == -EBADMSG || result == -EUCLEAN   ? EXIT_INTEGRITY
							    : exit_code_of(result);
}

static int take_id(struct put_back *put)
{
	const uint8_t *id = keystore_vault_id(put->keystore);

	if (put->id_known)
		return memcmp(id, put->place->id, ID_SIZE) == 0 ? 0 : -EXDEV;
	memcpy(put->place->id, id, ID_SIZE);
	hex_encode(id, ID_SIZE, put->place->id_text);
	hex_encode(id, ID_SIZE, put->place->socket_text);
	return 0;
}

int put_back_prepare(struct put_back *put, const char *from, const struct unlock_secrets *secrets,
	struct output *output)
{
	uint32_t slot;
	int r;

	remove_new(put);
	r = keystore_copy_database(from, put->place->path, NEW_NAME);
	if (r == 0)
		r = keystore_open_named(put->place->path, NEW_NAME, &put->keystore);
	if (r == 0)
		r = keystore_unlock(put->keystore, secrets, &slot);
	if (r == 0 && !keystore_is_intact(put->keystore))
		r = -EBADMSG;
	if (r == 0)
		r = take_id(put);
	if (r == 0)
		return EXIT_DONE;
	put->keystore = keystore_close(put->keystore);
	remove_new(put);
	if (r == -EXDEV) {
		complain(output, "%s is of another vault than %s; nothing was changed", from,
			put->place->path);
		return EXIT_FAILED;
	}
	return complain_new(from, r, output);
}

int put_back_keep_objects(struct put_back *put, struct output *output)
{
	const char *path = keystore_objects_path(put->keystore);
	scope(object_store_close) struct object_store *objects = NULL;
	scope_fd int fd = -1;
	int r;

	r = object_store_open(path, &objects);
	if (r == 0) {
		fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		r = fd < 0 ? -errno : aside_take_objects(&put->aside, objects, fd, put->keystore);
	}
	if (r < 0) {
		complain(
			output, "%s: %s; the old keystore.db was left alone", path, result_text(r));
		return EXIT_FAILED;
	}
	if (r > 0)
		remark(output,
			"%d object%s belong to files that this keystore.db does not know; they "
			"are kept in %s/.%s",
			r, plural((uint64_t)r), path, put->aside.name);
	return EXIT_DONE;
}

static int write_id(struct put_back *put)
{
	char text[64];
	int len;

	if (put->id_known)
		return 0;
	len = snprintf(text, sizeof(text), "modelvault 1 %s\n", put->place->id_text);
	return file_replace(put->vault_fd, "id", text, (size_t)len, 0644);
}

int put_back_database(struct put_back *put, struct output *output)
{
	int r;

	put->keystore = keystore_close(put->keystore);
	r = aside_take_database(&put->aside, "keystore.db");
	if (r >= 0 && renameat(put->vault_fd, NEW_NAME, put->vault_fd, "keystore.db") < 0)
		r = -errno;
	if (r >= 0)
		r = file_sync_directory(put->vault_fd);
	if (r >= 0)
		r = write_id(put);
	if (r < 0) {
		complain(
			output, "%s: %s; give the command again", put->place->path, result_text(r));
		return EXIT_FAILED;
	}
	if (put->aside.fd >= 0)
		remark(output, "what was there is kept in %s/%s", put->place->path,
			put->aside.name);
	close(put->lock_fd);
	put->lock_fd = -1;
	return EXIT_DONE;
}
