/* SPDX-License-Identifier: Apache-2.0 */
/* answer.c - how results become what the kernel is told. */
#include <errno.h>
#include <sys/stat.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/clock.h"

int errno_for_kernel(int result)
{
	switch (-result) {
	case 0:
	case EACCES:
	case EIO:
	case EINVAL:
	case EISDIR:
	case ELOOP:
	case EMFILE:
	case ENAMETOOLONG:
	case ENFILE:
	case ENODATA:
	case ENOENT:
	case ENOMEM:
	case ENOTDIR:
	case ENOTTY:
	case ENXIO:
	case EOPNOTSUPP:
	case ERANGE:
	case EROFS:
	case ESTALE:
		return -result;
	default:
		return EIO;
	}
}

void answer_error(fuse_req_t request, int result)
{
	fuse_reply_err(request, errno_for_kernel(result));
}

static struct timespec timespec_of(int64_t time_ns)
{
	struct timespec time = {.tv_sec = time_ns / NS_PER_S, .tv_nsec = time_ns % NS_PER_S};

	if (time.tv_nsec < 0) {
		time.tv_nsec += NS_PER_S;
		time.tv_sec--;
	}
	return time;
}

void stat_of_entry(const struct entry_info *info, struct stat *ret_stat)
{
	static const mode_t types[] = {
		[ENTRY_DIRECTORY] = S_IFDIR, [ENTRY_FILE] = S_IFREG, [ENTRY_SYMLINK] = S_IFLNK};

	*ret_stat = (struct stat){
		.st_ino = info->ino,
		.st_mode = types[info->kind] | (info->mode & 07777),
		.st_nlink = info->nlink,
		.st_uid = info->uid,
		.st_gid = info->gid,
		.st_size = (off_t)info->size,
		.st_blksize = PAGE_BYTES,
		/* tar -S and cp take a file without blocks for a hole from end to end. */
		.st_blocks = (blkcnt_t)((info->size + 511) / 512),
		.st_atim = timespec_of(info->mtime_ns),
		.st_mtim = timespec_of(info->mtime_ns),
		.st_ctim = timespec_of(info->ctime_ns),
	};
}
