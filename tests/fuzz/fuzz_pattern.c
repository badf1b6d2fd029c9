/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_pattern.c - patterns, and paths against them: the compiled pattern says what a slow matcher
 * says that was written from contrib/docs/rules.md alone. Input: the pattern, a NUL, the path.
 * libFuzzer: -max_len=128 -max_total_time=4
 */
#include <errno.h>

#include "policy/path_pattern.h"
#include "tests/fuzz/fuzz.h"

/* One byte against the set behind a '['; *ret_end: behind its ']'. */
static bool set_matches(const char *at, const char **ret_end, uint8_t byte)
{
	bool negated = *at == '!' || *at == '^', found = false;

	at += negated;
	for (bool first = true; first || *at != ']'; first = false) {
		uint8_t low, high;

		at += *at == '\\';
		low = high = (uint8_t)*at++;
		if (at[0] == '-' && at[1] != ']') {
			at++;
			at += *at == '\\';
			high = (uint8_t)*at++;
		}
		found |= byte >= low && byte <= high;
	}
	*ret_end = at + 1;
	return found != negated;
}

/* A name (to `end`) against a pattern's component (to '/' or NUL), by trying everything. */
static bool name_matches(const char *pattern, const char *name, const char *end)
{
	const char *next;

	for (;;) {
		if (*pattern == '\0' || *pattern == '/')
			return name == end;
		if (*pattern == '*') {
			for (; name <= end; name++)
				if (name_matches(pattern + 1, name, end))
					return true;
			return false;
		}
		if (name == end)
			return false;
		if (*pattern == '[') {
			if (!set_matches(pattern + 1, &next, (uint8_t)*name))
				return false;
			pattern = next;
		} else if (*pattern == '?') {
			pattern++;
		} else {
			pattern += *pattern == '\\';
			if (*pattern++ != *name)
				return false;
		}
		name++;
	}
}

/* Behind the first '/' that is no part of a set (none is there) or the NUL. */
static const char *next_component(const char *pattern)
{
	pattern += strcspn(pattern, "/");
	return *pattern ? pattern + 1 : NULL;
}

/* path NULL: nothing is left of it, as against an empty name. */
static bool path_matches(const char *pattern, const char *path, const char *end)
{
	const char *slash, *rest;

	if (!pattern)
		return !path;
	rest = next_component(pattern);
	if (strncmp(pattern, "**", 2) == 0 && (pattern[2] == '\0' || pattern[2] == '/')) {
		for (;;) {
			if (path_matches(rest, path, end))
				return true;
			if (!path)
				return false;
			slash = memchr(path, '/', (size_t)(end - path));
			path = slash ? slash + 1 : NULL;
		}
	}
	if (!path)
		return false;
	slash = memchr(path, '/', (size_t)(end - path));
	return name_matches(pattern, path, slash ? slash : end) &&
	       path_matches(rest, slash ? slash + 1 : NULL, end);
}

static bool slow_matches(const char *pattern, const char *path, size_t len)
{
	const char *end = path + len;

	if (!len)
		path = NULL;
	if (strchr(pattern, '/'))
		return path_matches(pattern + (*pattern == '/'), path, end);
	for (;;) {
		if (path_matches(pattern, path, end))
			return true;
		path = path ? memchr(path, '/', (size_t)(end - path)) : NULL;
		if (!path)
			/* `**` before it takes everything, too. */
			return path_matches(pattern, NULL, end);
		path++;
	}
}

/* Trying everything takes 2^stars steps. */
static bool is_too_slow(const char *pattern)
{
	unsigned stars = 0;

	for (; *pattern; pattern++)
		stars += *pattern == '*';
	return stars > 4;
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	scope(path_pattern_free) struct path_pattern *pattern = NULL;
	const uint8_t *nul = size ? memchr(input, '\0', size) : NULL;
	scope_free char *text = NULL;
	const char *mistake = NULL;
	size_t len = nul ? (size_t)(nul - input) : size;
	const char *path = nul ? (const char *)nul + 1 : "";
	size_t path_len = nul ? size - len - 1 : 0;
	bool matches;
	int r;

	text = strndup((const char *)input, len);
	r = path_pattern_new(text, len, &pattern, &mistake);
	holds(r == 0 || r == -EINVAL);
	holds((r < 0) == !!mistake);
	if (r < 0)
		return 0;
	matches = path_pattern_matches(pattern, path, path_len);
	if (!is_too_slow(text))
		holds(matches == slow_matches(text, path, path_len));
	return 0;
}
