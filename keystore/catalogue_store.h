/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue_store.h - the rows of the catalogue: all of them into memory, single ones back. The put
 * and delete functions belong within a change of rows.
 */
#ifndef KEYSTORE_CATALOGUE_STORE_H
#define KEYSTORE_CATALOGUE_STORE_H

#include "keystore/catalogue_private.h"

/*
 * Loads everything; rows that are broken or make no sense yield damaged inodes, never a failure.
 * Call sealed_rows_check first.
 */
int catalogue_load(
	struct sealed_rows *rows, const struct kek_ring *keks, struct catalogue **ret_catalogue);

/* names: how many rows of table name will point here; target: of a symlink, else NULL. */
int catalogue_put_inode(struct sealed_rows *rows, const struct entry_info *info, uint32_t names,
	const char *target);
int catalogue_put_file(struct sealed_rows *rows, const struct inode *file);
int catalogue_put_xattrs(struct sealed_rows *rows, const struct inode *inode);
int catalogue_put_name(struct sealed_rows *rows, uint64_t parent, const struct name *name,
	uint64_t ino, uint64_t cookie);
int catalogue_delete_name(struct sealed_rows *rows, const struct name *name);
/* The rows of inode, file and xattr that are there. */
int catalogue_delete_inode(struct sealed_rows *rows, const struct inode *inode);

#endif
