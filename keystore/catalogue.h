/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue.h - the tree of a vault in memory: inodes, names, link targets, and which object each
 * file is. Its rows are loaded once at unlock and changed only through keystore.h, which locks; all
 * functions here are for use under that lock.
 */
#ifndef KEYSTORE_CATALOGUE_H
#define KEYSTORE_CATALOGUE_H

#include "keystore/base/limits.h"
#include "keystore/base/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ROOT_INO 1

enum entry_kind { ENTRY_DIRECTORY = 1, ENTRY_FILE = 2, ENTRY_SYMLINK = 3 };
enum file_state { FILE_ROOTED = 1, FILE_OPEN = 2 };

/* What is known of one inode; plain data, copied out. */
struct entry_info {
	uint64_t ino;
	enum entry_kind kind;
	bool damaged;	   /* a row of it failed its MAC or its bucket: refuse with row-damaged */
	uint32_t mode;	   /* permission bits only: 07777 */
	uint32_t uid, gid; /* of the importing source; st_uid/st_gid */
	uint32_t nlink;	   /* names; for a directory 2 + subdirectories */
	int64_t mtime_ns, ctime_ns, btime_ns;
	uint64_t size;	 /* plaintext bytes of a file, bytes of a link target */
	uint64_t parent; /* of a directory */
	/* files only */
	uint8_t file_id[ID_SIZE];
	uint32_t suite, chunk_log2, generation;
	enum file_state state;
	uint8_t root[DIGEST_SIZE];
};

struct catalogue;
struct inode;

int catalogue_new(struct catalogue **ret_catalogue);
struct catalogue *catalogue_free(struct catalogue *catalogue);

/* NULL when there is none. */
struct inode *catalogue_find(const struct catalogue *catalogue, uint64_t ino);
const struct entry_info *inode_info(const struct inode *inode);
/* One component. -ENOENT, -ENOTDIR. */
int catalogue_lookup(const struct catalogue *catalogue, uint64_t parent, const void *name,
	size_t len, struct inode **ret_inode);
/* A path from the root as in keystore_resolve. */
int catalogue_resolve(
	const struct catalogue *catalogue, const void *path, size_t len, struct inode **ret_inode);
/* As keystore_list. */
int catalogue_list(const struct catalogue *catalogue, uint64_t ino, uint64_t cookie,
	int (*each)(void *arg, uint64_t cookie, const char *name, size_t len,
		const struct entry_info *info),
	void *arg);
bool catalogue_knows_file(const struct catalogue *catalogue, const uint8_t file_id[ID_SIZE]);

/* True for bytes that may be one name: 1-255, no NUL, no '/', not "." or "..". */
bool name_is_valid(const void *name, size_t len);

SCOPE_FUNCTION(struct catalogue *, catalogue_free);

#endif
