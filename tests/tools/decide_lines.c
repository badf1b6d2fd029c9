/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide_lines.c - asks decide() what lines on stdin say; for tests/tools/policy_lines.py. Fields
 * are separated by tabs: new                           forgets rules, members and settings zone
 * NAME                     the vault's time zone private                       names are hidden
 *   member ROLE user|group N
 *   rule N TEXT                   in the stored form
 *   ask UID GID GROUPS LOGINUID USERNS EXES UNSAFE UNIT TRUSTED SHA256 PERM NOW DISTRUSTED SPENT
 * NAME... GROUPS ascending, EXES and UNSAFE (paths of rules that name the executable), SPENT (rules
 * whose budget does not suffice): separated by commas. USERNS: own, contained, foreign. TRUSTED:
 * bytes of UNIT that count. SHA256: "-" when it cannot be had. Every `ask` is answered with
 * "allow|deny RULE REASON". The hash is given only when decide() wants it, as the gate does;
 * decide_traced() must agree.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "keystore/base/scope.h"
#include "policy/decide.h"

#define FIELDS_MAX 64

struct world {
	struct rule *rules;
	size_t count;
	struct role_members members;
	bool is_private;
	struct ruleset *ruleset; /* of all that; NULL: not built yet */
};

struct line {
	char *fields[FIELDS_MAX];
	size_t count;
	size_t number;
};

static void __attribute__((noreturn)) fail(const struct line *line, const char *what, int r)
{
	fprintf(stderr, "decide_lines: line %zu: %s: %s\n", line->number, what, strerror(-r));
	exit(1);
}

static const char *field(const struct line *line, size_t index)
{
	if (index >= line->count)
		fail(line, "too few fields", -EINVAL);
	return line->fields[index];
}

static uint64_t number(const struct line *line, size_t index)
{
	return strtoull(field(line, index), NULL, 10);
}

static void forget(struct world *world)
{
	for (size_t i = 0; i < world->count; i++)
		rule_done(&world->rules[i]);
	free(world->rules);
	role_members_done(&world->members);
	ruleset_unref(world->ruleset);
	*world = (struct world){0};
}

static void add_member(struct world *world, const struct line *line)
{
	struct role_member member = {.role = line->fields[1],
		.kind = strcmp(field(line, 2), "user") == 0 ? WORD_USER : WORD_GROUP,
		.number = (uint32_t)number(line, 3),
		.name = line->fields[3]};
	int r = role_members_add(&world->members, &member);

	if (r < 0)
		fail(line, "member", r);
}

static void add_rule(struct world *world, const struct line *line)
{
	scope_buffer struct buffer again = {0};
	const char *text = field(line, 2);
	int r;

	world->rules = reallocarray(world->rules, world->count + 1, sizeof(*world->rules));
	r = rule_from_text(text, strlen(text), &world->rules[world->count]);
	if (r < 0 || rule_to_text(&world->rules[world->count], &again) < 0)
		fail(line, text, r);
	if (strcmp(buffer_text(&again), text) != 0)
		fail(line, buffer_text(&again), -EUCLEAN);
	world->rules[world->count++].number = number(line, 1);
}

static void build(struct world *world, const struct line *line)
{
	struct ruleset_parts parts = {.added = world->rules,
		.added_count = world->count,
		.members = &world->members,
		.is_private = world->is_private};
	int r = ruleset_build(&parts, &world->ruleset);

	if (r < 0)
		fail(line, "the rules", r);
}

/* Is this text one of those that stand between commas? */
static bool is_listed(const char *text, const char *list)
{
	size_t len = strlen(text);

	while (list) {
		if (strncmp(list, text, len) == 0 && (list[len] == ',' || list[len] == '\0'))
			return len > 0;
		list = strchr(list, ',');
		list = list ? list + 1 : NULL;
	}
	return false;
}

static bool is_not_spent(void *arg, const struct rule *rule, uint32_t uid)
{
	char text[24];

	(void)uid;
	snprintf(text, sizeof(text), "%llu", (unsigned long long)rule->number);
	return !is_listed(text, arg);
}

static void read_subject(const struct line *line, struct subject *ret_subject)
{
	char *at = line->fields[3];

	*ret_subject = (struct subject){.uid = (uint32_t)number(line, 1),
		.gid = (uint32_t)number(line, 2),
		.loginuid = (uint32_t)number(line, 4),
		.initial_userns = strcmp(field(line, 5), "own") == 0,
		.contained_userns = strcmp(field(line, 5), "contained") == 0,
		.unit = line->fields[8],
		.pid = 1,
		.tid = 1};
	ret_subject->groups = calloc(FIELDS_MAX, sizeof(*ret_subject->groups));
	while (*at) {
		ret_subject->groups[ret_subject->group_count++] = (uint32_t)strtoull(at, &at, 10);
		at += *at == ',';
	}
}

static bool read_hash(const char *text, uint8_t ret_hash[32])
{
	for (size_t i = 0; i < 32; i++)
		if (sscanf(text + 2 * i, "%2hhx", &ret_hash[i]) != 1)
			return false;
	return true;
}

static enum permission permission_of(const struct line *line, const char *name)
{
	unsigned permissions;

	if (permissions_from_text(name, &permissions) < 0)
		fail(line, name, -EINVAL);
	return (enum permission)permissions;
}

static void ignore(void *arg, const struct consideration *consideration)
{
	(void)arg;
	(void)consideration;
}

static struct decision decide_both(
	const struct line *line, const struct ruleset *ruleset, const struct question *question)
{
	struct decision decision = decide(ruleset, question);
	struct decision traced = decide_traced(ruleset, question, ignore, NULL);

	if (decision.verdict != traced.verdict || decision.rule != traced.rule ||
		decision.reason != traced.reason || decision.wants_hash != traced.wants_hash)
		fail(line, "decide and decide_traced differ", -EINVAL);
	return decision;
}

/* Of the rules' paths that are in the list. */
static uint32_t *indexes_of(const struct ruleset *ruleset, const char *list, size_t *ret_count)
{
	uint32_t *indexes = calloc(ruleset_exe_count(ruleset) + 1, sizeof(*indexes));
	size_t count = 0;

	for (size_t i = 0; i < ruleset_exe_count(ruleset); i++)
		if (is_listed(ruleset_exe_path(ruleset, i), list))
			indexes[count++] = (uint32_t)i;
	*ret_count = count;
	return indexes;
}

static void ask(struct world *world, const struct line *line)
{
	scope_free uint32_t *exes = NULL, *unsafe_exes = NULL;
	struct path_name names[FIELDS_MAX];
	struct subject subject;
	uint8_t hash[32];
	struct surroundings known = {.trusted_unit_len = number(line, 9)};
	struct budget_view budgets = {is_not_spent, line->fields[14]};
	struct question question = {.subject = &subject,
		.names = names,
		.permission = permission_of(line, field(line, 11)),
		.now_ns = (int64_t)number(line, 12),
		.clock_distrusted = number(line, 13),
		.budgets = &budgets,
		.surroundings = &known};
	struct decision decision;

	field(line, 15);
	read_subject(line, &subject);
	if (!world->ruleset)
		build(world, line);
	exes = indexes_of(world->ruleset, field(line, 6), &known.exe_count);
	unsafe_exes = indexes_of(world->ruleset, field(line, 7), &known.unsafe_exe_count);
	known.exes = exes;
	known.unsafe_exes = unsafe_exes;
	for (size_t i = 15; i < line->count; i++)
		names[question.name_count++] =
			(struct path_name){line->fields[i], strlen(line->fields[i])};
	time_zone_local(question.now_ns, &question.local);
	decision = decide_both(line, world->ruleset, &question);
	if (decision.wants_hash) {
		known.hash_failed = !read_hash(field(line, 10), hash);
		known.sha256 = known.hash_failed ? NULL : hash;
		decision = decide_both(line, world->ruleset, &question);
		if (decision.wants_hash)
			fail(line, "it wants a hash that it has", -EINVAL);
	}
	printf("%s %llu %s\n", decision.verdict == VERDICT_ALLOW ? "allow" : "deny",
		(unsigned long long)decision.rule, reason_word(decision.reason));
	free(subject.groups);
}

static void tell_when(struct world *world, const struct line *line)
{
	int64_t now_ns = (int64_t)number(line, 1);
	struct local_time local;

	if (!world->ruleset)
		build(world, line);
	time_zone_local(now_ns, &local);
	printf("%lld", (long long)ruleset_next_change(world->ruleset, now_ns));
	for (int period = 0; period < PERIOD_COUNT; period++)
		printf(" %lld", (long long)rule_period_number((enum rule_period)period, &local));
	printf("\n");
}

static void obey(struct world *world, const struct line *line)
{
	const char *verb = field(line, 0);

	if (strcmp(verb, "ask") == 0) {
		ask(world, line);
	} else if (strcmp(verb, "when") == 0) {
		tell_when(world, line);
	} else if (strcmp(verb, "new") == 0) {
		forget(world);
	} else if (strcmp(verb, "private") == 0) {
		world->is_private = true;
	} else if (strcmp(verb, "member") == 0) {
		add_member(world, line);
	} else if (strcmp(verb, "rule") == 0) {
		add_rule(world, line);
	} else if (strcmp(verb, "zone") == 0) {
		int r = time_zone_set(field(line, 1));

		if (r < 0)
			fail(line, line->fields[1], r);
	} else {
		fail(line, verb, -EINVAL);
	}
}

int main(void)
{
	struct world world = {0};
	struct line line = {0};
	char *text = NULL;
	size_t size = 0;

	while (getline(&text, &size, stdin) > 0) {
		char *rest = text;

		text[strcspn(text, "\n")] = '\0';
		line.number++;
		for (line.count = 0; rest && line.count < FIELDS_MAX; line.count++)
			line.fields[line.count] = strsep(&rest, "\t");
		obey(&world, &line);
	}
	forget(&world);
	free(text);
	return 0;
}
