/* SPDX-License-Identifier: Apache-2.0 */
/* file.h - files read and written whole, replaced atomically, opened beneath a directory. */
#ifndef KEYSTORE_BASE_FILE_H
#define KEYSTORE_BASE_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

/* Reads until len bytes, end of file or an error; repeats short reads and EINTR. Bytes or -errno.
 */
ssize_t file_read_at(int fd, void *buf, size_t len, uint64_t offset);
/* The same for a list of buffers (preadv2); at most 8 of them. The list is not changed. */
ssize_t file_readv_at(int fd, const struct iovec *parts, size_t count, uint64_t offset);
/* From the current position, for pipes and sockets too. */
ssize_t file_read(int fd, void *buf, size_t len);
/* Writes all of it or fails; 0 or -errno. */
int file_write_at(int fd, const void *buf, size_t len, uint64_t offset);
int file_write(int fd, const void *buf, size_t len);

/*
 * Opens path, relative to dir_fd, never through a symlink and never out of dir_fd
 * (openat2: RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS). O_CLOEXEC is added. Descriptor or -errno.
 */
int file_open_beneath(int dir_fd, const char *path, int flags, mode_t mode);

/*
 * Replaces dir_fd/name with the bytes: a temporary file beside it, fsync, rename, fsync of the
 * directory. After an error or a crash the old file is there whole.
 */
int file_replace(int dir_fd, const char *name, const void *bytes, size_t len, mode_t mode);

/*
 * Reads a whole regular file of at most max bytes into malloc'ed memory that the caller frees;
 * a NUL follows the bytes. -EFBIG when larger, -EINVAL when not a regular file.
 */
int file_load(int dir_fd, const char *path, size_t max, char **ret_bytes, size_t *ret_len);

/* fsync of a directory. */
int file_sync_directory(int dir_fd);
/* mkdir -p; every directory made gets mode. */
int file_make_directories(const char *path, mode_t mode);

#endif
