/* SPDX-License-Identifier: Apache-2.0 */
/* test_self_grant.c - what an author of a change could read more by it: a table of changes. */
#include "policy/self_grant.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define RULES_MAX 6

/* A number that keeps its rule: rules of both sides with the same text have the same number. */
static uint64_t number_of(const char *line, const char *const *before)
{
	for (size_t i = 0; i < RULES_MAX && before[i]; i++)
		if (strcmp(before[i], line) == 0)
			return i + 1;
	return 0;
}

/* Members as "ROLE user NUMBER" or "ROLE group NUMBER", several behind ';'. */
static void parse_members(const char *text, struct role_members *members)
{
	char role[40], kind[8];
	unsigned number;
	int len;

	for (; text && sscanf(text, "%39s %7s %u%n", role, kind, &number, &len) == 3;
		text += len + (text[len] == ';')) {
		struct role_member member = {.role = role,
			.kind = strcmp(kind, "user") == 0 ? WORD_USER : WORD_GROUP,
			.number = number,
			.name = kind};

		assert_int_equal(role_members_add(members, &member), 0);
	}
}

static struct ruleset *compile(
	const char *const *lines, const char *const *before, const char *members_text)
{
	__attribute__((cleanup(role_members_done))) struct role_members members = {0};
	struct rule rules[RULES_MAX] = {0};
	struct ruleset_parts parts = {.added = rules, .members = &members};
	struct ruleset *ruleset;

	for (size_t i = 0; i < RULES_MAX && lines[i]; i++) {
		if (rule_from_text(lines[i], strlen(lines[i]), &rules[i]) < 0)
			fail_msg("%s", lines[i]);
		rules[i].number = number_of(lines[i], before);
		if (!rules[i].number)
			rules[i].number = 100 + i;
		parts.added_count++;
	}
	parse_members(members_text, &members);
	assert_int_equal(ruleset_build(&parts, &ruleset), 0);
	for (size_t i = 0; i < RULES_MAX; i++)
		rule_done(&rules[i]);
	return ruleset;
}

/* The author is user 1 of group 10. gain: the rule's number, 0 for none. */
static const struct {
	const char *before[RULES_MAX], *after[RULES_MAX];
	const char *roles_before, *roles_after;
	uint64_t gain;
} changes[] = {
	/* grants */
	{{NULL}, {"allow user:1 read x"}, NULL, NULL, 100},
	{{NULL}, {"allow any read x"}, NULL, NULL, 100},
	{{NULL}, {"allow group:10 read x"}, NULL, NULL, 100},
	{{NULL}, {"learn group:10 read x --until 2027-03-01T00:00:00Z"}, NULL, NULL, 100},
	{{NULL}, {"allow user:1 write,list x"}, NULL, NULL, 0},
	{{NULL}, {"allow user:2 read x"}, NULL, NULL, 0},
	{{NULL}, {"allow group:11 read x"}, NULL, NULL, 0},
	{{NULL}, {"deny any read x"}, NULL, NULL, 0},
	/* what else a rule asks for, he may come by */
	{{NULL}, {"allow exe:/bin/cat read x"}, NULL, NULL, 100},
	{{NULL}, {"allow unit:a.service user:1 read x"}, NULL, NULL, 100},
	{{NULL}, {"allow user:2 unit:a.service read x"}, NULL, NULL, 0},
	{{NULL}, {"allow user:1 read x --from 2200-01-01T00:00:00Z"}, NULL, NULL, 100},
	{{NULL}, {"allow unit:a.service userns:contained read x"}, NULL, NULL, 0},
	/* who has no login takes one; one that a deny asks for he need not */
	{{NULL}, {"allow loginuid:5 read x"}, NULL, NULL, 100},
	{{NULL}, {"allow loginuid:5 user:1 read x"}, NULL, NULL, 100},
	{{NULL}, {"allow loginuid:5 user:2 read x"}, NULL, NULL, 0},
	{{"allow any read x", "deny loginuid:5 read x"}, {"allow any read x"}, NULL, NULL, 0},
	/* covered before */
	{{"allow user:1 read '**'"}, {"allow user:1 read '**'", "allow any read x"}, NULL, NULL, 0},
	{{"allow group:10 read x"}, {"allow any read x"}, NULL, NULL, 0},
	{{"allow user:1 read 'a/**'"}, {"allow user:1 read 'a/**'", "allow any read a/x"}, NULL,
		NULL, 101},
	{{"allow user:1 unit:u read '**'"}, {"allow user:1 read x"}, NULL, NULL, 100},
	{{"allow user:1 exe:/bin/cat read x"}, {"allow user:1 read x"}, NULL, NULL, 100},
	{{"allow user:1 read x --hours 09:00-18:00"}, {"allow user:1 read x"}, NULL, NULL, 100},
	{{"allow user:1 read x --max-opens 5/day"}, {"allow user:1 read x"}, NULL, NULL, 100},
	{{"allow user:1 write x"}, {"allow user:1 read x"}, NULL, NULL, 100},
	{{"allow user:2 read '**'"}, {"allow user:1 read x"}, NULL, NULL, 100},
	{{"deny user:1 read '**'"}, {"allow user:1 read x"}, NULL, NULL, 100},
	/* denied all the same */
	{{"deny user:1 read x"}, {"deny user:1 read x", "allow user:1 read x"}, NULL, NULL, 0},
	{{NULL}, {"allow user:1 read x", "deny any read '**'"}, NULL, NULL, 0},
	{{"deny user:1 exe:/bin/cat read x"},
		{"deny user:1 exe:/bin/cat read x", "allow user:1 read x"}, NULL, NULL, 101},
	{{"deny user:1 read x --days mon"},
		{"deny user:1 read x --days mon", "allow user:1 read x"}, NULL, NULL, 101},
	/* revoking */
	{{"allow user:1 read x"}, {NULL}, NULL, NULL, 0},
	{{"allow any read '**'", "deny user:1 read x"}, {"allow any read '**'"}, NULL, NULL, 2},
	{{"allow any read '**'", "deny any read x"}, {"allow any read '**'"}, NULL, NULL, 2},
	{{"allow any read '**'", "deny user:2 read x"}, {"allow any read '**'"}, NULL, NULL, 0},
	{{"allow any read '**'", "deny any write x"}, {"allow any read '**'"}, NULL, NULL, 0},
	{{"allow any read '**'", "deny user:1 unit:u read x"}, {"allow any read '**'"}, NULL, NULL,
		2},
	{{"allow user:2 read '**'", "deny any read x"}, {"allow user:2 read '**'"}, NULL, NULL, 0},
	{{"allow any read '**'", "deny user:1 read x", "deny any read x"},
		{"allow any read '**'", "deny any read x"}, NULL, NULL, 0},
	{{"allow any read '**'", "deny user:1 read x"},
		{"allow any read '**'", "deny user:1 read x --hours 09:00-18:00"}, NULL, NULL, 2},
	{{"deny user:1 read x"}, {"allow any read x"}, NULL, NULL, 100},
	/* roles */
	{{"allow role:r read x"}, {"allow role:r read x"}, NULL, "r user 1", 1},
	{{"allow role:r read x"}, {"allow role:r read x"}, NULL, "r group 10", 1},
	{{"allow role:r read x"}, {"allow role:r read x"}, NULL, "r user 2;s user 1", 0},
	{{"allow role:r read x"}, {"allow role:r read x"}, "r user 1", "r group 10;r user 1", 0},
	{{"allow role:r read x", "allow user:1 read x"}, {"allow role:r read x"}, NULL, "r user 1",
		0},
	{{"allow any read x", "deny role:r read x"}, {"allow any read x", "deny role:r read x"},
		"r user 1", "r user 2", 2},
	{{NULL}, {"allow role:r read x"}, "r user 1", "r user 1", 100},
	{{NULL}, {"allow role:admin read x"}, "admin user 1", "admin user 1", 100},
};

static void test_changes(void **state)
{
	uint32_t groups[] = {10};
	const struct subject author = {.uid = 1,
		.gid = 9,
		.groups = groups,
		.group_count = 1,
		.loginuid = SUBJECT_ID_UNKNOWN,
		.initial_userns = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		scope(ruleset_unref) struct ruleset *before = NULL, *after = NULL;
		uint64_t rule;
		bool gains;

		before = compile(changes[i].before, changes[i].before, changes[i].roles_before);
		after = compile(changes[i].after, changes[i].before, changes[i].roles_after);
		gains = self_grant_gains(before, after, &author, &rule);
		if (gains != (changes[i].gain != 0) || rule != changes[i].gain)
			fail_msg("change %zu (%s ...): %s by rule %llu", i,
				changes[i].after[0] ? changes[i].after[0] : "nothing",
				gains ? "gains" : "gains nothing", (unsigned long long)rule);
	}
}

/* The author is the same. */
static const struct {
	const char *rules[RULES_MAX];
	uint64_t gain;
} zones[] = {
	{{NULL}, 0},
	{{"allow user:1 read x --hours 09:00-18:00"}, 1},
	{{"allow user:1 read x --days mon-fri"}, 1},
	{{"allow group:10 read x --max-bytes 5/day"}, 1},
	{{"learn user:1 read x --until 2027-03-01T00:00:00Z --days mon"}, 1},
	/* What is stored in UTC does not move. */
	{{"allow user:1 read x --until 2200-03-01T00:00:00Z"}, 0},
	{{"allow user:1 write x --hours 09:00-18:00"}, 0},
	{{"allow user:2 read x --hours 09:00-18:00", "allow user:1 read x"}, 0},
	{{"allow user:1 read x --hours 09:00-18:00", "allow any read '**'"}, 0},
	{{"allow user:1 read x --hours 09:00-18:00", "allow exe:/bin/cat read '**'"}, 1},
	{{"allow user:1 read x --hours 09:00-18:00", "deny any read x"}, 0},
	{{"deny user:1 read x --hours 09:00-18:00"}, 0},
	{{"deny user:1 read x --hours 09:00-18:00", "allow any read '**'"}, 1},
	{{"deny user:1 read x --hours 09:00-18:00", "allow any read '**'", "deny any read x"}, 0},
	{{"deny user:2 read x --hours 09:00-18:00", "allow any read '**'"}, 0},
};

static void test_zone(void **state)
{
	uint32_t groups[] = {10};
	const struct subject author = {.uid = 1,
		.gid = 9,
		.groups = groups,
		.group_count = 1,
		.loginuid = SUBJECT_ID_UNKNOWN,
		.initial_userns = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(zones); i++) {
		scope(ruleset_unref) struct ruleset *ruleset =
			compile(zones[i].rules, zones[i].rules, NULL);
		uint64_t rule;
		bool gains = self_grant_gains_by_zone(ruleset, &author, &rule);

		if (gains != (zones[i].gain != 0) || rule != zones[i].gain)
			fail_msg("zone %zu: %s by rule %llu", i, gains ? "gains" : "gains nothing",
				(unsigned long long)rule);
	}
}

static void test_one_person(void **state)
{
	static const struct {
		const char *members;
		bool alone;
	} cases[] = {
		{"admin user 1;auditor user 1;custodian user 1", true},
		{"admin user 1;auditor user 1;custodian user 1;vision user 2;vision group 5", true},
		{"admin user 1;admin user 2;auditor user 1;custodian user 1", false},
		{"admin user 1;auditor user 2;custodian user 1", false},
		{"admin user 1;auditor user 1;custodian user 1;custodian group 1", false},
		{"admin user 1;auditor user 1", false},
		{"admin user 2;auditor user 2;custodian user 2", false},
		{"admin group 1;auditor group 1;custodian group 1", false},
		{NULL, false},
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		__attribute__((cleanup(role_members_done))) struct role_members members = {0};

		parse_members(cases[i].members, &members);
		if (self_grant_is_one_person(&members, 1) != cases[i].alone)
			fail_msg("case %zu: %s", i, cases[i].members);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_changes),
		cmocka_unit_test(test_zone),
		cmocka_unit_test(test_one_person),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
