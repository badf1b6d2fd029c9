/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_store.h - the sealed rows of the policy: table rule, table role, and of table setting
 * next_rule, which makes sure that a number is never given twice, private and clock. Puts and
 * deletes are made inside the caller's sealed_rows_begin .. commit.
 */
#ifndef POLICY_RULE_STORE_H
#define POLICY_RULE_STORE_H

#include "keystore/base/sealed_rows.h"
#include "policy/role.h"
#include "policy/rule.h"

struct stored_rules {
	struct rule *rules; /* owned */
	size_t count;
	uint64_t next_number;
	bool is_private;
	bool clock_distrusted;
};

void stored_rules_done(struct stored_rules *stored);

/*
 * All rules and the next number. -EUCLEAN when a row is not intact, or is none that this program
 * understands: then nothing can be decided by what is left.
 */
int rule_store_load(struct sealed_rows *rows, struct stored_rules *ret_stored);
int rule_store_put(struct sealed_rows *rows, const struct rule *rule);
int rule_store_delete(struct sealed_rows *rows, uint64_t number);
int rule_store_put_next_number(struct sealed_rows *rows, uint64_t number);
/* Of rows that are not all intact: true unless one that is says no. */
bool rule_store_may_be_private(struct sealed_rows *rows);
int rule_store_put_private(struct sealed_rows *rows, bool is_private);
int rule_store_put_clock(struct sealed_rows *rows, bool distrusted);

/* -EUCLEAN as above. */
int role_store_load(struct sealed_rows *rows, struct role_members *ret_members);
int role_store_put(struct sealed_rows *rows, const struct role_member *member);
int role_store_delete(struct sealed_rows *rows, const struct role_member *member);
/* Writes what is other in `after`. */
int role_store_put_changes(struct sealed_rows *rows, const struct role_members *before,
	const struct role_members *after);

#endif
