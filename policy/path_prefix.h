/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_prefix.h - keys by which patterns are found: a pattern has one, the hash of its literal
 * beginning or else of its literal end; a path has all keys of patterns that may match it. That
 * keys are equal is a hint, never an answer.
 */
#ifndef POLICY_PATH_PREFIX_H
#define POLICY_PATH_PREFIX_H

#include <stddef.h>
#include <stdint.h>

#define PREFIX_DEPTH_MAX 15 /* names at the beginning of a path that are looked at */
#define SUFFIX_LEN	 4  /* bytes at its end; patterns with a shorter one have no key by it */

/* The last bytes of a path, as far as mask has bits, the last byte in the lowest. */
struct path_suffix {
	uint32_t bytes, mask;
};

/* keys[0] is every path's; then those of its beginnings, then that of its end. */
struct path_keys {
	uint32_t keys[1 + PREFIX_DEPTH_MAX + 1];
	uint32_t count;
	uint32_t suffix; /* the last four bytes, NULs before them */
};

#define PREFIX_SEED 2166136261u

/* FNV-1a, name by name: a '/' ends each. */
static inline uint32_t prefix_add_byte(uint32_t hash, unsigned char byte)
{
	return (hash ^ byte) * 16777619u;
}

/* Of the last SUFFIX_LEN bytes. */
static inline uint32_t suffix_key(uint32_t bytes)
{
	return (bytes ^ bytes >> 15) * 0x9e3779b1u;
}

/* The last bytes of a text, the last one lowest. */
static inline uint32_t path_last_bytes(const char *text, size_t len)
{
	uint32_t bytes = 0;

	for (size_t i = len < SUFFIX_LEN ? 0 : len - SUFFIX_LEN; i < len; i++)
		bytes = bytes << 8 | (unsigned char)text[i];
	return bytes;
}

/* path: without leading '/'. */
static inline void path_keys_of(const char *path, size_t len, struct path_keys *ret_keys)
{
	uint32_t hash = PREFIX_SEED, count = 0;
	unsigned depth = 0;

	ret_keys->keys[count++] = hash;
	for (size_t i = 0; i < len && depth < PREFIX_DEPTH_MAX; i++) {
		hash = prefix_add_byte(hash, (unsigned char)path[i]);
		/* The last name has no '/' behind it. */
		if (path[i] != '/' && i + 1 == len)
			hash = prefix_add_byte(hash, '/');
		if (path[i] == '/' || i + 1 == len) {
			ret_keys->keys[count++] = hash;
			depth++;
		}
	}
	ret_keys->suffix = path_last_bytes(path, len);
	if (len >= SUFFIX_LEN)
		ret_keys->keys[count++] = suffix_key(ret_keys->suffix);
	ret_keys->count = count;
}

#endif
