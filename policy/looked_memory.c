/* SPDX-License-Identifier: Apache-2.0 */
/* looked_memory.c - a place for each of some programs and units; a later one takes its place. */
#include "policy/looked_memory.h"

#include <stdlib.h>
#include <string.h>

#define PLACES 64 /* a power of two */

struct remembered {
	struct subject subject; /* copied; without a process where nothing is remembered */
	struct looked_at looked;
};

struct looked_memory {
	struct ruleset *ruleset; /* a reference */
	struct remembered places[PLACES];
};

struct looked_memory *looked_memory_new(void)
{
	return calloc(1, sizeof(struct looked_memory));
}

static void forget_all(struct looked_memory *memory)
{
	for (size_t i = 0; i < PLACES; i++) {
		subject_done(&memory->places[i].subject);
		memory->places[i].subject = (struct subject){0};
	}
	memory->ruleset = ruleset_unref(memory->ruleset);
}

struct looked_memory *looked_memory_free(struct looked_memory *memory)
{
	if (!memory)
		return NULL;
	forget_all(memory);
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

static struct remembered *place_of(struct looked_memory *memory, const struct subject *subject)
{
	uint64_t hash = subject->exe_ino ^ subject->exe_dev << 32;

	for (const char *at = subject->unit; at && *at; at++)
		hash = (hash ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	hash *= UINT64_C(0x9e3779b97f4a7c15);
	return &memory->places[hash >> 32 & (PLACES - 1)];
}

struct surroundings looked_memory_look(struct looked_memory *memory, const struct ruleset *ruleset,
	const struct subject *subject, struct exe_hasher *hasher, struct looked_at *own)
{
	struct remembered *place;

	if (!memory) {
		surroundings_look(ruleset, subject, hasher, own);
		return own->surroundings;
	}
	if (memory->ruleset != ruleset) {
		forget_all(memory);
		memory->ruleset = ruleset_ref((struct ruleset *)(uintptr_t)ruleset);
	}
	place = place_of(memory, subject);
	if (looks_alike(&place->subject, subject))
		return place->looked.surroundings;
	subject_done(&place->subject);
	if (subject_copy(subject, &place->subject) < 0)
		place->subject = (struct subject){0};
	surroundings_look(ruleset, subject, hasher, &place->looked);
	return place->looked.surroundings;
}
