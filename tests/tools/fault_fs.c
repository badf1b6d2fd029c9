/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_fs.c - a store that fails when a test says so: fault_fs DIR KNOB mounts what lies in DIR
 * over DIR. The file KNOB says what goes wrong, "FAULT [NAME]"; with NAME only in files whose path
 * contains it. Nothing does while there is no KNOB; an empty one means hang. Faults:
 *   hang    a READ waits until KNOB says another thing; the first that does makes KNOB.waiting
 *   dead    every call waits
 *   short   a READ gets half of what it asked, not at a page's end
 *   few     a READ gets 3000 bytes         none  a READ gets nothing
 *   eintr   every second READ is EINTR     eintrs  every READ is
 *   eio     READ, WRITE and FSYNC are EIO
 *   enospc  WRITE is ENOSPC                noopen  OPEN is EIO
 * Stays until it is unmounted.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fuse.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

static int below = -1; /* the directory as it was before the mount */
static const char *knob;
static char waiting[4096];
static atomic_uint reads;

static const char *relative(const char *path)
{
	return path[1] ? path + 1 : ".";
}

/* Does this fault stand in the knob, for this path? */
static bool has_fault(const char *path, const char *fault)
{
	char text[256] = "", word[32] = "hang", name[128] = "";
	int fd = open(knob, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	if (read(fd, text, sizeof(text) - 1) > 0)
		sscanf(text, "%31s %127s", word, name);
	close(fd);
	return strcmp(word, fault) == 0 && strstr(path, name);
}

static void wait_while(const char *path, const char *fault)
{
	int fd;

	if (!has_fault(path, fault))
		return;
	fd = open(waiting, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	if (fd >= 0)
		close(fd);
	while (has_fault(path, fault))
		usleep(5000);
}

static int on_getattr(const char *path, struct stat *st, struct fuse_file_info *fi)
{
	(void)fi;
	wait_while(path, "dead");
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

static int open_file(const char *path, int flags, mode_t mode, struct fuse_file_info *fi)
{
	int fd;

	wait_while(path, "dead");
	if (has_fault(path, "noopen"))
		return -EIO;
	fd = openat(below, relative(path), flags | O_CLOEXEC, mode);
	if (fd < 0)
		return -errno;
	fi->fh = (uint64_t)fd;
	fi->direct_io = 1; /* no cache: each read of the server comes here */
	return 0;
}

static int on_open(const char *path, struct fuse_file_info *fi)
{
	return open_file(path, fi->flags & O_ACCMODE, 0, fi);
}

static int on_create(const char *path, mode_t mode, struct fuse_file_info *fi)
{
	return open_file(path, (fi->flags & (O_ACCMODE | O_EXCL)) | O_CREAT, mode, fi);
}

static int on_read(
	const char *path, char *bytes, size_t size, off_t offset, struct fuse_file_info *fi)
{
	ssize_t len;

	wait_while(path, "hang");
	wait_while(path, "dead");
	if (has_fault(path, "eio"))
		return -EIO;
	if (has_fault(path, "eintrs"))
		return -EINTR;
	if (has_fault(path, "eintr") && atomic_fetch_add(&reads, 1) % 2 == 0)
		return -EINTR;
	if (has_fault(path, "short") && size > 1)
		size = size / 2 + 1;
	if (has_fault(path, "few") && size > 3000)
		size = 3000;
	if (has_fault(path, "none"))
		return 0;
	len = pread((int)fi->fh, bytes, size, offset);
	return len < 0 ? -errno : (int)len;
}

static int on_write(
	const char *path, const char *bytes, size_t size, off_t offset, struct fuse_file_info *fi)
{
	ssize_t len;

	if (has_fault(path, "eio"))
		return -EIO;
	if (has_fault(path, "enospc"))
		return -ENOSPC;
	len = pwrite((int)fi->fh, bytes, size, offset);
	return len < 0 ? -errno : (int)len;
}

static int on_flush(const char *path, struct fuse_file_info *fi)
{
	(void)fi;
	wait_while(path, "dead");
	return 0;
}

static int on_fsync(const char *path, int datasync, struct fuse_file_info *fi)
{
	(void)datasync;
	if (has_fault(path, "eio"))
		return -EIO;
	return fsync((int)fi->fh) < 0 ? -errno : 0;
}

static int on_fsyncdir(const char *path, int datasync, struct fuse_file_info *fi)
{
	(void)path, (void)datasync, (void)fi;
	return 0;
}

static int on_release(const char *path, struct fuse_file_info *fi)
{
	(void)path;
	return close((int)fi->fh) < 0 ? -errno : 0;
}

static int on_truncate(const char *path, off_t size, struct fuse_file_info *fi)
{
	int fd = fi ? (int)fi->fh : openat(below, relative(path), O_WRONLY | O_CLOEXEC);
	int r = fd < 0 || ftruncate(fd, size) < 0 ? -errno : 0;

	if (!fi && fd >= 0)
		close(fd);
	return r;
}

static int on_rename(const char *from, const char *to, unsigned flags)
{
	return renameat2(below, relative(from), below, relative(to), flags) < 0 ? -errno : 0;
}

static int on_unlink(const char *path)
{
	return unlinkat(below, relative(path), 0) < 0 ? -errno : 0;
}

static int on_mkdir(const char *path, mode_t mode)
{
	return mkdirat(below, relative(path), mode) < 0 ? -errno : 0;
}

static int on_statfs(const char *path, struct statvfs *space)
{
	wait_while(path, "dead");
	return fstatvfs(below, space) < 0 ? -errno : 0;
}

static const struct fuse_operations operations = {
	.getattr = on_getattr,
	.readdir = on_readdir,
	.open = on_open,
	.create = on_create,
	.read = on_read,
	.write = on_write,
	.flush = on_flush,
	.fsync = on_fsync,
	.fsyncdir = on_fsyncdir,
	.release = on_release,
	.truncate = on_truncate,
	.rename = on_rename,
	.unlink = on_unlink,
	.mkdir = on_mkdir,
	.statfs = on_statfs,
};

int main(int argc, char **argv)
{
	char *fuse_argv[] = {argv[0], "-f", "-o",
		"fsname=fault_fs,max_threads=300,attr_timeout=0,entry_timeout=0", argv[1], NULL};

	if (argc != 3)
		return 2;
	knob = argv[2];
	below = open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (below < 0 ||
		snprintf(waiting, sizeof(waiting), "%s.waiting", knob) >= (int)sizeof(waiting)) {
		perror(argv[1]);
		return 1;
	}
	/*
	 * Not by exit: what a server had open when the mount went is never released by the kernel,
	 * and the library's part of it would be told as a leak.
	 */
	_exit(fuse_main(5, fuse_argv, &operations, NULL));
}
