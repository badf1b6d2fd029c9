/* SPDX-License-Identifier: Apache-2.0 */
/* test_widening.c - names that change under rules that stay: who could read more? */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "policy/widening.h"

#define RULES_MAX 4
#define NAMES_MAX 3

struct expected {
	const char *rules[RULES_MAX + 1];
	const char *before[NAMES_MAX + 1], *after[NAMES_MAX + 1]; /* "": it goes */
	uint64_t wider[RULES_MAX + 1];
	bool for_author; /* uid 1 */
};

static const struct expected cases[] = {
	/* An allow that reaches it now. */
	{{"allow user:2 read 'b/**'"}, {"a/x"}, {"b/x"}, {1}, false},
	{{"allow user:1 read 'b/**'"}, {"a/x"}, {"b/x"}, {1}, true},
	{{"learn user:1 read 'b/**'"}, {"a/x"}, {"b/x"}, {1}, true},
	{{"allow user:2 write,list 'b/**'"}, {"a/x"}, {"b/x"}, {0}, false},
	{{"allow user:2 read 'a/**'"}, {"a/x"}, {"b/x"}, {0}, false},
	{{"allow user:2 read '**'"}, {"a/x"}, {"b/x"}, {0}, false},
	/* One for the same subjects, or for everybody, reached it before. */
	{{"allow user:2 read 'b/**'", "allow user:2 read 'a/**'"}, {"a/x"}, {"b/x"}, {0}, false},
	{{"allow user:2 read 'b/**'", "allow any read 'a/**'"}, {"a/x"}, {"b/x"}, {0}, false},
	{{"allow user:2 read 'b/**'", "allow user:3 read 'a/**'"}, {"a/x"}, {"b/x"}, {1}, false},
	{{"allow user:2 read 'b/**'", "allow user:2 read 'a/**' --until 2027-01-01T00:00:00Z"},
		{"a/x"}, {"b/x"}, {1}, false},
	{{"allow user:2 read 'b/**'", "allow user:2 read 'a/**' --max-opens 1/day"}, {"a/x"},
		{"b/x"}, {1}, false},
	{{"allow user:2 read 'b/**'", "learn user:2 read 'a/**'"}, {"a/x"}, {"b/x"}, {1}, false},
	{{"allow unit:x userns:contained read 'b/**'", "allow any read 'a/**'"}, {"a/x"}, {"b/x"},
		{1}, false},
	/* The author could surely read it before, or he could not. */
	{{"allow any read 'b/**'", "allow user:1 read 'a/**'"}, {"a/x"}, {"b/x"}, {1}, false},
	{{"allow any read 'b/**'", "allow user:1 exe:/bin/cat read 'a/**'"}, {"a/x"}, {"b/x"}, {1},
		true},
	{{"allow any read 'b/**'", "allow user:1 read 'a/**'", "deny user:1 read '*'"}, {"a/x"},
		{"b/x"}, {1}, false},
	{{"allow user:1 exe:/bin/cat read 'b/**'"}, {"a/x"}, {"b/x"}, {1}, true},
	/* Who has no login takes one. */
	{{"allow loginuid:5 read 'b/**'"}, {"a/x"}, {"b/x"}, {1}, true},
	{{"allow loginuid:5 user:2 read 'b/**'"}, {"a/x"}, {"b/x"}, {1}, false},
	/* A deny that lets go. */
	{{"allow any read '**'", "deny user:1 read 'a/**'"}, {"a/x"}, {"b/x"}, {2}, true},
	{{"allow any read '**'", "deny user:2 read 'a/**'"}, {"a/x"}, {"b/x"}, {2}, false},
	{{"allow any read '**'", "deny user:2 read 'a/**'", "deny any read 'b/**'"}, {"a/x"},
		{"b/x"}, {0}, false},
	{{"allow any read '**'", "deny user:2 read 'a/**'", "deny user:2 read 'b/**'"}, {"a/x"},
		{"b/x"}, {0}, false},
	{{"allow user:3 read 'c/**'", "deny user:2 read 'a/**'"}, {"a/x"}, {"b/x"}, {0}, false},
	/* Every name counts for an allow, any for a deny. */
	{{"allow user:2 read 'b/**'"}, {"a/x", "c/x"}, {"b/x", "c/x"}, {0}, false},
	{{"allow user:2 read 'b/**'", "allow user:2 read 'c/**'"}, {"a/x", "c/x"}, {"b/x", "c/x"},
		{1}, false},
	{{"allow any read '**'", "deny user:2 read 'a/**'"}, {"a/x", "a/y"}, {"b/x", "a/y"}, {0},
		false},
	{{"allow any read '**'", "deny user:1 read 'a/**'"}, {"a/x", "a/y"}, {"b/x", "b/y"}, {2},
		true},
	/* A name that goes. */
	{{"allow user:1 read 'c/**'"}, {"a/x", "c/x"}, {"", "c/x"}, {1}, true},
	{{"allow user:2 read 'c/**'", "deny any read 'a/**'"}, {"a/x", "c/x"}, {"", "c/x"}, {1, 2},
		false},
	{{"allow any read '**'"}, {"a/x", "c/x"}, {"", "c/x"}, {0}, false},
	{{"allow any read '**'", "deny user:1 read 'a/**'"}, {"a/x"}, {""}, {0}, false},
};

static struct ruleset *compile(const char *const *lines)
{
	struct rule rules[RULES_MAX] = {0};
	struct ruleset *ruleset;
	size_t count = 0;

	for (; lines[count]; count++) {
		assert_int_equal(
			rule_from_text(lines[count], strlen(lines[count]), &rules[count]), 0);
		rules[count].number = count + 1;
	}
	assert_int_equal(ruleset_new(rules, count, &ruleset), 0);
	for (size_t i = 0; i < count; i++)
		rule_done(&rules[i]);
	return ruleset;
}

static size_t names_of(const char *const *names, struct path_name *ret_names)
{
	size_t count = 0;

	for (; names[count]; count++)
		ret_names[count] = *names[count]
					   ? (struct path_name){names[count], strlen(names[count])}
					   : (struct path_name){NULL, 0};
	return count;
}

static void test_cases(void **state)
{
	const struct subject author = {
		.uid = 1, .gid = 9, .loginuid = SUBJECT_ID_UNKNOWN, .initial_userns = true};
	const struct subject *authors[] = {&author};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scope(ruleset_unref) struct ruleset *ruleset = compile(cases[i].rules);
		scope(widening_free) struct widening *widening = NULL;
		struct path_name before[NAMES_MAX], after[NAMES_MAX];
		size_t count = names_of(cases[i].before, before), at = 0, found = 0;
		const struct rule *rule;

		assert_int_equal(names_of(cases[i].after, after), count);
		assert_int_equal(widening_new(ruleset, authors, 1, &widening), 0);
		widening_look_below(widening, &before[0], &after[0]);
		widening_add_file(widening, before, after, count);
		while ((rule = widening_next_rule(widening, &at)))
			if (rule->number != cases[i].wider[found++])
				fail_msg("case %zu: rule %d widens", i, (int)rule->number);
		if (cases[i].wider[found] || (found > 0) != (widening_files(widening) == 1))
			fail_msg("case %zu: %zu rules widen", i, found);
		if (widening_is_for_author(widening) != cases[i].for_author)
			fail_msg("case %zu: for the author", i);
	}
}

/* Without a change of names nothing widens, whatever the rules. */
static void test_nothing_changes(void **state)
{
	static const char *const rules[] = {
		"allow user:1 read 'a/**'", "deny user:2 read 'b/**'", "learn user:3 read c", NULL};
	static const struct path_name names[] = {{"a/x", 3}, {"b/y", 3}, {"c", 1}};
	scope(ruleset_unref) struct ruleset *ruleset = compile(rules);
	scope(widening_free) struct widening *widening = NULL;

	(void)state;
	assert_int_equal(widening_new(ruleset, NULL, 0, &widening), 0);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		widening_add_file(widening, &names[i], &names[i], 1);
	widening_add_file(widening, names, names, ARRAY_SIZE(names));
	assert_int_equal(widening_files(widening), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cases), cmocka_unit_test(test_nothing_changes)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
