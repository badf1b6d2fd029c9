/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db_path.c - the files around a database, without SQLite: it would follow symlinks, take other
 * things than regular files and make files by the umask.
 */
#include "keystore/base/db_path.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "keystore/base/file.h"
#include "keystore/base/scope.h"

int db_path_resolve(const char *path, char ret_path[DB_PATH_SIZE])
{
	scope_free char *directory = NULL;
	scope_free char *resolved = NULL;
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	int len;

	if (!*name || strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return -EISDIR;
	directory = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	if (!directory)
		return -ENOMEM;
	resolved = realpath(directory, NULL);
	if (!resolved)
		return -errno;
	len = snprintf(ret_path, DB_PATH_SIZE, "%s/%s", resolved, name);
	return len < 0 || len + sizeof("-journal") > DB_PATH_SIZE ? -ENAMETOOLONG : 0;
}

int db_path_create(const char *path)
{
	scope_fd int fd = -1;

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	return fchmod(fd, 0600) < 0 ? -errno : take_fd(&fd);
}

int db_path_check(const char *path)
{
	struct stat st;

	/* Not opened and closed: that would drop the POSIX locks of our other connections. */
	if (lstat(path, &st) < 0)
		return -errno;
	if (S_ISLNK(st.st_mode))
		return -ELOOP;
	return S_ISREG(st.st_mode) ? 0 : -EINVAL;
}

int db_path_has_log(const char *path)
{
	char log[DB_PATH_SIZE];
	struct stat st;
	int len;

	len = snprintf(log, sizeof(log), "%s-wal", path);
	if (len < 0 || (size_t)len >= sizeof(log))
		return -ENAMETOOLONG;
	if (lstat(log, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	return st.st_size > 0;
}

void db_path_to_immutable_uri(const char *path, char ret_uri[DB_URI_SIZE])
{
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789/._-";
	/* An empty authority, for a path may begin with two slashes. */
	char *to = stpcpy(ret_uri, "file://");

	for (; *path; path++) {
		if (strchr(plain, *path))
			*to++ = *path;
		else
			to += snprintf(to, 4, "%%%02X", (unsigned char)*path);
	}
	stpcpy(to, "?immutable=1");
}

int db_path_sync(int fd, const char *path)
{
	scope_fd int directory = -1;
	scope_free char *name = strdup(path);

	if (!name)
		return -ENOMEM;
	*strrchr(name, '/') = '\0';
	if (fsync(fd) < 0)
		return -errno;
	directory = open(*name ? name : "/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return directory < 0 ? -errno : file_sync_directory(directory);
}
