/* SPDX-License-Identifier: Apache-2.0 */
/* test_decide.c - the decision: known cases, and thousands of random ones against a naive one. */
#include "policy/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/path_pattern.h"

#define RULES_MAX 12

struct rule_list_text {
	struct rule rules[RULES_MAX];
	size_t count;
};

static void rules_done(struct rule_list_text *list)
{
	for (size_t i = 0; i < list->count; i++)
		rule_done(&list->rules[i]);
}

/* Numbered from 1 in the order given; NULL ends. */
static struct ruleset *compile(const char *const *lines)
{
	__attribute__((cleanup(rules_done))) struct rule_list_text list = {0};
	struct ruleset *ruleset;

	for (; lines[list.count]; list.count++) {
		const char *line = lines[list.count];
		struct rule *rule = &list.rules[list.count];

		if (rule_from_text(line, strlen(line), rule) < 0)
			fail_msg("%s", line);
		rule->number = list.count + 1;
	}
	assert_int_equal(ruleset_new(list.rules, list.count, &ruleset), 0);
	return ruleset;
}

static const char *const known_rules[] = {
	"allow user:1 read 'llama/**'",		   /* 1 */
	"allow group:20 read,write 'shared/**'",   /* 2 */
	"deny user:2 read 'shared/secret/**'",	   /* 3 */
	"allow user:3 user:4 group:30 read 'x/*'", /* 4 */
	"allow any read 'public/**'",		   /* 5 */
	"deny any list 'hidden/**'",		   /* 6 */
	"allow user:1 read 'a/*'",		   /* 7 */
	"deny user:1 read 'a/bad'",		   /* 8 */
	"allow user:1 list 'shown'",		   /* 9 */
	NULL,
};

static const struct {
	uint32_t uid, gid, group;
	enum permission permission;
	const char *names[3];
	enum verdict verdict;
	uint64_t rule;
	enum reason reason;
} known[] = {
	{1, 1, 0, PERMISSION_READ, {"llama/x"}, VERDICT_ALLOW, 1, REASON_RULE_ALLOW},
	{1, 1, 0, PERMISSION_WRITE, {"llama/x"}, VERDICT_DENY, 0, REASON_NO_RULE},
	{2, 1, 0, PERMISSION_READ, {"llama/x"}, VERDICT_DENY, 0, REASON_NO_RULE},
	{0, 0, 0, PERMISSION_READ, {"llama/x"}, VERDICT_DENY, 0, REASON_NO_RULE},
	{2, 20, 0, PERMISSION_READ, {"shared/x"}, VERDICT_ALLOW, 2, REASON_RULE_ALLOW},
	{2, 1, 20, PERMISSION_READ, {"shared/x"}, VERDICT_ALLOW, 2, REASON_RULE_ALLOW},
	{2, 1, 20, PERMISSION_READ, {"shared/secret/x"}, VERDICT_DENY, 3, REASON_RULE_DENY},
	{2, 1, 20, PERMISSION_WRITE, {"shared/secret/x"}, VERDICT_ALLOW, 2, REASON_RULE_ALLOW},
	{3, 1, 30, PERMISSION_READ, {"x/y"}, VERDICT_ALLOW, 4, REASON_RULE_ALLOW},
	{3, 1, 31, PERMISSION_READ, {"x/y"}, VERDICT_DENY, 0, REASON_NO_RULE},
	{5, 30, 30, PERMISSION_READ, {"x/y"}, VERDICT_DENY, 0, REASON_NO_RULE},
	{9, 9, 9, PERMISSION_READ, {"public"}, VERDICT_ALLOW, 5, REASON_RULE_ALLOW},
	/* Hard links: an allow for every name, by one rule or by several; a deny for any. */
	{1, 1, 0, PERMISSION_READ, {"llama/x", "public/x"}, VERDICT_ALLOW, 1, REASON_RULE_ALLOW},
	{1, 1, 0, PERMISSION_READ, {"public/x", "llama/x"}, VERDICT_ALLOW, 5, REASON_RULE_ALLOW},
	{1, 1, 0, PERMISSION_READ, {"llama/x", "other"}, VERDICT_DENY, 0, REASON_NO_RULE},
	{1, 1, 0, PERMISSION_READ, {"llama/x", "a/y", "a/bad"}, VERDICT_DENY, 8, REASON_RULE_DENY},
	{9, 9, 0, PERMISSION_LIST, {"llama/x"}, VERDICT_ALLOW, 0, REASON_DEFAULT_LIST},
	{9, 9, 0, PERMISSION_LIST, {"hidden"}, VERDICT_DENY, 6, REASON_RULE_DENY},
	{9, 9, 0, PERMISSION_LIST, {"x", "hidden/x"}, VERDICT_DENY, 6, REASON_RULE_DENY},
	{1, 9, 0, PERMISSION_LIST, {"shown"}, VERDICT_ALLOW, 9, REASON_RULE_ALLOW},
	{UINT32_MAX, 9, 0, PERMISSION_READ, {"public/x"}, VERDICT_DENY, 0, REASON_UID_UNKNOWN},
	{UINT32_MAX, 9, 0, PERMISSION_LIST, {"x"}, VERDICT_DENY, 0, REASON_UID_UNKNOWN},
	{1, 1, 0, PERMISSION_READ | PERMISSION_LIST, {"llama/x"}, VERDICT_DENY, 0,
		REASON_SERVER_ERROR},
	{1, 1, 0, 0, {"llama/x"}, VERDICT_DENY, 0, REASON_SERVER_ERROR},
	{1, 1, 0, PERMISSION_READ, {NULL}, VERDICT_DENY, 0, REASON_SERVER_ERROR},
};

static void test_known(void **state)
{
	scope(ruleset_unref) struct ruleset *ruleset = compile(known_rules);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		uint32_t group = known[i].group;
		struct subject subject = {.uid = known[i].uid,
			.gid = known[i].gid,
			.groups = &group,
			.group_count = 1,
			.initial_userns = true};
		struct path_name names[3];
		struct question question = {
			.subject = &subject, .names = names, .permission = known[i].permission};
		struct decision decision;

		while (question.name_count < 3 && known[i].names[question.name_count]) {
			const char *path = known[i].names[question.name_count];

			names[question.name_count++] = (struct path_name){path, strlen(path)};
		}
		decision = decide(ruleset, &question);
		if (decision.verdict != known[i].verdict || decision.rule != known[i].rule ||
			decision.reason != known[i].reason)
			fail_msg("case %zu: %d %d %s", i, decision.verdict, (int)decision.rule,
				reason_word(decision.reason));
		subject.initial_userns = false;
		assert_int_equal(decide(ruleset, &question).verdict, VERDICT_DENY);
	}
}

static unsigned seed;

static unsigned pick(unsigned below)
{
	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % below;
}

static const char *const patterns[] = {
	"'**'", "'a/**'", "'a/*'", "'*.x'", "a/b.x", "b", "'**/b/**'"};
static const char *const paths[] = {"a", "b", "a/b.x", "a/b", "c/b/d", "c.x", "a/b/c.x"};
static const char *const permission_texts[] = {"read", "list", "read,write", "write,list"};

static void random_rule(struct rule *rule)
{
	char line[256] = "";
	size_t len = 0;

	len += snprintf(line, sizeof(line), "%s", pick(3) ? "allow" : "deny");
	if (pick(6) == 0)
		len += snprintf(line + len, sizeof(line) - len, " any");
	else
		for (unsigned words = 1 + pick(3); words; words--)
			len += snprintf(line + len, sizeof(line) - len, " %s:%u",
				pick(2) ? "user" : "group", pick(4));
	snprintf(line + len, sizeof(line) - len, " %s %s",
		permission_texts[pick(ARRAY_SIZE(permission_texts))],
		patterns[pick(ARRAY_SIZE(patterns))]);
	assert_int_equal(rule_from_text(line, strlen(line), rule), 0);
}

static bool naive_subject(const struct rule *rule, const struct subject *subject)
{
	bool users = false, user = false, groups = false, group = false;

	for (size_t i = 0; i < rule->word_count; i++) {
		const struct subject_word *word = &rule->words[i];

		if (word->kind == WORD_USER) {
			users = true;
			user |= word->number == subject->uid;
		} else if (word->kind == WORD_GROUP) {
			groups = true;
			group |= word->number == subject->gid;
			for (size_t j = 0; j < subject->group_count; j++)
				group |= word->number == subject->groups[j];
		}
	}
	return (!users || user) && (!groups || group);
}

static bool naive_applies(
	const struct rule *rule, const struct question *question, const struct path_name *name)
{
	scope(path_pattern_free) struct path_pattern *pattern = NULL;

	assert_int_equal(path_pattern_new(rule->pattern, rule->pattern_len, &pattern, NULL), 0);
	return (rule->permissions & question->permission) &&
	       naive_subject(rule, question->subject) &&
	       path_pattern_matches(pattern, name->path, name->len);
}

/* The lowest number of the effect that applies to the name; 0: none. */
static uint64_t naive_lowest(const struct rule_list_text *list, enum rule_effect effect,
	const struct question *question, const struct path_name *name)
{
	uint64_t lowest = 0;

	for (size_t i = 0; i < list->count; i++) {
		const struct rule *rule = &list->rules[i];

		if (rule->effect == effect && naive_applies(rule, question, name) &&
			(lowest == 0 || rule->number < lowest))
			lowest = rule->number;
	}
	return lowest;
}

static struct decision naive_decide(
	const struct rule_list_text *list, const struct question *question)
{
	uint64_t deny = 0, first = 0;
	bool all = true;

	for (size_t i = 0; i < question->name_count; i++) {
		uint64_t rule = naive_lowest(list, RULE_DENY, question, &question->names[i]);

		if (rule && (deny == 0 || rule < deny))
			deny = rule;
		rule = naive_lowest(list, RULE_ALLOW, question, &question->names[i]);
		all &= rule != 0;
		if (i == 0)
			first = rule;
	}
	if (deny)
		return (struct decision){VERDICT_DENY, deny, REASON_RULE_DENY};
	if (all)
		return (struct decision){VERDICT_ALLOW, first, REASON_RULE_ALLOW};
	if (question->permission == PERMISSION_LIST)
		return (struct decision){VERDICT_ALLOW, 0, REASON_DEFAULT_LIST};
	return (struct decision){VERDICT_DENY, 0, REASON_NO_RULE};
}

static bool same(struct decision a, struct decision b)
{
	return a.verdict == b.verdict && a.rule == b.rule && a.reason == b.reason;
}

struct trace {
	size_t count;
	uint64_t last;
	uint64_t lowest_deny;
};

static void note(void *arg, const struct consideration *consideration)
{
	struct trace *trace = arg;

	assert_true(consideration->rule->number > trace->last);
	trace->last = consideration->rule->number;
	trace->count++;
	if (consideration->rule->effect == RULE_DENY && trace->lowest_deny == 0 &&
		consideration->permission_matches && consideration->subject_matches &&
		consideration->path_matches)
		trace->lowest_deny = trace->last;
}

static void ask(
	const struct rule_list_text *list, const struct ruleset *ruleset, unsigned counts[4])
{
	uint32_t groups[2] = {pick(3), 3};
	struct subject subject = {.uid = pick(5),
		.gid = pick(5),
		.groups = groups,
		.group_count = pick(3),
		.initial_userns = true};
	struct path_name names[3];
	struct question question = {.subject = &subject,
		.names = names,
		.name_count = 1 + pick(3),
		.permission = 1u << pick(PERMISSION_COUNT)};
	struct decision decision, expected;
	struct trace trace = {0};

	for (size_t i = 0; i < question.name_count; i++) {
		const char *path = paths[pick(ARRAY_SIZE(paths))];

		names[i] = (struct path_name){path, strlen(path)};
	}
	decision = decide(ruleset, &question);
	expected = naive_decide(list, &question);
	if (!same(decision, expected))
		fail_msg("seed %u: rule %d %s, not %d %s", seed, (int)decision.rule,
			reason_word(decision.reason), (int)expected.rule,
			reason_word(expected.reason));
	assert_true(same(decide_traced(ruleset, &question, note, &trace), decision));
	assert_int_equal(trace.count, list->count);
	assert_int_equal(
		trace.lowest_deny, decision.reason == REASON_RULE_DENY ? decision.rule : 0);
	counts[decision.reason == REASON_RULE_DENY     ? 0
		: decision.reason == REASON_RULE_ALLOW ? 1
		: decision.reason == REASON_NO_RULE    ? 2
						       : 3]++;
}

static void test_random(void **state)
{
	unsigned counts[4] = {0};

	(void)state;
	seed = 4711;
	for (int i = 0; i < 5000; i++) {
		__attribute__((cleanup(rules_done))) struct rule_list_text list = {0};
		scope(ruleset_unref) struct ruleset *ruleset = NULL;
		size_t count = pick(RULES_MAX);

		/* Numbers descend and have gaps: order must come from the number. */
		for (; list.count < count; list.count++) {
			random_rule(&list.rules[list.count]);
			list.rules[list.count].number = 1000 - 7 * list.count;
		}
		assert_int_equal(ruleset_new(list.rules, list.count, &ruleset), 0);
		for (int j = 0; j < 10; j++)
			ask(&list, ruleset, counts);
	}
	for (int i = 0; i < 4; i++)
		assert_true(counts[i] > 1000);
}

static void test_ruleset(void **state)
{
	scope(ruleset_unref) struct ruleset *ruleset = compile(known_rules);
	scope(ruleset_unref) struct ruleset *empty = NULL;
	struct rule twice[2] = {0}, wordless = {.pattern = (char[]){"x"}, .pattern_len = 1};

	(void)state;
	assert_int_equal(ruleset_count(ruleset), 9);
	assert_int_equal(ruleset_find(ruleset, 4)->number, 4);
	assert_null(ruleset_find(ruleset, 10));
	assert_null(ruleset_find(ruleset, 0));
	assert_null(ruleset_at(ruleset, 9));
	assert_true(ruleset_hides_names(ruleset));
	assert_true(ruleset_allows_anything(ruleset));
	assert_int_equal(ruleset_new(NULL, 0, &empty), 0);
	assert_false(ruleset_hides_names(empty));
	assert_false(ruleset_allows_anything(empty));
	assert_int_equal(ruleset_new(&wordless, 1, &empty), -22);
	for (int i = 0; i < 2; i++)
		assert_int_equal(rule_from_text("allow any read x", 16, &twice[i]), 0);
	assert_int_equal(ruleset_new(twice, 2, &empty), -22);
	rule_done(&twice[0]);
	rule_done(&twice[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_ruleset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
