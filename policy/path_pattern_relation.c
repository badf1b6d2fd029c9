/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_pattern_relation.c - patterns beside each other: the keys by which they are found, does one
 * match all that another matches, a name that one matches.
 */
#include "policy/path_pattern_private.h"

void path_pattern_keys(const struct path_pattern *pattern, struct path_keys *ret_keys)
{
	uint32_t hash = PREFIX_SEED, count = 0;

	ret_keys->keys[count++] = hash;
	while (count <= pattern->component_count && count <= PREFIX_DEPTH_MAX) {
		const struct component *component = &pattern->components[count - 1];

		if (!component_is_literal(pattern, component))
			break;
		for (size_t i = 0; i < component->count; i++)
			hash = prefix_add_byte(hash, pattern->tokens[component->first + i].byte);
		hash = prefix_add_byte(hash, '/');
		ret_keys->keys[count++] = hash;
	}
	ret_keys->suffix = path_last_bytes(pattern->suffix, pattern->suffix_len);
	if (pattern->suffix_len >= SUFFIX_LEN)
		ret_keys->keys[count++] = suffix_key(ret_keys->suffix);
	ret_keys->count = count;
}

uint32_t path_pattern_key(const struct path_pattern *pattern)
{
	struct path_keys keys;
	uint32_t beginnings;

	path_pattern_keys(pattern, &keys);
	beginnings = keys.count - (pattern->suffix_len >= SUFFIX_LEN);
	/* Its longest beginning; else its end, if it has one; else every path's. */
	return keys.keys[beginnings > 1 ? beginnings - 1 : keys.count - 1];
}

struct path_suffix path_pattern_suffix(const struct path_pattern *pattern)
{
	size_t len = pattern->suffix_len < 4 ? pattern->suffix_len : 4;

	return (struct path_suffix){
		.bytes = path_last_bytes(pattern->suffix, pattern->suffix_len),
		.mask = len ? UINT32_MAX >> (32 - 8 * len) : 0,
	};
}

static bool token_is_same(const struct path_pattern *pattern, const struct token *token,
	const struct path_pattern *other, const struct token *other_token)
{
	if (token->kind != other_token->kind)
		return false;
	if (token->kind == TOKEN_BYTE)
		return token->byte == other_token->byte;
	return token->kind != TOKEN_SET ||
	       memcmp(&pattern->sets[token->set], &other->sets[other_token->set],
		       sizeof(struct byte_set)) == 0;
}

/* Does one component match every name that the other's matches? No `**` among them. */
static bool component_covers(const struct path_pattern *pattern, const struct component *component,
	const struct path_pattern *other, const struct component *others)
{
	const struct token *tokens = &pattern->tokens[component->first];
	const struct token *other_tokens = &other->tokens[others->first];
	char name[LIMIT_NAME];
	bool same = component->count == others->count;

	if (component->count == 1 && tokens->kind == TOKEN_STAR)
		return true;
	for (size_t i = 0; i < others->count && same; i++)
		same = token_is_same(pattern, &tokens[i], other, &other_tokens[i]);
	if (same)
		return true;
	/* A longer one is no name that anything has. */
	if (!component_is_literal(other, others) || others->count > LIMIT_NAME)
		return false;
	for (size_t i = 0; i < others->count; i++)
		name[i] = (char)other_tokens[i].byte;
	return component_matches(pattern, component, name, others->count);
}

/* As a path is matched, with the other's components for names: its `**` only a `**` covers. */
bool path_pattern_covers(const struct path_pattern *pattern, const struct path_pattern *other)
{
	const struct component *components = pattern->components;
	size_t component = 0, at = 0, star = SIZE_MAX, star_at = 0;

	for (;;) {
		if (component < pattern->component_count && components[component].any_depth) {
			star = component++;
			star_at = at;
			if (component == pattern->component_count)
				return true;
			continue;
		}
		if (at == other->component_count && component == pattern->component_count)
			return true;
		if (at < other->component_count && component < pattern->component_count &&
			!other->components[at].any_depth &&
			component_covers(
				pattern, &components[component], other, &other->components[at])) {
			component++;
			at++;
			continue;
		}
		if (star == SIZE_MAX || star_at == other->component_count)
			return false;
		at = ++star_at;
		component = star + 1;
	}
}

static unsigned example_of_set(const struct byte_set *set)
{
	static const char preferred[] = "a0A-_.@";

	for (const char *at = preferred; *at; at++)
		if (set_has(set, (uint8_t)*at))
			return (uint8_t)*at;
	for (unsigned byte = '!'; byte < 0x7f; byte++)
		if (byte != '/' && set_has(set, byte))
			return byte;
	for (unsigned byte = UINT8_MAX; byte > 0; byte--)
		if (byte != '/' && set_has(set, byte))
			return byte;
	return 'a';
}

void path_pattern_example(const struct path_pattern *pattern, struct buffer *to)
{
	size_t start = to->len;

	for (size_t i = 0; i < pattern->token_count; i++) {
		const struct token *token = &pattern->tokens[i];

		if (token->kind == TOKEN_BYTE)
			buffer_add_u8(to, token->byte);
		else if (token->kind == TOKEN_ANY_BYTE)
			buffer_add_u8(to, 'a');
		else if (token->kind == TOKEN_SET)
			buffer_add_u8(to, (uint8_t)example_of_set(&pattern->sets[token->set]));
	}
	/* No name is empty. */
	if (to->len == start)
		buffer_add_u8(to, 'a');
}
