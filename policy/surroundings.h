/* SPDX-License-Identifier: Apache-2.0 */
/*
 * surroundings.h - what rules with exe:, unit: and sha256: ask of the system about a caller, looked
 * at just before a decision and for it alone: which of the rules' paths name the caller's
 * executable and are safe, how far its unit's path is root's, what its executable hashes to.
 * Nothing here waits for anything that the caller controls; hashing is done by a thread of its own.
 */
#ifndef POLICY_SURROUNDINGS_H
#define POLICY_SURROUNDINGS_H

#include "keystore/base/limits.h"
#include "keystore/base/scope.h"
#include "policy/decide.h"

#define SURROUNDINGS_EXES 64 /* of each sort; as many names of one file as a rule set may watch */

/* Storage for what a question's `surroundings` points at; not to be copied or moved. */
struct looked_at {
	struct surroundings surroundings;
	uint32_t exes[SURROUNDINGS_EXES];
	uint32_t unsafe_exes[SURROUNDINGS_EXES];
	uint8_t sha256[DIGEST_SIZE];
};

struct exe_hasher;

/*
 * Looks at what the rules of the set ask for and nothing else; no cost when none asks. A failure is
 * "does not match" for an allow; for a deny by exe: it is a match (the path is in unsafe_exes)
 * unless the path is not there at all. Up to 64 paths are looked at anew each time; of more, those
 * that named other files within the last second are not. Without a hasher no hash will be had
 * (hash_failed). A subject without a process (of a question) is believed its unit whole; exe_dev
 * and exe_ino may be set by hand. Thread-safe.
 */
void surroundings_look(const struct ruleset *ruleset, const struct subject *subject,
	struct exe_hasher *hasher, struct looked_at *ret_looked);
/*
 * For the reason exe-replaced: a watched path is, by its text or where it leads, the path that the
 * caller was started from, and names another file by now. A hint, never for a decision.
 */
bool surroundings_exe_replaced(const struct ruleset *ruleset, const struct subject *subject);

/* ---- exe paths ---- */

struct exe_file {
	uint64_t dev, ino;
};
/*
 * Which file a path names for this process, links followed, and whether root alone can change that:
 * every directory and file on the way, also of links' targets, is owned by uid 0 and not writable
 * by group or others (sticky directories do not help; of a link only the owner counts). 0; -EPERM:
 * someone else could, and *ret_offender (malloc'ed; ret_offender may be NULL) is where; -ENOENT,
 * -ENOTDIR: it names nothing; -EACCES: no regular file, or one that this process may not see;
 * -ENOTSUP: the way leads over a FUSE file system, which is not asked since its server may be
 * whoever waits for this one. ret_file is filled for 0 and -EPERM; for -ENOTSUP its dev is that of
 * the FUSE file system. Another error: it cannot be told.
 */
int exe_path_resolve(const char *path, struct exe_file *ret_file, char **ret_offender);

/* ---- units ---- */

/*
 * How many bytes at the start of a cgroup path (as in subject.unit) are root's alone: directories
 * that uid 0 owns and nobody else may write to, nor move processes into (cgroup.procs, tasks,
 * cgroup.threads). Always whole components. 0 when the hierarchy's root is not mounted here.
 */
size_t unit_trusted_len(const char *unit, enum unit_hierarchy hierarchy);

/*
 * Is there a cgroup now whose name the glob of a unit: matches? *ret_near (malloc'ed) is then NULL
 * or, when there is none, the name of one that may have been meant. -ENOENT: the hierarchy is not
 * mounted here; -E2BIG: it has more than is looked through. For a remark, never for a decision.
 */
int unit_is_there(const char *glob, bool *ret_found, char **ret_near);

/* ---- hashes ---- */

int exe_hasher_new(struct exe_hasher **ret_hasher);
/* Calls what waits with -ESHUTDOWN, then ends the thread. Returns NULL. */
struct exe_hasher *exe_hasher_free(struct exe_hasher *hasher);
/*
 * The hash of the executable that a captured caller had then. 0: known, ret_sha256 is filled, done
 * is not called. 1: it is being worked out; done(arg, result, sha256) is called once, from the
 * hasher's thread (or exe_hasher_free's), with no lock held; sha256 is NULL unless result is 0.
 * -errno: it cannot be had, done is not called. Either may be: -ENOTSUP (FUSE, the network, another
 * user namespace), -EFBIG, -ETIME (5 s), -ESRCH (the caller is gone or runs something else),
 * -ESTALE (the file changed). Only here: -EDQUOT the user has another one in work already, -EAGAIN
 * the queue is full. done NULL: nobody waits, it is only wanted for later records.
 */
int exe_hasher_ask(struct exe_hasher *hasher, const struct subject *subject,
	void (*done)(void *arg, int result, const uint8_t *sha256), void *arg,
	uint8_t ret_sha256[DIGEST_SIZE]);
/* Only what is known already. False: not known. */
bool exe_hasher_known(
	struct exe_hasher *hasher, const struct subject *subject, uint8_t ret_sha256[DIGEST_SIZE]);

SCOPE_FUNCTION(struct exe_hasher *, exe_hasher_free);

#endif
