/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subject.h - what is known of a caller. Captured from /proc while the caller is blocked in his
 * request; nothing that he controls is waited for: only status, stat, cgroup, loginuid, namespace
 * links, and exe opened O_PATH with statx(AT_STATX_DONT_SYNC).
 */
#ifndef POLICY_SUBJECT_H
#define POLICY_SUBJECT_H

#include "policy/reason.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define SUBJECT_ID_UNKNOWN UINT32_MAX

/* Which tree of cgroups a path is of. */
enum unit_hierarchy { UNIT_UNIFIED, UNIT_SYSTEMD /* v1, name=systemd */ };

struct subject {
	uint32_t uid, gid; /* file-system credentials of the request */
	uint32_t *groups;  /* supplementary, ascending; owned */
	size_t group_count;
	uint32_t loginuid;   /* SUBJECT_ID_UNKNOWN when unset */
	pid_t pid;	     /* process (thread group) */
	pid_t tid;	     /* the thread that asked */
	uint64_t start_time; /* of the process, clock ticks since boot: pid reuse shows */
	char *exe; /* path as the server sees it; for the record, never for a decision; owned */
	bool exe_deleted;	   /* the file has no name any more: replaced or removed */
	uint64_t exe_dev, exe_ino; /* 0 when not to be had */
	uint64_t exe_size;	   /* with the times: which content; for exe_hasher */
	int64_t exe_mtime_ns, exe_ctime_ns;
	bool sha256_known; /* of the executable: whoever captured it may have it filled */
	uint8_t sha256[32];
	char *unit; /* cgroup path (v2, or v1 name=systemd); owned, may be NULL */
	enum unit_hierarchy unit_hierarchy;
	bool initial_userns; /* in the server's own user namespace */
	/* In another whose parent is the server's own and whose owner is uid 0. */
	bool contained_userns;
};

/* What the kernel says with a request. */
struct subject_origin {
	uint32_t uid, gid;
	pid_t tid;
};

/*
 * Looks at a living caller. 0, or -EACCES with the reason (odd identities, PITFALLS rows 5, 6, 9,
 * 14, 15): then what could be found is still in ret_subject for the record. A caller in a contained
 * user namespace is not refused here: decide() judges him, and holds no role. Always fills
 * ret_subject; give it to subject_done. Thread-safe after subject_init.
 */
int subject_capture(
	const struct subject_origin *origin, struct subject *ret_subject, enum reason *ret_reason);
/* Once per process: the server's own namespaces and /proc. -errno when they cannot be read. */
int subject_init(void);
/*
 * A subject for questions (explain, who): user and groups from the user database, no process.
 * -ENOENT: no such user. A number that no user has is a subject without groups.
 */
int subject_of_user(const char *name_or_number, struct subject *ret_subject);
/* The same of one whose entry is known already. */
int subject_of_entry(const char *name, uint32_t uid, uint32_t gid, struct subject *ret_subject);
int subject_copy(const struct subject *subject, struct subject *ret_subject);
void subject_done(struct subject *subject);
bool subject_in_group(const struct subject *subject, uint32_t gid);
/*
 * On whose account a budget is used. In a contained user namespace a caller is who he likes to be
 * of its users: all of them are one, the namespace's owner.
 */
uint32_t subject_account(const struct subject *subject);

/*
 * The process behind a thread: tgid and start time. Cheap; used for the first read by an unknown
 * thread. -ENOENT, -EACCES for a kernel thread.
 */
int subject_process_of_thread(pid_t tid, pid_t *ret_pid, uint64_t *ret_start_time);

#endif
