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
#include "policy/role.h"

struct policy;

/* [rows] Loads rules and roles. A broken policy table is no failure: policy_is_broken, refuses all.
 */
int policy_open(struct sealed_rows *rows, struct policy **ret_policy);
struct policy *policy_close(struct policy *policy);

/* Thread-safe. From now on every decision is REASON_SEAL_BROKEN. */
void policy_set_broken(struct policy *policy);
bool policy_is_broken(const struct policy *policy);

/* The rule set in force, with a reference for the caller. Thread-safe, never blocks on a change. */
struct ruleset *policy_ruleset(struct policy *policy);
/* decide() on the set in force; VERDICT_DENY and REASON_SEAL_BROKEN when broken. Thread-safe. */
struct decision policy_decide(struct policy *policy, const struct question *question);

/*
 * A change in two steps, so that it can be made durable first and taken into force after:
 *   prepare  compiles the set that would be, in memory only;
 *   store    [rows] writes rows inside the caller's sealed_rows_begin .. commit;
 *   enact    swaps it in (no decision after it sees the old set).
 * policy_change_free drops it at any point. One change at a time: the caller serialises.
 */
struct policy_change;
/* Adds a rule; its number is given here and written to rule->number. */
int policy_prepare_grant(
	struct policy *policy, struct rule *rule, struct policy_change **ret_change);
/* Removes the rules with these numbers; -ENOENT (nothing prepared) when one does not exist. */
int policy_prepare_revoke(struct policy *policy, const uint64_t *numbers, size_t count,
	struct policy_change **ret_change);
int policy_store_change(struct policy *policy, struct policy_change *change);
void policy_enact_change(struct policy *policy, struct policy_change *change);
/* The set that would be in force; for --dry-run and counting. Borrowed. */
struct ruleset *policy_change_ruleset(struct policy_change *change);
struct policy_change *policy_change_free(struct policy_change *change);

/* ---- roles ---- */

/* Does a process with this uid, gid and supplementary groups hold the role? False when broken. */
bool policy_holds_role(struct policy *policy, enum role role, const struct subject *subject);
/* [rows] Inside the caller's change, at init: this uid gets all three roles. */
int policy_store_first_holder(struct sealed_rows *rows, uint32_t uid, const char *name);

SCOPE_FUNCTION(struct policy *, policy_close);
SCOPE_FUNCTION(struct policy_change *, policy_change_free);

#endif
