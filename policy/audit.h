/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit.h - the facade of the trail: append with group commit, query, verify. The database is
 * audit.db (0600), the wrapped private key audit.key. contrib/docs/audit.md has the bytes.
 */
#ifndef POLICY_AUDIT_H
#define POLICY_AUDIT_H

#include "keystore/base/bytes.h"
#include "keystore/base/limits.h"
#include "keystore/base/secret.h"
#include "policy/reason.h"

#include <sys/types.h>

/* X(enumerator, word); the number is part of the format: append only. */
#define AUDIT_ACTION_TABLE(X)                                                                   \
	X(AUDIT_INIT, "init")                                                                   \
	X(AUDIT_START, "start")                                                                 \
	X(AUDIT_STOP, "stop")                                                                   \
	X(AUDIT_MOUNT, "mount")                                                                 \
	X(AUDIT_UMOUNT, "umount")                                                               \
	X(AUDIT_OPEN, "open")                                                                   \
	X(AUDIT_READ, "read") /* first read by another process on a handle, or a refused one */ \
	X(AUDIT_CLOSE, "close")                                                                 \
	X(AUDIT_REVOKED, "revoked") /* a live handle was ended */                               \
	X(AUDIT_INTEGRITY, "integrity")                                                         \
	X(AUDIT_GRANT, "grant")                                                                 \
	X(AUDIT_DENY, "deny")                                                                   \
	X(AUDIT_REVOKE, "revoke")                                                               \
	X(AUDIT_IMPORT, "import")                                                               \
	X(AUDIT_EXPORT, "export")                                                               \
	X(AUDIT_REMOVE, "remove")                                                               \
	X(AUDIT_COMMAND, "command") /* any other administrative command, named in detail */     \
	X(AUDIT_SEGMENT_END, "segment-end")                                                     \
	X(AUDIT_GAP, "gap")                                                                     \
	X(AUDIT_CLOCK, "clock")                                                                 \
	X(AUDIT_MOVE, "move")                                                                   \
	X(AUDIT_MKDIR, "mkdir")                                                                 \
	X(AUDIT_KEY, "key") /* slots, KEK, master key, a file's key */                          \
	X(AUDIT_BACKUP, "backup")                                                               \
	X(AUDIT_RESTORE, "restore") /* also: recovered from keystore.copy */                    \
	X(AUDIT_ACCEPT, "accept")                                                               \
	X(AUDIT_ROLE, "role")	/* members of a role */                                         \
	X(AUDIT_RULES, "rules") /* several rules at once */                                     \
	X(AUDIT_MODE, "mode")	/* learning, and the sealed settings */

enum audit_action {
	AUDIT_ACTION_NONE,
#define AUDIT_ACTION_ENUM(name, word) name,
	AUDIT_ACTION_TABLE(AUDIT_ACTION_ENUM)
#undef AUDIT_ACTION_ENUM
		AUDIT_ACTIONS
};
/* NULL for a number that this program does not know. */
const char *audit_action_word(enum audit_action action);
/* -EINVAL for a word that is none. */
int audit_action_from_word(const char *word, enum audit_action *ret_action);

enum audit_outcome { AUDIT_ALLOW = 1, AUDIT_REFUSE = 2, AUDIT_ERROR = 3 }; /* allow deny error */
const char *audit_outcome_word(enum audit_outcome outcome);
int audit_outcome_from_word(const char *word, enum audit_outcome *ret_outcome);

#define AUDIT_UNKNOWN INT64_MIN /* a number that is not known: null */

/* One record as its author fills it; start with AUDIT_EVENT_EMPTY. Pointers are only read. */
struct audit_event {
	enum audit_action action;
	enum audit_outcome outcome;
	enum reason reason;
	int64_t time_ns; /* 0: now */
	int64_t uid, gid, loginuid, pid, rule, bytes, duration_ms, count, userns;
	const char *exe;       /* NULL: null; the same below */
	const uint8_t *sha256; /* 32 bytes */
	const char *unit;
	const char *path; /* path_len bytes */
	size_t path_len;
	const uint8_t *file_id; /* ID_SIZE bytes */
	const char *perm;	/* "read" */
	const char *via;	/* "mount", "socket", "slot 1" */
	const char *detail;
};
#define AUDIT_EVENT_EMPTY                                                              \
	{                                                                              \
		.uid = AUDIT_UNKNOWN, .gid = AUDIT_UNKNOWN, .loginuid = AUDIT_UNKNOWN, \
		.pid = AUDIT_UNKNOWN, .rule = AUDIT_UNKNOWN, .bytes = AUDIT_UNKNOWN,   \
		.duration_ms = AUDIT_UNKNOWN, .count = 1, .userns = AUDIT_UNKNOWN      \
	}

struct audit;

/* How the private key of a segment is wrapped: handed in by who holds the master key. */
struct audit_key_wrapper {
	int (*wrap)(void *arg, const void *aad, size_t aad_len, const struct secret *secret,
		uint8_t *ret_wrapped); /* WRAPPED_SIZE: 12 + len + 16 bytes */
	int (*unwrap)(void *arg, const void *aad, size_t aad_len, const uint8_t *wrapped,
		size_t wrapped_len, struct secret **ret_secret);
	void *arg;
};

/* The later ones are stricter. */
enum audit_level { AUDIT_BEST_EFFORT, AUDIT_REQUIRED, AUDIT_REQUIRED_SYNC, AUDIT_LEVELS };
/* "best-effort", "required", "required,sync" */
const char *audit_level_word(enum audit_level level);
/* -EINVAL for a word that is none. */
int audit_level_from_word(const char *word, enum audit_level *ret_level);

/* Makes audit.db and audit.key with segment 1; ret_fingerprint: SHA-256 of the first public key. */
int audit_create(const char *vault_dir, const uint8_t vault_id[ID_SIZE],
	const struct audit_key_wrapper *wrapper, uint8_t ret_fingerprint[DIGEST_SIZE]);
/*
 * The same where a trail is that cannot be continued: its files are renamed to STEM.db, STEM.db-wal
 * and STEM.key first, where they can still be read and verified.
 */
int audit_create_anew(const char *vault_dir, const uint8_t vault_id[ID_SIZE], const char *stem,
	const struct audit_key_wrapper *wrapper, uint8_t ret_fingerprint[DIGEST_SIZE]);
/*
 * Opens for appending and starts the writer thread. The head row's signature and the last records
 * are checked against it: -EBADMSG when they do not fit. -EKEYREJECTED: audit.key does not fit the
 * head.
 */
int audit_open(const char *vault_dir, const uint8_t vault_id[ID_SIZE],
	const struct audit_key_wrapper *wrapper, enum audit_level level, struct audit **ret_audit);
/* Waits for everything queued, then ends the thread. */
struct audit *audit_close(struct audit *audit);

/*
 * Queues a record. done(arg, result) is called exactly once by the committing thread after the
 * group commit that holds it: 0, or -errno when the record could not be written (then what it
 * records must be refused). done may be NULL. Returns 0, or -errno when it was not queued (queue
 * full -EAGAIN, memory, trail known to be broken): then done is not called. done must not block
 * and must not call audit_append_wait. Events of one thread keep their order. In best-effort a
 * record that cannot be written is counted as dropped and done gets 0; when the queue is full that
 * happens at once, in the calling thread. -EINVAL, -EMSGSIZE: the event itself is not valid.
 */
int audit_append(struct audit *audit, const struct audit_event *event,
	void (*done)(void *arg, int result), void *arg);
/*
 * Queues and waits for the commit; sync: also for the disk, and a failure is told in best-effort
 * too. Never from inside `done`.
 */
int audit_append_wait(struct audit *audit, const struct audit_event *event, bool sync);
/* The same with sync; nothing is recorded after it: -ESHUTDOWN. */
int audit_append_last(struct audit *audit, const struct audit_event *event);
/* Waits until everything queued so far is written. Its group's result. Never from inside `done`. */
int audit_flush(struct audit *audit);
/* From the next group commit on. Thread-safe, as is the next. */
void audit_set_level(struct audit *audit, enum audit_level level);
enum audit_level audit_level(const struct audit *audit);
/* 0 while records can be written, else the last failure. */
int audit_health(struct audit *audit);
/* Ends the segment: a last record names the next public key, the old private key is overwritten. */
int audit_next_segment(struct audit *audit);

/*
 * The master key is about to change: begin wraps the segment's private key anew, beside the old
 * audit.key, and holds the segment; end, which must follow, puts it in the old one's place
 * (in_force) or takes it away. Opening the trail takes whichever fits.
 */
int audit_rekey_begin(struct audit *audit, const struct audit_key_wrapper *next);
int audit_rekey_end(struct audit *audit, bool in_force);

struct audit_head {
	uint64_t segment, seq;
	uint8_t chain[DIGEST_SIZE];
	uint8_t public_key[32];
	uint64_t queued; /* records not committed yet: the lag */
};
void audit_head(struct audit *audit, struct audit_head *ret_head);

/* ---- reading: on the file, by a connection of its own; no key, no struct audit needed ---- */

/*
 * What to look for; NULL, AUDIT_UNKNOWN or 0 means any. since_ns is inclusive, until_ns exclusive;
 * a glob in exe or unit has '*' across '/'.
 */
struct audit_filter {
	int64_t uid, gid, rule, since_ns, until_ns;
	const char *path_pattern; /* with path_matches below */
	bool (*path_matches)(void *arg, const char *path, size_t len);
	void *path_arg;
	const char *action;  /* word */
	const char *outcome; /* allow, deny, error */
	const char *exe;     /* exact path, or a glob(7) pattern */
	const char *unit;
	uint64_t after_seq; /* records after this one only */
	uint64_t limit;	    /* 0: all */
	bool newest_first;
};
#define AUDIT_FILTER_EMPTY                                                        \
	{                                                                         \
		.uid = AUDIT_UNKNOWN, .gid = AUDIT_UNKNOWN, .rule = AUDIT_UNKNOWN \
	}

/* A record as read: the event plus what the trail added. Pointers live during the call only. */
struct audit_record {
	struct audit_event event;
	uint64_t seq, segment;
	uint8_t chain[DIGEST_SIZE];
};
/*
 * each returning non-zero ends the walk with that result. trail: path of an audit.db. -EINVAL for
 * an action or outcome that is no word; -EUCLEAN for a record that no writer of ours made.
 */
int audit_query(const char *trail, const struct audit_filter *filter,
	int (*each)(void *arg, const struct audit_record *record), void *arg);

/*
 * Appends the record as one line of JSON; user is the name of its uid now (NULL: null), which is
 * no part of the trail.
 */
int audit_record_json(const struct audit_record *record, const char *user, struct buffer *to);

/* What verify found. */
struct audit_verdict {
	uint64_t records, segments;
	uint64_t first_seq, last_seq;
	uint8_t fingerprint[DIGEST_SIZE]; /* of the first segment's public key */
	uint8_t chain[DIGEST_SIZE];	  /* of the last record */
	uint64_t broken_seq;		  /* first record that does not fit; 0: none */
	char problem[256];		  /* "" when whole; else one line: what and where */
};
/*
 * Walks the whole trail with public data only and writes nothing: chain, gaps in seq, segment
 * keys, checkpoints, head signature. public_key (32 bytes, may be NULL) or fingerprint (32 bytes,
 * may be NULL) pins the first segment's key. 0 whole, -EBADMSG broken (verdict says what), -errno.
 */
int audit_verify(const char *trail, const uint8_t *public_key, const uint8_t *fingerprint,
	struct audit_verdict *ret_verdict);

SCOPE_FUNCTION(struct audit *, audit_close);

#endif
