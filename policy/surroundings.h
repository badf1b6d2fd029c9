/* SPDX-License-Identifier: Apache-2.0 */
/*
 * surroundings.h - what rules with exe:, unit: and sha256: ask of the system about a caller, looked
 * at just before a decision and for it alone: which of the rules' paths name the caller's
 * executable and are safe, how far its unit's path is root's, what its executable hashes to.
 * Nothing here waits for anything that the caller controls; hashing is done by a thread of its own.
 */
#ifndef POLICY_SURROUNDINGS_H
#define POLICY_SURROUNDINGS_H

#include "policy/decide.h"

#define SURROUNDINGS_EXES 8

/* Storage for what a question's `surroundings` points at. */
struct looked_at {
	struct surroundings surroundings;
	uint32_t exes[SURROUNDINGS_EXES];
	uint8_t sha256[32];
};

struct exe_hasher;

/*
 * Looks at what the rules of the set ask for and nothing else; no cost when none asks. A failure is
 * "does not match" for an allow; for a deny by exe: it is a match (the path is in exes) unless the
 * path is not there at all. hasher may be NULL.
 */
void surroundings_look(const struct ruleset *ruleset, const struct subject *subject,
	struct exe_hasher *hasher, struct looked_at *ret_looked);

/* ---- exe paths ---- */

struct exe_file {
	uint64_t dev, ino;
};
/*
 * Which file a path names for this process, links followed, and whether root alone can change that:
 * every directory and file on the way, also of links' targets, is owned by uid 0 and not writable
 * by group or others (sticky directories do not help). 0; -EPERM: someone else could, and
 * *ret_offender (malloc'ed, may be NULL) is where; -ENOENT, -EACCES...: it names nothing.
 * ret_file is filled for 0 and -EPERM.
 */
int exe_path_resolve(const char *path, struct exe_file *ret_file, char **ret_offender);

/* ---- units ---- */

/* How many bytes at the start of a cgroup path (as in subject.unit) are root's alone. */
size_t unit_trusted_len(const char *unit);

/* ---- hashes ---- */

int exe_hasher_new(struct exe_hasher **ret_hasher);
/* Ends the thread; calls what waits with -ESHUTDOWN first. */
struct exe_hasher *exe_hasher_free(struct exe_hasher *hasher);
/*
 * The hash of a living caller's executable. 0: known, ret_sha256 is filled, done is not called.
 * 1: it is being worked out; done(arg, result, sha256) is called once, from the hasher's thread.
 * -errno: it cannot be had (-ENOTSUP on FUSE or the network, -EFBIG, -EDQUOT the user has one in
 * work already, -ESRCH, -EAGAIN the queue is full); done is not called. done NULL: nobody waits, it
 * is only wanted for later records.
 */
int exe_hasher_ask(struct exe_hasher *hasher, const struct subject *subject,
	void (*done)(void *arg, int result, const uint8_t *sha256), void *arg,
	uint8_t ret_sha256[32]);
/* Only what is known already. False: not known. */
bool exe_hasher_known(
	struct exe_hasher *hasher, const struct subject *subject, uint8_t ret_sha256[32]);

SCOPE_FUNCTION(struct exe_hasher *, exe_hasher_free);

#endif
