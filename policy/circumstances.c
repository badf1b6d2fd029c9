/* SPDX-License-Identifier: Apache-2.0 */
/* circumstances.c - questions about callers who are not there. */
#include "policy/circumstances.h"

#include <errno.h>

#include "keystore/base/clock.h"
#include "policy/decide_match.h"
#include "policy/rule_condition_private.h"

void supposed_at(
	struct supposed *supposed, const struct circumstances *circumstances, int64_t now_ns)
{
	question_set_time(&supposed->question, now_ns);
	/* Only reading is counted. */
	if (!circumstances->usage || circumstances->permission != PERMISSION_READ)
		return;
	usage_ask(circumstances->usage, circumstances->size, &supposed->question.local,
		&supposed->usage);
	supposed->question.budgets = &supposed->usage.view;
}

void circumstances_suppose(const struct ruleset *ruleset, const struct circumstances *circumstances,
	struct supposed *ret_supposed)
{
	struct surroundings *around = &ret_supposed->looked.surroundings;

	ret_supposed->question = (struct question){
		.subject = &circumstances->subject,
		.names = circumstances->names,
		.name_count = circumstances->name_count,
		.permission = circumstances->permission,
		.clock_distrusted = circumstances->clock_distrusted,
		.surroundings = around,
	};
	surroundings_look(ruleset, &circumstances->subject, NULL, &ret_supposed->looked);
	/* A content that nobody named is not known; that is no failure to hash it. */
	around->hash_failed = circumstances->hash_failed;
	around->sha256 = circumstances->sha256;
	supposed_at(ret_supposed, circumstances, circumstances->now_ns);
}

/* A word, and the rule that it is of. */
struct choice {
	const struct compiled_rule *compiled;
	size_t at;
};

/* How many words of the kind the rules have; the nth, if there is one, in ret_nth. */
static size_t words_of_kind(const struct ruleset *ruleset, const struct rules_together *rules,
	enum subject_word_kind kind, size_t nth, struct choice *ret_nth)
{
	size_t count = 0;

	for (size_t i = 0; i < rules->count; i++) {
		const struct compiled_rule *compiled = ruleset_compiled(ruleset, rules->index[i]);

		for (size_t at = 0; at < compiled->rule.word_count; at++)
			if (compiled->rule.words[at].kind == kind && count++ == nth)
				*ret_nth = (struct choice){compiled, at};
	}
	return count;
}

static int meet_exe(struct circumstances *circumstances, const char *path)
{
	struct exe_file file;
	int r = exe_path_resolve(path, &file, NULL);

	if (r < 0)
		return r == -EPERM ? r : -ESRCH;
	circumstances->subject.exe = (char *)(uintptr_t)path;
	circumstances->subject.exe_dev = file.dev;
	circumstances->subject.exe_ino = file.ino;
	return 0;
}

static int meet_unit(struct circumstances *circumstances, const struct path_pattern *glob,
	struct meeting *meeting)
{
	buffer_done(&meeting->unit);
	path_pattern_example(glob, &meeting->unit);
	if (meeting->unit.failed)
		return -ENOMEM;
	circumstances->subject.unit = meeting->unit.data;
	return 0;
}

static int meet_word(
	struct circumstances *circumstances, const struct choice *choice, struct meeting *meeting)
{
	const struct compiled_rule *compiled = choice->compiled;
	const struct subject_word *word = &compiled->rule.words[choice->at];

	meeting->words[word->kind] = word;
	switch (word->kind) {
	case WORD_EXE:
		return meet_exe(circumstances, word->name);
	case WORD_UNIT:
		return meet_unit(circumstances, compiled->globs[choice->at], meeting);
	case WORD_SHA256:
		circumstances->sha256 = compiled->digests[choice->at];
		return 0;
	default:
		circumstances->subject.loginuid = word->number;
		return 0;
	}
}

int circumstances_meet(struct circumstances *circumstances, const struct ruleset *ruleset,
	const struct rules_together *rules, struct meeting *meeting)
{
	struct choice choices[WORD_KINDS] = {0};
	size_t way = meeting->way;
	int r = 0;

	memset(meeting->words, 0, sizeof(meeting->words));
	/* The ways are counted like a number, with a digit for each kind. */
	for (int kind = 0; kind < WORD_KINDS; kind++) {
		size_t count;

		if (!(meeting->kinds & CHOSEN_KINDS & KIND_BIT(kind)))
			continue;
		count = words_of_kind(ruleset, rules, kind, 0, &choices[kind]);
		if (!count)
			continue;
		words_of_kind(ruleset, rules, kind, way % count, &choices[kind]);
		way /= count;
	}
	if (way)
		return -ENOENT;
	for (int kind = 0; kind < WORD_KINDS && r == 0; kind++)
		if (choices[kind].compiled)
			r = meet_word(circumstances, &choices[kind], meeting);
	return r;
}

void meeting_done(struct meeting *meeting)
{
	buffer_done(&meeting->unit);
}

/* Globs are like names here, but are not always one. */
static bool is_glob(const char *text)
{
	return strpbrk(text, "*?[\\") != NULL;
}

void meeting_describe(const struct meeting *meeting, const char *verb, struct buffer *to)
{
	const struct subject_word *exe = meeting->words[WORD_EXE];
	const struct subject_word *unit = meeting->words[WORD_UNIT];
	const struct subject_word *sha256 = meeting->words[WORD_SHA256];
	const struct subject_word *login = meeting->words[WORD_LOGINUID];

	if (exe)
		buffer_add_format(to, " %s %s", verb, exe->name);
	if (sha256 && !exe)
		buffer_add_format(to, " %s a program", verb);
	if (sha256)
		buffer_add_format(to, " of content %s", sha256->name);
	if (unit)
		buffer_add_format(
			to, " in %s%s", is_glob(unit->name) ? "a unit like " : "", unit->name);
	if (login)
		buffer_add_format(to, " logged in as %s", login->name);
}

int64_t rule_period_end(enum rule_period period, int64_t now_ns)
{
	struct local_time local;

	time_zone_local(now_ns, &local);
	if (period == PERIOD_DAY)
		return time_zone_moment(local.day + 1, 0);
	if (period == PERIOD_WEEK)
		return time_zone_moment(local.day + DAYS - local.weekday, 0);
	return now_ns - now_ns % NS_PER_S +
	       (60 * (60 - local.minute % 60) - local.second) * NS_PER_S;
}

int64_t rule_next_time(const struct rule *rule, int64_t now_ns)
{
	const struct rule_budget *budgets[] = {
		&rule->condition.max_opens, &rule->condition.max_bytes};
	int64_t next = INT64_MAX;

	if (rule_condition_is_timed(&rule->condition))
		next = rule_condition_next_change(&rule->condition, now_ns);
	for (size_t i = 0; i < ARRAY_SIZE(budgets); i++) {
		int64_t end =
			budgets[i]->limit ? rule_period_end(budgets[i]->period, now_ns) : INT64_MAX;

		next = end < next ? end : next;
	}
	return next;
}
