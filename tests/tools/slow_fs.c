/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slow_fs.c - a store whose answers come when a test lets them: slow_fs DIR KNOB mounts what lies
 * in DIR over DIR, read only. While the file KNOB exists every READ waits; the first that does
 * makes KNOB.waiting. Stays until it is unmounted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int below = -1; /* the directory as it was before the mount */
static const char *knob;
static char waiting[4096];

static const char *relative(const char *path)
{
	return path[1] ? path + 1 : ".";
}

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	return fstatat(below, relative(path), st, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

static int on_readdir(const char *path, void *buf, fuse_fill_dir_t fill, off_t offset,
	struct fuse_file_info *fi, enum fuse_readdir_flags flags)
{
	int fd = openat(below, relative(path), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *entry;

	(void)offset;
	(void)fi;
	(void)flags;
	if (!directory)
		return -errno;
	while ((entry = readdir(directory)))
		fill(buf, entry->d_name, NULL, 0, 0);
	closedir(directory);
	return 0;
}

static int on_open(const char *path, struct fuse_file_info *fi)
{
	int fd = openat(below, relative(path), O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	fi->fh = (uint64_t)fd;
	fi->direct_io = 1; /* no cache: each read of the server comes here */
	return 0;
}

static void wait_for_knob(void)
{
	int fd;

	if (access(knob, F_OK) < 0)
		return;
	fd = open(waiting, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	while (access(knob, F_OK) == 0)
		usleep(5000);
}

static int on_read(
	const char *path, char *bytes, size_t size, off_t offset, struct fuse_file_info *fi)
{
	ssize_t len;

	(void)path;
	wait_for_knob();
	len = pread((int)fi->fh, bytes, size, offset);
	return len < 0 ? -errno : (int)len;
}

static int on_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	return close((int)fi->fh) < 0 ? -errno : 0;
}

static const struct fuse_operations operations = {
	.getattr = on_getattr,
	.readdir = on_readdir,
	.open = on_open,
	.read = on_read,
	.release = on_release,
};

int main(int argc, char **argv)
{
	char *fuse_argv[] = {argv[0], "-f", "-o", "ro,fsname=slow_fs", argv[1], NULL};

	if (argc != 3)
		return 2;
	knob = argv[2];
	below = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (below < 0 ||
		snprintf(waiting, sizeof(waiting), "%s.waiting", knob) >= (int)sizeof(waiting)) {
		perror(argv[1]);
		return 1;
	}
	return fuse_main(5, fuse_argv, &operations, NULL);
}
