/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy.h - the facade of the policy: rules and roles of one vault, loaded from its sealed rows,
 * compiled, swapped whole. The rows' owner (the keystore) hands in rows and their lock; calls that
 * read or change rows are made with that lock held by the caller, as marked [rows].
 */
#ifndef POLICY_POLICY_H
#define POLICY_POLICY_H

#include "keystore/base/sealed_rows.h"
#include "policy/decide.h"
#include "policy/looked_memory.h"
#include "policy/policy_view.h"
#include "policy/role.h"
#include "policy/usage.h"

struct policy;

/* How the rows are guarded when the policy stores something by itself. */
struct policy_lock {
	void (*lock)(void *arg);
	void (*unlock)(void *arg);
	void *arg;
};
/*
 * [rows] Loads rules, roles and what of budgets is used; starts the thread that hashes executables.
 * lock (copied): NULL when nobody else uses the rows. A broken policy table is no failure:
 * policy_is_broken, refuses all.
 */
int policy_open(
	struct sealed_rows *rows, const struct policy_lock *lock, struct policy **ret_policy);
struct policy *policy_close(struct policy *policy);

/* Thread-safe. From now on every decision is REASON_SEAL_BROKEN. */
void policy_set_broken(struct policy *policy);
bool policy_is_broken(const struct policy *policy);

/* The rule set in force, with a reference for the caller. Thread-safe, never blocks on a change. */
struct ruleset *policy_ruleset(struct policy *policy);
/*
 * The whole of a decision: what rules ask of the caller's surroundings is looked at, the clock, the
 * budgets if this is an open that counts; then decide(). VERDICT_DENY and REASON_SEAL_BROKEN when
 * broken. Thread-safe.
 */
struct inquiry {
	const struct ruleset *ruleset; /* NULL: the one in force */
	const struct subject *subject;
	const struct path_name *names; /* every name of the file */
	size_t name_count;
	enum permission permission;
	bool hash_failed;  /* the executable's hash will not be known */
	bool asks_budgets; /* for an open of a file of this size: what is used up allows nothing */
	uint64_t size;
	/* policy_admit: set. policy_inquire: of these rules the budgets suffice. NULL: none. */
	struct charged_rules *charged;
	struct looked_memory *memory; /* of a pass over many callers; NULL: none */
};
struct decision policy_inquire(struct policy *policy, const struct inquiry *inquiry);

/* ---- admission (admission.c): what an open needs beside the decision ---- */

/*
 * After a decision that wants_hash: waits, some seconds at most, for the executable's hash, and
 * fills it into the subject. True: ask again. False: it will not be known: ask again with
 * hash_failed. Without locks.
 */
bool policy_await_hash(struct policy *policy, struct subject *subject);
/*
 * An open that asks_budgets: as policy_inquire, and when it is allowed it is counted under the
 * budgets of the rules that allow it, stored when this returns. What cannot be counted is refused.
 * wants_hash: nothing was counted.
 */
struct decision policy_admit(struct policy *policy, const struct inquiry *inquiry);
/* What is used of a rule's budgets; zero when never. */
struct usage *policy_usage(struct policy *policy);
/*
 * Fills the executable's hash into the subject if it is known, for decision and record; when it is
 * not it will be, if it can, for later ones. Never waits.
 */
void policy_know_hash(struct policy *policy, struct subject *subject);

/*
 * Whether the wall clock is believed: false since a step was seen, until an admin accepts it. Then
 * allows with a time in them do not apply. Thread-safe; the setter only in memory.
 */
bool policy_clock_is_distrusted(const struct policy *policy);
void policy_set_clock_distrusted(struct policy *policy, bool distrusted);
/*
 * Both clocks as they stand, when somebody looked whether the wall clock was set: a decision that
 * finds them apart by more than a step distrusts the clock before it is looked at again.
 */
void policy_note_clock(struct policy *policy, int64_t wall_ns, int64_t boot_ns);
/* [rows] Inside the caller's change. */
int policy_store_clock(struct policy *policy, bool distrusted);

/*
 * A change in steps, so that it can be made durable first and taken into force after:
 *   prepare  compiles the set that would be, in memory only;
 *   store    [rows] writes rows inside the caller's sealed_rows_begin .. commit;
 *   enact    swaps it in (no decision after it sees the old set).
 * policy_change_free drops it at any point. One change at a time: the caller serialises.
 */
struct policy_change;
/* What a change does; all of it together, or nothing. */
struct policy_edit {
	const uint64_t *removed; /* numbers of rules; one that is given twice counts once */
	size_t removed_count;
	struct rule *added; /* their numbers are given here, ascending, and written back */
	size_t added_count;
	const struct role_members *members; /* all of them, as they are to be; NULL: as they are */
	bool set_private, is_private;
};
/* -ENOENT (nothing prepared): a rule to be removed does not exist. -EBADMSG: broken. */
int policy_prepare(
	struct policy *policy, const struct policy_edit *edit, struct policy_change **ret_change);
int policy_store_change(struct policy *policy, struct policy_change *change);
void policy_enact_change(struct policy *policy, struct policy_change *change);
/* The set that would be in force; for --dry-run and counting. Borrowed. */
struct ruleset *policy_change_ruleset(struct policy_change *change);
/* The numbers of rules that go: ascending. Borrowed. */
const uint64_t *policy_change_removed(const struct policy_change *change, size_t *ret_count);
struct policy_change *policy_change_free(struct policy_change *change);

/* ---- roles ---- */

/* Does a process with this uid, gid and supplementary groups hold the role? False when broken. */
bool policy_holds_role(struct policy *policy, enum role role, const struct subject *subject);
/* [rows] Inside the caller's change, at init: this uid gets all three roles. */
int policy_store_first_holder(struct sealed_rows *rows, uint32_t uid, const char *name);
/* [rows] The same, at init: whether names are hidden unless allowed. Always said. */
int policy_store_private(struct sealed_rows *rows, bool is_private);

SCOPE_FUNCTION(struct policy *, policy_close);
SCOPE_FUNCTION(struct policy_change *, policy_change_free);

#endif
