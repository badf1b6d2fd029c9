/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reserve.c - a file of allocated blocks that is shortened when they are needed. In parts: whoever
 * fills the disk takes what becomes free as well, and the next attempt needs some of its own.
 */
#include "fs/cmd/reserve.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "keystore/base/log.h"
#include "keystore/base/result.h"
#include "keystore/base/scope.h"

#define RESERVE_BYTES (1 << 20)
#define RESERVE_PARTS 8

/* Only an own regular file is taken for it. Descriptor or -errno. */
static int open_reserve(const char *path, int flags, struct stat *ret_attr)
{
	scope_free char *name = NULL;
	scope_fd int fd = -1;

	if (asprintf(&name, "%s/reserve", path) < 0)
		return -ENOMEM;
	fd = open(name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | flags, 0600);
	if (fd < 0)
		return -errno;
	if (fstat(fd, ret_attr) < 0)
		return -errno;
	if (!S_ISREG(ret_attr->st_mode) || ret_attr->st_nlink != 1)
		return -EINVAL;
	return take_fd(&fd);
}

/* Twice: what is left beside it must serve the trail, or the reserve itself would fill the disk. */
static bool has_room(int fd)
{
	struct statvfs disk;

	return fstatvfs(fd, &disk) == 0 &&
	       (uint64_t)disk.f_bavail * disk.f_frsize >= 2 * RESERVE_BYTES;
}

static int fill(const char *path)
{
	scope_fd int fd = -1;
	struct stat attr;
	int r;

	fd = open_reserve(path, O_CREAT, &attr);
	if (fd < 0)
		return fd;
	if (attr.st_size == RESERVE_BYTES && attr.st_blocks * 512 >= RESERVE_BYTES)
		return 0;
	if (!has_room(fd))
		return -ENOSPC;
	if (ftruncate(fd, 0) < 0)
		return -errno;
	r = posix_fallocate(fd, 0, RESERVE_BYTES);
	if (r == 0 && fsync(fd) < 0)
		r = errno;
	if (r != 0 && ftruncate(fd, 0) < 0)
		return -errno;
	return -r;
}

int reserve_fill(const char *path)
{
	int r = fill(path);

	if (r < 0 && r != -ENOSPC)
		log_warning("%s/reserve cannot be made (%s): on a full disk nothing can be saved",
			path, result_text(r));
	return r;
}

int reserve_release(const char *path)
{
	scope_fd int fd = -1;
	struct stat attr;
	off_t left;

	fd = open_reserve(path, 0, &attr);
	if (fd < 0)
		return fd;
	if (!attr.st_size)
		return -ENOENT;
	left = attr.st_size - RESERVE_BYTES / RESERVE_PARTS;
	/* Synced: some file systems give blocks back only with their next commit. */
	if (ftruncate(fd, left > 0 ? left : 0) < 0 || fsync(fd) < 0)
		return -errno;
	return 0;
}
