/* SPDX-License-Identifier: Apache-2.0 */
/* file_verify.h - before a source goes: does the object on the disk give back what the source is?
 */
#ifndef FS_CMD_FILE_VERIFY_H
#define FS_CMD_FILE_VERIFY_H

#include "fs/cmd/vault.h"

/*
 * Reads the object of the file past the page cache, and the source once more. taken: SHA-256 of
 * what was read when it was imported, or NULL. -EBADMSG: the object gives other bytes than were put
 * into it; -EAGAIN: the source has other bytes now.
 */
int file_verify(struct vault *vault, uint64_t ino, int source_fd, const uint8_t *taken);

#endif
