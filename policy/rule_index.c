/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_index.c - open addressing with linear probing, at most half full. The path keys of a short
 * list are compared with all of the path's by halves, eight at a time; in a long one each is
 * searched for.
 */
#include "policy/rule_index.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keystore/base/scope.h"

#define LANES	   8
#define SHORT_LIST 128 /* entries: searching costs as much from there on */

typedef uint16_t lanes __attribute__((vector_size(2 * LANES)));

/* count 0: a free slot. */
struct rule_slot {
	uint32_t number, count;
	uint32_t first; /* a multiple of LANES */
};

static int compare(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int by_number_and_rule(const void *a, const void *b)
{
	const struct keyed_entry *first = a, *second = b;
	int r = compare(first->number, second->number);

	return r ? r : compare(first->entry.rule, second->entry.rule);
}

static int by_path_key(const void *a, const void *b)
{
	const struct keyed_entry *first = a, *second = b;
	int r = compare(first->entry.path_key, second->entry.path_key);

	return r ? r : compare(first->entry.rule, second->entry.rule);
}

static size_t slot_of(const struct rule_index *index, uint32_t number)
{
	return ((number * 0x9e3779b97f4a7c15ull) >> 32) & index->mask;
}

/* The slot of this number, or the free one where it would stand. */
static struct rule_slot *find_slot(const struct rule_index *index, uint32_t number)
{
	size_t at = slot_of(index, number);

	while (index->slots[at].count && index->slots[at].number != number)
		at = (at + 1) & index->mask;
	return &index->slots[at];
}

/* entries are sorted by number and rule; the same pair twice counts once. Their number after. */
static size_t drop_doubles(struct keyed_entry *entries, size_t count, size_t *ret_numbers)
{
	size_t kept = 0;

	*ret_numbers = 0;
	for (size_t i = 0; i < count; i++) {
		if (kept && by_number_and_rule(&entries[kept - 1], &entries[i]) == 0)
			continue;
		*ret_numbers += !kept || entries[kept - 1].number != entries[i].number;
		entries[kept++] = entries[i];
	}
	return kept;
}

static uint16_t hint_of(uint32_t path_key)
{
	return (uint16_t)(path_key >> 16);
}

static size_t round_up(size_t count)
{
	return (count + LANES - 1) / LANES * LANES;
}

/* Puts the entries of one number at `first`; where the next list may begin. */
static size_t add_list(
	struct rule_index *index, size_t first, struct keyed_entry *entries, size_t count)
{
	*find_slot(index, entries->number) = (struct rule_slot){
		.number = entries->number, .count = (uint32_t)count, .first = (uint32_t)first};
	if (count > SHORT_LIST)
		qsort(entries, count, sizeof(*entries), by_path_key);
	for (size_t i = 0; i < count; i++) {
		index->hints[first + i] = hint_of(entries[i].entry.path_key);
		index->entries[first + i] = entries[i].entry;
	}
	return first + round_up(count);
}

static int allocate(struct rule_index *index, size_t count, size_t numbers)
{
	size_t slots = 2, room = count + numbers * (LANES - 1) + LANES;

	while (slots < 2 * numbers)
		slots *= 2;
	if (room > UINT32_MAX)
		return -E2BIG;
	index->mask = slots - 1;
	index->slots = calloc(slots, sizeof(*index->slots));
	index->hints = calloc(room, sizeof(*index->hints));
	index->entries = calloc(room, sizeof(*index->entries));
	if (!index->slots || !index->hints || !index->entries) {
		rule_index_done(index);
		return -ENOMEM;
	}
	return 0;
}

int rule_index_init(struct rule_index *index, struct keyed_entry *entries, size_t count)
{
	size_t first = 0, to = 0, numbers;
	int r;

	*index = (struct rule_index){0};
	if (count == 0)
		return 0;
	qsort(entries, count, sizeof(*entries), by_number_and_rule);
	count = drop_doubles(entries, count, &numbers);
	r = allocate(index, count, numbers);
	if (r < 0)
		return r;
	for (size_t i = 1; i <= count; i++) {
		if (i < count && entries[i].number == entries[first].number)
			continue;
		to = add_list(index, to, &entries[first], i - first);
		first = i;
	}
	return 0;
}

void rule_index_done(struct rule_index *index)
{
	free(index->slots);
	free(index->hints);
	free(index->entries);
	*index = (struct rule_index){0};
}

struct rule_list rule_index_find(const struct rule_index *index, uint32_t number)
{
	const struct rule_slot *slot;

	if (!index->slots)
		return (struct rule_list){0};
	slot = find_slot(index, number);
	if (!slot->count)
		return (struct rule_list){0};
	__builtin_prefetch(index->hints + slot->first);
	return (struct rule_list){.hints = index->hints + slot->first,
		.entries = index->entries + slot->first,
		.count = slot->count};
}

void rule_index_prefetch(const struct rule_index *index, uint32_t number)
{
	if (index->slots)
		__builtin_prefetch(&index->slots[slot_of(index, number)]);
}

/* A visit with what it goes by. */
struct visiting {
	struct rule_list list;
	const struct path_keys *keys;
	const uint32_t *below;
	void (*visit)(void *arg, uint32_t rule);
	void *arg;
};

static void visit_entry(const struct visiting *visiting, uint32_t at)
{
	const struct rule_entry *entry = &visiting->list.entries[at];

	if (entry->rule < *visiting->below &&
		((visiting->keys->suffix ^ entry->suffix.bytes) & entry->suffix.mask) == 0)
		visiting->visit(visiting->arg, entry->rule);
}

static bool is_zero(lanes found)
{
	uint64_t halves[2];

	memcpy(halves, &found, sizeof(halves));
	return (halves[0] | halves[1]) == 0;
}

static void visit_short(const struct visiting *visiting)
{
	const struct path_keys *keys = visiting->keys;
	lanes wanted[ARRAY_SIZE(keys->keys)];

	for (uint32_t i = 0; i < keys->count; i++)
		wanted[i] = (lanes){0} + hint_of(keys->keys[i]);
	for (uint32_t at = 0; at < visiting->list.count; at += LANES) {
		lanes here, found = {0};

		memcpy(&here, &visiting->list.hints[at], sizeof(here));
		for (uint32_t i = 0; i < keys->count; i++)
			found |= (lanes)(here == wanted[i]);
		if (is_zero(found))
			continue;
		for (uint32_t i = 0; i < LANES && at + i < visiting->list.count; i++)
			if (found[i])
				visit_entry(visiting, at + i);
	}
}

static void visit_long(const struct visiting *visiting)
{
	const struct rule_entry *entries = visiting->list.entries;

	for (uint32_t i = 0; i < visiting->keys->count; i++) {
		uint32_t key = visiting->keys->keys[i], low = 0, high = visiting->list.count;

		while (low < high) {
			uint32_t middle = low + (high - low) / 2;

			if (entries[middle].path_key < key)
				low = middle + 1;
			else
				high = middle;
		}
		for (; low < visiting->list.count && entries[low].path_key == key &&
			entries[low].rule < *visiting->below;
			low++)
			visit_entry(visiting, low);
	}
}

void rule_list_visit(struct rule_list list, const struct path_keys *keys, const uint32_t *below,
	void (*visit)(void *arg, uint32_t rule), void *arg)
{
	const struct visiting visiting = {list, keys, below, visit, arg};

	if (list.count > SHORT_LIST)
		visit_long(&visiting);
	else
		visit_short(&visiting);
}
