/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_rule_cover.c - what covers another covers it in truth: on every path of a small world, for
 * patterns of all kinds beside each other; and the subjects that do and do not.
 */
#include "policy/rule_cover.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

#define PATTERNS ARRAY_SIZE(patterns)

static const char *const patterns[] = {"**", "*", "a", "/a", "b", "ab", "a*", "*b", "?", "[ab]",
	"[a]", "a/**", "a/*", "a/b", "/a/b", "*/b", "**/b", "a/**/b", "*/*", "*/**", "**/*",
	"**/a/**", "**/a/b", "[ab]/b", "a/b/**", "a/*/a", "a/?/a", "**/a/**/b", "/ab/a*", "ab/**",
	"?b", "/?"};
static const char *const names[] = {"a", "b", "ab", "ba"};

static struct path_pattern *compiled[PATTERNS];

static int compile_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < PATTERNS; i++)
		assert_int_equal(
			path_pattern_new(patterns[i], strlen(patterns[i]), &compiled[i], NULL), 0);
	return 0;
}

static int free_all(void **state)
{
	(void)state;
	for (size_t i = 0; i < PATTERNS; i++)
		path_pattern_free(compiled[i]);
	return 0;
}

/* Every path of up to four names; the first is the root. */
static bool next_path(unsigned number, char *ret_path)
{
	unsigned depth = 0, of_depth = 1, first = 0;

	while (number - first >= of_depth) {
		first += of_depth;
		of_depth *= ARRAY_SIZE(names);
		if (++depth > 4)
			return false;
	}
	number -= first;
	*ret_path = '\0';
	while (depth--) {
		strcat(ret_path, names[number % ARRAY_SIZE(names)]);
		number /= ARRAY_SIZE(names);
		if (depth)
			strcat(ret_path, "/");
	}
	return true;
}

/* Does every path that the second matches match the first too? */
static bool covers_in_truth(size_t first, size_t second)
{
	char path[32];

	for (unsigned number = 0; next_path(number, path); number++)
		if (path_pattern_matches(compiled[second], path, strlen(path)) &&
			!path_pattern_matches(compiled[first], path, strlen(path)))
			return false;
	return true;
}

static void test_patterns(void **state)
{
	size_t found = 0, truths = 0;

	(void)state;
	for (size_t i = 0; i < PATTERNS; i++) {
		for (size_t j = 0; j < PATTERNS; j++) {
			bool truth = covers_in_truth(i, j);

			truths += truth;
			if (!path_pattern_covers(compiled[i], compiled[j]))
				continue;
			found++;
			if (!truth)
				fail_msg("%s does not cover %s", patterns[i], patterns[j]);
		}
		assert_true(path_pattern_covers(compiled[i], compiled[i]));
		assert_true(path_pattern_covers(compiled[0], compiled[i]));
	}
	/* In doubt is not always. */
	print_message("%zu of %zu pairs are seen\n", found, truths);
	assert_true(10 * found > 8 * truths);
}

static bool covers(const char *text, const char *other_text)
{
	scope(compiled_rule_unref) struct compiled_rule *rule = NULL, *other = NULL;
	scope_rule struct rule parsed = {0}, other_parsed = {0};

	assert_int_equal(rule_from_text(text, strlen(text), &parsed), 0);
	assert_int_equal(rule_from_text(other_text, strlen(other_text), &other_parsed), 0);
	assert_int_equal(compiled_rule_new(&parsed, &rule), 0);
	assert_int_equal(compiled_rule_new(&other_parsed, &other), 0);
	return rule_covers(rule, other);
}

static const struct {
	const char *rule, *other;
	bool expected;
} cases[] = {
	{"allow any read '**'", "allow user:1 exe:/bin/a read x", true},
	{"allow any read '**'", "allow unit:a userns:contained read x", false},
	{"deny any read '**'", "allow unit:a userns:contained read x", true},
	{"allow unit:a read '**'", "allow unit:a userns:contained read x", false},
	{"allow 'unit:*' userns:contained read '**'", "allow unit:a userns:contained read x", true},
	{"deny unit:a read '**'", "deny unit:a userns:contained read x", true},
	{"allow user:1 read x", "allow user:1 read x", true},
	{"allow user:1 read x", "allow user:2 read x", false},
	{"allow user:1 user:2 read x", "allow user:1 read x", true},
	{"allow user:1 read x", "allow user:1 user:2 read x", false},
	{"allow user:1 read x", "allow user:1 exe:/bin/a read x", true},
	{"allow user:1 exe:/bin/a read x", "allow user:1 read x", false},
	{"allow exe:/bin/a read x", "allow user:1 exe:/bin/a read x", true},
	{"allow exe:/bin/a exe:/bin/b read x", "allow exe:/bin/a read x", true},
	{"allow exe:/bin/a read x", "allow any read x", false},
	{"allow user:alice#1 read x", "allow user:bob#1 read x", true},
	{"allow user:1 read x", "allow group:1 read x", false},
	{"allow user:1 read x", "allow loginuid:1 read x", false},
	{"allow role:a read x", "allow role:a user:1 read x", true},
	{"allow role:a read x", "allow role:b read x", false},
	{"allow user:1 read,list x", "allow user:1 read x", true},
	{"allow user:1 read x", "allow user:1 read,list x", false},
	{"allow 'unit:a*' read x", "allow unit:abc read x", true},
	{"allow unit:abc read x", "allow 'unit:a*' read x", false},
	{"allow user:1 read 'a/**'", "allow user:1 read 'b/**'", false},
};

static void test_rules(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (covers(cases[i].rule, cases[i].other) != cases[i].expected)
			fail_msg("%s covers %s: not %d", cases[i].rule, cases[i].other,
				cases[i].expected);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_rules),
	};

	return cmocka_run_group_tests(tests, compile_all, free_all);
}
