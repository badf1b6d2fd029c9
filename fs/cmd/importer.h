/* SPDX-License-Identifier: Apache-2.0 */
/*
 * importer.h - sends entries to a vault: one at a time, or files by several workers at once, each
 * with a line of its own. Counts what came of them and keeps the exit code.
 */
#ifndef FS_CMD_IMPORTER_H
#define FS_CMD_IMPORTER_H

#include <sys/stat.h>

#include "fs/cmd/vault_access.h"

struct importer;

/* Where a file with several names went; written by a worker, read after importer_wait. */
struct link_leader {
	char *path;
	size_t path_len;
	bool is_in;
};

/* What import-entry takes in. Owned by whoever holds it; import_entry_free. */
struct import_entry {
	const char *kind; /* "file", "stream", "directory", "symlink", "link", "time" */
	char *source;	  /* for messages */
	char *path;	  /* in the vault */
	size_t path_len;
	char *target; /* of links */
	size_t target_len;
	struct stat attr; /* sent for what has no fd */
	int fd;		  /* of files, streams and directories; -1 */
	struct link_leader *leader;
};
struct import_entry *import_entry_new(const char *kind, const char *source, const char *path,
	size_t path_len, const struct stat *attr);
struct import_entry *import_entry_free(struct import_entry *entry);

enum existing_choice { EXISTING_IS_ERROR, EXISTING_SKIP, EXISTING_REPLACE };

struct importer_options {
	const char *destination; /* directory in the vault; made by importer_begin */
	enum existing_choice existing;
	uint64_t total; /* bytes that will come; 0: not known */
};

int importer_new(struct vault_access *access, const struct importer_options *options,
	struct importer **ret_importer);
struct importer *importer_free(struct importer *importer);
/* The intent on record, the destination made, the workers started. Exit code; complains. */
int importer_begin(struct importer *importer);
/* Takes the entry over; true when it is in the vault afterwards. */
bool importer_send(struct importer *importer, struct import_entry *entry);
/* Takes the entry over and hands it to a worker; waits while too many are queued. */
void importer_queue(struct importer *importer, struct import_entry *entry);
/* Until nothing is queued or under way. */
void importer_wait(struct importer *importer);
/* No use in going on: nobody answers. */
bool importer_is_stopped(struct importer *importer);
/* A failure on this side: one line about a source; the import then ends with that code or worse. */
void importer_complain(struct importer *importer, const char *source, const char *words);
/* Waits, records the end, says what was done. Exit code of the whole import. */
int importer_end(struct importer *importer);

SCOPE_FUNCTION(struct importer *, importer_free);
SCOPE_FUNCTION(struct import_entry *, import_entry_free);

#endif
