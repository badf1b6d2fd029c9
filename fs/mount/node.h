/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.h - the kernel's inodes of one mount. A file has a node for each user who opened it, so that
 * the page cache of one user can be dropped while another reads on; directories and symlinks have
 * one node for all.
 *
 * Which node a LOOKUP answers (DESIGN section 9): the one the file has now, whoever asks, so that
 * nobody's stat evicts a reader's cache. An OPEN that policy allows for another user than the
 * node's arms (thread, file) and is answered ESTALE: the kernel walks the path again, and while
 * armed that thread's LOOKUPs of the file answer its own node. The OPEN that succeeds there disarms
 * and makes that node the current one.
 *
 * Thread-safe: one mutex in the table.
 */
#ifndef FS_MOUNT_NODE_H
#define FS_MOUNT_NODE_H

#include "keystore/catalogue.h"

#include <sys/types.h>

#define NODE_ANY_USER UINT32_MAX /* directories and symlinks */

struct node_table;

/* What a node stands for, copied out. */
struct node_info {
	uint64_t id;  /* the nodeid the kernel knows; never reused */
	uint64_t ino; /* in the catalogue */
	uint32_t uid; /* whose node; NODE_ANY_USER when everybody's */
	bool moved;   /* a directory that the kernel may still have under a name it lost */
};

int node_table_new(struct node_table **ret_table);
struct node_table *node_table_free(struct node_table *table);

/* The node to answer a LOOKUP with; counts one lookup on it. */
int node_lookup(struct node_table *table, uint64_t ino, enum entry_kind kind, uint32_t uid,
	pid_t tid, struct node_info *ret_info);
/* -ENOENT for an id that the kernel should not have. */
int node_find(struct node_table *table, uint64_t id, struct node_info *ret_info);
/* The kernel forgot `count` lookups; at zero the node is gone. */
void node_forget(struct node_table *table, uint64_t id, uint64_t count);

/* This thread's next LOOKUPs of the file answer the node of uid. */
int node_arm(struct node_table *table, uint64_t ino, uint32_t uid, pid_t tid);
/* An OPEN succeeded on this node: disarms the thread, the node becomes the file's current one. */
void node_opened(struct node_table *table, uint64_t id, pid_t tid);
/* The last handle on it was closed at now_ns. */
void node_idle(struct node_table *table, uint64_t id, int64_t now_ns);
/* Ids of files' nodes that are idle since before `before_ns`; each is told once. Count, at most
 * max. */
size_t node_take_idle(struct node_table *table, int64_t before_ns, uint64_t *ret_ids, size_t max);
/* Ids of all nodes of a file, at most max. Count. */
size_t node_of_file(struct node_table *table, uint64_t ino, uint64_t *ret_ids, size_t max);
/* The id of the node of a directory, or 0. */
uint64_t node_of_directory(struct node_table *table, uint64_t ino);
/* The inodes of all nodes that are everybody's; the caller frees. */
int node_shared_inodes(struct node_table *table, uint64_t **ret_inos, size_t *ret_count);
/* The ids of all nodes; the caller frees. */
int node_ids(struct node_table *table, uint64_t **ret_ids, size_t *ret_count);
/* Such a node is `moved` until a LOOKUP answers it, and no longer than until_ns. */
void node_mark_moved(struct node_table *table, uint64_t ino, int64_t until_ns);
/* All of them but the root, which no LOOKUP answers. */
void node_mark_shared_moved(struct node_table *table, int64_t until_ns);

#endif
