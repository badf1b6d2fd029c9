/* SPDX-License-Identifier: Apache-2.0 */
/* rule_index.c - open addressing with linear probing, at most half full; two orders of lists. */
#include "policy/rule_index.h"

#include <errno.h>
#include <stdlib.h>

#include "keystore/base/scope.h"

/* Up to this many are compared one by one: they fit into a few cache lines. */
#define SHORT_LIST 24

/* count 0: a free slot. */
struct rule_slot {
	uint32_t key, count;
	uint32_t first;
	uint32_t depths;
};

static int compare(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int by_rule(const void *a, const void *b)
{
	const struct rule_entry *first = a, *second = b;
	int r = compare(first->key, second->key);

	return r ? r : compare(first->rule, second->rule);
}

static int by_prefix(const void *a, const void *b)
{
	const struct rule_entry *first = a, *second = b;
	int r = compare(first->prefix.depth, second->prefix.depth);

	if (r == 0)
		r = compare(first->prefix.hash, second->prefix.hash);
	return r ? r : compare(first->rule, second->rule);
}

/* The slot of this key, or the free one where it would stand. */
static struct rule_slot *find_slot(const struct rule_index *index, uint32_t key)
{
	size_t at = (key * 0x9e3779b97f4a7c15ull) >> 32;

	while (index->slots[at & index->mask].count && index->slots[at & index->mask].key != key)
		at++;
	return &index->slots[at & index->mask];
}

/* entries are sorted by key and rule; the same pair twice counts once. Their number after. */
static size_t drop_doubles(struct rule_entry *entries, size_t count)
{
	size_t kept = 0;

	for (size_t i = 0; i < count; i++)
		if (kept == 0 || by_rule(&entries[kept - 1], &entries[i]) != 0)
			entries[kept++] = entries[i];
	return kept;
}

static void add_list(struct rule_index *index, uint32_t first, uint32_t count)
{
	struct rule_entry *entries = index->entries + first;
	struct rule_slot *slot = find_slot(index, entries->key);

	*slot = (struct rule_slot){.key = entries->key, .count = count, .first = first};
	if (count <= SHORT_LIST)
		return;
	qsort(entries, count, sizeof(*entries), by_prefix);
	for (uint32_t i = 0; i < count; i++)
		slot->depths |= 1u << entries[i].prefix.depth;
}

int rule_index_init(struct rule_index *index, struct rule_entry *entries, size_t count)
{
	size_t slots = 2, first = 0;

	*index = (struct rule_index){.entries = entries};
	if (count == 0)
		return 0;
	qsort(entries, count, sizeof(*entries), by_rule);
	count = drop_doubles(entries, count);
	while (slots < 2 * count)
		slots *= 2;
	index->slots = calloc(slots, sizeof(*index->slots));
	index->mask = slots - 1;
	if (!index->slots)
		return -ENOMEM;
	for (size_t i = 1; i <= count; i++) {
		if (i < count && entries[i].key == entries[first].key)
			continue;
		add_list(index, (uint32_t)first, (uint32_t)(i - first));
		first = i;
	}
	return 0;
}

void rule_index_done(struct rule_index *index)
{
	free(index->slots);
	free(index->entries);
	*index = (struct rule_index){0};
}

struct rule_list rule_index_find(const struct rule_index *index, uint32_t key)
{
	const struct rule_slot *slot;

	if (!index->slots)
		return (struct rule_list){0};
	slot = find_slot(index, key);
	return (struct rule_list){.entries = index->entries + slot->first,
		.count = slot->count,
		.depths = slot->depths};
}

/* The first entry of a long list that is not before this depth, hash and rule 0. */
static uint32_t lower_bound(const struct rule_list *list, struct path_prefix prefix)
{
	const struct rule_entry wanted = {.prefix = prefix};
	uint32_t low = 0, high = list->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (by_prefix(&list->entries[middle], &wanted) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void rule_walk_begin(
	struct rule_walk *walk, struct rule_list list, const struct path_prefixes *prefixes)
{
	*walk = (struct rule_walk){.list = list, .prefixes = prefixes};
}

static bool fits(const struct rule_walk *walk, const struct rule_entry *entry)
{
	return entry->prefix.depth <= walk->prefixes->depth &&
	       entry->prefix.hash == walk->prefixes->hashes[entry->prefix.depth];
}

static bool next_of_short(struct rule_walk *walk, uint32_t below, uint32_t *ret_rule)
{
	while (walk->at < walk->list.count) {
		const struct rule_entry *entry = &walk->list.entries[walk->at++];

		if (entry->rule >= below)
			return false;
		if (fits(walk, entry)) {
			*ret_rule = entry->rule;
			return true;
		}
	}
	return false;
}

/* The entry at hand, if it is one of the depth being walked that fits; entries that fit follow. */
static bool take_entry(struct rule_walk *walk, uint32_t below, uint32_t *ret_rule)
{
	const struct rule_entry *entry = &walk->list.entries[walk->at];

	if (walk->at >= walk->list.count || entry->prefix.depth != walk->depth ||
		!fits(walk, entry) || entry->rule >= below)
		return false;
	*ret_rule = entry->rule;
	walk->at++;
	return true;
}

static bool next_of_long(struct rule_walk *walk, uint32_t below, uint32_t *ret_rule)
{
	if (walk->began && take_entry(walk, below, ret_rule))
		return true;
	walk->depth += walk->began;
	walk->began = true;
	for (; walk->depth <= walk->prefixes->depth; walk->depth++) {
		if (!(walk->list.depths & (1u << walk->depth)))
			continue;
		walk->at = lower_bound(&walk->list,
			(struct path_prefix){walk->prefixes->hashes[walk->depth], walk->depth});
		if (take_entry(walk, below, ret_rule))
			return true;
	}
	return false;
}

bool rule_walk_next(struct rule_walk *walk, uint32_t below, uint32_t *ret_rule)
{
	return walk->list.depths ? next_of_long(walk, below, ret_rule)
				 : next_of_short(walk, below, ret_rule);
}
