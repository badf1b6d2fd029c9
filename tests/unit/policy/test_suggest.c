/* SPDX-License-Identifier: Apache-2.0 */
/* test_suggest.c - from accesses to patterns: never wider than half of a directory. */
#include "policy/suggest.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

/* The files that there are. */
static const char *const files[] = {"a/1", "a/2", "a/3", "a/4", "b/c/1", "b/c/2", "b/c/3", "b/d/1",
	"b/d/2", "b-x/1", "b-x/2", "top", "e/f/g/1", "e/f/g/2", "we*rd/1", "we*rd/2"};

static uint64_t count_files(void *arg, const char *path, size_t len)
{
	uint64_t count = 0;

	(void)arg;
	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		count += strncmp(files[i], path, len) == 0 && files[i][len] == '/';
	return count;
}

static int note(void *arg, const struct suggestion *suggestion)
{
	buffer_add_format(arg, "%u %s %s %zu/%llu; ", suggestion->who.uid,
		suggestion->who.exe ? suggestion->who.exe : "-", suggestion->pattern,
		suggestion->files, (unsigned long long)suggestion->opens);
	return 0;
}

static void add(struct suggest *suggest, uint32_t uid, const char *exe, const char *path)
{
	const struct suggest_who who = {.uid = uid, .exe = exe};

	assert_int_equal(suggest_add(suggest, &who, path, strlen(path), 1, 5), 0);
}

/* paths: separated by spaces, all by user 1. */
static void check(const char *paths, const char *expected)
{
	scope(suggest_free) struct suggest *suggest = NULL;
	scope_buffer struct buffer found = {0};
	scope_free char *copy = strdup(paths);
	char *save;

	assert_int_equal(suggest_new(&suggest), 0);
	for (char *path = strtok_r(copy, " ", &save); path; path = strtok_r(NULL, " ", &save))
		add(suggest, 1, NULL, path);
	assert_int_equal(suggest_each(suggest, count_files, note, &found), 0);
	assert_string_equal(buffer_text(&found), expected);
}

static void test_directories(void **state)
{
	(void)state;
	check("", "");
	check("a/1", "1 - a/1 1/1; ");
	check("a/1 a/1 a/1", "1 - a/1 1/3; ");
	/* Half is not more than half. */
	check("a/1 a/2", "1 - a/1 1/1; 1 - a/2 1/1; ");
	check("a/1 a/3 a/2 a/1", "1 - a/** 3/4; ");
	check("b/c/1 b/c/2", "1 - b/c/** 2/2; ");
	check("b/c/1 b/c/2 b/d/1", "1 - b/** 3/3; ");
	/* Each file of a directory of one is no directory. */
	check("b/d/1 b/c/1", "1 - b/c/1 1/1; 1 - b/d/1 1/1; ");
	/* '-' is less than '/', and yet b/ stands together. */
	check("b/c/1 b-x/1 b/c/2 b-x/2", "1 - b/c/** 2/2; 1 - b-x/** 2/2; ");
	check("e/f/g/1 e/f/g/2", "1 - e/** 2/2; ");
	/* Never the root, and what stands there is not of any depth. */
	check("top", "1 - /top 1/1; ");
	check("we*rd/1 we*rd/2", "1 - we\\*rd/** 2/2; ");
	check("gone/1", "1 - gone/1 1/1; ");
}

static void test_who(void **state)
{
	scope(suggest_free) struct suggest *suggest = NULL;
	scope_buffer struct buffer found = {0};

	(void)state;
	assert_int_equal(suggest_new(&suggest), 0);
	add(suggest, 2, "/bin/b", "a/1");
	add(suggest, 1, "/bin/b", "a/1");
	add(suggest, 2, "/bin/a", "a/2");
	add(suggest, 2, NULL, "a/3");
	add(suggest, 2, "/bin/a", "a/3");
	add(suggest, 2, "/bin/a", "a/4");
	assert_int_equal(suggest_each(suggest, count_files, note, &found), 0);
	assert_string_equal(buffer_text(&found),
		"1 /bin/b a/1 1/1; 2 - a/3 1/1; 2 /bin/a a/** 3/3; 2 /bin/b a/1 1/1; ");
}

static int add_twin(void *arg, const struct suggest_who *who, const char *path, size_t len)
{
	char twin[64];

	(void)len;
	snprintf(twin, sizeof(twin), "twin/%s", path);
	return suggest_add(arg, who, twin, strlen(twin), 0, 5);
}

/* More than fit at first, with names added on the walk. */
static void test_many(void **state)
{
	scope(suggest_free) struct suggest *suggest = NULL;
	scope_buffer struct buffer found = {0};
	size_t lines = 0;

	(void)state;
	assert_int_equal(suggest_new(&suggest), 0);
	for (int i = 0; i < 5000; i++) {
		char path[32];

		snprintf(path, sizeof(path), "m%d/x", i % 1500);
		add(suggest, 1, NULL, path);
	}
	assert_int_equal(suggest_each_path(suggest, add_twin, suggest), 0);
	assert_int_equal(suggest_each(suggest, count_files, note, &found), 0);
	for (const char *at = buffer_text(&found); (at = strchr(at, ';')); at++)
		lines++;
	/* None of the twins is a file of this world: they are suggested as their directory. */
	assert_int_equal(lines, 1500 + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_directories),
		cmocka_unit_test(test_who),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
