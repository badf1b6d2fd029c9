/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open_file.h - the objects that are open: one reader per file id, shared by all handles of all
 * mounts. After the last handle it is kept for some seconds, since opening anew reads header and
 * index from the disk; it is used again only if the object was not touched meanwhile. Thread-safe.
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
 * (damage of the object), -EBADMSG with DAMAGE_NONE (its row or key), -EIO, -ENOMEM, -EMFILE (also
 * when what is left is for the rest of the server).
 */
int open_file_get(struct open_file_table *table, const struct entry_info *info,
	struct open_file **ret_file, struct damage_report *ret_report);
void open_file_put(struct open_file_table *table, struct open_file *file);
/* Closes what is kept of a file whose key is gone; what handles still have is theirs to end. */
void open_file_forget(struct open_file_table *table, const uint8_t file_id[ID_SIZE]);
struct object_reader *open_file_reader(const struct open_file *file);

#endif
