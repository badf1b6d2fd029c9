/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_file.h - one file out of the vault, whole or not at all: it is written without a name
 * (O_TMPFILE) and linked when it is complete.
 */
#ifndef FS_CMD_EXPORT_FILE_H
#define FS_CMD_EXPORT_FILE_H

#include "fs/cmd/exporter.h"

/* A directory that files are written into; the last reference sets its attributes and closes it. */
struct export_directory;
/* Takes fd over, also when this fails. look NULL: it was there, its attributes are left. */
int export_directory_new(
	int fd, const struct export_look *look, struct export_directory **ret_directory);
struct export_directory *export_directory_ref(struct export_directory *directory);
struct export_directory *export_directory_unref(struct export_directory *directory);
int export_directory_fd(const struct export_directory *directory);

/* Where a file with several names went; written by a worker, read after exporter_wait. */
struct export_leader {
	struct export_directory *directory;
	char *name;
	bool is_out;
};

/* One file to be written. */
struct export_job {
	struct export_directory *directory;
	char *name, *dest, *path; /* in the directory; for messages; in the vault */
	size_t path_len;
	struct export_look look; /* as far as seen before: no pointers */
	enum existing_choice existing;
	struct export_leader *leader; /* or NULL */
};
struct export_job *export_job_free(struct export_job *job);

/* Takes the job over. */
void export_file(struct export_line *line, struct export_job *job);

/* Is what has the name already that file, by size and time? */
bool export_is_present(int dir_fd, const char *name, const struct export_look *look);
/*
 * Gives what has no name yet, or the name part, its own. With replace something else of that name,
 * no directory, is replaced at once. -EEXIST.
 */
int export_name(int dir_fd, int fd, const char *part, const char *name, bool replace);
#define EXPORT_PART_SIZE 48
/* A name that nobody has. */
int export_part_name(char ret_part[EXPORT_PART_SIZE]);
/* Mode, owners (for root), times and extended attributes, as far as they can be set. */
void export_set_attributes(int fd, const struct export_look *look);
void export_look_times(const struct export_look *look, struct timespec ret_times[2]);

SCOPE_FUNCTION(struct export_job *, export_job_free);

#endif
