/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open_file.h - the objects that are open: one reader per file id, shared by all handles of all
 * mounts, closed with the last of them. Thread-safe.
 */
#ifndef FS_MOUNT_OPEN_FILE_H
#define FS_MOUNT_OPEN_FILE_H

#include "fs/format/object_reader.h"
#include "fs/mount/mount.h"

struct open_file_table;
struct open_file;

int open_file_table_new(const struct backend *backend, struct open_file_table **ret_table);
struct open_file_table *open_file_table_free(struct open_file_table *table);

/*
 * A reference to the open object of this file; opens it when nobody has. -EBADMSG with report
 * (damage of the object), -EBADMSG with DAMAGE_NONE (its row or key), -EIO, -ENOMEM, -EMFILE.
 */
int open_file_get(struct open_file_table *table, const struct entry_info *info,
	struct open_file **ret_file, struct damage_report *ret_report);
void open_file_put(struct open_file_table *table, struct open_file *file);
struct object_reader *open_file_reader(const struct open_file *file);

#endif
