/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ops.c - the table of FUSE operations. Every operation that could change something answers EROFS
 * here, since a remount can take the kernel's own read-only flag away; none is left to libfuse's
 * ENOSYS.
 */
#include <errno.h>
#include <poll.h>
#include <sys/stat.h>

#include "fs/mount/mount_private.h"

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	(void)userdata;
	conn->max_read = READ_MAX;
	conn->max_write = READ_MAX;
	conn->max_readahead = 8u << 20;
	conn->max_background = 64;
	conn->congestion_threshold = 48;
	conn->want &=
		~(unsigned)(FUSE_CAP_SPLICE_READ | FUSE_CAP_SPLICE_WRITE | FUSE_CAP_SPLICE_MOVE |
			    FUSE_CAP_READDIRPLUS | FUSE_CAP_AUTO_INVAL_DATA |
			    FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_IOCTL_DIR | FUSE_CAP_EXPORT_SUPPORT);
	conn->want |=
		conn->capable & (FUSE_CAP_ASYNC_READ | FUSE_CAP_PARALLEL_DIROPS |
					FUSE_CAP_EXPLICIT_INVAL_DATA | FUSE_CAP_CACHE_SYMLINKS);
}

static void read_only(fuse_req_t request)
{
	answer_error(request, -EROFS);
}

static void op_setattr(
	fuse_req_t request, fuse_ino_t id, struct stat *attr, int set, struct fuse_file_info *fi)
{
	(void)id, (void)attr, (void)set, (void)fi;
	read_only(request);
}

static void op_mknod(
	fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode, dev_t device)
{
	(void)parent, (void)name, (void)mode, (void)device;
	read_only(request);
}

static void op_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
	(void)parent, (void)name, (void)mode;
	read_only(request);
}

static void op_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	(void)parent, (void)name;
	read_only(request);
}

static void op_symlink(fuse_req_t request, const char *target, fuse_ino_t parent, const char *name)
{
	(void)target, (void)parent, (void)name;
	read_only(request);
}

static void op_rename(fuse_req_t request, fuse_ino_t parent, const char *name,
	fuse_ino_t new_parent, const char *new_name, unsigned flags)
{
	(void)parent, (void)name, (void)new_parent, (void)new_name, (void)flags;
	read_only(request);
}

static void op_link(fuse_req_t request, fuse_ino_t id, fuse_ino_t new_parent, const char *new_name)
{
	(void)id, (void)new_parent, (void)new_name;
	read_only(request);
}

static void op_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
	struct fuse_file_info *fi)
{
	(void)parent, (void)name, (void)mode, (void)fi;
	read_only(request);
}

static void op_write(fuse_req_t request, fuse_ino_t id, const char *bytes, size_t size,
	off_t offset, struct fuse_file_info *fi)
{
	(void)id, (void)bytes, (void)size, (void)offset, (void)fi;
	read_only(request);
}

static void op_setxattr(fuse_req_t request, fuse_ino_t id, const char *name, const char *value,
	size_t size, int flags)
{
	(void)id, (void)name, (void)value, (void)size, (void)flags;
	read_only(request);
}

static void op_removexattr(fuse_req_t request, fuse_ino_t id, const char *name)
{
	(void)id, (void)name;
	read_only(request);
}

static void op_fallocate(fuse_req_t request, fuse_ino_t id, int mode, off_t offset, off_t length,
	struct fuse_file_info *fi)
{
	(void)id, (void)mode, (void)offset, (void)length, (void)fi;
	read_only(request);
}

static void op_flush(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi)
{
	(void)id, (void)fi;
	fuse_reply_err(request, 0);
}

static void op_fsync(fuse_req_t request, fuse_ino_t id, int datasync, struct fuse_file_info *fi)
{
	(void)id, (void)datasync, (void)fi;
	fuse_reply_err(request, 0);
}

static void op_ioctl(fuse_req_t request, fuse_ino_t id, unsigned command, void *arg,
	struct fuse_file_info *fi, unsigned flags, const void *input, size_t input_size,
	size_t output_size)
{
	(void)id, (void)command, (void)arg, (void)fi, (void)flags;
	(void)input, (void)input_size, (void)output_size;
	answer_error(request, -ENOTTY);
}

static void op_poll(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi,
	struct fuse_pollhandle *handle)
{
	(void)id, (void)fi;
	if (handle)
		fuse_pollhandle_destroy(handle);
	/* A regular file is always ready (poll(2)). */
	fuse_reply_poll(request, POLLIN | POLLRDNORM);
}

static void op_bmap(fuse_req_t request, fuse_ino_t id, size_t block_size, uint64_t index)
{
	(void)id, (void)block_size, (void)index;
	answer_error(request, -EINVAL);
}

static void op_copy_file_range(fuse_req_t request, fuse_ino_t id_in, off_t offset_in,
	struct fuse_file_info *fi_in, fuse_ino_t id_out, off_t offset_out,
	struct fuse_file_info *fi_out, size_t len, int flags)
{
	(void)id_in, (void)offset_in, (void)fi_in, (void)id_out, (void)offset_out, (void)fi_out;
	(void)len, (void)flags;
	read_only(request);
}

const struct fuse_lowlevel_ops session_ops = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.setattr = op_setattr,
	.readlink = op_readlink,
	.mknod = op_mknod,
	.mkdir = op_mkdir,
	.unlink = op_unlink,
	.rmdir = op_unlink,
	.symlink = op_symlink,
	.rename = op_rename,
	.link = op_link,
	.open = op_open,
	.read = op_read,
	.write = op_write,
	.flush = op_flush,
	.release = op_release,
	.fsync = op_fsync,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.releasedir = op_releasedir,
	.fsyncdir = op_fsync,
	.statfs = op_statfs,
	.setxattr = op_setxattr,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
	.removexattr = op_removexattr,
	.access = op_access,
	.create = op_create,
	.bmap = op_bmap,
	.ioctl = op_ioctl,
	.poll = op_poll,
	.fallocate = op_fallocate,
	.copy_file_range = op_copy_file_range,
	.lseek = op_lseek,
};
