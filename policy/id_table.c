/* SPDX-License-Identifier: Apache-2.0 */
/* id_table.c - open addressing with linear probing, at most half full. */
#include "policy/id_table.h"

#include <errno.h>

#include "keystore/base/scope.h"

/* count 0: a free slot. */
struct id_slot {
	uint32_t id, count;
	size_t first;
};

static int compare_pairs(const void *a, const void *b)
{
	const struct id_pair *first = a, *second = b;

	if (first->id != second->id)
		return first->id < second->id ? -1 : 1;
	return (first->value > second->value) - (first->value < second->value);
}

/* The slot of this id, or the free one where it would stand. */
static struct id_slot *find_slot(const struct id_table *table, uint32_t id)
{
	size_t at = (id * 0x9e3779b97f4a7c15ull) >> 32;

	while (table->slots[at & table->mask].count && table->slots[at & table->mask].id != id)
		at++;
	return &table->slots[at & table->mask];
}

static void fill(struct id_table *table, const struct id_pair *pairs, size_t count)
{
	size_t values = 0;

	for (size_t i = 0; i < count; i++) {
		struct id_slot *slot;

		if (i > 0 && compare_pairs(&pairs[i - 1], &pairs[i]) == 0)
			continue;
		slot = find_slot(table, pairs[i].id);
		if (slot->count++ == 0) {
			slot->id = pairs[i].id;
			slot->first = values;
		}
		table->values[values++] = pairs[i].value;
	}
}

static size_t count_ids(const struct id_pair *pairs, size_t count)
{
	size_t ids = 0;

	for (size_t i = 0; i < count; i++)
		ids += i == 0 || pairs[i].id != pairs[i - 1].id;
	return ids;
}

int id_table_init(struct id_table *table, struct id_pair *pairs, size_t count)
{
	struct id_table made = {0};
	size_t slots = 2, ids;

	if (count == 0) {
		*table = made;
		return 0;
	}
	qsort(pairs, count, sizeof(*pairs), compare_pairs);
	ids = count_ids(pairs, count);
	while (slots < 2 * ids)
		slots *= 2;
	made.slots = calloc(slots, sizeof(*made.slots));
	made.values = calloc(count, sizeof(*made.values));
	made.mask = slots - 1;
	if (!made.slots || !made.values) {
		id_table_done(&made);
		return -ENOMEM;
	}
	fill(&made, pairs, count);
	*table = made;
	return 0;
}

void id_table_done(struct id_table *table)
{
	free(table->slots);
	free(table->values);
	*table = (struct id_table){0};
}

struct id_list id_table_find(const struct id_table *table, uint32_t id)
{
	const struct id_slot *slot;

	if (!table->slots)
		return (struct id_list){0};
	slot = find_slot(table, id);
	return (struct id_list){.values = table->values + slot->first, .count = slot->count};
}
