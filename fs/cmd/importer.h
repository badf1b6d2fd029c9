/* SPDX-License-Identifier: Apache-2.0 */
/*
 * importer.h - sends entries to a vault: one at a time, or files by several workers at once, each
 * with a line of its own. Counts what came of them and keeps the exit code.
 */
#ifndef FS_CMD_IMPORTER_H
#define FS_CMD_IMPORTER_H

#include "fs/cmd/import_entry.h"
#include "fs/cmd/vault_access.h"

struct importer;

int importer_new(struct vault_access *access, const struct importer_options *options,
	struct importer **ret_importer);
struct importer *importer_free(struct importer *importer);
/* The intent on record, the destination made, the workers started. Exit code; complains. */
int importer_begin(struct importer *importer);
const struct importer_options *importer_options(const struct importer *importer);
/* Was something named that is not in? */
bool importer_has_failed(struct importer *importer);
/* One more source that is gone from where it was. */
void importer_count_removed(struct importer *importer);
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

#endif
