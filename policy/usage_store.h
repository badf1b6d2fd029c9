/* SPDX-License-Identifier: Apache-2.0 */
/*
 * usage_store.h - rows of the sealed table `usage`: rule, uid, opens_period, opens, bytes_period,
 * bytes. Puts and deletes are made inside the caller's sealed_rows_begin .. commit.
 */
#ifndef POLICY_USAGE_STORE_H
#define POLICY_USAGE_STORE_H

#include "policy/usage.h"

/*
 * Calls each for every row; its negative result ends the walk and is returned. -EUCLEAN when a row
 * is not intact, or holds what no charge wrote.
 */
int usage_store_load(struct sealed_rows *rows,
	int (*each)(void *arg, uint64_t rule, uint32_t uid, const struct usage_count *count),
	void *arg);
int usage_store_put(
	struct sealed_rows *rows, uint64_t rule, uint32_t uid, const struct usage_count *count);
/* Deletes the rows of rules below the number end that are not in the set. */
int usage_store_keep(struct sealed_rows *rows, const struct ruleset *kept, uint64_t end);

#endif
