/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_index.h - from a number (of a user, a group, a role) to the rules that stand under it, and
 * among these to the ones whose pattern may match a path: a hash table of lists, made once.
 * Immutable afterwards: any number of threads.
 */
#ifndef POLICY_RULE_INDEX_H
#define POLICY_RULE_INDEX_H

#include "policy/path_prefix.h"

#include <stdbool.h>

struct rule_entry {
	uint32_t rule; /* index in the set */
	uint32_t path_key;
	struct path_suffix suffix;
};

/* An entry and the number that it stands under. */
struct keyed_entry {
	uint32_t number;
	struct rule_entry entry;
};

/* Entries of one number. Short lists ascend by rule, long ones by path key and rule. */
struct rule_list {
	const uint16_t *hints; /* the upper half of each path key, side by side */
	const struct rule_entry *entries;
	uint32_t count;
};

struct rule_index {
	struct rule_slot *slots;
	size_t mask; /* slots - 1 */
	uint16_t *hints;
	struct rule_entry *entries;
};

/* Sorts entries, which stay the caller's. {0} is a valid empty index. */
int rule_index_init(struct rule_index *index, struct keyed_entry *entries, size_t count);
void rule_index_done(struct rule_index *index);
struct rule_list rule_index_find(const struct rule_index *index, uint32_t number);
/* The number will be asked for soon: memory is slow, but several places of it come at once. */
void rule_index_prefetch(const struct rule_index *index, uint32_t number);

/*
 * Calls visit(arg, rule) for the rules of a list that may match the path and are below *below,
 * which visit may lower meanwhile.
 */
void rule_list_visit(struct rule_list list, const struct path_keys *keys, const uint32_t *below,
	void (*visit)(void *arg, uint32_t rule), void *arg);

#endif
