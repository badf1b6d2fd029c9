/* SPDX-License-Identifier: Apache-2.0 */
/* test_who.c - who could read a/b (and c) on Wednesday 2027-03-03 from 12:00 on, and by what. */
#include "policy/who.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/base/clock.h"

#define RULES_MAX 12
#define ENV	  "/usr/bin/env"
#define HASH	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

static struct ruleset *compile(const char *const *lines)
{
	static const struct role_members none = {0};
	struct rule rules[RULES_MAX] = {0};
	struct ruleset_parts parts = {.added = rules, .members = &none};
	struct ruleset *ruleset;

	for (; lines[parts.added_count]; parts.added_count++) {
		const char *line = lines[parts.added_count];

		if (rule_from_text(line, strlen(line), &rules[parts.added_count]) < 0)
			fail_msg("%s", line);
		rules[parts.added_count].number = parts.added_count + 1;
	}
	assert_int_equal(ruleset_build(&parts, &ruleset), 0);
	for (size_t i = 0; i < parts.added_count; i++)
		rule_done(&rules[i]);
	return ruleset;
}

static int64_t moment(const char *words)
{
	int64_t ns;

	assert_int_equal(time_from_words(words, &ns), 0);
	return ns;
}

static uint32_t team[] = {6001};
static const struct who_user users[] = {
	{.name = "alice",
		.subject = {.uid = 1001,
			.gid = 100,
			.groups = team,
			.group_count = 1,
			.loginuid = SUBJECT_ID_UNKNOWN,
			.initial_userns = true}},
	{.name = "bob",
		.subject = {.uid = 1002,
			.gid = 100,
			.loginuid = SUBJECT_ID_UNKNOWN,
			.initial_userns = true}},
	{.subject = {.uid = 1003,
		 .gid = SUBJECT_ID_UNKNOWN,
		 .loginuid = SUBJECT_ID_UNKNOWN,
		 .initial_userns = true}},
};

/* What came, as text: "alice 1 with /usr/bin/env @14:00;" and "-bob 2;" for a denied one. */
static int tell(void *arg, const struct who_line *line)
{
	struct local_time local;

	buffer_add_format(arg, "%s %d",
		!line->user	   ? "*"
		: line->user->name ? line->user->name
				   : "?",
		line->rule ? (int)line->rule->number : 0);
	meeting_describe(line->meeting, "with", arg);
	if (line->from_ns) {
		time_zone_local(line->from_ns, &local);
		buffer_add_format(arg, " @%02u:%02u", local.minute / 60, local.minute % 60);
	}
	if (line->reason != REASON_RULE_ALLOW)
		buffer_add_format(arg, " %s", reason_word(line->reason));
	buffer_add_text(arg, ";");
	return 0;
}

static int tell_denied(void *arg, const struct who_denied *denied)
{
	buffer_add_format(
		arg, "-%s %d;", denied->user->name ? denied->user->name : "?", (int)denied->rule);
	return 0;
}

/* Of the first names; is the answer whole? */
static bool ask_with(const char *const *lines, size_t name_count, enum permission permission,
	bool clock_distrusted, struct buffer *to)
{
	static const struct path_name names[] = {{"a/b", 3}, {"c", 1}};
	scope(ruleset_unref) struct ruleset *ruleset = compile(lines);
	const struct who_question question = {
		.ruleset = ruleset,
		.circumstances = {.names = names,
			.name_count = name_count,
			.permission = permission,
			.now_ns = moment("2027-03-03 12:00"),
			.clock_distrusted = clock_distrusted},
		.users = users,
		.user_count = ARRAY_SIZE(users),
		.each = tell,
		.denied = tell_denied,
		.arg = to,
	};
	bool incomplete;

	assert_int_equal(who_ask(&question, &incomplete), 0);
	return !incomplete;
}

static void ask(
	const char *const *lines, size_t name_count, enum permission permission, struct buffer *to)
{
	assert_true(ask_with(lines, name_count, permission, false, to));
}

struct rules_and_answer {
	const char *rules[RULES_MAX];
	const char *answer;
};

static void check(const struct rules_and_answer *cases, size_t count, size_t name_count)
{
	for (size_t i = 0; i < count; i++) {
		scope_buffer struct buffer answer = {0};

		ask(cases[i].rules, name_count, PERMISSION_READ, &answer);
		if (strcmp(buffer_text(&answer), cases[i].answer) != 0)
			fail_msg("case %zu (%s ...): %s", i, cases[i].rules[0],
				buffer_text(&answer));
	}
}

static const struct rules_and_answer cases[] = {
	{{NULL}, ""},
	{{"allow user:1002 read 'a/**'"}, "bob 1;"},
	{{"allow any read b"}, "alice 1;bob 1;? 1;"},
	{{"allow group:6001 read b", "allow user:1003 read b", "allow user:1003 write b"},
		"alice 1;? 2;"},
	{{"allow user:1002 list b", "allow user:1002 read x"}, ""},
	{{"allow user:1002 exe:" ENV " unit:'i@*' loginuid:alice#1001 sha256:" HASH " read b"},
		"bob 1 with " ENV " of content " HASH " in a unit like i@* logged in as alice;"},
	{{"allow user:1002 exe:/nowhere/x read b"}, ""},
	{{"allow user:1002 exe:/nowhere/x exe:" ENV " read b"}, "bob 1 with " ENV ";"},
	/* In two ways, one line each; by one rule in two ways, one. */
	{{"allow user:1002 unit:x read b", "allow user:1002 read b"}, "bob 1 in x;bob 2;"},
	{{"allow user:1002 unit:x unit:y read b"}, "bob 1 in x;"},
	/* The decision names the lowest: what the second asks for beside is not needed. */
	{{"allow user:1002 read b", "allow user:1002 unit:y read b"}, "bob 1;"},
	{{"allow user:1002 read b --hours 14:00-15:00"}, "bob 1 @14:00;"},
	{{"allow user:1002 read b --hours 08:00-09:00"}, ""},
	{{"allow user:1002 read b --from 2027-03-03T23:59:00Z"}, "bob 1 @23:59;"},
	{{"allow user:1002 read b --from 2027-03-04T00:00:00Z"}, ""},
	{{"allow user:1002 read b --until 2027-03-03T12:00:00Z"}, ""},
	{{"allow user:1002 read b --days thu"}, ""},
	/* Denies: always, for a while, in one unit only, for a program only. */
	{{"allow any read b", "deny user:1002 read a/b"}, "alice 1;? 1;-bob 2;"},
	{{"allow user:1002 read b", "deny any read b --until 2027-03-03T18:30:00Z"},
		"bob 1 @18:30;"},
	{{"allow user:1002 read b --hours 11:00-13:00", "deny any read b --hours 12:00-12:30"},
		"bob 1 @12:30;"},
	{{"allow user:1002 unit:x unit:y read b", "deny unit:x read b"}, "bob 1 in y;"},
	{{"allow user:1002 read b", "deny exe:" ENV " read b"}, "bob 1;"},
	{{"allow user:1002 unit:x read b", "allow user:1002 read b", "deny unit:x read b"},
		"bob 2;"},
	{{"allow unit:x userns:contained read b"}, "* 1 in x;"},
	{{"allow unit:x userns:contained read b", "deny any read b"}, ""},
	{{"allow unit:x unit:y userns:contained read b", "deny unit:x read b"}, "* 1 in y;"},
	{{"learn user:1002 read b --until 2027-03-05T00:00:00Z"}, "bob 1 learned;"},
};

static void test_one_name(void **state)
{
	(void)state;
	check(cases, ARRAY_SIZE(cases), 1);
}

/* One rule for both names, or two together; whoever has one of them only has nothing. */
static void test_hard_links(void **state)
{
	static const char *const lines[] = {"allow user:1001 read '**'", "allow user:1002 read b",
		"allow user:1003 read b", "allow user:1003 unit:x read c",
		"allow user:1003 read /c", NULL};
	scope_buffer struct buffer answer = {0};

	(void)state;
	ask(lines, 2, PERMISSION_READ, &answer);
	assert_string_equal(buffer_text(&answer), "alice 1;? 3;");
}

/* b by one rule and c by another: what both ask for, at once. */
static void test_rules_together(void **state)
{
	static const struct rules_and_answer together[] = {
		{{"allow user:1001 unit:x read b", "allow user:1001 exe:" ENV " read c"},
			"alice 1 with " ENV " in x;"},
		{{"allow user:1001 unit:x read c", "allow user:1001 exe:" ENV " read b"},
			"alice 2 with " ENV " in x;"},
		{{"allow unit:x read b", "allow user:1002 loginuid:7 exe:" ENV " read c"},
			"bob 1 with " ENV " in x logged in as 7;"},
		/* The same kind: one that both are met by. */
		{{"allow unit:x unit:y read b", "allow user:1003 unit:z unit:y read c"},
			"? 1 in y;"},
		{{"allow unit:'x*' read b", "allow user:1003 unit:xy read c"}, "? 1 in xy;"},
		{{"allow user:1001 unit:x read b", "allow user:1001 unit:y read c"}, ""},
		{{"allow user:1001 unit:x read b", "allow user:1002 unit:x read c"}, ""},
		{{"allow user:1001 unit:x read b", "allow user:1001 exe:" ENV " read b"}, ""},
		{{"allow user:1001 unit:x read b", "allow user:1001 exe:" ENV " read c",
			 "deny unit:x exe:" ENV " read c"},
			"-alice 3;"},
		{{"allow user:1001 unit:x read b", "allow unit:x userns:contained read c"}, ""},
		{{"allow unit:'x*' userns:contained read b",
			 "allow unit:xy userns:contained read c"},
			"* 1 in xy;"},
		/* By one rule alone, if that will do. */
		{{"allow user:1001 unit:x read b", "allow user:1001 exe:" ENV " read c",
			 "allow user:1001 unit:y read '**'"},
			"alice 1 with " ENV " in x;alice 3 in y;"},
		{{"allow user:1001 unit:x read b --hours 14:00-16:00",
			 "allow user:1001 exe:" ENV " read c --hours 15:00-17:00"},
			"alice 1 with " ENV " in x @15:00;"},
	};

	(void)state;
	check(together, ARRAY_SIZE(together), 2);
}

/* Who is not found may be missing, and that is told. */
static void test_too_many_ways(void **state)
{
	static const char *const rules[] = {
		"allow user:1001 unit:a unit:b unit:c unit:d unit:e unit:f unit:g unit:h unit:i "
		"loginuid:1 loginuid:2 loginuid:3 loginuid:4 loginuid:5 loginuid:6 loginuid:7 "
		"loginuid:8 read b",
		"deny unit:'[a-h]' read b", NULL};
	scope_buffer struct buffer answer = {0};

	(void)state;
	assert_false(ask_with(rules, 1, PERMISSION_READ, false, &answer));
}

static void test_list(void **state)
{
	static const char *const lines[] = {
		"deny user:1002 list b", "allow user:1001 list b", NULL};
	scope_buffer struct buffer answer = {0};

	(void)state;
	ask(lines, 1, PERMISSION_LIST, &answer);
	assert_string_equal(buffer_text(&answer), "alice 2;? 0 default-list;-bob 1;");
}

static void test_clock_is_not_believed(void **state)
{
	static const char *const lines[] = {
		"allow user:1001 read b --hours 08:00-20:00", "allow user:1002 read b", NULL};
	scope_buffer struct buffer answer = {0};

	(void)state;
	assert_true(ask_with(lines, 1, PERMISSION_READ, true, &answer));
	assert_string_equal(buffer_text(&answer), "bob 2;");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_name),
		cmocka_unit_test(test_hard_links),
		cmocka_unit_test(test_rules_together),
		cmocka_unit_test(test_too_many_ways),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_clock_is_not_believed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
