/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file.c - whole reads and writes over the short ones of the system calls, opening beneath a
 * directory with openat2(2), and replacing a file so that a crash leaves the old or the new one.
 */
#include "keystore/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "keystore/base/bytes.h"
#include "keystore/base/scope.h"
#include "keystore/base/secret.h"

#define MAX_PARTS     8
#define OPEN_ATTEMPTS 32   /* openat2 says EAGAIN while others rename directories on the way */
#define LOAD_STEP     4096 /* first read of files that tell no size, as in /proc */

/* Offsets and lengths that a signed 64-bit file offset can hold. */
static bool range_is_valid(size_t len, uint64_t offset)
{
	return len <= SSIZE_MAX && offset <= INT64_MAX && len <= INT64_MAX - offset;
}

ssize_t file_read_at(int fd, void *buf, size_t len, uint64_t offset)
{
	const struct iovec part = {buf, len};

	return file_readv_at(fd, &part, 1, offset);
}

/* Leaves out the first done bytes of the list. */
static void parts_advance(struct iovec *parts, size_t count, size_t done)
{
	for (size_t i = 0; i < count && done > 0; i++) {
		size_t step = done < parts[i].iov_len ? done : parts[i].iov_len;

		parts[i].iov_base = (char *)parts[i].iov_base + step;
		parts[i].iov_len -= step;
		done -= step;
	}
}

ssize_t file_readv_at(int fd, const struct iovec *parts, size_t count, uint64_t offset)
{
	struct iovec left[MAX_PARTS];
	size_t len = 0, done = 0;

	if (count > MAX_PARTS)
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		left[i] = parts[i];
		if (__builtin_add_overflow(len, parts[i].iov_len, &len))
			return -EINVAL;
	}
	if (!range_is_valid(len, offset))
		return -EINVAL;
	while (done < len) {
		ssize_t n = preadv2(fd, left, (int)count, (off_t)(offset + done), 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		parts_advance(left, count, (size_t)n);
		done += (size_t)n;
	}
	return (ssize_t)done;
}

ssize_t file_read(int fd, void *buf, size_t len)
{
	size_t done = 0;

	if (len > SSIZE_MAX)
		return -EINVAL;
	while (done < len) {
		ssize_t n = read(fd, (char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		done += (size_t)n;
	}
	return (ssize_t)done;
}

int file_write_at(int fd, const void *buf, size_t len, uint64_t offset)
{
	size_t done = 0;

	if (!range_is_valid(len, offset))
		return -EINVAL;
	while (done < len) {
		ssize_t n =
			pwrite(fd, (const char *)buf + done, len - done, (off_t)(offset + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

int file_write(int fd, const void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		ssize_t n = write(fd, (const char *)buf + done, len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n < 0 ? -errno : -EIO;
		done += (size_t)n;
	}
	return 0;
}

int file_open_beneath(int dir_fd, const char *path, int flags, mode_t mode)
{
	struct open_how how = {
		.flags = (uint64_t)(unsigned)(flags | O_CLOEXEC),
		.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS,
	};

	/* openat2 refuses a mode that nothing would use. */
	if ((flags & O_CREAT) || (flags & O_TMPFILE) == O_TMPFILE)
		how.mode = mode;
	for (int attempt = 0; attempt < OPEN_ATTEMPTS; attempt++) {
		long fd = syscall(SYS_openat2, dir_fd, path, &how, sizeof(how));

		if (fd >= 0)
			return (int)fd;
		if (errno != EAGAIN && errno != EINTR)
			return -errno;
	}
	return -EAGAIN;
}

static bool name_is_valid(const char *name)
{
	return *name && !strchr(name, '/') && strcmp(name, ".") != 0 && strcmp(name, "..") != 0;
}

/* Makes dir_fd/name, which must not exist, with these bytes, on the disk. */
static int write_new(int dir_fd, const char *name, const void *bytes, size_t len, mode_t mode)
{
	scope_fd int fd = -1;
	int r;

	fd = openat(dir_fd, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	r = file_write(fd, bytes, len);
	if (r == 0 && (fchmod(fd, mode) < 0 || fsync(fd) < 0))
		r = -errno;
	if (r == 0 && close(take_fd(&fd)) < 0)
		r = -errno;
	if (r < 0)
		unlinkat(dir_fd, name, 0);
	return r;
}

int file_replace(int dir_fd, const char *name, const void *bytes, size_t len, mode_t mode)
{
	char temporary[64] = ".new-";
	uint8_t random[8];
	int r;

	if (!name_is_valid(name))
		return -EINVAL;
	r = random_fill(random, sizeof(random));
	if (r < 0)
		return r;
	hex_encode(random, sizeof(random), temporary + strlen(temporary));
	r = write_new(dir_fd, temporary, bytes, len, mode);
	if (r < 0)
		return r;
	if (renameat(dir_fd, temporary, dir_fd, name) < 0) {
		r = -errno;
		unlinkat(dir_fd, temporary, 0);
		return r;
	}
	return file_sync_directory(dir_fd);
}

/* Doubles the memory; what is outgrown is wiped: a key may have been in it. */
static int grow(char **bytes, size_t *capacity)
{
	char *larger = malloc(2 * *capacity);

	if (!larger)
		return -ENOMEM;
	memcpy(larger, *bytes, *capacity);
	secret_wipe(*bytes, *capacity);
	free(*bytes);
	*bytes = larger;
	*capacity *= 2;
	return 0;
}

/* Reads to the end of fd into *bytes, which has room for at least one byte more than expected. */
static ssize_t read_all(int fd, size_t max, char **bytes, size_t *capacity)
{
	size_t len = 0;
	int r;

	for (;;) {
		ssize_t n = file_read(fd, *bytes + len, *capacity - len);

		if (n < 0)
			return n;
		len += (size_t)n;
		if (len > max)
			return -EFBIG;
		if (len < *capacity)
			return (ssize_t)len;
		r = grow(bytes, capacity);
		if (r < 0)
			return r;
	}
}

int file_load(int dir_fd, const char *path, size_t max, char **ret_bytes, size_t *ret_len)
{
	scope_fd int fd = -1;
	scope_free char *bytes = NULL;
	size_t capacity;
	struct stat st;
	ssize_t len;

	/* O_NONBLOCK: a FIFO in the place of the file must not hang the open. */
	fd = openat(dir_fd, path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	if (max > SSIZE_MAX / 4 || (uint64_t)st.st_size > max)
		return -EFBIG;
	capacity = st.st_size < LOAD_STEP ? LOAD_STEP : (size_t)st.st_size + 1;
	bytes = malloc(capacity);
	if (!bytes)
		return -ENOMEM;
	len = read_all(fd, max, &bytes, &capacity);
	if (len < 0) {
		secret_wipe(bytes, capacity);
		return (int)len;
	}
	bytes[len] = '\0'; /* read_all ends with room left */
	*ret_bytes = take(&bytes);
	*ret_len = (size_t)len;
	return 0;
}

int file_sync_directory(int dir_fd)
{
	scope_fd int fd = -1;

	/* Opened anew: dir_fd may be AT_FDCWD or O_PATH, which fsync does not take. */
	fd = openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	return fsync(fd) < 0 ? -errno : 0;
}

/* Opens the directory name in parent, made with mode when it is not there. */
static int enter_directory(int parent, const char *name, mode_t mode)
{
	scope_fd int fd = -1;

	fd = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		return take_fd(&fd);
	if (errno != ENOENT)
		return -errno;
	if (mkdirat(parent, name, mode) < 0) {
		if (errno != EEXIST)
			return -errno;
		fd = openat(parent, name, O_PATH | O_DIRECTORY | O_CLOEXEC);
		return fd < 0 ? -errno : take_fd(&fd);
	}
	fd = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0 || fchmod(fd, mode) < 0)
		return -errno;
	return take_fd(&fd);
}

int file_make_directories(const char *path, mode_t mode)
{
	scope_fd int fd = -1;
	scope_free char *copy = NULL;
	char *rest, *name;

	if (!*path)
		return -ENOENT;
	copy = strdup(path);
	if (!copy)
		return -ENOMEM;
	fd = open(*path == '/' ? "/" : ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	rest = copy;
	while ((name = strsep(&rest, "/"))) {
		int next;

		if (!*name)
			continue;
		next = enter_directory(fd, name, mode);
		if (next < 0)
			return next;
		close(fd);
		fd = next;
	}
	return 0;
}
