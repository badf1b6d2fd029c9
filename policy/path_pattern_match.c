/* SPDX-License-Identifier: Apache-2.0 */
/*
 * path_pattern_match.c - does a path match a pattern, or may something below it?
 *
 * Both levels match greedily: after a mismatch only the last star (`**` between components, `*`
 * inside one) takes one more component or byte. That finds a match whenever there is one, since
 * what an earlier star could take, the last one can take as well, and it costs at most
 * O(pattern * path). What every match must begin and end with is compared first.
 */
#include "policy/path_pattern_private.h"

static bool token_matches(
	const struct path_pattern *pattern, const struct token *token, uint8_t byte)
{
	if (token->kind == TOKEN_BYTE)
		return token->byte == byte;
	return token->kind == TOKEN_ANY_BYTE || set_has(&pattern->sets[token->set], byte);
}

bool component_matches(const struct path_pattern *pattern, const struct component *component,
	const char *name, size_t len)
{
	const struct token *tokens = &pattern->tokens[component->first];
	size_t token = 0, at = 0, star = SIZE_MAX, star_at = 0;

	while (at < len || token < component->count) {
		if (token < component->count && tokens[token].kind == TOKEN_STAR) {
			star = token++;
			star_at = at;
		} else if (token < component->count && at < len &&
			   token_matches(pattern, &tokens[token], (uint8_t)name[at])) {
			token++;
			at++;
		} else if (star != SIZE_MAX && star_at < len) {
			token = star + 1;
			at = ++star_at;
		} else {
			return false;
		}
	}
	return true;
}

static bool ends_match(const struct path_pattern *pattern, const char *path, size_t len)
{
	return len >= pattern->prefix_len && len >= pattern->suffix_len &&
	       memcmp(path, pattern->prefix, pattern->prefix_len) == 0 &&
	       memcmp(path + len - pattern->suffix_len, pattern->suffix, pattern->suffix_len) == 0;
}

bool path_pattern_matches(const struct path_pattern *pattern, const char *path, size_t len)
{
	const struct component *components = pattern->components;
	const char *end = path + len, *at = len ? path : NULL, *star_at = NULL;
	size_t component = 0, star = SIZE_MAX;

	if (!ends_match(pattern, path, len))
		return false;
	for (;;) {
		const char *slash, *next;

		if (component < pattern->component_count && components[component].any_depth) {
			star = component++;
			star_at = at;
			if (component == pattern->component_count)
				return true;
			continue;
		}
		if (!at)
			return component == pattern->component_count;
		slash = memchr(at, '/', end - at);
		next = slash ? slash + 1 : NULL;
		if (component < pattern->component_count &&
			component_matches(
				pattern, &components[component], at, (slash ? slash : end) - at)) {
			component++;
			at = next;
			continue;
		}
		if (star == SIZE_MAX)
			return false;
		slash = memchr(star_at, '/', end - star_at);
		star_at = slash ? slash + 1 : NULL;
		at = star_at;
		component = star + 1;
	}
}

bool component_is_literal(const struct path_pattern *pattern, const struct component *component)
{
	for (size_t i = 0; i < component->count; i++)
		if (pattern->tokens[component->first + i].kind != TOKEN_BYTE)
			return false;
	return !component->any_depth;
}

#define REACH_MAX 64 /* components that are followed; of longer patterns all is in doubt */

/* From each place in the pattern a `**` may also be left at once. */
static uint64_t reach_over_stars(const struct path_pattern *pattern, uint64_t reached)
{
	for (size_t i = 0; i < pattern->component_count; i++)
		if ((reached & (1ull << i)) && pattern->components[i].any_depth)
			reached |= 1ull << (i + 1);
	return reached;
}

/* The places in the pattern after one more name. */
static uint64_t reach_by_name(
	const struct path_pattern *pattern, uint64_t reached, const char *name, size_t len)
{
	uint64_t next = 0;

	for (size_t i = 0; i < pattern->component_count; i++) {
		if (!(reached & (1ull << i)))
			continue;
		if (pattern->components[i].any_depth)
			next |= 1ull << i;
		else if (component_matches(pattern, &pattern->components[i], name, len))
			next |= 1ull << (i + 1);
	}
	return reach_over_stars(pattern, next);
}

bool path_pattern_may_match_below(const struct path_pattern *pattern, const char *path, size_t len)
{
	const char *end = path + len, *at = path;
	uint64_t reached = 1;

	if (pattern->component_count >= REACH_MAX)
		return true;
	reached = reach_over_stars(pattern, reached);
	while (at < end && reached) {
		const char *slash = memchr(at, '/', end - at);
		const char *name_end = slash ? slash : end;

		reached = reach_by_name(pattern, reached, at, name_end - at);
		at = slash ? slash + 1 : end;
	}
	return reached != 0;
}
