/* SPDX-License-Identifier: Apache-2.0 */
/* test_decide.c - the decision: known cases, and thousands of random ones against a naive one. */
#include "policy/decide.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "policy/path_pattern.h"
#include "policy/surroundings.h"

#define RULES_MAX 24

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
		return (struct decision){VERDICT_DENY, deny, REASON_RULE_DENY, false};
	if (all)
		return (struct decision){VERDICT_ALLOW, first, REASON_RULE_ALLOW, false};
	if (question->permission == PERMISSION_LIST)
		return (struct decision){VERDICT_ALLOW, 0, REASON_DEFAULT_LIST, false};
	return (struct decision){VERDICT_DENY, 0, REASON_NO_RULE, false};
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
		consideration->obstacle == OBSTACLE_NONE)
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
		size_t count = pick(12);

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

/* What is around user 1 of group 20; 0 is nothing. */
struct scene {
	const char *unit;
	size_t trusted;
	int exe, unsafe_exe; /* 1: the first path of the set, in order */
	int sha256;	     /* the byte that it is made of */
	bool hash_failed, contained, clock_distrusted, used_up;
	uint32_t loginuid;
	int64_t now_s;
};

static const char *const deep_rules[] = {
	"allow user:1 exe:/b/cat read exe", /* 1 */
	"allow sha256:"
	"0101010101010101010101010101010101010101010101010101010101010101 read sha",	   /* 2 */
	"allow unit:'infer*' read unit",						   /* 3 */
	"allow loginuid:7 read login",							   /* 4 */
	"allow userns:contained unit:pod read,list pod",				   /* 5 */
	"allow user:1 read time --from 1970-01-01T00:10:00Z --until 1970-01-01T00:20:00Z", /* 6 */
	"allow user:1 read hours --hours 00:10-00:20",					   /* 7 */
	"allow user:1 read budget --max-opens 1/day",					   /* 8 */
	"deny exe:/a/tar read both",							   /* 9 */
	"deny sha256:"
	"0202020202020202020202020202020202020202020202020202020202020202 read both", /* 10 */
	"deny unit:bad read both",						      /* 11 */
	"allow any read both",							      /* 12 */
	"learn user:1 read taught",						      /* 13 */
	"deny any read closed",							      /* 14 */
	"allow userns:contained unit:pod read closed",				      /* 15 */
	"allow role:crew read crew",						      /* 16 */
	"deny user:1 read time --from 1970-01-01T00:30:00Z",			      /* 17 */
	NULL,
};

static const struct {
	struct scene scene;
	const char *path;
	uint64_t rule;
	enum reason reason; /* REASON_RULE_ALLOW and REASON_LEARNED allow */
	bool wants_hash;
} deep[] = {
	{{NULL}, "exe", 0, REASON_EXE_DIFFERS, false},
	{{.exe = 1}, "exe", 0, REASON_EXE_DIFFERS, false},
	{{.exe = 2}, "exe", 1, REASON_RULE_ALLOW, false},
	{{.unsafe_exe = 2}, "exe", 0, REASON_EXE_DIFFERS, false},
	{{.sha256 = 1}, "sha", 2, REASON_RULE_ALLOW, false},
	{{.sha256 = 3}, "sha", 0, REASON_HASH_DIFFERS, false},
	{{NULL}, "sha", 0, REASON_HASH_UNKNOWN, true},
	{{.hash_failed = true}, "sha", 0, REASON_HASH_UNKNOWN, false},
	{{.unit = "system.slice/infer.service/x", .trusted = 26}, "unit", 3, REASON_RULE_ALLOW,
		false},
	{{.unit = "system.slice/infer.service/x", .trusted = 12}, "unit", 0, REASON_UNIT_DIFFERS,
		false},
	{{.unit = "user.slice/mine/infer", .trusted = 10}, "unit", 0, REASON_UNIT_DIFFERS, false},
	{{NULL}, "unit", 0, REASON_UNIT_DIFFERS, false},
	{{.loginuid = 7}, "login", 4, REASON_RULE_ALLOW, false},
	{{NULL}, "login", 0, REASON_NO_RULE, false},
	{{.contained = true, .unit = "pod/c", .trusted = 5}, "pod", 5, REASON_RULE_ALLOW, false},
	{{.contained = true, .unit = "pod/c", .trusted = 2}, "pod", 0, REASON_USER_NAMESPACE,
		false},
	{{.contained = true, .unit = "x", .trusted = 1, .exe = 2}, "exe", 0, REASON_USER_NAMESPACE,
		false},
	{{.contained = true, .unit = "pod", .trusted = 3}, "both", 0, REASON_USER_NAMESPACE, false},
	{{.contained = true, .unit = "pod", .trusted = 3}, "closed", 14, REASON_RULE_DENY, false},
	{{.unit = "pod", .trusted = 3}, "pod", 0, REASON_NO_RULE, false},
	{{.now_s = 599}, "time", 0, REASON_NOT_YET, false},
	{{.now_s = 600}, "time", 6, REASON_RULE_ALLOW, false},
	{{.now_s = 1199}, "time", 6, REASON_RULE_ALLOW, false},
	{{.now_s = 1200}, "time", 0, REASON_EXPIRED, false},
	{{.now_s = 1800}, "time", 17, REASON_RULE_DENY, false},
	{{.now_s = 600, .clock_distrusted = true}, "time", 0, REASON_CLOCK_STEP, false},
	{{.now_s = 1800, .clock_distrusted = true}, "time", 17, REASON_RULE_DENY, false},
	{{.clock_distrusted = true}, "both", 12, REASON_RULE_ALLOW, true},
	{{.now_s = 1199}, "hours", 7, REASON_RULE_ALLOW, false},
	{{.now_s = 1200}, "hours", 0, REASON_OUTSIDE_HOURS, false},
	{{.now_s = 86400 + 600}, "hours", 7, REASON_RULE_ALLOW, false},
	{{NULL}, "budget", 8, REASON_RULE_ALLOW, false},
	{{.used_up = true}, "budget", 0, REASON_OVER_BUDGET, false},
	{{.clock_distrusted = true}, "budget", 0, REASON_CLOCK_STEP, false},
	{{.sha256 = 3}, "both", 12, REASON_RULE_ALLOW, false},
	{{.sha256 = 2}, "both", 10, REASON_RULE_DENY, false},
	{{.hash_failed = true}, "both", 10, REASON_RULE_DENY, false},
	{{.sha256 = 3, .exe = 1}, "both", 9, REASON_RULE_DENY, false},
	{{.sha256 = 3, .unsafe_exe = 1}, "both", 9, REASON_RULE_DENY, false},
	{{.sha256 = 3, .unit = "a/bad/b", .trusted = 0}, "both", 11, REASON_RULE_DENY, false},
	{{NULL}, "taught", 13, REASON_LEARNED, false},
	{{NULL}, "crew", 16, REASON_RULE_ALLOW, false},
};

static bool suffices(void *arg, const struct rule *rule, uint32_t uid)
{
	assert_int_equal(uid, 1);
	assert_int_equal(rule->number, 8);
	return !((const struct scene *)arg)->used_up;
}

static void fill_scene(const struct scene *scene, struct looked_at *looked)
{
	struct surroundings *around = &looked->surroundings;

	*looked = (struct looked_at){.surroundings = {.trusted_unit_len = scene->trusted,
					     .hash_failed = scene->hash_failed}};
	looked->exes[0] = (uint32_t)scene->exe - 1;
	looked->exes[1] = (uint32_t)scene->unsafe_exe - 1;
	around->exes = &looked->exes[0];
	around->exe_count = scene->exe > 0;
	around->unsafe_exes = &looked->exes[1];
	around->unsafe_exe_count = scene->unsafe_exe > 0;
	memset(looked->sha256, scene->sha256, sizeof(looked->sha256));
	around->sha256 = scene->sha256 > 0 ? looked->sha256 : NULL;
}

static struct ruleset *compile_with_crew(const char *const *lines, bool is_private)
{
	scope(ruleset_unref) struct ruleset *plain = compile(lines);
	struct role_members members = {0};
	const struct role_member crew = {(char[]){"crew"}, WORD_GROUP, 20, (char[]){"20"}};
	struct ruleset_parts parts = {.base = plain, .members = &members, .is_private = is_private};
	struct ruleset *ruleset;

	assert_int_equal(role_members_add(&members, &crew), 0);
	assert_int_equal(ruleset_build(&parts, &ruleset), 0);
	role_members_done(&members);
	return ruleset;
}

static void test_deep(void **state)
{
	scope(ruleset_unref) struct ruleset *ruleset = compile_with_crew(deep_rules, false);

	(void)state;
	assert_string_equal(ruleset_exe_path(ruleset, 0), "/a/tar");
	assert_string_equal(ruleset_exe_path(ruleset, 1), "/b/cat");
	assert_null(ruleset_exe_path(ruleset, 2));
	for (size_t i = 0; i < ARRAY_SIZE(deep); i++) {
		const struct scene *scene = &deep[i].scene;
		struct subject subject = {.uid = 1,
			.gid = 20,
			.loginuid = scene->loginuid ? scene->loginuid : UINT32_MAX,
			.unit = (char *)(uintptr_t)scene->unit,
			.initial_userns = !scene->contained,
			.contained_userns = scene->contained};
		struct path_name name = {deep[i].path, strlen(deep[i].path)};
		struct budget_view budgets = {suffices, (void *)(uintptr_t)scene};
		struct looked_at looked;
		struct question question = {.subject = &subject,
			.names = &name,
			.name_count = 1,
			.permission = PERMISSION_READ,
			.clock_distrusted = scene->clock_distrusted,
			.budgets = &budgets,
			.surroundings = &looked.surroundings};
		struct decision decision;

		fill_scene(scene, &looked);
		question_set_time(&question, (scene->now_s ? scene->now_s : 1000) * 1000000000LL);
		decision = decide(ruleset, &question);
		if (decision.rule != deep[i].rule || decision.reason != deep[i].reason ||
			decision.wants_hash != deep[i].wants_hash ||
			decision.verdict != (deep[i].reason == REASON_RULE_ALLOW ||
						    deep[i].reason == REASON_LEARNED))
			fail_msg("case %zu (%s): rule %d %s%s", i, deep[i].path, (int)decision.rule,
				reason_word(decision.reason), decision.wants_hash ? " hash" : "");
	}
}

/* In a private vault only what a rule allows has a name. */
static void test_private(void **state)
{
	scope(ruleset_unref) struct ruleset *ruleset = compile_with_crew(known_rules, true);
	static const struct {
		const char *path;
		enum verdict verdict;
		uint64_t rule;
		enum reason reason;
	} cases[] = {
		{"llama/x", VERDICT_ALLOW, 1, REASON_RULE_ALLOW},
		{"nothing", VERDICT_DENY, 0, REASON_PRIVATE_LIST},
		{"hidden/x", VERDICT_DENY, 6, REASON_RULE_DENY},
		{"shown", VERDICT_ALLOW, 9, REASON_RULE_ALLOW},
	};
	struct subject subject = {.uid = 1, .gid = 1, .initial_userns = true};

	(void)state;
	assert_true(ruleset_is_private(ruleset) && ruleset_hides_names(ruleset));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct path_name name = {cases[i].path, strlen(cases[i].path)};
		struct question question = {.subject = &subject,
			.names = &name,
			.name_count = 1,
			.permission = PERMISSION_LIST};
		struct decision decision = decide(ruleset, &question);

		assert_int_equal(decision.verdict, cases[i].verdict);
		assert_int_equal(decision.rule, cases[i].rule);
		assert_int_equal(decision.reason, cases[i].reason);
	}
}

/* Rules that stay are the same ones, and numbers that go are gone. */
static void test_build(void **state)
{
	scope(ruleset_unref) struct ruleset *base = compile(known_rules);
	scope(ruleset_unref) struct ruleset *next = NULL;
	const uint64_t removed[] = {1, 5};
	scope_rule struct rule rule = {0};
	struct ruleset_parts parts = {.base = base, .removed = removed, .removed_count = 2};

	(void)state;
	assert_int_equal(rule_from_text("allow user:1 read new", 21, &rule), 0);
	rule.number = 10;
	parts.added = &rule;
	parts.added_count = 1;
	assert_int_equal(ruleset_build(&parts, &next), 0);
	assert_int_equal(ruleset_count(next), 8);
	assert_null(ruleset_find(next, 1));
	assert_null(ruleset_find(next, 5));
	assert_ptr_equal(ruleset_find(next, 2), ruleset_find(base, 2));
	assert_string_equal(ruleset_find(next, 10)->pattern, "new");
	rule.number = 2;
	assert_int_equal(ruleset_build(&parts, &next), -22);
}

/* Long lists are searched another way than short ones. */
static void test_long_lists(void **state)
{
	struct rule rules[300] = {0};
	scope(ruleset_unref) struct ruleset *ruleset = NULL;
	struct subject subject = {.uid = 1, .gid = 1, .initial_userns = true};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++) {
		char line[64];
		static const char *const ends[] = {"d%zu/**'", "*.%zu'", "d%zu/x/y'", "d%zu/*/y'"};
		int len = snprintf(line, sizeof(line), "allow user:1 read '");

		snprintf(line + len, sizeof(line) - (size_t)len, ends[i % 4], i / 4);
		assert_int_equal(rule_from_text(line, strlen(line), &rules[i]), 0);
		rules[i].number = i + 1;
	}
	assert_int_equal(ruleset_new(rules, ARRAY_SIZE(rules), &ruleset), 0);
	for (size_t i = 0; i < ARRAY_SIZE(rules) / 4; i++) {
		char paths_of[4][32];
		const uint64_t expected[] = {4 * i + 1, 4 * i + 2, 4 * i + 1, 4 * i + 1};

		snprintf(paths_of[0], 32, "d%zu", i);
		snprintf(paths_of[1], 32, "z/z.%zu", i);
		snprintf(paths_of[2], 32, "d%zu/x/y", i);
		snprintf(paths_of[3], 32, "d%zu/q/y", i);
		for (int j = 0; j < 4; j++) {
			struct path_name name = {paths_of[j], strlen(paths_of[j])};
			struct question question = {.subject = &subject,
				.names = &name,
				.name_count = 1,
				.permission = PERMISSION_READ};

			assert_int_equal(decide(ruleset, &question).rule, expected[j]);
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		rule_done(&rules[i]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_known),
		cmocka_unit_test(test_random),
		cmocka_unit_test(test_ruleset),
		cmocka_unit_test(test_deep),
		cmocka_unit_test(test_private),
		cmocka_unit_test(test_build),
		cmocka_unit_test(test_long_lists),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
