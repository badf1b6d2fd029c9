/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount_private.h - what the files of this folder share.
 *
 * Lock order (a thread that holds one may take only those further down):
 *   gate->enacting           one change of rules at a time
 *   gate->rules              read: decide and register a handle; write: put new rules in force
 *   handle_table mutex       handles and their states
 *   keystore's own locks     names of a file, while handles are decided again
 *   node_table mutex, open_file_table mutex   leaves
 * The notifier's lock comes before the handle table's and is not held while the kernel is told.
 */
#ifndef FS_MOUNT_MOUNT_PRIVATE_H
#define FS_MOUNT_MOUNT_PRIVATE_H

#include <fuse_lowlevel.h>
#include <pthread.h>
#include <stdatomic.h>

#include "fs/mount/handle.h"
#include "fs/mount/mount.h"
#include "fs/mount/node.h"
#include "fs/mount/visibility.h"
#include "keystore/base/clock.h"

#define READ_MAX (1u << 20) /* bytes of one READ: max_read, max_pages 256 */

/* For how long the kernel believes an answer without asking again. */
#define ATTR_TIMEOUT_S	    1.0
#define DIRECTORY_TIMEOUT_S 1.0 /* a directory's name; of others 0 */
/* Both are 0 where names are hidden. After that long the kernel asks for every name by itself: */
#define MOVED_NS ((int64_t)((DIRECTORY_TIMEOUT_S + 0.1) * NS_PER_S))

struct gate {
	struct backend backend;
	struct handle_table *handles;
	pthread_mutex_t enacting;
	pthread_rwlock_t rules;
	struct notifier *notifier;
	/* Read with enacting or the notifier's lock held, changed with both. */
	struct session *sessions;
	atomic_bool shut;
	_Atomic uint64_t opens_allowed, opens_refused, reads, bytes, damaged;
};

struct session {
	struct gate *gate;
	struct session *next; /* as gate->sessions */
	struct session_options options;
	char *mountpoint, *source;
	struct fuse_session *fuse;
	struct node_table *nodes;
	dev_t device;		    /* of the mount, once it answered */
	bool detached;		    /* out of the tree by session_detach */
	bool shut;		    /* for opens, by session_detach: handle_shut */
	uint64_t ending;	    /* of its handles, by session_detach */
	struct answerer *answerers; /* used by session_tend and session_close only */
	unsigned answerer_count;
	atomic_uint idle;  /* threads that wait for a request */
	atomic_bool ended; /* the kernel has let go of the mount */
	void (*ended_callback)(void *arg);
	void *ended_arg;
};

static inline struct session *session_of(fuse_req_t request)
{
	return fuse_req_userdata(request);
}

/* session_threads.c */

/* Starts the threads that answer. */
int session_start_threads(struct session *session);
/* Once, so that they look whether all is over. */
void session_wake_threads(struct session *session);
/* Wakes them, now that fuse_session_exit was called, and joins them. False: some are kept. */
bool session_end_threads(struct session *session, int64_t end_ns);

/* session_end.c */

/* Frees what session_new made; no thread answers any more. */
void session_free(struct session *session);

/* notify.c */

/* The thread that tells the kernel which pages to drop. */
struct notifier;
int notifier_new(struct gate *gate, struct notifier **ret_notifier);
struct notifier *notifier_free(struct notifier *notifier);
/* Handles were ended. */
void notifier_wake(struct notifier *notifier);
/* Adds to and takes from gate->sessions, with gate->enacting held; none is told of after. */
void notifier_enlist(struct notifier *notifier, struct session *session);
void notifier_delist(struct notifier *notifier, struct session *session);
/* Waits until the kernel is not just being told about this session. False: it still is. */
bool notifier_await(struct notifier *notifier, const struct session *session, int64_t end_ns);

/* enact.c */

/* Ends all handles of a session, now and to come, without waiting. Its number; 0: there were none.
 */
uint64_t gate_end_session(struct gate *gate, struct session *session);
/* handle_await_ended for it. */
uint64_t gate_await_ended(struct gate *gate, uint64_t ending, int64_t timeout_ms);

/* session.c */

/* Invalidates pages of files that nobody has had open for cache_idle_ms. */
void session_drop_idle(struct session *session);

/* answer.c */

/*
 * The one place that turns results into what the kernel is told: anything outside the list of
 * errors that mean nothing special to FUSE becomes EIO. ENOSYS above all: as an answer to OPEN it
 * would switch the gate off for the whole mount (PITFALLS 1b).
 */
int errno_for_kernel(int result);
/* Answers with errno_for_kernel(result). */
void answer_error(fuse_req_t request, int result);
/* Attributes as stat(2) shows them. */
void stat_of_entry(const struct entry_info *info, struct stat *ret_stat);

/* gate.c */

/* An OPEN for reading on a node: decides, records, answers (from the committing thread). */
void gate_open(fuse_req_t request, const struct node_info *node, const struct fuse_file_info *fi);
/* The decision of an OPEN for reading, without a record: for access(2). 0 or -EACCES. */
int gate_may_read(fuse_req_t request, uint64_t ino);
/*
 * The same for the value of an extended attribute, which is content and needs no open: on record
 * before this returns. 0 or -EACCES.
 */
int gate_give_value(fuse_req_t request, const struct entry_info *info, const char *name);
/* The decision about a file with these names now; asked says all but the names. No record. */
struct decision gate_decide(
	struct gate *gate, const struct inquiry *asked, const struct name_list *names);
/* What is told of a handle. */
struct handle_info info_of_handle(const struct handle *handle);

/* gate_see.c */

/* Whether names differ from caller to caller. */
bool gate_hides_names(struct gate *gate);
/* The caller of one request, for any number of names. Not to be copied or moved. */
struct onlooker {
	struct gate *gate;
	bool hides;  /* false: all is seen, and nothing else is filled */
	bool is_odd; /* an identity that sees the root alone */
	struct subject subject;
	struct viewer viewer;
};
void onlooker_begin(fuse_req_t request, struct onlooker *onlooker);
void onlooker_end(struct onlooker *onlooker);
#define scope_onlooker __attribute__((cleanup(onlooker_end)))
/* May names be looked up in this directory? */
bool onlooker_may_walk(struct onlooker *onlooker, uint64_t directory);
/* What was found in a directory where he may. */
bool onlooker_sees_entry(struct onlooker *onlooker, uint64_t ino);
/* By any of its names, all that is above included; or open by him. */
bool onlooker_sees(struct onlooker *onlooker, uint64_t ino);
void onlooker_veil(const struct onlooker *onlooker, struct entry_info *info);
/* Is it seen by this subject? NULL: an odd one, for whom nothing is there that can be hidden. */
bool gate_shows(struct gate *gate, const struct subject *subject, uint64_t ino);
/* The set that was just put in force hides names, the one before did not. With enacting held. */
void gate_begin_hiding(struct gate *gate);

/* gate_record.c */

/* Fills the caller's part of a record. */
struct audit_event event_of_subject(enum audit_action action, const struct subject *subject);
/* The record of a handle: subject, path, file id, rule. */
struct audit_event event_of_handle(enum audit_action action, const struct handle *handle);
/* Records, and answers with the result once the record is committed. */
void record_and_refuse(fuse_req_t request, const struct audit_event *event, int result);
/* Closes a handle for good: record, free. */
void gate_close(struct gate *gate, struct handle *handle);

/* handle_check.c */

/* Is this READ by whom the handle is bound to? 0, or a negative result when it was refused:
 * answered. */
int check_reader(fuse_req_t request, struct handle *handle);

/* ops.c */
extern const struct fuse_lowlevel_ops session_ops;

/* op_lookup.c */
void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name);
void op_forget(fuse_req_t request, fuse_ino_t id, uint64_t count);
void op_forget_multi(fuse_req_t request, size_t count, struct fuse_forget_data *forgets);

/* op_attr.c */
void op_getattr(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi);
void op_readlink(fuse_req_t request, fuse_ino_t id);
void op_access(fuse_req_t request, fuse_ino_t id, int mask);
void op_statfs(fuse_req_t request, fuse_ino_t id);
void op_getxattr(fuse_req_t request, fuse_ino_t id, const char *name, size_t size);
void op_listxattr(fuse_req_t request, fuse_ino_t id, size_t size);

/* op_dir.c */
void op_opendir(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi);
void op_readdir(
	fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *fi);
void op_releasedir(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi);

/* op_open.c */
void op_open(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi);
void op_release(fuse_req_t request, fuse_ino_t id, struct fuse_file_info *fi);

/* op_io.c */
void op_read(
	fuse_req_t request, fuse_ino_t id, size_t size, off_t offset, struct fuse_file_info *fi);
void op_lseek(
	fuse_req_t request, fuse_ino_t id, off_t offset, int whence, struct fuse_file_info *fi);

#endif
