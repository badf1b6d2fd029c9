/* SPDX-License-Identifier: Apache-2.0 */
/* backup_copy.c - copies bytes by the cheapest way that the two file systems know. */
#include "fs/cmd/backup_copy.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <sys/stat.h>

#include "keystore/base/file.h"

#define PIECE (1 << 20)
#define RANGE (16 << 20) /* copied by the kernel before somebody is asked whether to go on */

/* What copies one file, and whether it is to go on. */
static bool is_over(const struct object_copy *copy)
{
	return copy && copy->is_over && copy->is_over(copy->arg);
}

static int copy_by_hand(const struct object_copy *copy, int from_fd, int to_fd, uint64_t at)
{
	scope_free char *piece = malloc(PIECE);
	int r;

	if (!piece)
		return -ENOMEM;
	for (;;) {
		ssize_t len = file_read_at(from_fd, piece, PIECE, at);

		if (len <= 0)
			return (int)len;
		r = file_write_at(to_fd, piece, (size_t)len, at);
		if (r < 0)
			return r;
		if (is_over(copy))
			return -ECANCELED;
		at += (uint64_t)len;
	}
}

static int copy_bytes(const struct object_copy *copy, int from_fd, int to_fd)
{
	off_t from_at = 0, to_at = 0;
	ssize_t len;

	if (ioctl(to_fd, FICLONE, from_fd) == 0)
		return 0;
	do
		len = copy_file_range(from_fd, &from_at, to_fd, &to_at, RANGE, 0);
	while (len > 0 && !is_over(copy));
	if (len > 0)
		return -ECANCELED;
	if (len == 0)
		return 0;
	if (errno == EIO || errno == ENOSPC || errno == EDQUOT)
		return -errno;
	return copy_by_hand(copy, from_fd, to_fd, (uint64_t)to_at);
}

int copy_file_to(int from_fd, int dir_fd, const char *name)
{
	scope_fd int fd = -1;
	char new_name[64];
	int r;

	snprintf(new_name, sizeof(new_name), "%s.new", name);
	/* What a kill left behind. */
	if (unlinkat(dir_fd, new_name, 0) < 0 && errno != ENOENT)
		return -errno;
	fd = openat(dir_fd, new_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = copy_bytes(NULL, from_fd, fd);
	if (r == 0 && (fsync(fd) < 0 || renameat(dir_fd, new_name, dir_fd, name) < 0))
		r = -errno;
	if (r < 0) {
		unlinkat(dir_fd, new_name, 0);
		return r;
	}
	return file_sync_directory(dir_fd);
}

/* 1: the target has it, of this size. One of another size is what a crash left: it goes. */
static int is_present(struct object_copy *copy, const uint8_t *file_id, off_t size)
{
	scope_fd int fd = -1;
	struct stat attr;
	bool direct;

	fd = object_store_open_object(copy->to, file_id, false, &direct);
	if (fd < 0)
		return object_store_lacks_object(fd) ? 0 : fd;
	if (fstat(fd, &attr) < 0)
		return -errno;
	return attr.st_size == size ? 1 : object_store_remove(copy->to, file_id);
}

static int copy_open_object(struct object_copy *copy, const uint8_t *file_id, int from_fd)
{
	scope_fd int fd = -1;
	int r;

	/* What a kill left behind. */
	r = object_store_discard(copy->to, file_id);
	if (r < 0)
		return r;
	fd = object_store_new_object(copy->to, file_id);
	if (fd < 0)
		return fd;
	r = copy_bytes(copy, from_fd, fd);
	if (r == 0)
		r = object_store_publish(copy->to, file_id, fd);
	if (r < 0)
		object_store_discard(copy->to, file_id);
	return r;
}

int copy_object(struct object_copy *copy, const uint8_t file_id[ID_SIZE])
{
	scope_fd int from_fd = -1;
	struct stat attr;
	bool direct;
	int r;

	if (is_over(copy))
		return -ECANCELED;
	from_fd = object_store_open_object(copy->from, file_id, false, &direct);
	if (object_store_lacks_object(from_fd)) {
		copy->missing++;
		return 0;
	}
	if (from_fd < 0)
		return from_fd;
	if (fstat(from_fd, &attr) < 0)
		return -errno;
	r = is_present(copy, file_id, attr.st_size);
	if (r != 0) {
		copy->present += r > 0;
		return r < 0 ? r : 0;
	}
	r = copy_open_object(copy, file_id, from_fd);
	if (r < 0)
		return r;
	copy->copied++;
	copy->copied_bytes += (uint64_t)attr.st_size;
	return 0;
}
