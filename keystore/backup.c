/* SPDX-License-Identifier: Apache-2.0 */
/* backup.c - consistent copies by way of a temporary file beside the target. */
#include "keystore/backup.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "keystore/base/file.h"

int backup_replace(struct db *db, const char *directory, const char *name)
{
	scope_free char *new_path = NULL;
	scope_free char *path = NULL;
	scope_fd int dir_fd = -1;
	int r;

	if (asprintf(&path, "%s/%s", directory, name) < 0 ||
		asprintf(&new_path, "%s.new", path) < 0)
		return -ENOMEM;
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir_fd < 0)
		return -errno;
	/* What a crash left behind. */
	if (unlink(new_path) < 0 && errno != ENOENT)
		return -errno;
	r = db_backup(db, new_path);
	if (r < 0) {
		unlink(new_path);
		return r;
	}
	if (rename(new_path, path) < 0) {
		r = -errno;
		unlink(new_path);
		return r;
	}
	return file_sync_directory(dir_fd);
}
