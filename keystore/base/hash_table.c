/* SPDX-License-Identifier: Apache-2.0 */
/* hash_table.c - chained hash table over embedded links, doubled when it is full. */
#include "keystore/base/hash_table.h"

#include <errno.h>
#include <stdlib.h>

#define FIRST_SIZE 64

void hash_table_done(struct hash_table *table)
{
	free(table->buckets);
	*table = (struct hash_table){0};
}

static void put(struct hash_link **buckets, size_t size, struct hash_link *link)
{
	struct hash_link **head = &buckets[link->hash & (size - 1)];

	link->next = *head;
	*head = link;
}

static int grow(struct hash_table *table, size_t size)
{
	struct hash_link **buckets = calloc(size, sizeof(*buckets));

	if (!buckets)
		return -ENOMEM;
	for (size_t i = 0; i < table->size; i++) {
		struct hash_link *link = table->buckets[i];

		while (link) {
			struct hash_link *next = link->next;

			put(buckets, size, link);
			link = next;
		}
	}
	free(table->buckets);
	table->buckets = buckets;
	table->size = size;
	return 0;
}

int hash_table_reserve(struct hash_table *table)
{
	if (table->count < table->size)
		return 0;
	if (grow(table, table->size ? table->size * 2 : FIRST_SIZE) < 0 && !table->size)
		return -ENOMEM;
	return 0;
}

void hash_table_insert(struct hash_table *table, struct hash_link *link, uint64_t hash)
{
	link->hash = hash;
	put(table->buckets, table->size, link);
	table->count++;
}

void hash_table_remove(struct hash_table *table, struct hash_link *link)
{
	struct hash_link **at = &table->buckets[link->hash & (table->size - 1)];

	while (*at != link)
		at = &(*at)->next;
	*at = link->next;
	link->next = NULL;
	table->count--;
}

static struct hash_link *match_from(struct hash_link *link, uint64_t hash)
{
	while (link && link->hash != hash)
		link = link->next;
	return link;
}

struct hash_link *hash_table_first(const struct hash_table *table, uint64_t hash)
{
	if (!table->size)
		return NULL;
	return match_from(table->buckets[hash & (table->size - 1)], hash);
}

struct hash_link *hash_table_next(const struct hash_link *link)
{
	return match_from(link->next, link->hash);
}

struct hash_link *hash_table_walk(const struct hash_table *table, const struct hash_link *after)
{
	size_t i = 0;

	if (after && after->next)
		return after->next;
	if (after)
		i = (after->hash & (table->size - 1)) + 1;
	while (i < table->size && !table->buckets[i])
		i++;
	return i < table->size ? table->buckets[i] : NULL;
}

uint64_t hash_mix(uint64_t value)
{
	value ^= value >> 33;
	value *= 0xff51afd7ed558ccdULL;
	value ^= value >> 33;
	value *= 0xc4ceb9fe1a85ec53ULL;
	return value ^ (value >> 33);
}

uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t hash = seed ^ 0xcbf29ce484222325ULL;

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ at[i]) * 0x100000001b3ULL;
	return hash_mix(hash);
}
