/* SPDX-License-Identifier: Apache-2.0 */
/* import_entry.h - one thing on its way into a vault. */
#ifndef FS_CMD_IMPORT_ENTRY_H
#define FS_CMD_IMPORT_ENTRY_H

#include <sys/stat.h>

#include "fs/cmd/existing.h"
#include "fs/control/message.h"

struct importer_options {
	const char *destination; /* directory in the vault; made by importer_begin */
	enum existing_choice existing;
	bool remove_source; /* of what is in and was read back */
	uint64_t total;	    /* bytes that will come; 0: not known */
};

/* Where a file with several names went; written by a worker, read after importer_wait. */
struct link_leader {
	char *path;
	size_t path_len;
	bool is_in;
};

/* What import-entry takes in. Owned by whoever holds it; import_entry_free. */
struct import_entry {
	const char *kind;   /* "file", "stream", "directory", "symlink", "link", "time" */
	char *source;	    /* where it is */
	size_t operand_len; /* the part of it that the user gave */
	char *path;	    /* in the vault */
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

/* The request to the vault. */
int import_entry_request(const struct import_entry *entry, const struct importer_options *options,
	struct message **ret_request);

SCOPE_FUNCTION(struct import_entry *, import_entry_free);

#endif
