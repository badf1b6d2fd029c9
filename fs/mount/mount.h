/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mount.h - the facade of the FUSE side: mount points of one vault, the gate that all their opens
 * go through, and what ends live handles when a rule changes.
 */
#ifndef FS_MOUNT_MOUNT_H
#define FS_MOUNT_MOUNT_H

#include "fs/format/object_reader.h"
#include "fs/format/object_store.h"
#include "keystore/keystore.h"
#include "policy/audit.h"
#include "policy/policy.h"

struct gate;
struct session;

/* What every mount point of a vault shares. Pointers are borrowed and outlive the gate. */
struct backend {
	struct keystore *keystore;
	struct policy *policy;
	struct audit *audit;
	struct object_store *objects;
};

/*
 * Opens the object of a file with its key from the keystore. direct: past the page cache. -EBADMSG
 * with ret_report (damage of the object), -EBADMSG with DAMAGE_NONE (its row or key), -EIO with
 * DAMAGE_IO, -EMFILE, -ENFILE, -ENOMEM. fs/mount decides nothing here: the caller has.
 */
int backend_open_reader(const struct backend *backend, const struct entry_info *info, bool direct,
	struct object_reader **ret_reader, struct damage_report *ret_report);
/* Did the file go meanwhile, so that nothing missing of it is damage? */
bool backend_file_is_gone(const struct backend *backend, const struct entry_info *info);

/* ---- the gate: decisions and live handles of all mount points of a vault ---- */

int gate_new(const struct backend *backend, struct gate **ret_gate);
struct gate *gate_free(struct gate *gate);

/* What a change of rules did to live handles. */
struct gate_effect {
	uint64_t ended;	    /* handles that stopped serving */
	uint64_t undrained; /* of these: after 10 s a read was being answered, or pages kept */
	uint64_t ending;    /* for gate_each_ended */
};
/*
 * Puts a prepared change in force: no open after it sees the old rules; then every live handle is
 * decided again, those that fail are ended and their pages and mappings invalidated. Returns when
 * that is done. Never from a FUSE request. change NULL: only decides the handles again.
 */
int gate_enact(struct gate *gate, struct policy_change *change, struct gate_effect *ret_effect);
/* The file has a further name: the same for its handles, without a change of rules. */
int gate_file_named(struct gate *gate, uint64_t ino, struct gate_effect *ret_effect);
/* Decides the handles again and waits for nothing: those that fail serve no more. */
void gate_decide_again(struct gate *gate);
/*
 * Ends every handle of a file whose last name was removed, and drops what is kept of its keys.
 * file_id: of the object that went.
 */
int gate_end_file(struct gate *gate, uint64_t ino, const uint8_t file_id[ID_SIZE],
	struct gate_effect *ret_effect);
/*
 * Before a file is replaced under this path: who has it open goes on reading it, by the rules for
 * this name.
 */
void gate_file_replaced(struct gate *gate, uint64_t ino, const char *name, size_t len);
/*
 * Names in a directory changed: every mount forgets its attributes, and those of a directory that
 * is gone (0: none), so that the next walk asks and learns it.
 */
void gate_names_changed(struct gate *gate, uint64_t parent, uint64_t gone);
/*
 * A directory was moved, and with it all that is below: every mount walks to them anew, so that no
 * old name leads there.
 */
void gate_directory_moved(struct gate *gate, uint64_t ino);
/* From now on every open is refused with REASON_SHUTTING_DOWN. */
void gate_shut(struct gate *gate);
bool gate_is_shut(const struct gate *gate);

/* One live handle, for status and umount. */
struct handle_info {
	const char *mountpoint;
	const char *path;
	size_t path_len;
	const char *exe;
	uint32_t uid;
	pid_t pid;
	uint64_t start_time; /* of the process: /proc/PID/stat, field 22 */
	uint64_t bytes;
	int64_t opened_ns;
	uint64_t rule;
};
/* Calls each for every live handle; a non-zero result ends. Holds the table's lock: be quick. */
int gate_handles(
	struct gate *gate, int (*each)(void *arg, const struct handle_info *info), void *arg);

/* The same for handles that a change ended, as far as they are not closed yet. */
int gate_each_ended(struct gate *gate, uint64_t ending,
	int (*each)(void *arg, const struct handle_info *info), void *arg);
/* The same for live handles that would end with this set of rules in force. */
int gate_each_failing(struct gate *gate, const struct ruleset *ruleset,
	int (*each)(void *arg, const struct handle_info *info), void *arg);

struct gate_counts {
	uint64_t handles, opens_allowed, opens_refused, reads, bytes, damaged;
};
void gate_counts(struct gate *gate, struct gate_counts *ret_counts);

/* ---- a mount point ---- */

/*
 * Without root, once in a process that is going to mount: before keys, objects and threads are
 * there, by the thread that ends last.
 */
int unmounter_start(void);
/* Just before the process ends; no mount is left to it. */
void unmounter_stop(void);

enum cache_mode { CACHE_KEEP, CACHE_OPEN, CACHE_NONE };

struct session_options {
	bool allow_other;
	bool noexec; /* no program is run from there; nosuid and nodev are always so */
	enum cache_mode cache;
	int64_t cache_idle_ms; /* 0: pages stay until the kernel wants them */
	unsigned threads;      /* 0: chosen by the number of processors */
	const char *source;    /* shown in /proc/mounts: the vault's path */
	int audit;	       /* enum audit_level at the least while it is mounted; -1: any */
};

/*
 * Mounts (nosuid, nodev, ro) and starts to answer. ended(arg) is called once, from a thread of the
 * session, when the mount is gone (by umount or otherwise); session_close may follow then or at any
 * time.
 */
int session_new(struct gate *gate, const char *mountpoint, const struct session_options *options,
	void (*ended)(void *arg), void *arg, struct session **ret_session);
/* True once the kernel has let go of the mount. */
bool session_has_ended(const struct session *session);
#define UNMOUNT_WORDS 256
/*
 * Unmounts when nothing is open there: 0, -EBUSY, or -EIO with what the system's helper said in
 * ret_words (one line, may be empty).
 */
int session_unmount(struct session *session, char ret_words[UNMOUNT_WORDS]);
/*
 * Takes the mount out of the tree whoever uses it: all its handles are ended, pages and mappings
 * invalidated. READs under way have drain_ms; then they fail.
 */
void session_detach(struct session *session, int64_t drain_ms);
/*
 * Detaches, ends the threads, closes what is still open, with records, and frees. -ETIMEDOUT: the
 * store still keeps some thread; the session stays, and the call is made again.
 */
int session_close(struct session *session, int64_t timeout_ms);
/* Puts on record that all handles of all mounts end, before the process does without freeing. */
void gate_record_closes(struct gate *gate);
const char *session_mountpoint(const struct session *session);
const struct session_options *session_options(const struct session *session);
uint64_t session_open_handles(struct session *session);
/*
 * Call about ten times a second, never while session_close runs: threads come in the place of those
 * that the backing store keeps.
 */
void session_tend(struct session *session);

SCOPE_FUNCTION(struct gate *, gate_free);

#endif
