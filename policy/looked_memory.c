/* SPDX-License-Identifier: Apache-2.0 */
/*
 * looked_memory.c - a hash table of programs and units. It grows with them: a user has as many as
 * he has processes, and one that fell out would be looked at again for each file that it has open.
 */
#include "policy/looked_memory.h"

#include <stdlib.h>
#include <string.h>

#include "keystore/base/hash_table.h"

#define REMEMBERED_MAX 65536 /* some 40 MB; then it begins anew */

struct remembered {
	struct hash_link link;
	struct subject subject; /* a copy */
	struct looked_at looked;
};

struct looked_memory {
	struct ruleset *ruleset; /* a reference */
	struct hash_table table;
};

struct looked_memory *looked_memory_new(void)
{
	return calloc(1, sizeof(struct looked_memory));
}

static void forget_all(struct looked_memory *memory)
{
	struct hash_link *link = hash_table_walk(&memory->table, NULL);

	while (link) {
		struct remembered *remembered = hash_object(link, struct remembered, link);

		link = hash_table_walk(&memory->table, link);
		subject_done(&remembered->subject);
		free(remembered);
	}
	hash_table_done(&memory->table);
}

struct looked_memory *looked_memory_free(struct looked_memory *memory)
{
	if (!memory)
		return NULL;
	forget_all(memory);
	ruleset_unref(memory->ruleset);
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
	const char *unit = subject->unit ? subject->unit : "";

	return hash_bytes(subject->exe_ino ^ subject->exe_dev << 32, unit, strlen(unit));
}

static struct remembered *find(
	const struct looked_memory *memory, const struct subject *subject, uint64_t hash)
{
	struct hash_link *link = hash_table_first(&memory->table, hash);

	for (; link; link = hash_table_next(link)) {
		struct remembered *remembered = hash_object(link, struct remembered, link);

		if (looks_alike(&remembered->subject, subject))
			return remembered;
	}
	return NULL;
}

/* NULL without memory for it. */
static struct remembered *add(
	struct looked_memory *memory, const struct subject *subject, uint64_t hash)
{
	scope_free struct remembered *remembered = calloc(1, sizeof(*remembered));

	if (memory->table.count == REMEMBERED_MAX)
		forget_all(memory);
	if (!remembered || hash_table_reserve(&memory->table) < 0 ||
		subject_copy(subject, &remembered->subject) < 0)
		return NULL;
	hash_table_insert(&memory->table, &remembered->link, hash);
	return take(&remembered);
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
