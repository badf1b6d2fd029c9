/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_index.h - from a number (of a user, a group, a role) to the rules that stand under it, and
 * among these to the ones whose pattern may begin as a path does: a hash table of lists, made
 * once. Immutable afterwards: any number of threads.
 */
#ifndef POLICY_RULE_INDEX_H
#define POLICY_RULE_INDEX_H

#include "policy/path_prefix.h"

#include <stdbool.h>

struct rule_entry {
	uint32_t key;  /* the number */
	uint32_t rule; /* index in the set */
	struct path_prefix prefix;
};

/*
 * Entries of one key. Short lists ascend by rule; long ones by depth, hash, rule, and depths says
 * which depths there are (bit d).
 */
struct rule_list {
	const struct rule_entry *entries;
	uint32_t count;
	uint32_t depths; /* 0: a short list */
};

struct rule_index {
	struct rule_slot *slots;
	size_t mask; /* slots - 1 */
	struct rule_entry *entries;
};

/* Takes entries over (sorts, keeps or frees them). {0} is a valid empty index. */
int rule_index_init(struct rule_index *index, struct rule_entry *entries, size_t count);
void rule_index_done(struct rule_index *index);
struct rule_list rule_index_find(const struct rule_index *index, uint32_t key);

/* A walk over the rules of a list that may match the path, in no certain order. */
struct rule_walk {
	struct rule_list list;
	const struct path_prefixes *prefixes;
	uint32_t at, depth;
	bool began; /* of a long list: some depth is being walked */
};
void rule_walk_begin(
	struct rule_walk *walk, struct rule_list list, const struct path_prefixes *prefixes);
/*
 * The next one below `below`, or false. Of a short list, and of one depth, the lowest comes first.
 */
bool rule_walk_next(struct rule_walk *walk, uint32_t below, uint32_t *ret_rule);

#endif
