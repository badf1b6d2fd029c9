/* SPDX-License-Identifier: Apache-2.0 */
/* test_policy_view.c - the rules that may concern a subject, against a look at every rule. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>

#include "policy/policy_view.h"

#define RULES  12
#define ROUNDS 2000

static unsigned seed;

static unsigned pick(unsigned below)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % below;
}

static const char *const effects[] = {"allow", "deny", "allow", "learn"};
static const char *const words[] = {"user:1", "user:2", "user:1 user:3", "group:10", "group:11",
	"user:1 group:11", "role:ml", "role:admin user:2", "unit:x", "user:2 unit:x",
	"unit:x userns:contained", "exe:/bin/cat"};

static void random_rule(struct rule *rule, uint64_t number)
{
	char line[128];

	snprintf(line, sizeof(line), "%s %s read x", effects[pick(ARRAY_SIZE(effects))],
		words[pick(ARRAY_SIZE(words))]);
	if (rule_from_text(line, strlen(line), rule) < 0) {
		snprintf(line, sizeof(line), "allow any read x");
		assert_int_equal(rule_from_text(line, strlen(line), rule), 0);
	}
	rule->number = number;
}

static struct ruleset *random_ruleset(void)
{
	struct role_member list[] = {{(char *)"admin", WORD_USER, 2, (char *)"two"},
		{(char *)"ml", WORD_USER, 1, (char *)"one"},
		{(char *)"ml", WORD_GROUP, 11, (char *)"eleven"}};
	const struct role_members members = {list, ARRAY_SIZE(list)};
	struct rule rules[RULES] = {0};
	const struct ruleset_parts parts = {
		.added = rules, .added_count = RULES, .members = &members};
	struct ruleset *ruleset;

	for (size_t i = 0; i < RULES; i++)
		random_rule(&rules[i], i + 1);
	assert_int_equal(ruleset_build(&parts, &ruleset), 0);
	for (size_t i = 0; i < RULES; i++)
		rule_done(&rules[i]);
	return ruleset;
}

static void test_concerning(void **state)
{
	uint32_t groups[] = {11, 12};

	(void)state;
	for (unsigned round = 0; round < ROUNDS; round++) {
		scope(ruleset_unref) struct ruleset *ruleset = NULL;
		struct subject subject = {.groups = groups};
		scope_free uint32_t *found = NULL;
		size_t count, next = 0;

		seed = round;
		ruleset = random_ruleset();
		subject.uid = 1 + pick(4);
		subject.gid = 10 + pick(3);
		subject.group_count = pick(3);
		subject.initial_userns = pick(4);
		subject.contained_userns = !subject.initial_userns && pick(2);
		assert_int_equal(ruleset_concerning(ruleset, &subject, &found, &count), 0);
		for (size_t i = 0; i < ruleset_count(ruleset); i++) {
			if (ruleset_at(ruleset, i)->effect == RULE_DENY ||
				!rule_may_concern(ruleset, i, &subject))
				continue;
			if (next == count || found[next] != i)
				fail_msg("round %u: rule %zu is left out", round, i + 1);
			next++;
		}
		assert_int_equal(next, count);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_concerning)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
