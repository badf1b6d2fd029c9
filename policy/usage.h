/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage.h - what of budgets (--max-opens, --max-bytes) is used: per rule and user, durable before
 * an open that it counts is answered, never downward. Rows of the sealed table `usage`: rule, uid,
 * and for opens and bytes each the period's number and what was used in it. Thread-safe.
 */
#ifndef POLICY_USAGE_H
#define POLICY_USAGE_H

#include "keystore/base/sealed_rows.h"
#include "policy/decide.h"

struct usage;

struct usage_count {
	int64_t opens_period, bytes_period;
	uint64_t opens, bytes;
};

/*
 * [rows] Loads; -EUCLEAN for rows that are not of it or not intact. lock and unlock (called with
 * arg) guard the rows whenever a charge is stored; both NULL: the caller lets in one at a time.
 */
int usage_open(struct sealed_rows *rows, void (*lock)(void *arg), void (*unlock)(void *arg),
	void *arg, struct usage **ret_usage);
struct usage *usage_close(struct usage *usage);

/* The rules under which an open was counted. More than there is room for: the first. */
#define CHARGED_MAX 8
struct charged_rules {
	uint64_t numbers[CHARGED_MAX];
	size_t count; /* of all */
};

/*
 * For decide(): the budgets as they are, for one open of a file of this size at this time. A later
 * period counts from zero; an earlier one (the clock went back) does not. Borrows.
 */
struct usage_question {
	struct usage *usage;
	const struct charged_rules *charged; /* set by the caller: that suffice; NULL: none */
	uint64_t size;
	struct local_time local;
	struct budget_view view; /* to hand in as question.budgets */
};
void usage_ask(struct usage *usage, uint64_t size, const struct local_time *local,
	struct usage_question *ret_question);
/*
 * Counts one open of this user under these rules, each given once; stored when it returns. On
 * failure it is counted under none. -EDQUOT: one does not suffice (any more): decide again. Another
 * -errno: not stored; the open must be refused.
 */
int usage_charge(struct usage *usage, const struct rule *const *rules, size_t count, uint32_t uid,
	uint64_t size, const struct local_time *local);
/* For explain and lists; zero when never used. */
void usage_read(struct usage *usage, uint64_t rule, uint32_t uid, struct usage_count *ret_count);
/*
 * Forgets all rules below the number end that are not in the set, so that also a row goes that was
 * charged when its rule went. [rows] Inside the caller's change; and in memory when it is enacted,
 * before that or after.
 */
int usage_store_forget(struct usage *usage, const struct ruleset *kept, uint64_t end);
void usage_forget(struct usage *usage, const struct ruleset *kept, uint64_t end);

SCOPE_FUNCTION(struct usage *, usage_close);

#endif
