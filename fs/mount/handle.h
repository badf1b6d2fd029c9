/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle.h - open files. A handle is bound to who opened it: user, process with its start time, the
 * node, the rule. One table serves all mounts of a vault, so that a revocation finds every handle.
 *
 *   PENDING --(record committed, answer sent)--> LIVE --(release)--> gone
 *      |                                           |
 *      +---------------(rule change)---------------+--> DEAD --(release)--> gone
 *
 * The committing thread moves PENDING to LIVE; gate_enact moves either to DEAD; the FUSE thread of
 * the RELEASE, or the failed answer, ends it.
 */
#ifndef FS_MOUNT_HANDLE_H
#define FS_MOUNT_HANDLE_H

#include <stdatomic.h>

#include "fs/mount/open_file.h"

#define HANDLE_THREADS 8 /* threads that a handle remembers as its opener's or already recorded */

enum handle_state { HANDLE_PENDING, HANDLE_LIVE, HANDLE_DEAD };

struct handle {
	/* Set once before the handle is in the table, then constant. */
	uint64_t fh;
	struct session *session;
	uint64_t node_id, ino;
	uint8_t file_id[ID_SIZE];
	struct subject subject;
	uint64_t rule;
	enum reason reason;	      /* of the decision that allowed it */
	struct charged_rules charged; /* their budgets end it no more */
	char *path;		      /* the name that was decided on first; owned */
	size_t path_len;
	int64_t opened_ns;	/* monotonic */
	int64_t opened_at_ns;	/* time of day */
	struct open_file *file; /* set while PENDING, before the answer */
	struct entry_info info; /* of the file when it was opened */
	const bool *shut;	/* its mount lets nobody open any more; guarded by the mutex */

	/* Guarded by the table's mutex. */
	enum handle_state state;
	unsigned readers; /* READs being answered */
	char *last_name;  /* the name under which the file was replaced, or NULL; owned */
	size_t last_name_len;
	uint64_t ending;  /* DEAD: by which handle_end */
	bool stale_pages; /* DEAD, and the kernel's pages of its node were not invalidated yet */
	bool telling;	  /* the kernel is just being told to */
	bool cut;	  /* no answer to its READs reaches the kernel any more */
	bool on_record;	  /* its open is; from then on its close is owed */
	bool closed;	  /* that is on record too */

	_Atomic uint64_t bytes;		       /* plaintext bytes that left for it */
	_Atomic pid_t threads[HANDLE_THREADS]; /* seen and recorded; 0: free */
};

struct handle_table;

int handle_table_new(const struct backend *backend, struct handle_table **ret_table);
struct handle_table *handle_table_free(struct handle_table *table);

/*
 * Puts a filled handle into the table as PENDING and gives it its fh. The table owns it from now
 * on. -EMFILE beyond LIMIT_HANDLES, -EDQUOT beyond the user's share of them, -ENOMEM; -ESHUTDOWN
 * after handle_shut.
 */
int handle_add(struct handle_table *table, struct handle *handle);
/* Has its mount been shut since it was added? */
bool handle_is_shut(struct handle_table *table, const struct handle *handle);
/* It is on record, the answer may be sent: PENDING becomes LIVE. False when it is DEAD already. */
bool handle_make_live(struct handle_table *table, struct handle *handle);
/*
 * The LIVE handle of a READ, with `readers` counted up, or NULL: no such handle, another node, or
 * DEAD (*ret_dead tells). Give it back with handle_put.
 */
struct handle *handle_get(
	struct handle_table *table, uint64_t fh, uint64_t node_id, bool *ret_dead);
/* Not ended meanwhile? */
bool handle_is_live(struct handle_table *table, struct handle *handle);
void handle_put(struct handle_table *table, struct handle *handle);
/* Takes it out of the table once no READ uses it; the caller frees it with handle_free. NULL: none.
 */
struct handle *handle_remove(struct handle_table *table, uint64_t fh);
void handle_free(struct handle_table *table, struct handle *handle);

/* The file is about to be replaced under this name: who has it open is decided by it from then on.
 */
void handle_set_last_name(struct handle_table *table, uint64_t ino, const char *name, size_t len);
/* What a file was like that is in no directory any more and still open after it was replaced. */
bool handle_find_replaced(struct handle_table *table, uint64_t ino, struct entry_info *ret_info);
/* Has this user the file open? */
bool handle_has_user(struct handle_table *table, uint64_t ino, uint32_t uid);

/* handle_end.c: handles that are ended */

/* Sets *shut, before the handles that point to it are ended: none is added behind that ending. */
void handle_shut(struct handle_table *table, bool *shut);
/*
 * Makes every handle for which fails(arg, handle) is true DEAD and calls ended(arg, handle) for it,
 * under the table's lock. Count; *ret_ending is this ending's number, for handle_await_ended.
 */
uint64_t handle_end(struct handle_table *table, bool (*fails)(void *arg, struct handle *handle),
	void (*ended)(void *arg, struct handle *handle), void *arg, uint64_t *ret_ending);
/*
 * Waits until of this ending's handles none has a READ being answered and the kernel's pages of
 * all are invalidated, or the time is over. Count of those left.
 */
uint64_t handle_await_ended(struct handle_table *table, uint64_t ending, int64_t timeout_ms);
/*
 * The next node, from slot *index on, that has DEAD handles whose pages are to be invalidated; each
 * is told once, and handle_told follows. False when there is none. Not nodes with a READ still
 * being answered, by any handle: a page that it fills is locked, and invalidating would wait for
 * its store. The node may be gone from the kernel by now, which does no harm.
 */
bool handle_take_stale(struct handle_table *table, uint32_t *index, struct session **ret_session,
	uint64_t *ret_node_id);
void handle_told(struct handle_table *table, const struct session *session, uint64_t node_id);
/* The kernel has given up all requests of this session: no READ keeps its pages. */
void handle_cut(struct handle_table *table, const struct session *session);
/* Nobody is to tell the kernel anything more about this session. */
void handle_drop_stale(struct handle_table *table, const struct session *session);
/* Are there nodes still to be told of, also those that handle_take_stale leaves for later? */
bool handle_has_stale(struct handle_table *table);

/* each for every handle, under the lock; non-zero ends the walk and is returned. */
int handle_each(
	struct handle_table *table, int (*each)(void *arg, struct handle *handle), void *arg);
uint64_t handle_count(struct handle_table *table);
struct open_file_table *handle_files(struct handle_table *table);

/* True when this thread was seen on the handle before. */
bool handle_knows_thread(struct handle *handle, pid_t tid);
void handle_remember_thread(struct handle *handle, pid_t tid);

#endif
