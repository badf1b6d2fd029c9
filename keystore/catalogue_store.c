/* SPDX-License-Identifier: Apache-2.0 */
/* catalogue_store.c - puts and deletes the rows of inode, file, name and xattr. */
#include "keystore/catalogue_store.h"

#include <string.h>

int catalogue_put_inode(
	struct sealed_rows *rows, const struct entry_info *info, uint32_t names, const char *target)
{
	const struct db_value values[] = {
		db_integer((int64_t)info->ino),
		db_integer(info->kind),
		db_integer(info->mode),
		db_integer(info->uid),
		db_integer(info->gid),
		db_integer(info->mtime_ns),
		db_integer(info->ctime_ns),
		db_integer(info->btime_ns),
		db_integer(names),
		target ? db_blob(target, info->size) : db_null(),
	};

	return sealed_rows_put(rows, "inode", values);
}

int catalogue_put_file(struct sealed_rows *rows, const struct inode *file)
{
	const struct entry_info *info = &file->info;
	const struct db_value values[] = {
		db_integer((int64_t)info->ino),
		db_blob(info->file_id, ID_SIZE),
		db_integer(info->suite),
		db_integer(info->chunk_log2),
		db_integer((int64_t)info->size),
		db_integer(info->generation),
		db_integer(info->state),
		db_blob(info->root, DIGEST_SIZE),
		db_integer(file->dek.kek),
		db_blob(file->dek.bytes, sizeof(file->dek.bytes)),
	};

	return sealed_rows_put(rows, "file", values);
}

int catalogue_put_xattrs(struct sealed_rows *rows, const struct inode *inode)
{
	int r;

	for (const struct xattr *xattr = inode->xattrs; xattr; xattr = xattr->next) {
		const struct db_value values[] = {
			db_integer((int64_t)inode->info.ino),
			db_blob(xattr->name, strlen(xattr->name)),
			db_blob(xattr->value, xattr->value_len),
		};

		r = sealed_rows_put(rows, "xattr", values);
		if (r < 0)
			return r;
	}
	return 0;
}

int catalogue_put_name(struct sealed_rows *rows, uint64_t parent, const struct name *name,
	uint64_t ino, uint64_t cookie)
{
	const struct db_value values[] = {
		db_integer((int64_t)parent),
		db_blob(name->bytes, name->len),
		db_integer((int64_t)ino),
		db_integer((int64_t)cookie),
	};

	return sealed_rows_put(rows, "name", values);
}

int catalogue_delete_name(struct sealed_rows *rows, const struct name *name)
{
	const struct db_value key[] = {
		db_integer((int64_t)name->parent->info.ino),
		db_blob(name->bytes, name->len),
	};

	return sealed_rows_delete(rows, "name", key);
}

int catalogue_delete_inode(struct sealed_rows *rows, const struct inode *inode)
{
	const struct db_value ino = db_integer((int64_t)inode->info.ino);
	int r = 0;

	for (const struct xattr *xattr = inode->xattrs; xattr && r == 0; xattr = xattr->next)
		r = sealed_rows_delete(rows, "xattr",
			(struct db_value[]){ino, db_blob(xattr->name, strlen(xattr->name))});
	if (r == 0 && inode->has_file_row)
		r = sealed_rows_delete(rows, "file", &ino);
	if (r == 0 && inode->has_row)
		r = sealed_rows_delete(rows, "inode", &ino);
	return r;
}
