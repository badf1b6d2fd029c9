/* SPDX-License-Identifier: Apache-2.0 */
/*
 * reason.h - why a decision came out as it did. The words are an interface: audit records, explain,
 * why and the documentation use them. The only place where they stand.
 */
#ifndef POLICY_REASON_H
#define POLICY_REASON_H

#include <stddef.h>

/* X(enumerator, word, explanation for a person); records keep the number: append only */
#define REASON_TABLE(X)                                                                            \
	X(REASON_NONE, "none", "no reason was recorded")                                           \
	X(REASON_RULE_ALLOW, "rule-allow", "a rule allows it and none denies it")                  \
	X(REASON_RULE_DENY, "rule-deny", "a rule denies it")                                       \
	X(REASON_NO_RULE, "no-rule", "no rule allows it")                                          \
	X(REASON_DEFAULT_LIST, "default-list", "names are visible unless a rule denies list")      \
	X(REASON_PID_UNKNOWN, "pid-unknown",                                                       \
		"the caller has no process id that this server can see")                           \
	X(REASON_UID_UNKNOWN, "uid-unknown", "the caller's user id cannot be told")                \
	X(REASON_USER_NAMESPACE, "user-namespace",                                                 \
		"the caller is in another user namespace than the server")                         \
	X(REASON_KERNEL_THREAD, "kernel-thread", "the caller is a thread of the kernel")           \
	X(REASON_PROCESS_CHANGED, "process-changed",                                               \
		"the caller ended or changed while it was looked at")                              \
	X(REASON_PROC_UNREADABLE, "proc-unreadable",                                               \
		"what /proc says of the caller cannot be read")                                    \
	X(REASON_SEAL_BROKEN, "seal-broken",                                                       \
		"the rules or settings in keystore.db are not what this vault wrote")              \
	X(REASON_ROW_DAMAGED, "row-damaged",                                                       \
		"the file's row in keystore.db is not what this vault wrote")                      \
	X(REASON_INTEGRITY, "integrity", "the object is not what this vault wrote")                \
	X(REASON_FILE_OPEN, "file-open", "the file is still being written")                        \
	X(REASON_HANDLE_USER, "handle-user", "a handle was used by another user than its opener")  \
	X(REASON_HANDLE_DEAD, "handle-dead", "the handle was ended by a revocation")               \
	X(REASON_REVOKED, "revoked", "the grant was taken back while the file was open")           \
	X(REASON_AUDIT_UNAVAILABLE, "audit-unavailable", "the audit trail cannot be written")      \
	X(REASON_SHUTTING_DOWN, "shutting-down", "the server is ending, or this mount is")         \
	X(REASON_NO_RESOURCES, "no-resources", "the server has no memory or descriptors left")     \
	X(REASON_SERVER_ERROR, "server-error", "the server failed on the way to a decision")       \
	X(REASON_ROLE, "role", "the caller holds the role that the command needs")                 \
	X(REASON_NO_ROLE, "no-role", "the caller does not hold the role that the command needs")   \
	X(REASON_SLOT, "slot", "a slot secret was given")                                          \
	X(REASON_OTHER_USER, "other-user",                                                         \
		"the request carries another user than its process has (an overlay, an override)") \
	X(REASON_USER_SHARE, "user-share", "the user has as many files open as one user may")      \
	X(REASON_LEARNED, "learned", "no rule allows it, but accesses like this one are learned")  \
	X(REASON_PRIVATE_LIST, "private-list", "names of a private vault are hidden")              \
	X(REASON_ON_THE_WAY, "on-the-way",                                                         \
		"the directory leads to something that may be read or seen")                       \
	X(REASON_EXE_DIFFERS, "exe-differs", "no rule allows it with this program")                \
	X(REASON_EXE_REPLACED, "exe-replaced",                                                     \
		"the program's file was replaced since the process started")                       \
	X(REASON_HASH_DIFFERS, "hash-differs", "no rule allows it with a program of this content") \
	X(REASON_HASH_UNKNOWN, "hash-unknown", "the program's content could not be hashed")        \
	X(REASON_UNIT_DIFFERS, "unit-differs", "no rule allows it outside its service unit")       \
	X(REASON_NOT_YET, "not-yet", "the rule that allows it is not in force yet")                \
	X(REASON_EXPIRED, "expired", "the rule that allowed it has expired")                       \
	X(REASON_OUTSIDE_HOURS, "outside-hours",                                                   \
		"the rule that allows it does so at other hours or on other days")                 \
	X(REASON_CLOCK_STEP, "clock-step",                                                         \
		"the clock was set, and rules that allow by time wait for an admin's word")        \
	X(REASON_OVER_BUDGET, "over-budget", "what the rule allows in this period is used up")     \
	X(REASON_SELF_GRANT, "self-grant", "who makes the change could read more by it")           \
	X(REASON_LAST_HOLDER, "last-holder", "a role over the vault would have no holder left")    \
	X(REASON_NOT_COUNTED, "not-counted",                                                       \
		"the open could not be counted under the rule's budget")                           \
	X(REASON_WOULD_WIDEN, "would-widen", "more could be read under the new names")

enum reason {
#define REASON_ENUM(name, word, text) name,
	REASON_TABLE(REASON_ENUM)
#undef REASON_ENUM
		REASONS
};

/* "no-rule"; never NULL for a reason of the table. */
const char *reason_word(enum reason reason);
/* One sentence without full stop for a person. */
const char *reason_text(enum reason reason);
/* -EINVAL for a word that is none. */
int reason_from_word(const char *word, enum reason *ret_reason);

#endif
