/* SPDX-License-Identifier: Apache-2.0 */
/*
 * id_table.h - from a number to a list of numbers: a hash table made once.
 * Immutable afterwards: any number of threads.
 */
#ifndef POLICY_ID_TABLE_H
#define POLICY_ID_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct id_pair {
	uint32_t id, value;
};

/* Ascending. */
struct id_list {
	const uint32_t *values;
	size_t count;
};

struct id_table {
	struct id_slot *slots;
	size_t mask; /* slots - 1 */
	uint32_t *values;
};

/* Sorts pairs; the same pair twice counts once. {0} is a valid empty table. */
int id_table_init(struct id_table *table, struct id_pair *pairs, size_t count);
void id_table_done(struct id_table *table);
struct id_list id_table_find(const struct id_table *table, uint32_t id);

#endif
