/* SPDX-License-Identifier: Apache-2.0 */
/* aside.c - moves by rename alone: nothing is ever half in two places. */
#include "fs/cmd/aside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "keystore/base/file.h"

void aside_init(struct aside *aside, int vault_fd, const char *what)
{
	char time[TIME_NAME_SIZE];

	vault_time_name(time);
	*aside = (struct aside){.vault_fd = vault_fd, .fd = -1};
	snprintf(aside->name, sizeof(aside->name), "before-%s-%s", what, time);
}

void aside_done(struct aside *aside)
{
	if (aside->fd >= 0)
		close(aside->fd);
	aside->fd = -1;
}

static int make_directory(int parent_fd, const char *name)
{
	int fd;

	if (mkdirat(parent_fd, name, 0700) < 0 && errno != EEXIST)
		return -errno;
	fd = file_open_beneath(parent_fd, name, O_RDONLY | O_DIRECTORY, 0);
	if (fd >= 0 && fsync(parent_fd) < 0) {
		close(fd);
		return -errno;
	}
	return fd;
}

int aside_take(struct aside *aside, const char *name)
{
	struct stat attr;

	if (fstatat(aside->vault_fd, name, &attr, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (aside->fd < 0)
		aside->fd = make_directory(aside->vault_fd, aside->name);
	if (aside->fd < 0)
		return aside->fd;
	if (renameat(aside->vault_fd, name, aside->fd, name) < 0)
		return -errno;
	return fsync(aside->fd) < 0 ? -errno : 1;
}

int aside_take_database(struct aside *aside, const char *name)
{
	static const char *const endings[] = {"-wal", "-shm", "-journal", ""};
	char path[64];
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(endings) && r >= 0; i++) {
		snprintf(path, sizeof(path), "%s%s", name, endings[i]);
		r = aside_take(aside, path);
	}
	return r;
}

static bool is_known(void *arg, const uint8_t *file_id)
{
	return keystore_knows_file(arg, file_id);
}

int aside_take_objects(const struct aside *aside, struct object_store *objects, int objects_fd,
	struct keystore *keystore)
{
	scope_fd int fd = -1;
	char name[80];
	int r;

	snprintf(name, sizeof(name), ".%s", aside->name);
	fd = make_directory(objects_fd, name);
	if (fd < 0)
		return fd;
	r = object_store_set_aside(objects, is_known, keystore, fd);
	if (r == 0)
		unlinkat(objects_fd, name, AT_REMOVEDIR);
	return r;
}
