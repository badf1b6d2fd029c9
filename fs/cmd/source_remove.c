/* SPDX-License-Identifier: Apache-2.0 */
/* source_remove.c - opens the directory above step by step, looks once more, unlinks. */
#include "fs/cmd/source_remove.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "keystore/base/limits.h"
#include "keystore/base/result.h"
#include "keystore/base/scope.h"

#define STEP_FLAGS (O_PATH | O_DIRECTORY)

/* The next component of path below fd, which is closed. */
static int step_down(int fd, const char *name, size_t len)
{
	scope_fd int above = fd;
	char text[LIMIT_NAME + 1];
	int below;

	if (len > LIMIT_NAME)
		return -ENAMETOOLONG;
	memcpy(text, name, len);
	text[len] = '\0';
	below = openat(above, text, STEP_FLAGS | O_NOFOLLOW | O_CLOEXEC);
	return below < 0 ? -errno : below;
}

static int open_words(const char *path, size_t len)
{
	scope_free char *text = len ? strndup(path, len) : strdup(".");
	int fd;

	if (!text)
		return -ENOMEM;
	fd = open(text, STEP_FLAGS | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* The directory that holds the source, and its name there. */
static int open_parent(const char *source, size_t operand_len, char ret_name[LIMIT_NAME + 1])
{
	size_t end = strlen(source), start;
	int fd;

	while (end > 1 && source[end - 1] == '/')
		end--;
	for (start = end; start && source[start - 1] != '/'; start--)
		;
	if (end - start > LIMIT_NAME)
		return -ENAMETOOLONG;
	fd = open_words(source, end <= operand_len ? start : operand_len);
	for (size_t at = operand_len; fd >= 0 && at < start;) {
		size_t len = strcspn(source + at, "/");

		if (len)
			fd = step_down(fd, source + at, len);
		at += len + 1;
	}
	if (fd < 0)
		return fd;
	memcpy(ret_name, source + start, end - start);
	ret_name[end - start] = '\0';
	return fd;
}

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_unchanged(const struct stat *now, const struct stat *before, bool check_ctime)
{
	return now->st_dev == before->st_dev && now->st_ino == before->st_ino &&
	       (now->st_mode & S_IFMT) == (before->st_mode & S_IFMT) &&
	       now->st_size == before->st_size && is_same_time(&now->st_mtim, &before->st_mtim) &&
	       (!check_ctime || is_same_time(&now->st_ctim, &before->st_ctim));
}

/*
 * Opens it with a lease for reading, which is given while nobody has it open to write; until it is
 * closed nobody else gets it open to write.
 */
static int open_leased(int dir_fd, const char *name)
{
	scope_fd int fd = openat(dir_fd, name, O_RDONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	/* Other errors: a file system without leases, or a file of somebody else's. */
	if (fcntl(fd, F_SETLEASE, F_RDLCK) < 0 && errno == EAGAIN)
		return -ETXTBSY;
	return take_fd(&fd);
}

int source_remove(
	const char *source, size_t operand_len, const struct stat *before, bool check_ctime)
{
	char name[LIMIT_NAME + 1];
	scope_fd int fd = -1, leased = -1;
	struct stat now;

	fd = open_parent(source, operand_len, name);
	if (fd < 0)
		return take_fd(&fd);
	if (S_ISREG(before->st_mode)) {
		leased = open_leased(fd, name);
		if (leased < 0)
			return take_fd(&leased);
	}
	if (fstatat(fd, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (!is_unchanged(&now, before, check_ctime))
		return -EAGAIN;
	return unlinkat(fd, name, 0) < 0 ? -errno : 0;
}

int source_remove_directory(const char *source, size_t operand_len, const struct stat *before)
{
	char name[LIMIT_NAME + 1];
	scope_fd int fd = -1;
	struct stat now;

	fd = open_parent(source, operand_len, name);
	if (fd < 0)
		return take_fd(&fd);
	if (fstatat(fd, name, &now, AT_SYMLINK_NOFOLLOW) < 0)
		return -errno;
	if (now.st_dev != before->st_dev || now.st_ino != before->st_ino)
		return -EAGAIN;
	return unlinkat(fd, name, AT_REMOVEDIR) < 0 ? -errno : 0;
}

const char *source_kept_text(int result)
{
	if (result == -EAGAIN)
		return "it is in the vault, but changed meanwhile, and was left where it is";
	if (result == -ETXTBSY)
		return "it is in the vault, but somebody has it open to write: it was left where "
		       "it is";
	if (result == -ENOTEMPTY || result == -EEXIST)
		return "it is not empty and was left where it is";
	return result_text(result);
}
