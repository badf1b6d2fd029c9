/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_directory.c - a directory under way. What is written into it sets its time, and its mode
 * may forbid to write into it: both wait until nothing comes any more.
 */
#include <errno.h>
#include <stdatomic.h>
#include <string.h>

#include "fs/cmd/export_file.h"

struct export_directory {
	atomic_uint references;
	int fd;
	bool made;
	struct export_look look;
	uint8_t xattrs[];
};

int export_directory_new(
	int fd, const struct export_look *look, struct export_directory **ret_directory)
{
	size_t xattrs_len = look ? look->xattrs_len : 0;
	struct export_directory *directory = calloc(1, sizeof(*directory) + xattrs_len);

	if (!directory) {
		close(fd);
		return -ENOMEM;
	}
	atomic_init(&directory->references, 1);
	directory->fd = fd;
	if (look) {
		directory->made = true;
		directory->look = *look;
		memcpy(directory->xattrs, look->xattrs, xattrs_len);
		directory->look.xattrs = directory->xattrs;
	}
	*ret_directory = directory;
	return 0;
}

struct export_directory *export_directory_ref(struct export_directory *directory)
{
	atomic_fetch_add(&directory->references, 1);
	return directory;
}

struct export_directory *export_directory_unref(struct export_directory *directory)
{
	if (!directory || atomic_fetch_sub(&directory->references, 1) > 1)
		return NULL;
	if (directory->made)
		export_set_attributes(directory->fd, &directory->look);
	close(directory->fd);
	free(directory);
	return NULL;
}

int export_directory_fd(const struct export_directory *directory)
{
	return directory->fd;
}
