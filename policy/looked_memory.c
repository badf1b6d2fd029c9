/* SPDX-License-Identifier: Apache-2.0 */
/*
 * looked_memory.c - a hash table of programs and units. It grows with them: a user has as many as
 * he has processes, and one that fell out would be looked at again for each file that it has open.
 */
#include "policy/looked_memory.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_CHAINS   64    /* a power of two */
#define REMEMBERED_MAX 65536 /* some 40 MB; then it begins anew */

struct remembered {
	struct remembered *next;
	uint64_t hash;
	struct subject subject; /* a copy */
	struct looked_at looked;
};

struct looked_memory {
	struct ruleset *ruleset; /* a reference */
	struct remembered **chains;
	size_t chain_count; /* a power of two */
	size_t count;
};

struct looked_memory *looked_memory_new(void)
{
	struct looked_memory *memory = calloc(1, sizeof(*memory));

	if (!memory)
		return NULL;
	memory->chain_count = FIRST_CHAINS;
	memory->chains = calloc(FIRST_CHAINS, sizeof(struct remembered *));
	if (memory->chains)
		return memory;
	free(memory);
	return NULL;
}

static struct remembered *remembered_free(struct remembered *remembered)
{
	struct remembered *next = remembered->next;

	subject_done(&remembered->subject);
	free(remembered);
	return next;
}

static void forget_all(struct looked_memory *memory)
{
	for (size_t i = 0; i < memory->chain_count; i++)
		while (memory->chains[i])
			memory->chains[i] = remembered_free(memory->chains[i]);
	memory->count = 0;
}

struct looked_memory *looked_memory_free(struct looked_memory *memory)
{
	if (!memory)
		return NULL;
	forget_all(memory);
	ruleset_unref(memory->ruleset);
	free(memory->chains);
	free(memory);
	return NULL;
}

static bool text_is_same(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* All that surroundings_look goes by. */
static bool looks_alike(const struct subject *a, const struct subject *b)
{
	return a->pid && b->pid && a->exe_dev == b->exe_dev && a->exe_ino == b->exe_ino &&
	       a->exe_size == b->exe_size && a->exe_mtime_ns == b->exe_mtime_ns &&
	       a->exe_ctime_ns == b->exe_ctime_ns && a->initial_userns == b->initial_userns &&
	       a->unit_hierarchy == b->unit_hierarchy && text_is_same(a->exe, b->exe) &&
	       text_is_same(a->unit, b->unit);
}

static uint64_t hash_of(const struct subject *subject)
{
	uint64_t hash = subject->exe_ino ^ subject->exe_dev << 32;

	for (const char *at = subject->unit; at && *at; at++)
		hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return hash >> 32;
}

static struct remembered **chain_of(const struct looked_memory *memory, uint64_t hash)
{
	return &memory->chains[hash & (memory->chain_count - 1)];
}

static struct remembered *find(
	const struct looked_memory *memory, const struct subject *subject, uint64_t hash)
{
	struct remembered *at = *chain_of(memory, hash);

	while (at && !(at->hash == hash && looks_alike(&at->subject, subject)))
		at = at->next;
	return at;
}

static void insert(struct looked_memory *memory, struct remembered *remembered)
{
	struct remembered **chain = chain_of(memory, remembered->hash);

	remembered->next = *chain;
	*chain = remembered;
}

/* Twice the chains; without memory for them they grow longer instead. */
static void grow(struct looked_memory *memory)
{
	struct looked_memory old = *memory;
	struct remembered **chains = calloc(2 * old.chain_count, sizeof(struct remembered *));

	if (!chains)
		return;
	memory->chains = chains;
	memory->chain_count = 2 * old.chain_count;
	for (size_t i = 0; i < old.chain_count; i++) {
		while (old.chains[i]) {
			struct remembered *first = old.chains[i];

			old.chains[i] = first->next;
			insert(memory, first);
		}
	}
	free(old.chains);
}

/* NULL without memory for it. */
static struct remembered *add(
	struct looked_memory *memory, const struct subject *subject, uint64_t hash)
{
	struct remembered *remembered = calloc(1, sizeof(*remembered));

	if (!remembered || subject_copy(subject, &remembered->subject) < 0) {
		free(remembered);
		return NULL;
	}
	remembered->hash = hash;
	if (memory->count == REMEMBERED_MAX)
		forget_all(memory);
	if (memory->count++ == memory->chain_count)
		grow(memory);
	insert(memory, remembered);
	return remembered;
}

struct surroundings looked_memory_look(struct looked_memory *memory, const struct ruleset *ruleset,
	const struct subject *subject, struct exe_hasher *hasher, struct looked_at *own)
{
	struct remembered *found = NULL;
	struct looked_at *into = own;
	uint64_t hash = hash_of(subject);

	if (memory && memory->ruleset != ruleset) {
		forget_all(memory);
		ruleset_unref(memory->ruleset);
		memory->ruleset = ruleset_ref((struct ruleset *)(uintptr_t)ruleset);
	}
	if (memory)
		found = find(memory, subject, hash);
	if (found)
		return found->looked.surroundings;
	if (memory && subject->pid)
		found = add(memory, subject, hash);
	if (found)
		into = &found->looked;
	surroundings_look(ruleset, subject, hasher, into);
	return into->surroundings;
}
