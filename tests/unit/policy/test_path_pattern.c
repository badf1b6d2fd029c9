/* SPDX-License-Identifier: Apache-2.0 */
/* test_path_pattern.c - what patterns match, what is a mistake, and that nothing blows up. */
#include "policy/path_pattern.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/base/clock.h"
#include "keystore/base/limits.h"

static bool matches(const char *pattern, const char *path)
{
	scope(path_pattern_free) struct path_pattern *compiled = NULL;
	const char *mistake = NULL;

	if (path_pattern_new(pattern, strlen(pattern), &compiled, &mistake) < 0)
		fail_msg("%s: %s", pattern, mistake);
	return path_pattern_matches(compiled, path, strlen(path));
}

static const struct {
	const char *pattern, *path;
	bool expected;
} cases[] = {
	{"llama/**", "llama", true},
	{"llama/**", "llama/a", true},
	{"llama/**", "llama/a/b", true},
	{"llama/**", "llama2", false},
	{"llama/**", "x/llama/a", false},
	{"llama/*", "llama", false},
	{"llama/*", "llama/a", true},
	{"llama/*", "llama/a/b", false},
	{"/llama/*", "llama/a", true},
	{"llama/x", "llama/x", true},
	{"llama/x", "llama/x/y", false},
	{"llama", "llama", true},
	{"llama", "llama/a", false},
	{"llama", "a/b/llama", true},
	{"/llama", "llama", true},
	{"/llama", "a/llama", false},
	{"*.gguf", "a.gguf", true},
	{"*.gguf", "a/b/c.gguf", true},
	{"*.gguf", "a.gguf/b", false},
	{"*.gguf", ".gguf", true},
	{"*", "", false},
	{"*", "a/b", true},
	{"**", "", true},
	{"**", "a/b/c", true},
	{"**/x", "x", true},
	{"**/x", "a/x", true},
	{"**/x", "a/b/x", true},
	{"**/x", "ax", false},
	{"a/**/b", "a/b", true},
	{"a/**/b", "a/x/b", true},
	{"a/**/b", "a/x/y/b", true},
	{"a/**/b", "a/b/c", false},
	{"a/**/b", "ab", false},
	{"a/**/b/**/c", "a/b/b/x/c", true},
	{"a/**/**/b", "a/b", true},
	{"**/a/*/b", "a/a/x/b", true},
	{"a/**/x/y", "a/x/x/y", true},
	{"a/**/x/y", "a/x/y/x/z", false},
	{"?", "a", true},
	{"?", "ab", false},
	{"a?b/c", "a/b/c", false},
	{"[abc]x", "bx", true},
	{"[abc]x", "dx", false},
	{"[!abc]x", "dx", true},
	{"[^abc]x", "ax", false},
	{"[a-c]", "b", true},
	{"[a-c]", "-", false},
	{"[a-]", "-", true},
	{"[-a]", "-", true},
	{"[]]", "]", true},
	{"[!]]", "]", false},
	{"[!]]", "x", true},
	{"[\\]]", "]", true},
	{"[\\-a]", "-", true},
	{"[a\\-c]", "b", false},
	{"a[+-9]b/c", "a/b/c", false},
	{"a[!x]b/c", "a/b/c", false},
	{"[\x80-\xff]", "\xe9", true},
	{"[\x80-\xff]", "e", false},
	{"\\*", "*", true},
	{"\\*", "a", false},
	{"\\a", "a", true},
	{"\\\\", "\\", true},
	{"\\[a]", "[a]", true},
	{"a*b*c", "aXbYc", true},
	{"a*b*c", "aXbYcZ", false},
	{"a*b*c", "abc", true},
	{"*a*", "bab", true},
	{"a*", "a", true},
	{"aa*aa", "aaa", false},
	{"Llama", "llama", false},
	{"a\nb", "a\nb", true},
	{"...", "...", true},
	{"a/b*/c.d", "a/bx/c.d", true},
	{"a/b*/c.d", "a/bx/y/c.d", false},
};

static void test_matches(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (matches(cases[i].pattern, cases[i].path) != cases[i].expected)
			fail_msg("%s on %s", cases[i].pattern, cases[i].path);
}

static void test_mistakes(void **state)
{
	static const char *const wrong[] = {"", "/", "a/", "a//b", "//a", ".", "..", "a/./b",
		"a/..", "\\.", "a/\\.\\.", "[", "[]", "[!]", "[a", "a[b/c]d", "[a\\", "[z-a]",
		"[[:alpha:]]", "a\\", "a\\/b", "a**", "**a", "a/b**c", "***", "**/"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct path_pattern *pattern = NULL;
		const char *mistake = NULL;

		if (path_pattern_new(wrong[i], strlen(wrong[i]), &pattern, &mistake) != -EINVAL)
			fail_msg("%s is taken for a pattern", wrong[i]);
		assert_null(pattern);
		assert_non_null(mistake);
		assert_int_equal(
			path_pattern_new(wrong[i], strlen(wrong[i]), &pattern, NULL), -EINVAL);
	}
}

static void test_lengths(void **state)
{
	char text[LIMIT_PATTERN + 1];
	struct path_pattern *pattern = NULL;

	(void)state;
	memset(text, 'a', sizeof(text));
	assert_int_equal(path_pattern_new(text, LIMIT_PATTERN + 1, &pattern, NULL), -EINVAL);
	assert_int_equal(path_pattern_new(text, LIMIT_PATTERN, &pattern, NULL), 0);
	assert_true(path_pattern_matches(pattern, text, LIMIT_PATTERN));
	assert_false(path_pattern_matches(pattern, text, LIMIT_PATTERN - 1));
	path_pattern_free(pattern);
	text[1] = '\0';
	assert_int_equal(path_pattern_new(text, 3, &pattern, NULL), -EINVAL);
}

/* An exponential matcher would not come back; the bound is generous for slow machines. */
static void test_no_blow_up(void **state)
{
	char pattern[512] = "", path[60000];
	int64_t start = clock_monotonic_ns();

	(void)state;
	for (int i = 0; i < 60; i++)
		strcat(pattern, "a*");
	strcat(pattern, "[b]");
	memset(path, 'a', sizeof(path));
	path[255] = '\0';
	assert_false(matches(pattern, path));
	pattern[0] = '\0';
	for (int i = 0; i < 60; i++)
		strcat(pattern, "**/a/");
	strcat(pattern, "[b]");
	for (size_t i = 0; i < sizeof(path) - 1; i++)
		path[i] = i % 2 ? '/' : 'a';
	path[sizeof(path) - 1] = '\0';
	assert_false(matches(pattern, path));
	assert_true(clock_monotonic_ns() - start < 5 * NS_PER_S);
}

/* The meaning, written as it is said: tries everything. One name against one part of a pattern. */
static bool naive_name(const char *p, size_t p_len, const char *n, size_t n_len)
{
	if (p_len == 0)
		return n_len == 0;
	if (*p == '*')
		return naive_name(p + 1, p_len - 1, n, n_len) ||
		       (n_len && naive_name(p, p_len, n + 1, n_len - 1));
	return n_len && (*p == '?' || *p == *n) && naive_name(p + 1, p_len - 1, n + 1, n_len - 1);
}

static size_t first_part(const char *text)
{
	return strcspn(text, "/");
}

static const char *rest_of(const char *text)
{
	text += first_part(text);
	return *text ? text + 1 : NULL;
}

/* NULL: nothing is left. */
static bool naive_path(const char *pattern, const char *path)
{
	if (!pattern)
		return !path;
	if (strncmp(pattern, "**", 2) == 0)
		return naive_path(rest_of(pattern), path) ||
		       (path && naive_path(pattern, rest_of(path)));
	return path && naive_name(pattern, first_part(pattern), path, first_part(path)) &&
	       naive_path(rest_of(pattern), rest_of(path));
}

static unsigned next_random(unsigned *seed)
{
	*seed = *seed * 1103515245u + 12345u;
	return *seed >> 16;
}

static void random_text(unsigned *seed, const char *const *parts, size_t count, char *text)
{
	text[0] = '\0';
	for (unsigned names = 1 + next_random(seed) % 4; names; names--) {
		strcat(text, parts[next_random(seed) % count]);
		if (names > 1)
			strcat(text, "/");
	}
}

static void test_against_naive(void **state)
{
	static const char *const patterns[] = {
		"a", "b", "*", "**", "?", "a*", "*b", "a*b", "ab", "?b*a"};
	static const char *const names[] = {"a", "b", "ab", "aab", "ba", "abba"};
	unsigned seed = 20261122;
	int matched = 0;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		char pattern[64], path[64];
		bool expected;

		random_text(&seed, patterns, ARRAY_SIZE(patterns), pattern);
		random_text(&seed, names, ARRAY_SIZE(names), path);
		expected = strchr(pattern, '/')
				   ? naive_path(pattern, path)
				   : naive_path("**", path) &&
					     (strcmp(pattern, "**") == 0 ||
						     naive_path(pattern,
							     strrchr(path, '/')
								     ? strrchr(path, '/') + 1
								     : path));
		if (matches(pattern, path) != expected)
			fail_msg("%s on %s", pattern, path);
		matched += expected;
	}
	assert_in_range(matched, 5000, 45000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_matches),
		cmocka_unit_test(test_mistakes),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_no_blow_up),
		cmocka_unit_test(test_against_naive),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
