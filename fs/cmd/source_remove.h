/* SPDX-License-Identifier: Apache-2.0 */
/*
 * source_remove.h - takes a source away that is in the vault and was read back: only when it is
 * still what it was, and by names below descriptors, never through a link in the tree.
 */
#ifndef FS_CMD_SOURCE_REMOVE_H
#define FS_CMD_SOURCE_REMOVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

/*
 * source: the path, of which the first operand_len bytes are the user's own words and are followed
 * as they stand. before: of what was imported. check_ctime: false for a further name of a file that
 * has lost one meanwhile. -EAGAIN: it is not what it was; -ETXTBSY: somebody has it open to write.
 * Until it returns nobody else gets it open to write; the caller ignores SIGIO, which tells of one.
 */
int source_remove(
	const char *source, size_t operand_len, const struct stat *before, bool check_ctime);
/* A directory, when it is empty: else -ENOTEMPTY. */
int source_remove_directory(const char *source, size_t operand_len, const struct stat *before);
/* Why it was left. */
const char *source_kept_text(int result);

#endif
