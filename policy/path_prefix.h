/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_prefix.h - hashes of the beginnings of a path, one for each depth, so that rules can be
 * found by the literal beginning of their pattern. Hash equality is a hint, never an answer.
 */
#ifndef POLICY_PATH_PREFIX_H
#define POLICY_PATH_PREFIX_H

#include <stddef.h>
#include <stdint.h>

#define PREFIX_DEPTH_MAX 15 /* names of a path that are looked at */

/* The first `depth` names of a path, as a hash. Depth 0 is every path. */
struct path_prefix {
	uint32_t hash;
	uint32_t depth;
};

/* hashes[d] is of the first d names, up to depth. */
struct path_prefixes {
	uint32_t hashes[PREFIX_DEPTH_MAX + 1];
	uint32_t depth;
};

#define PREFIX_SEED 2166136261u

/* FNV-1a, name by name: a '/' ends each. */
static inline uint32_t prefix_add_byte(uint32_t hash, unsigned char byte)
{
	return (hash ^ byte) * 16777619u;
}

/* path: without leading '/'. */
static inline void path_prefixes_of(
	const char *path, size_t len, struct path_prefixes *ret_prefixes)
{
	uint32_t hash = PREFIX_SEED, depth = 0;

	ret_prefixes->hashes[0] = hash;
	for (size_t i = 0; i < len && depth < PREFIX_DEPTH_MAX; i++) {
		hash = prefix_add_byte(hash, (unsigned char)path[i]);
		if (path[i] == '/')
			ret_prefixes->hashes[++depth] = hash;
	}
	/* The last name has no '/' behind it. */
	if (len && depth < PREFIX_DEPTH_MAX)
		ret_prefixes->hashes[++depth] = prefix_add_byte(hash, '/');
	ret_prefixes->depth = depth;
}

#endif
