/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_explain.c - every obstacle with its detail, and what would have to change for each kind of
 * refusal. The programs are such as every system has, root's alone.
 */
#include "policy/explain.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/base/clock.h"
#include "policy/path_pattern.h"

#define RULES_MAX 24
#define ENV	  "/usr/bin/env"
#define SH	  "/bin/sh"
#define HASH	  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define OTHER	  "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

/* Numbered from 1 in the order given; NULL ends. */
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

/* bob (1002) in group 100, on Wednesday 2027-03-03 at 20:15, asks to read a/b. */
static uint32_t bobs_groups[] = {100, 5001};
static const struct path_name one_name[] = {{"a/b", 3}};
static const struct path_name two_names[] = {{"a/b", 3}, {"c", 1}};

static struct circumstances bob(void)
{
	return (struct circumstances){
		.subject = {.uid = 1002,
			.gid = 100,
			.groups = bobs_groups,
			.group_count = 2,
			.loginuid = SUBJECT_ID_UNKNOWN,
			.initial_userns = true},
		.user = "bob",
		.names = one_name,
		.name_count = 1,
		.permission = PERMISSION_READ,
		.now_ns = moment("2027-03-03 20:15"),
	};
}

static void run_by(struct circumstances *circumstances, const char *path)
{
	struct exe_file file;
	int r = exe_path_resolve(path, &file, NULL);

	assert_true(r == 0 || r == -EPERM);
	circumstances->subject.exe = (char *)(uintptr_t)path;
	circumstances->subject.exe_dev = file.dev;
	circumstances->subject.exe_ino = file.ino;
}

/* ---- details ---- */

enum supposing {
	NOTHING = 0,
	BY_SH = 1 << 0,
	IN_BATCH = 1 << 1,
	OF_CONTENT = 1 << 2,
	CONTAINED = 1 << 3,
	CLOCK_SET = 1 << 4,
	TWO_NAMES = 1 << 5,
	LOGGED_IN = 1 << 6,
	BY_TMP = 1 << 7,
};

static char in_tmp[] = "/tmp/modelvault-explain-program";

static struct circumstances suppose(unsigned what)
{
	static uint8_t content[DIGEST_SIZE];
	struct circumstances circumstances = bob();

	if (what & BY_SH)
		run_by(&circumstances, SH);
	if (what & BY_TMP)
		run_by(&circumstances, in_tmp);
	if (what & IN_BATCH)
		circumstances.subject.unit = (char *)(uintptr_t) "batch.service";
	memset(content, 0xbb, sizeof(content));
	if (what & OF_CONTENT)
		circumstances.sha256 = content;
	if (what & LOGGED_IN)
		circumstances.subject.loginuid = 1007;
	circumstances.subject.contained_userns = what & CONTAINED;
	circumstances.subject.initial_userns = !(what & CONTAINED);
	circumstances.clock_distrusted = what & CLOCK_SET;
	if (what & TWO_NAMES) {
		circumstances.names = two_names;
		circumstances.name_count = 2;
	}
	return circumstances;
}

static const struct {
	const char *rule;
	unsigned supposing;
	enum obstacle obstacle;
	const char *detail;
} details[] = {
	{"allow user:bob#1002 read 'a/**'", NOTHING, OBSTACLE_NONE, ""},
	{"allow any list 'a/**'", NOTHING, OBSTACLE_PERMISSION, "for list, asked for read"},
	{"allow any read,write x", NOTHING, OBSTACLE_PATH, "other paths, not a/b"},
	{"allow any read 'a/**'", TWO_NAMES, OBSTACLE_PATH,
		"other paths, not c (of its 2 names 1 is matched)"},
	{"allow user:alice#1001 user:7 read 'a/**'", NOTHING, OBSTACLE_SUBJECT,
		"user alice (1001) or 7, asked for bob (1002)"},
	{"allow group:team#6001 read 'a/**'", NOTHING, OBSTACLE_SUBJECT,
		"group team (6001), user is in 100,5001"},
	{"allow role:training read 'a/**'", NOTHING, OBSTACLE_SUBJECT,
		"role training, which bob (1002) does not hold"},
	{"allow user:alice#1001 group:6001 read 'a/**'", NOTHING, OBSTACLE_SUBJECT,
		"user alice (1001), asked for bob (1002); group 6001, user is in 100,5001"},
	{"allow loginuid:alice#1001 read 'a/**'", NOTHING, OBSTACLE_SUBJECT,
		"needs --loginuid alice (1001)"},
	{"allow loginuid:alice#1001 read 'a/**'", LOGGED_IN, OBSTACLE_SUBJECT,
		"logged in as alice (1001), asked for 1007"},
	{"allow unit:x userns:contained read 'a/**'", NOTHING, OBSTACLE_SUBJECT,
		"in a container's user namespace, needs --userns contained"},
	{"allow any read 'a/**'", CONTAINED, OBSTACLE_SUBJECT,
		"for callers in a container's user namespace only rules with unit: and "
		"userns:contained count"},
	{"allow unit:x userns:contained read 'a/**'", CONTAINED | IN_BATCH, OBSTACLE_UNIT,
		"unit x, asked for batch.service"},
	{"allow exe:" ENV " read 'a/**'", NOTHING, OBSTACLE_EXE, "needs --exe " ENV},
	{"allow exe:" ENV " read 'a/**'", BY_SH, OBSTACLE_EXE, "run by " ENV ", asked for " SH},
	{"allow exe:" SH " read 'a/**'", BY_SH, OBSTACLE_NONE, ""},
	{"allow exe:/nowhere/x exe:" ENV " read 'a/**'", BY_SH, OBSTACLE_EXE,
		"run by /nowhere/x or " ENV ", asked for " SH " (/nowhere/x is not there)"},
	{"allow exe:/tmp/modelvault-explain-program read 'a/**'", BY_TMP, OBSTACLE_EXE,
		"run by /tmp/modelvault-explain-program, asked for "
		"/tmp/modelvault-explain-program (others than root can change /tmp)"},
	{"deny exe:/tmp/modelvault-explain-program read 'a/**'", BY_TMP, OBSTACLE_NONE, ""},
	{"allow unit:infer.service read 'a/**'", NOTHING, OBSTACLE_UNIT,
		"needs --unit infer.service"},
	{"allow unit:infer.service unit:'b*' read 'a/**'", IN_BATCH, OBSTACLE_NONE, ""},
	{"allow unit:infer.service exe:" ENV " read 'a/**'", IN_BATCH | BY_SH, OBSTACLE_EXE,
		"run by " ENV ", asked for " SH "; unit infer.service, asked for batch.service"},
	{"allow sha256:" HASH " read 'a/**'", NOTHING, OBSTACLE_SHA256, "needs --sha256 " HASH},
	{"deny sha256:" HASH " read 'a/**'", NOTHING, OBSTACLE_SHA256, "needs --sha256 " HASH},
	{"allow sha256:" HASH " read 'a/**'", OF_CONTENT, OBSTACLE_SHA256,
		"content " HASH ", asked for " OTHER},
	{"allow sha256:" OTHER " read 'a/**'", OF_CONTENT, OBSTACLE_NONE, ""},
	{"allow any read 'a/**' --until 2027-03-01T00:00:00Z", NOTHING, OBSTACLE_EXPIRED,
		"expired 2027-03-01 00:00 UTC"},
	{"allow any read 'a/**' --from 2027-03-05T09:30:00Z", NOTHING, OBSTACLE_NOT_YET,
		"begins 2027-03-05 09:30 UTC"},
	{"allow any read 'a/**' --hours 09:00-18:00", NOTHING, OBSTACLE_HOURS,
		"between 09:00 and 18:00, it is 20:15"},
	{"allow any read 'a/**' --days mon,fri", NOTHING, OBSTACLE_HOURS,
		"mon,fri, it is wed 20:15"},
	{"allow any read 'a/**' --hours 09:00-18:00 --days mon-fri", NOTHING, OBSTACLE_HOURS,
		"mon-fri between 09:00 and 18:00, it is wed 20:15"},
	{"allow any read 'a/**' --hours 20:00-21:00", CLOCK_SET, OBSTACLE_CLOCK,
		"it goes by a clock that was set and is not accepted"},
	{"deny any read 'a/**' --hours 20:00-21:00", CLOCK_SET, OBSTACLE_NONE, ""},
};

static void test_details(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(details); i++) {
		const char *const lines[] = {details[i].rule, NULL};
		scope(ruleset_unref) struct ruleset *ruleset = compile(lines);
		struct circumstances circumstances = suppose(details[i].supposing);
		scope_buffer struct buffer detail = {0};
		struct supposed supposed;
		enum obstacle obstacle;

		circumstances_suppose(ruleset, &circumstances, &supposed);
		obstacle = rule_obstacle(ruleset, 0, &supposed.question);
		explain_obstacle(ruleset, 0, &circumstances, &supposed, obstacle, &detail);
		if (obstacle != details[i].obstacle ||
			strcmp(buffer_text(&detail), details[i].detail) != 0)
			fail_msg("%s: %s: %s", details[i].rule, obstacle_text(obstacle),
				buffer_text(&detail));
	}
}

/* ---- remedies ---- */

#define GRANT	  "grant V user:bob read a/b"
#define LEARN	  "learn user:bob#1002 read "
#define LEARN_END " --until 2027-03-05T00:00:00Z"

static const struct {
	const char *rules[6];
	unsigned supposing;
	const char *remedies[6];
} remedies[] = {
	/* Allowed: nothing has to change. */
	{{"allow any read 'a/**'"}, NOTHING, {NULL}},
	{{NULL}, NOTHING, {GRANT}},
	{{"allow user:7 read 'a/**'"}, NOTHING, {GRANT}},
	{{"allow any read x"}, TWO_NAMES, {GRANT " and grant V user:bob read /c"}},
	{{"allow any read c"}, TWO_NAMES, {GRANT}},
	/* Names are all allowed or all learned: what is learned of one is of no help to the other.
	 */
	{{LEARN "c" LEARN_END}, TWO_NAMES, {GRANT " and grant V user:bob read /c"}},
	{{"allow any read c", LEARN "b" LEARN_END}, TWO_NAMES, {GRANT}},
	{{LEARN "c" LEARN_END, LEARN "b" LEARN_END}, TWO_NAMES, {NULL}},
	{{"allow exe:" ENV " read 'a/**'"}, NOTHING, {"run by " ENV " (rule 1)", GRANT}},
	/* What is asked for stays as it is where it fits. */
	{{"allow exe:" SH " unit:infer.service read 'a/**'"}, BY_SH | IN_BATCH,
		{"in infer.service (rule 1)", GRANT}},
	{{"allow exe:" ENV " unit:'infer@*' sha256:" HASH " loginuid:alice#1001 read 'a/**'"},
		NOTHING,
		{"run by " ENV " of content " HASH
		 " in a unit like infer@* logged in as alice (rule 1)",
			GRANT}},
	/* The path names nothing, or what others may change: nobody can run that. */
	{{"allow exe:/nowhere/x read 'a/**'"}, NOTHING, {GRANT}},
	{{"allow exe:/tmp/modelvault-explain-program read 'a/**'"}, NOTHING, {GRANT}},
	{{"allow exe:/nowhere/x exe:" ENV " read 'a/**'"}, NOTHING,
		{"run by " ENV " (rule 1)", GRANT}},
	/* The smallest change first. */
	{{"allow exe:" ENV " unit:x read 'a/**'", "allow unit:y read 'a/**'"}, NOTHING,
		{"in y (rule 2)", "run by " ENV " in x (rule 1)", GRANT}},
	{{"allow unit:a read b", "allow unit:b read b", "allow unit:c read b",
		 "allow unit:d read b", "allow unit:e read b"},
		NOTHING,
		{"in a (rule 1)", "in b (rule 2)", "in c (rule 3)", "in d (rule 4)", GRANT}},
	{{"allow any read 'a/**' --until 2027-03-01T00:00:00Z"}, NOTHING, {GRANT}},
	{{"allow any read 'a/**' --from 2027-03-05T09:30:00Z"}, NOTHING,
		{"from 2027-03-05 09:30 UTC on (rule 1)", GRANT}},
	{{"allow any read 'a/**' --hours 09:00-18:00 --days mon-fri"}, NOTHING,
		{"within hours of rule 1 (mon-fri 09:00-18:00), next from 2027-03-04 09:00 UTC",
			GRANT}},
	{{"allow any read 'a/**' --days sat"}, NOTHING,
		{"within hours of rule 1 (sat), next from 2027-03-06 00:00 UTC", GRANT}},
	{{"allow unit:x read 'a/**' --hours 09:00-18:00"}, NOTHING,
		{"in x, within hours of rule 1 (09:00-18:00), next from 2027-03-04 09:00 UTC",
			GRANT}},
	{{"allow any read 'a/**' --hours 20:00-21:00"}, CLOCK_SET,
		{"an admin accepts the clock (modelvault accept V --clock) (rule 1)", GRANT}},
	{{"allow any read 'a/**'", "deny user:bob#1002 read 'a/**'"}, NOTHING,
		{"revoke rule 2 (deny user:bob#1002 read 'a/**')"}},
	{{"allow any read 'a/**'", "deny any read b", "deny group:100 read a/b"}, NOTHING,
		{"revoke rule 2 (deny any read b) and rule 3 (deny group:100 read a/b)"}},
	{{"deny any read b", "allow unit:x read b"}, NOTHING,
		{"revoke rule 1 (deny any read b), and in x (rule 2)",
			"revoke rule 1 (deny any read b), and " GRANT}},
	/* Another deny would be in the way there. */
	{{"allow unit:x unit:y read b", "deny unit:x read b"}, NOTHING, {"in y (rule 1)", GRANT}},
	{{"allow unit:x read b", "deny unit:x read b"}, NOTHING, {GRANT}},
	{{"allow any read b", "deny any read b --hours 20:00-22:00"}, NOTHING,
		{"revoke rule 2 (deny any read b --hours 20:00-22:00)",
			"from 2027-03-03 22:00 UTC on, when no deny applies"}},
	{{"allow unit:x userns:contained read b"}, CONTAINED | IN_BATCH,
		{"in x (rule 1)", "grant V unit:batch.service userns:contained read a/b"}},
	{{"learn user:bob#1002 read b --until 2027-03-05T00:00:00Z --hours 01:00-02:00"}, NOTHING,
		{"within hours of rule 1 (01:00-02:00), next from 2027-03-04 01:00 UTC", GRANT}},
};

static void check_remedies(size_t number, const struct remedies *found, const char *const *expected)
{
	size_t i;

	for (i = 0; i < found->count && expected[i]; i++)
		if (strcmp(found->texts[i], expected[i]) != 0)
			fail_msg("case %zu: %s", number, found->texts[i]);
	if (i < found->count)
		fail_msg("case %zu: too much: %s", number, found->texts[i]);
	if (expected[i])
		fail_msg("case %zu: missing: %s", number, expected[i]);
}

static void test_remedies(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(remedies); i++) {
		scope(ruleset_unref) struct ruleset *ruleset = compile(remedies[i].rules);
		struct circumstances circumstances = suppose(remedies[i].supposing);
		const struct refusal refusal = {
			.ruleset = ruleset, .circumstances = &circumstances, .vault = "V"};
		scope_remedies struct remedies found = {0};

		assert_int_equal(refusal_remedies(&refusal, &found), 0);
		check_remedies(i, &found, remedies[i].remedies);
	}
}

static void test_other_rules_are_not_named(void **state)
{
	static const char *const lines[] = {"allow user:1002 unit:x read b",
		"allow user:1001 user:1002 unit:y read b", "allow user:1001 unit:z read b",
		"allow unit:w read b", NULL};
	static const char *const seen_by_him[] = {
		"in x (rule 1)", "in y (rule 2)", "in w (rule 4)", GRANT, NULL};
	scope(ruleset_unref) struct ruleset *ruleset = compile(lines);
	struct circumstances circumstances = bob();
	struct refusal refusal = {.ruleset = ruleset,
		.circumstances = &circumstances,
		.viewer = &circumstances.subject,
		.vault = "V"};
	scope_remedies struct remedies found = {0};

	(void)state;
	assert_int_equal(refusal_remedies(&refusal, &found), 0);
	check_remedies(0, &found, seen_by_him);
	assert_true(refusal_may_name(&refusal, ruleset, 0));
	assert_false(refusal_may_name(&refusal, ruleset, 2));
	refusal.viewer = NULL;
	assert_true(refusal_may_name(&refusal, ruleset, 2));
}

/* What a pattern for one name is must match it and no other. */
static void test_grant_is_of_this_name(void **state)
{
	static const struct {
		const char *name, *grant;
	} cases[] = {
		{"top", "grant V user:bob read /top"},
		{"a/b c", "grant V user:bob read 'a/b c'"},
		{"a/*", "grant V user:bob read 'a/\\*'"},
		{"a/[x]?\\", "grant V user:bob read 'a/\\[x]\\?\\\\'"},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		static const char *const none[] = {NULL};
		scope(ruleset_unref) struct ruleset *ruleset = compile(none);
		const struct path_name name = {cases[i].name, strlen(cases[i].name)};
		struct circumstances circumstances = bob();
		const struct refusal refusal = {
			.ruleset = ruleset, .circumstances = &circumstances, .vault = "V"};
		const char *const expected[] = {cases[i].grant, NULL};
		scope_remedies struct remedies found = {0};

		circumstances.names = &name;
		assert_int_equal(refusal_remedies(&refusal, &found), 0);
		check_remedies(i, &found, expected);
	}
}

static void test_what_no_rule_changes(void **state)
{
	static const char *const lines[] = {"allow any read b", NULL};
	scope(ruleset_unref) struct ruleset *ruleset = compile(lines);
	struct circumstances circumstances = bob();
	const struct refusal refusal = {
		.ruleset = ruleset, .circumstances = &circumstances, .vault = "V"};
	scope_remedies struct remedies found = {0};

	(void)state;
	circumstances.subject.uid = SUBJECT_ID_UNKNOWN;
	assert_int_equal(refusal_remedies(&refusal, &found), 0);
	assert_int_equal(found.count, 0);
	circumstances = bob();
	circumstances.subject.initial_userns = false;
	assert_int_equal(refusal_remedies(&refusal, &found), 0);
	assert_int_equal(found.count, 0);
}

/* ---- examples of globs ---- */

static void test_examples(void **state)
{
	static const char *const globs[] = {"infer.service", "infer@*.service", "*", "?", "[abc]x",
		"[!a]", "[!a-zA-Z0-9._-]", "\\*", "a[]]b", "[!!-~]", "x*y?z"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(globs); i++) {
		scope(path_pattern_free) struct path_pattern *pattern = NULL;
		scope_buffer struct buffer example = {0};

		assert_int_equal(path_pattern_new(globs[i], strlen(globs[i]), &pattern, NULL), 0);
		path_pattern_example(pattern, &example);
		if (!example.len || memchr(example.data, '/', example.len) ||
			!path_pattern_matches(pattern, example.data, example.len))
			fail_msg("%s: %s", globs[i], buffer_text(&example));
	}
}

static void test_periods(void **state)
{
	int64_t now = moment("2027-03-03 20:15");

	(void)state;
	assert_int_equal(rule_period_end(PERIOD_HOUR, now + 7), moment("2027-03-03 21:00"));
	assert_int_equal(rule_period_end(PERIOD_DAY, now), moment("2027-03-04"));
	assert_int_equal(rule_period_end(PERIOD_WEEK, now), moment("2027-03-08"));
	assert_int_equal(rule_period_end(PERIOD_WEEK, moment("2027-03-08")), moment("2027-03-15"));
}

static int make_program(void **state)
{
	int fd = open(in_tmp, O_WRONLY | O_CREAT | O_TRUNC, 0755);

	(void)state;
	return fd < 0 ? -1 : close(fd);
}

static int remove_program(void **state)
{
	(void)state;
	return unlink(in_tmp);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_details),
		cmocka_unit_test(test_remedies),
		cmocka_unit_test(test_other_rules_are_not_named),
		cmocka_unit_test(test_grant_is_of_this_name),
		cmocka_unit_test(test_what_no_rule_changes),
		cmocka_unit_test(test_examples),
		cmocka_unit_test(test_periods),
	};

	return cmocka_run_group_tests(tests, make_program, remove_program);
}
