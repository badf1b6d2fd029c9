/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.c - how long a decision takes, in a loop: 10,000 distinct (user, groups, path) triples in
 * random order, nothing remembered from one to the next, each timed alone. Rules are of many kinds:
 * users, roles, groups, programs, units, hours, denies. As lines of JSON:
 *   decide RULES... | decide --print RULES   (their text, as `rules import` takes it; no roles)
 */
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "policy/decide.h"

#define USERS	       10000
#define ROLES	       1000
#define GROUPS	       1000
#define TEAMS	       200
#define MODELS	       50
#define TRIPLES	       10000
#define ROUNDS	       9 /* the median of each triple's times counts */
#define GROUPS_OF_USER 6

static uint64_t state = 88172645463325252ull;

static uint32_t pick(uint32_t below)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return (uint32_t)((state >> 11) % below);
}

static void die(const char *what)
{
	fprintf(stderr, "decide: %s\n", what);
	exit(1);
}

static void random_pattern(char *to, size_t size)
{
	switch (pick(8)) {
	case 0:
		snprintf(to, size, "'team%u/**'", pick(TEAMS));
		break;
	case 1:
		snprintf(to, size, "'team%u/*/config.json'", pick(TEAMS));
		break;
	case 2:
		snprintf(to, size, "'*.gguf%u'", pick(1000));
		break;
	case 3:
		snprintf(to, size, "team%u/model%u/weights%u", pick(TEAMS), pick(MODELS), pick(20));
		break;
	default:
		snprintf(to, size, "'team%u/model%u/**'", pick(TEAMS), pick(MODELS));
	}
}

/* Half are a user's, and every user has his share; the rest are of all kinds. */
static void random_line(uint32_t index, bool roles, char *line, size_t size)
{
	char pattern[64], subject[96];
	const char *end = "", *effect = "allow";

	random_pattern(pattern, sizeof(pattern));
	if (index % 2 == 0)
		snprintf(subject, sizeof(subject), "user:%u", 10000 + index / 2 % USERS);
	else if (index % 10 < 7)
		snprintf(subject, sizeof(subject), roles ? "role:r%u" : "group:%u",
			(roles ? 0 : 50000) + pick(ROLES));
	else if (index % 10 == 7)
		snprintf(subject, sizeof(subject), "group:%u", 50000 + pick(GROUPS));
	else if (index % 100 == 9)
		snprintf(subject, sizeof(subject), "exe:/usr/bin/tool%u", pick(50));
	else if (index % 100 == 19)
		snprintf(subject, sizeof(subject), "unit:service%u", pick(50));
	else
		snprintf(subject, sizeof(subject), "user:%u exe:/usr/bin/tool%u",
			10000 + pick(USERS), pick(50));
	if (index % 50 == 3)
		effect = "deny";
	if (index % 20 == 4)
		end = " --hours 09:00-18:00 --days mon-fri";
	snprintf(line, size, "%s %s read %s%s", effect, subject, pattern, end);
}

static struct rule *make_rules(size_t count)
{
	struct rule *rules = calloc(count, sizeof(*rules));
	char line[256];

	if (!rules)
		die("no memory");
	for (size_t i = 0; i < count; i++) {
		random_line((uint32_t)i, true, line, sizeof(line));
		if (rule_from_text(line, strlen(line), &rules[i]) < 0)
			die(line);
		rules[i].number = i + 1;
	}
	return rules;
}

/* Five roles for each user, some for groups: the same however many rules there are. */
static void make_members(struct role_members *members)
{
	char role[16], name[16];
	struct role_member member = {.role = role, .name = name};

	for (uint32_t i = 0; i < 5 * USERS; i++) {
		snprintf(role, sizeof(role), "r%u", pick(ROLES));
		member.kind = i % 50 ? WORD_USER : WORD_GROUP;
		member.number = i % 50 ? 10000 + i / 5 : 50000 + i / 50;
		snprintf(name, sizeof(name), "%u", member.number);
		if (role_members_add(members, &member) == -12)
			die("no memory");
	}
}

struct triple {
	struct subject subject;
	uint32_t groups[GROUPS_OF_USER];
	char path[48];
	uint32_t times[ROUNDS];
};

static int compare_ids(const void *a, const void *b)
{
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

	return (x > y) - (x < y);
}

static struct triple *make_triples(void)
{
	struct triple *triples = calloc(TRIPLES, sizeof(*triples));

	if (!triples)
		die("no memory");
	for (size_t i = 0; i < TRIPLES; i++) {
		struct triple *triple = &triples[i];

		for (size_t j = 0; j < GROUPS_OF_USER; j++)
			triple->groups[j] = 50000 + pick(GROUPS);
		qsort(triple->groups, GROUPS_OF_USER, sizeof(uint32_t), compare_ids);
		triple->subject = (struct subject){.uid = 10000 + pick(USERS),
			.gid = 50000 + pick(GROUPS),
			.groups = triple->groups,
			.group_count = GROUPS_OF_USER,
			.loginuid = SUBJECT_ID_UNKNOWN,
			.initial_userns = true};
		snprintf(triple->path, sizeof(triple->path), "team%u/model%u/weights%u",
			pick(TEAMS), pick(MODELS), pick(20));
	}
	return triples;
}

static uint64_t now(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC, &time);
	return (uint64_t)time.tv_sec * 1000000000u + (uint64_t)time.tv_nsec;
}

static uint64_t allowed;

static void ask(const struct ruleset *ruleset, struct triple *triple, int round)
{
	struct path_name name = {triple->path, strlen(triple->path)};
	struct question question = {.subject = &triple->subject,
		.names = &name,
		.name_count = 1,
		.permission = PERMISSION_READ};
	uint64_t begin;

	question_set_time(&question, 1790000000000000000 + round);
	begin = now();
	allowed += decide(ruleset, &question).verdict;
	triple->times[round] = (uint32_t)(now() - begin);
}

static void measure(size_t count)
{
	struct rule *rules = make_rules(count);
	struct role_members members = {0};
	struct triple *triples = make_triples();
	struct ruleset_parts parts = {.added = rules, .added_count = count, .members = &members};
	struct ruleset *ruleset, *next;
	uint32_t *medians = calloc(TRIPLES, sizeof(*medians));
	uint64_t begin;
	size_t before, bytes;
	double change_ms;

	if (!medians)
		die("no memory");
	make_members(&members);
	before = mallinfo2().uordblks;
	if (ruleset_build(&parts, &ruleset) < 0)
		die("the set cannot be built");
	bytes = mallinfo2().uordblks - before;
	for (int round = 0; round < ROUNDS; round++)
		for (size_t i = 0; i < TRIPLES; i++)
			ask(ruleset, &triples[(i * 7919 + (size_t)round * 13) % TRIPLES], round);
	for (size_t i = 0; i < TRIPLES; i++) {
		qsort(triples[i].times, ROUNDS, sizeof(uint32_t), compare_ids);
		medians[i] = triples[i].times[ROUNDS / 2];
	}
	qsort(medians, TRIPLES, sizeof(*medians), compare_ids);
	rules[0].number = count + 1;
	parts = (struct ruleset_parts){.base = ruleset, .added = rules, .added_count = 1};
	begin = now();
	if (ruleset_build(&parts, &next) < 0)
		die("the next set cannot be built");
	change_ms = (double)(now() - begin) / 1e6;
	printf("{\"rules\":%zu,\"users\":%d,\"roles\":%d,\"triples\":%d,\"median_ns\":%u,"
	       "\"p99_ns\":%u,\"allowed\":%.3f,\"set_bytes\":%zu,\"change_ms\":%.1f}\n",
		count, USERS, ROLES, TRIPLES, medians[TRIPLES / 2], medians[TRIPLES * 99 / 100],
		(double)allowed / (TRIPLES * ROUNDS), bytes, change_ms);
	allowed = 0;
	ruleset_unref(next);
	ruleset_unref(ruleset);
	role_members_done(&members);
	for (size_t i = 0; i < count; i++)
		rule_done(&rules[i]);
	free(rules);
	free(triples);
	free(medians);
}

int main(int argc, char **argv)
{
	bool print = argc > 1 && strcmp(argv[1], "--print") == 0;
	char line[256];

	for (int i = 1 + print; i < argc; i++) {
		size_t count = strtoul(argv[i], NULL, 10);

		if (!print) {
			measure(count);
			continue;
		}
		for (size_t j = 0; j < count; j++) {
			random_line((uint32_t)j, false, line, sizeof(line));
			puts(line);
		}
	}
	return 0;
}
