/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exporter.h - asks a vault for entries and takes files' bytes out of it, several at once, each
 * worker with a line of its own. Counts what came of them and keeps the exit code.
 */
#ifndef FS_CMD_EXPORTER_H
#define FS_CMD_EXPORTER_H

#include "fs/cmd/existing.h"
#include "fs/cmd/export_look.h"
#include "fs/cmd/vault_access.h"

struct exporter;
struct export_line; /* one line of calls: a worker's, or the producer's */
struct export_job;

/* run(line, job) takes the job over, in a worker's thread. */
int exporter_new(struct vault_access *access,
	void (*run)(struct export_line *line, struct export_job *job),
	struct exporter **ret_exporter);
struct exporter *exporter_free(struct exporter *exporter);
/* Before the workers are started: what a walk that only counts meets will be met again. */
void exporter_set_quiet(struct exporter *exporter, bool quiet);
/* The producer's. */
struct export_line *exporter_line(struct exporter *exporter);
/* Starts the workers, and a bar when there is a terminal; total: bytes that will come. */
int exporter_begin(struct exporter *exporter, uint64_t total);
/* Hands the job to a worker; waits while too many are queued. */
void exporter_queue(struct exporter *exporter, struct export_job *job);
/* Until nothing is queued or under way. */
void exporter_wait(struct exporter *exporter);
/* No use in going on: nobody answers. */
bool exporter_is_stopped(struct exporter *exporter);
/* Ends workers and bar; the exit code of all. say: what was done, in a line. */
int exporter_end(struct exporter *exporter, bool say);

struct exporter *export_line_exporter(struct export_line *line);
/* What a path in the vault is; ret_look points into ret_answer. Exit code; complains, counts. */
int export_line_look(struct export_line *line, const struct buffer *path, struct buffer *ret_answer,
	struct export_look *ret_look);
/*
 * A file's bytes to fd, all of them or an error. -ECANCELED: explained and counted already;
 * other results are of writing to fd.
 */
int export_line_fetch(struct export_line *line, const char *path, size_t path_len, int fd,
	struct buffer *ret_answer, struct export_look *ret_look);

/* A failure on this side: one line about what was to be made. -ECANCELED: nothing. */
void exporter_complain(struct exporter *exporter, const char *dest, int result);
enum export_outcome { EXPORT_MADE, EXPORT_PRESENT, EXPORT_SKIPPED };
void exporter_count(struct exporter *exporter, enum export_outcome outcome, uint64_t bytes);

SCOPE_FUNCTION(struct exporter *, exporter_free);

#endif
