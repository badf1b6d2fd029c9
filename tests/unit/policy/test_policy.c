/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_policy.c - the facade over sealed rows: changes before, while and after they are stored,
 * numbers that are never given twice, roles, and rows that somebody else wrote.
 */
#include "policy/policy.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/rule_store.h"
#include "tests/unit/policy/rows_fixture.h"

struct fixture {
	struct rows_fixture store;
	struct policy *policy;
};

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof(*f));

	rows_fixture_make(&f->store);
	assert_int_equal(policy_open(f->store.rows, NULL, &f->policy), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	policy_close(f->policy);
	rows_fixture_done(&f->store);
	free(f);
	return 0;
}

/* As after the server was started anew. */
static void load_again(struct fixture *f)
{
	f->policy = policy_close(f->policy);
	rows_fixture_open_again(&f->store);
	assert_int_equal(policy_open(f->store.rows, NULL, &f->policy), 0);
}

static void store_and_enact(struct fixture *f, struct policy_change *change)
{
	assert_int_equal(sealed_rows_begin(f->store.rows), 0);
	assert_int_equal(policy_store_change(f->policy, change), 0);
	assert_int_equal(sealed_rows_commit(f->store.rows), 0);
	policy_enact_change(f->policy, change);
}

static int prepare_grant(struct fixture *f, struct rule *rule, struct policy_change **ret_change)
{
	const struct policy_edit edit = {.added = rule, .added_count = 1};

	return policy_prepare(f->policy, &edit, ret_change);
}

static int prepare_revoke(
	struct fixture *f, const uint64_t *numbers, size_t count, struct policy_change **ret_change)
{
	const struct policy_edit edit = {.removed = numbers, .removed_count = count};

	return policy_prepare(f->policy, &edit, ret_change);
}

static uint64_t grant(struct fixture *f, const char *line)
{
	scope(policy_change_free) struct policy_change *change = NULL;
	scope_rule struct rule rule = {0};

	assert_int_equal(rule_from_text(line, strlen(line), &rule), 0);
	rule.created_ns = 5;
	rule.created_by = 77;
	assert_int_equal(prepare_grant(f, &rule, &change), 0);
	store_and_enact(f, change);
	return rule.number;
}

static struct decision ask(struct fixture *f, uint32_t uid, const char *path)
{
	struct subject subject = {.uid = uid, .gid = uid, .initial_userns = true};
	struct path_name name = {path, strlen(path)};
	struct inquiry inquiry = {.subject = &subject,
		.names = &name,
		.name_count = 1,
		.permission = PERMISSION_READ};

	return policy_inquire(f->policy, &inquiry);
}

static void test_change(void **state)
{
	struct fixture *f = *state;
	scope(policy_change_free) struct policy_change *change = NULL;
	scope_rule struct rule rule = {0};

	assert_int_equal(rule_from_text("allow user:1 read x", 19, &rule), 0);
	assert_int_equal(prepare_grant(f, &rule, &change), 0);
	assert_int_equal(rule.number, 1);
	assert_int_equal(ruleset_count(policy_change_ruleset(change)), 1);
	assert_int_equal(ask(f, 1, "x").verdict, VERDICT_DENY);
	store_and_enact(f, change);
	assert_int_equal(ask(f, 1, "x").rule, 1);
	assert_int_equal(ask(f, 1, "x").verdict, VERDICT_ALLOW);
	load_again(f);
	assert_int_equal(ask(f, 1, "x").rule, 1);
}

static void test_round_trip(void **state)
{
	struct fixture *f = *state;
	static const char line[] = "deny user:al#9 group:dev#20 read,list $'a\\xff\\nb/**'";
	scope(ruleset_unref) struct ruleset *ruleset = NULL;
	scope_buffer struct buffer text = {0};
	const struct rule *rule;

	grant(f, line);
	load_again(f);
	ruleset = policy_ruleset(f->policy);
	rule = ruleset_find(ruleset, 1);
	assert_non_null(rule);
	assert_int_equal(rule_to_text(rule, &text), 0);
	assert_string_equal(buffer_text(&text), line);
	assert_int_equal(rule->created_ns, 5);
	assert_int_equal(rule->created_by, 77);
	assert_int_equal(rule->pattern_len, 7);
}

static void test_revoke_and_numbers(void **state)
{
	struct fixture *f = *state;
	struct policy_change *change = NULL;
	const uint64_t missing[] = {2, 9}, twice[] = {3, 2, 3};

	for (uint64_t i = 1; i <= 3; i++)
		assert_int_equal(grant(f, "allow user:1 read x"), i);
	assert_int_equal(prepare_revoke(f, missing, 2, &change), -ENOENT);
	assert_null(change);
	assert_int_equal(prepare_revoke(f, twice, 3, &change), 0);
	store_and_enact(f, change);
	policy_change_free(change);
	load_again(f);
	assert_int_equal(ask(f, 1, "x").rule, 1);
	assert_int_equal(grant(f, "allow user:2 read x"), 4);
	assert_int_equal(prepare_revoke(f, (const uint64_t[]){1, 4}, 2, &change), 0);
	store_and_enact(f, change);
	policy_change_free(change);
	load_again(f);
	assert_int_equal(ask(f, 1, "x").reason, REASON_NO_RULE);
	assert_int_equal(grant(f, "allow user:2 read x"), 5);
}

static void test_roles(void **state)
{
	struct fixture *f = *state;
	struct subject subject = {.uid = 1000, .gid = 50, .initial_userns = true};
	const struct role_member auditors = {
		(char[]){"auditor"}, WORD_GROUP, 60, (char[]){"audit"}};
	uint32_t group = 60;

	assert_int_equal(sealed_rows_begin(f->store.rows), 0);
	assert_int_equal(policy_store_first_holder(f->store.rows, 1000, "alice"), 0);
	assert_int_equal(role_store_put(f->store.rows, &auditors), 0);
	assert_int_equal(sealed_rows_commit(f->store.rows), 0);
	assert_false(policy_holds_role(f->policy, ROLE_ADMIN, &subject));
	load_again(f);
	for (int role = 0; role < ROLE_COUNT; role++)
		assert_true(policy_holds_role(f->policy, role, &subject));
	subject.uid = 0;
	assert_false(policy_holds_role(f->policy, ROLE_ADMIN, &subject));
	assert_false(policy_holds_role(f->policy, ROLE_AUDITOR, &subject));
	subject.groups = &group;
	subject.group_count = 1;
	assert_true(policy_holds_role(f->policy, ROLE_AUDITOR, &subject));
	assert_false(policy_holds_role(f->policy, ROLE_ADMIN, &subject));
	subject.group_count = 0;
	subject.gid = 60;
	assert_true(policy_holds_role(f->policy, ROLE_AUDITOR, &subject));
	subject.initial_userns = false;
	assert_false(policy_holds_role(f->policy, ROLE_AUDITOR, &subject));
}

/* Members and rules change together, and what is private with them. */
static void test_edit(void **state)
{
	struct fixture *f = *state;
	const struct role_member crew = {(char[]){"crew"}, WORD_USER, 1, (char[]){"al"}};
	const struct role_member other = {(char[]){"crew"}, WORD_USER, 2, (char[]){"bo"}};
	struct role_members members = {0};
	struct rule rules[2] = {0};
	struct policy_edit edit = {.added = rules,
		.added_count = 2,
		.members = &members,
		.set_private = true,
		.is_private = true};
	scope(policy_change_free) struct policy_change *change = NULL;

	assert_int_equal(role_members_add(&members, &other), 0);
	assert_int_equal(role_members_add(&members, &crew), 0);
	assert_int_equal(role_members_add(&members, &crew), -EEXIST);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rule_from_text("allow role:crew read x", 22, &rules[i]), 0);
	assert_int_equal(policy_prepare(f->policy, &edit, &change), 0);
	assert_int_equal(rules[1].number, 2);
	store_and_enact(f, change);
	assert_int_equal(ask(f, 1, "x").rule, 1);
	load_again(f);
	assert_int_equal(ask(f, 2, "x").rule, 1);
	assert_int_equal(ask(f, 3, "x").reason, REASON_NO_RULE);
	change = policy_change_free(change);
	assert_int_equal(role_members_remove(&members, &crew), 0);
	assert_int_equal(role_members_remove(&members, &crew), -ENOENT);
	edit = (struct policy_edit){.members = &members};
	assert_int_equal(policy_prepare(f->policy, &edit, &change), 0);
	store_and_enact(f, change);
	for (int i = 0; i < 2; i++) {
		scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(f->policy);

		assert_int_equal(ask(f, 1, "x").reason, REASON_NO_RULE);
		assert_int_equal(ask(f, 2, "x").rule, 1);
		assert_true(ruleset_is_private(ruleset));
		load_again(f);
	}
	role_members_done(&members);
	rule_done(&rules[0]);
	rule_done(&rules[1]);
}

static void test_clock(void **state)
{
	struct fixture *f = *state;

	grant(f, "allow user:1 read x --until 2200-01-01T00:00:00Z");
	assert_int_equal(ask(f, 1, "x").rule, 1);
	assert_int_equal(sealed_rows_begin(f->store.rows), 0);
	assert_int_equal(policy_store_clock(f->policy, true), 0);
	assert_int_equal(sealed_rows_commit(f->store.rows), 0);
	load_again(f);
	assert_true(policy_clock_is_distrusted(f->policy));
	assert_int_equal(ask(f, 1, "x").reason, REASON_CLOCK_STEP);
	policy_set_clock_distrusted(f->policy, false);
	assert_int_equal(ask(f, 1, "x").rule, 1);
}

static void assert_broken(struct fixture *f)
{
	struct policy_change *change = NULL;
	struct subject alice = {.uid = 1000, .gid = 1000, .initial_userns = true};
	scope_rule struct rule rule = {0};

	assert_true(policy_is_broken(f->policy));
	assert_int_equal(ask(f, 1, "x").verdict, VERDICT_DENY);
	assert_int_equal(ask(f, 1, "x").reason, REASON_SEAL_BROKEN);
	assert_false(policy_holds_role(f->policy, ROLE_ADMIN, &alice));
	assert_int_equal(rule_from_text("allow any read x", 16, &rule), 0);
	assert_int_equal(prepare_grant(f, &rule, &change), -EBADMSG);
}

/* Who can write the database and has no key. */
static void test_foreign_writes(void **state)
{
	static const char *const statements[] = {
		"UPDATE rule SET words = 'allow any read ''**'''",
		"DELETE FROM rule",
		"UPDATE rule SET number = 7",
		"UPDATE role SET number = 1",
		"UPDATE setting SET value = '1' WHERE name = 'next_rule'",
	};

	for (size_t i = 0; i < ARRAY_SIZE(statements); i++) {
		struct fixture *f;

		if (i > 0)
			setup(state);
		f = *state;
		grant(f, "allow user:1 read x");
		assert_int_equal(sealed_rows_begin(f->store.rows), 0);
		assert_int_equal(policy_store_first_holder(f->store.rows, 1000, "alice"), 0);
		assert_int_equal(sealed_rows_commit(f->store.rows), 0);
		load_again(f);
		assert_false(policy_is_broken(f->policy));
		assert_int_equal(db_exec(f->store.db, statements[i]), 0);
		load_again(f);
		assert_broken(f);
		if (i + 1 < ARRAY_SIZE(statements))
			teardown(state);
	}
}

/* Sealed, yet of a form that this version does not know: nothing is decided by the rest. */
static void test_unknown_rows(void **state)
{
	static const struct {
		int64_t version;
		const char *words;
	} rows[] = {
		{3, "allow any read x"},
		{0, "allow any read x"},
		{2, "allow any read x --until tomorrow"},
		{1, "allow moon:full read x"},
		{1, ""},
		{1, "allow any read x\n"},
	};

	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct fixture *f;
		struct db_value values[5];

		if (i > 0)
			setup(state);
		f = *state;
		grant(f, "allow user:1 read x");
		values[0] = db_integer(8);
		values[1] = db_integer(rows[i].version);
		values[2] = db_text(rows[i].words);
		values[3] = values[4] = db_integer(0);
		assert_int_equal(sealed_rows_begin(f->store.rows), 0);
		assert_int_equal(sealed_rows_put(f->store.rows, "rule", values), 0);
		assert_int_equal(sealed_rows_commit(f->store.rows), 0);
		load_again(f);
		assert_broken(f);
		if (i + 1 < ARRAY_SIZE(rows))
			teardown(state);
	}
}

static void test_set_broken(void **state)
{
	struct fixture *f = *state;

	grant(f, "allow user:1 read x");
	assert_int_equal(ask(f, 1, "x").verdict, VERDICT_ALLOW);
	policy_set_broken(f->policy);
	assert_broken(f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_change, setup, teardown),
		cmocka_unit_test_setup_teardown(test_round_trip, setup, teardown),
		cmocka_unit_test_setup_teardown(test_revoke_and_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_roles, setup, teardown),
		cmocka_unit_test_setup_teardown(test_edit, setup, teardown),
		cmocka_unit_test_setup_teardown(test_clock, setup, teardown),
		cmocka_unit_test_setup_teardown(test_foreign_writes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_rows, setup, teardown),
		cmocka_unit_test_setup_teardown(test_set_broken, setup, teardown),
	};

	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
