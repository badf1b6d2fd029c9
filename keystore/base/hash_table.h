/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hash_table.h - chains of links that live inside their objects. The caller hashes and compares;
 * growing is apart from inserting, so that an insert after hash_table_reserve cannot fail.
 */
#ifndef KEYSTORE_BASE_HASH_TABLE_H
#define KEYSTORE_BASE_HASH_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct hash_link {
	struct hash_link *next;
	uint64_t hash;
};

struct hash_table {
	struct hash_link **buckets;
	size_t size; /* a power of two, or 0 */
	size_t count;
};

/* The object around a link. */
#define hash_object(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

void hash_table_done(struct hash_table *table);
/* Room for one more. -ENOMEM only while there is no bucket at all: chains may grow long instead. */
int hash_table_reserve(struct hash_table *table);
/* Needs a successful reserve before. */
void hash_table_insert(struct hash_table *table, struct hash_link *link, uint64_t hash);
/* The link must be in the table. */
void hash_table_remove(struct hash_table *table, struct hash_link *link);
/* The first link of this hash, then the next one; NULL at the end. */
struct hash_link *hash_table_first(const struct hash_table *table, uint64_t hash);
struct hash_link *hash_table_next(const struct hash_link *link);
/* Every link: NULL starts; the table must not change between calls. */
struct hash_link *hash_table_walk(const struct hash_table *table, const struct hash_link *after);

/* A 64-bit mix (the finaliser of MurmurHash3): spreads small integers over all bits. */
uint64_t hash_mix(uint64_t value);
/* FNV-1a from a seed, mixed; seeds are random, so that names cannot be chosen to collide cheaply.
 */
uint64_t hash_bytes(uint64_t seed, const void *bytes, size_t len);

#endif
