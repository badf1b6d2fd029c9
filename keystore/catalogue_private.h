/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue_private.h - the structs of the tree in memory and how they are put together; shared by
 * the catalogue's own files and the facade.
 *
 * Invariants, also for a tree that was loaded from tampered rows:
 *  1. the root is there and is a directory;
 *  2. a directory has at most one name in memory (so nothing is reached twice on the way down);
 *  3. every name hangs below a directory, is in that directory's children and in its inode's list;
 *  4. cookies of one directory are distinct and ascend in children;
 *  5. an inode with anything wrong about it or about the way to it is `damaged`.
 */
#ifndef KEYSTORE_CATALOGUE_PRIVATE_H
#define KEYSTORE_CATALOGUE_PRIVATE_H

#include "keystore/catalogue.h"
#include "keystore/file_key.h"
#include "keystore/base/hash_table.h"
#include "keystore/xattr.h"

struct name {
	struct hash_link link; /* by (parent, bytes) */
	struct name *next_of_inode;
	struct inode *parent, *inode;
	uint64_t cookie;
	bool damaged; /* its row failed: nothing below may be believed to lie where it does */
	uint8_t len;
	char bytes[]; /* and a NUL */
};

struct child {
	uint64_t cookie;
	struct name *name; /* NULL: was removed */
};

struct inode {
	struct hash_link by_ino, by_file_id;
	struct entry_info info;
	struct name *names;
	uint32_t name_count;
	struct xattr *xattrs;
	char *target;		    /* of a symlink: info.size bytes and a NUL */
	struct wrapped_dek dek;	    /* of a file */
	bool has_row, has_file_row; /* which rows are stored */
	/* of a directory: its entries, ascending by cookie */
	struct child *children;
	size_t child_count, child_capacity, child_live;
	uint64_t next_cookie;
	/* while loading */
	int64_t stored_names; /* what the row says */
	int64_t seen_names;   /* rows of table name that point here */
	bool reachable, path_damaged;
};

struct catalogue {
	struct hash_table by_ino, by_file_id, by_name;
	uint64_t seed;
	uint64_t next_ino;
	struct inode *root;
	/* the root is not counted */
	uint64_t files, directories, symlinks, bytes;
};

#define CHUNK_LOG2_MIN 12
#define CHUNK_LOG2_MAX 20

/* Cookies and inode numbers stay positive as off_t and ino_t of any width we meet. */
#define COOKIE_MAX (1ULL << 62)
#define INO_MAX	   (1ULL << 62)

/* ---- catalogue.c: the tables; what is not yet inserted belongs to the caller ---- */

struct inode *inode_new(const struct entry_info *info);
struct inode *inode_free(struct inode *inode);
struct name *name_new(const void *bytes, size_t len);
struct name *name_free(struct name *name);
bool inode_is_directory(const struct inode *inode);

struct name *catalogue_find_name(const struct catalogue *catalogue, const struct inode *parent,
	const void *bytes, size_t len);
/* Room for one more inode, name and file id. Under the write lock. */
int catalogue_reserve(struct catalogue *catalogue);
/* Room for one more child. Under the write lock. */
int inode_reserve_child(struct inode *directory);
/* These cannot fail after the reserves; the catalogue owns what it is given. */
void catalogue_add_inode(struct catalogue *catalogue, struct inode *inode);
void catalogue_add_name(struct catalogue *catalogue, struct inode *parent, struct name *name,
	struct inode *inode, uint64_t cookie);
/*
 * For loading: gives an inode in the catalogue its file row, or makes one
 * without a file row and with at most one name a directory, damaged.
 */
void catalogue_add_file(struct catalogue *catalogue, struct inode *inode);
void catalogue_make_directory(struct catalogue *catalogue, struct inode *inode);
/* Takes the name out and frees it. */
void catalogue_drop_name(struct catalogue *catalogue, struct name *name);
/* The same name for another inode; directories never. */
void catalogue_turn_name(struct name *name, struct inode *inode);
/* Takes an inode out that has neither names nor children, and frees it. */
void catalogue_drop_inode(struct catalogue *catalogue, struct inode *inode);

/* ---- catalogue_path.c ---- */

/*
 * How deep an entry of `inode`, a directory, lies and how long its path is, '/' included:
 * -EBADMSG when the way up does not end at the root within LIMIT_DEPTH.
 */
int inode_path_measure(const struct inode *inode, size_t *ret_depth, size_t *ret_len);

struct name_list;
/* As keystore_names. -EBADMSG for an inode that cannot be reached from the root. */
int catalogue_names(const struct inode *inode, struct name_list *ret_names);

/* ---- catalogue_check.c ---- */

/* Goes on with the numbers and cookies of the tree that this one replaces: none is given twice. */
void catalogue_continue(struct catalogue *catalogue, const struct catalogue *old);
/* After loading: sorts children, marks what is unreachable, miscounted or below damage. */
int catalogue_check(struct catalogue *catalogue);

SCOPE_FUNCTION(struct inode *, inode_free);
SCOPE_FUNCTION(struct name *, name_free);

#endif
