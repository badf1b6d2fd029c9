/* SPDX-License-Identifier: Apache-2.0 */
/* path_pattern_private.h - what a compiled pattern is: for the three files that work on it. */
#ifndef POLICY_PATH_PATTERN_PRIVATE_H
#define POLICY_PATH_PATTERN_PRIVATE_H

#include <limits.h>
#include <stdint.h>
#include <string.h>

#include "keystore/base/limits.h"
#include "policy/path_pattern.h"

enum token_kind { TOKEN_BYTE, TOKEN_ANY_BYTE, TOKEN_STAR, TOKEN_SET };

struct token {
	uint8_t kind;
	uint8_t byte; /* TOKEN_BYTE */
	uint16_t set; /* TOKEN_SET: index */
};

struct byte_set {
	uint8_t bits[32];
};

struct component {
	bool any_depth; /* `**`: any number of names, none too */
	uint16_t first, count;
};

struct path_pattern {
	struct token *tokens;
	struct component *components;
	struct byte_set *sets;
	size_t token_count, component_count, set_count;
	char *prefix, *suffix; /* literal bytes at both ends of every match */
	size_t prefix_len, suffix_len;
};

static inline bool set_has(const struct byte_set *set, unsigned byte)
{
	return set->bits[byte / CHAR_BIT] & (1u << (byte % CHAR_BIT));
}

/* path_pattern_match.c: no `**`. */
bool component_matches(const struct path_pattern *pattern, const struct component *component,
	const char *name, size_t len);
/* No `**`, and every byte for itself. */
bool component_is_literal(const struct path_pattern *pattern, const struct component *component);

#endif
