/* SPDX-License-Identifier: Apache-2.0 */
/* test_rule_idle.c - the last rule of a set beside those before it. */
#include "policy/rule_idle.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "policy/rule_text.h"

#define RULES_MAX 4

/* The number of the rule that leaves the last one nothing to do; 0: none. */
static uint64_t idle_by(const char *const *lines)
{
	static const struct role_members none = {0};
	struct rule rules[RULES_MAX] = {0};
	struct ruleset_parts parts = {.added = rules, .members = &none};
	scope(ruleset_unref) struct ruleset *ruleset = NULL;
	const struct rule *found;

	for (; lines[parts.added_count]; parts.added_count++) {
		const char *line = lines[parts.added_count];

		if (rule_from_text(line, strlen(line), &rules[parts.added_count]) < 0)
			fail_msg("%s", line);
		rules[parts.added_count].number = parts.added_count + 1;
	}
	assert_int_equal(ruleset_build(&parts, &ruleset), 0);
	for (size_t i = 0; i < parts.added_count; i++)
		rule_done(&rules[i]);
	found = rule_idle_by(ruleset, parts.added_count);
	return found ? found->number : 0;
}
#define IDLE_BY(...) idle_by((const char *const[]){__VA_ARGS__, NULL})

static void rules_that_do_something(void **state)
{
	(void)state;
	assert_int_equal(IDLE_BY("allow user:1 read a"), 0);
	assert_int_equal(IDLE_BY("allow user:1 read a", "allow user:2 read a"), 0);
	assert_int_equal(IDLE_BY("allow user:1 read a/b", "allow user:1 read 'a/**'"), 0);
	assert_int_equal(IDLE_BY("allow user:1 read a", "allow user:1 read,list a"), 0);
	/* What is denied was allowed. */
	assert_int_equal(IDLE_BY("allow user:1 read a", "deny user:1 read a"), 0);
	/* At some times is not at all times, and other times are others. */
	assert_int_equal(IDLE_BY("allow user:1 read a --days mon-fri", "allow user:1 read a"), 0);
	assert_int_equal(
		IDLE_BY("deny user:1 read a --days sat", "allow user:1 read a --days sun"), 0);
	assert_int_equal(IDLE_BY("allow user:1 read a --max-opens 5/day",
				 "allow user:1 read a --max-opens 5/week"),
		0);
	/* Each has a budget of its own: together they let in more. */
	assert_int_equal(IDLE_BY("allow user:1 read a --max-opens 1/day",
				 "allow user:1 read a --max-opens 1/day"),
		0);
	assert_int_equal(IDLE_BY("allow user:1 read '**' --days mon-fri --max-bytes 5G/week",
				 "allow user:1 read a --days mon-fri --max-bytes 5G/week"),
		0);
	assert_int_equal(
		IDLE_BY("allow user:1 read a --max-opens 1/day", "allow user:1 read a"), 0);
}

static void rules_that_do_nothing(void **state)
{
	(void)state;
	assert_int_equal(IDLE_BY("allow user:1 read a", "allow user:1 read a"), 1);
	assert_int_equal(IDLE_BY("deny user:1 read a", "deny user:1 read a"), 1);
	assert_int_equal(
		IDLE_BY("allow any read 'a/**'", "allow user:1 read a/b --hours 09:00-18:00"), 1);
	/* The note is for people. */
	assert_int_equal(IDLE_BY("allow user:1 read a --days mon-fri",
				 "allow user:1 read a --days mon-fri --note again"),
		1);
	assert_int_equal(
		IDLE_BY("allow user:1 read a", "allow user:1 read a --max-opens 1/day"), 1);
	assert_int_equal(IDLE_BY("allow user:1 read '**' --days mon-fri",
				 "allow user:1 read a --days mon-fri --max-bytes 5G/week"),
		1);
	/* A deny is named before what only says the same. */
	assert_int_equal(IDLE_BY("allow user:1 read a", "deny any read '**'",
				 "allow user:1 unit:x.service read a"),
		2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(rules_that_do_something),
		cmocka_unit_test(rules_that_do_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
