/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hang_fuse.c - a user's own FUSE that hangs whoever touches it: hang_fuse MOUNTPOINT UID GID CALL.
 * Mounts as root for that user, then goes on as him. In it is one file `f` of 64 KiB; CALL is what
 * gets no answer there: read, flush, or, as with user_allow_other in /etc/fuse.conf, write or
 * getattr (once the file was opened), which root could not call otherwise.
 */
#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <grp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#define FILE_INO  2
#define FILE_SIZE 65536

static const char *hung;
static int opened;

static int hangs(const char *call)
{
	return strcmp(hung, call) == 0;
}

static struct stat attributes(fuse_ino_t ino)
{
	struct stat attr = {.st_ino = ino, .st_nlink = 2, .st_mode = S_IFDIR | 0755};

	if (ino == FILE_INO) {
		attr.st_nlink = 1;
		attr.st_mode = S_IFREG | 0666;
		attr.st_size = FILE_SIZE;
	}
	return attr;
}

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {.ino = FILE_INO, .attr = attributes(FILE_INO)};

	(void)parent;
	if (strcmp(name, "f") == 0)
		fuse_reply_entry(request, &entry);
	else
		fuse_reply_err(request, ENOENT);
}

static void op_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat attr = attributes(ino);

	(void)fi;
	if (ino != FILE_INO || !opened || !hangs("getattr"))
		fuse_reply_attr(request, &attr, 0);
}

static void op_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	opened = 1;
	fuse_reply_open(request, fi);
}

static void op_read(
	fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	(void)ino, (void)size, (void)offset, (void)fi;
	if (!hangs("read"))
		fuse_reply_err(request, EIO);
}

static void op_write(fuse_req_t request, fuse_ino_t ino, const char *bytes, size_t size,
	off_t offset, struct fuse_file_info *fi)
{
	(void)ino, (void)bytes, (void)offset, (void)fi;
	if (!hangs("write"))
		fuse_reply_write(request, size);
}

static void op_flush(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino, (void)fi;
	if (!hangs("flush"))
		fuse_reply_err(request, 0);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup,
	.getattr = op_getattr,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
};

int main(int argc, char **argv)
{
	char *name[] = {argv[0], NULL};
	struct fuse_args args = FUSE_ARGS_INIT(1, name);
	char options[128], device[32];
	struct fuse_session *session;
	int fd;

	if (argc != 5)
		return 2;
	hung = argv[4];
	fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	snprintf(options, sizeof(options), "fd=%d,rootmode=40000,user_id=%s,group_id=%s%s", fd,
		argv[2], argv[3], hangs("write") || hangs("getattr") ? ",allow_other" : "");
	if (fd < 0 || mount("hang", argv[1], "fuse.hang", MS_NOSUID | MS_NODEV, options) < 0) {
		perror(argv[1]);
		return 1;
	}
	if (setgroups(0, NULL) < 0 || setgid((gid_t)strtoul(argv[3], NULL, 10)) < 0 ||
		setuid((uid_t)strtoul(argv[2], NULL, 10)) < 0)
		return 1;
	session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
	snprintf(device, sizeof(device), "/dev/fd/%d", fd);
	if (!session || fuse_session_mount(session, device) != 0)
		return 1;
	return fuse_session_loop(session);
}
