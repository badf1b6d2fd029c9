/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry_import.h - one entry into an open vault: a file, a directory or a link, as a request asks
 * for it. Failures are complained about with the source's name; results are exit codes.
 */
#ifndef FS_CMD_ENTRY_IMPORT_H
#define FS_CMD_ENTRY_IMPORT_H

#include "fs/cmd/vault.h"

struct entry_request {
	struct vault *vault;
	struct verb_call *call;
	const char *path; /* where in the vault */
	size_t path_len;
	char *shown; /* the source, for messages */
	struct new_entry entry;
	struct entry_info old; /* what has the name now */
	bool exists;
};

/* Splits the path and looks what is there. */
int entry_locate(struct entry_request *request);
/* Makes a directory of that name, with the user.* attributes of fd (-1: none). */
int entry_make_directory(struct entry_request *request, int fd);
/* kind: "file", "stream", "directory", "symlink", "link", "time". Says what came of it. */
int entry_import(struct entry_request *request, const char *kind);

/* entry_link.c: the kinds "symlink" and "link". */
int entry_add_symlink(struct entry_request *request);
int entry_add_hard_link(struct entry_request *request);

/* Says what came of it: "added", "present" or "skipped". EXIT_DONE. */
int entry_tell(const struct entry_request *request, const char *word, uint64_t bytes);
/* A record of what is no file; its bytes are the name alone. */
int entry_record(const struct entry_request *request, const char *kind);
/*
 * The name is taken by something else. EXIT_DONE and *ret_go_on: replace it; otherwise what is to
 * be returned.
 */
int entry_judge_existing(const struct entry_request *request, bool *ret_go_on);
int entry_complain(const struct entry_request *request, const char *words);
int entry_complain_failure(const struct entry_request *request, const char *step, int result);

#endif
