/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_import.h - one file into an open vault: its bytes become an object, complete and synced,
 * then a row names it. Whatever fails, the tree is as it was.
 */
#ifndef FS_CMD_FILE_IMPORT_H
#define FS_CMD_FILE_IMPORT_H

#include <sys/stat.h>

#include "fs/cmd/vault.h"
#include "keystore/base/digest.h"

struct file_import {
	struct vault *vault;
	const struct verb_call *call;
	const struct new_entry *entry; /* xattrs are read from fd */
	const char *path;	       /* in the vault, for the record */
	size_t path_len;
	int fd;
	struct stat attr; /* of fd, before a byte was read */
	bool replace;
	uint64_t replaced;     /* the inode that has the name now, with replace */
	struct sha256 *sha256; /* of the bytes as they were read, or NULL */
	uint64_t size;	       /* out: bytes taken in */
	uint64_t ino;	       /* out, after success */
	const char *step;      /* out, after a failure: what failed */
};

/*
 * Reads fd to its end (a regular file from its start). -EEXIST: the name came into being, replace
 * was not set. -EAGAIN: a regular file changed while it was read. -ETIMEDOUT: a pipe said nothing
 * for too long.
 */
int file_import(struct file_import *import);
/* The user.* attributes of fd in the form of struct new_entry; none where there are no such. */
int xattrs_read(int fd, struct buffer *ret_xattrs);

#endif
