/* SPDX-License-Identifier: Apache-2.0 */
/*
 * looked_memory.h - the surroundings of many callers that are decided one after the other: a
 * program and unit is looked at once, however many files it has open. For one pass of a moment. Not
 * thread-safe.
 */
#ifndef POLICY_LOOKED_MEMORY_H
#define POLICY_LOOKED_MEMORY_H

#include "policy/surroundings.h"

struct looked_memory;

/* NULL without memory: then each is looked at anew. */
struct looked_memory *looked_memory_new(void);
struct looked_memory *looked_memory_free(struct looked_memory *memory);
/*
 * As surroundings_look, into memory, or into own when there is none. What is returned points into
 * either, until the next look.
 */
struct surroundings looked_memory_look(struct looked_memory *memory, const struct ruleset *ruleset,
	const struct subject *subject, struct exe_hasher *hasher, struct looked_at *own);

#endif
