/* SPDX-License-Identifier: Apache-2.0 */
/*
 * remedy.c - what would have to change for a refusal to become none. First the denies in the way
 * are taken out, in a set of its own; what else is missing is then looked for by making the
 * circumstances meet one allow rule after the other and asking decide() again. A new grant is what
 * always helps.
 */
#include "policy/explain.h"

#include <errno.h>

#include "keystore/base/clock.h"
#include "policy/decide_match.h"
#include "policy/rule_condition_private.h"
#include "policy/rule_text.h"
#include "policy/shell_word.h"

#define SHOWN_MAX   4	/* alternatives beside the grant */
#define DENIES_MAX  3	/* denies that are named in full */
#define GRANTS_MAX  3	/* names of a file for which a grant is spelled out */
#define WAYS_MAX    16	/* combinations of a rule's alternatives */
#define TRIES_MAX   500 /* rules that are tried: who is told of four needs no more */
#define WINDOWS_MAX 400 /* of a rule's times that are looked at: more than a year of days */
#define GRANT_LAST  UINT32_MAX

/* One thing that would help. */
struct remedy {
	unsigned changes;
	uint64_t rule;
	char *text; /* owned */
};

struct remedying {
	const struct refusal *refusal;
	struct ruleset *after; /* owned: without the denies in the way */
	struct buffer denies;  /* "revoke rule 3 (deny ...)" */
	size_t deny_count;
	bool denies_end;		    /* by the clock */
	struct remedy found[SHOWN_MAX + 1]; /* the smallest first */
	size_t count;
	int failed;
};

static void remedying_done(struct remedying *remedying)
{
	ruleset_unref(remedying->after);
	buffer_done(&remedying->denies);
	for (size_t i = 0; i < remedying->count; i++)
		free(remedying->found[i].text);
}

void remedies_done(struct remedies *remedies)
{
	for (size_t i = 0; i < remedies->count; i++)
		free(remedies->texts[i]);
	free(remedies->texts);
	*remedies = (struct remedies){0};
}

bool refusal_may_name(const struct refusal *refusal, const struct ruleset *ruleset, size_t index)
{
	return !refusal->viewer || rule_may_concern(ruleset, index, refusal->viewer) ||
	       rule_may_concern(ruleset, index, &refusal->circumstances->subject);
}

/* ---- denies ---- */

static void describe_revoke(const struct rule *rule, struct buffer *to)
{
	buffer_add_format(to, "%srule %llu (", to->len ? " and " : "revoke ",
		(unsigned long long)rule->number);
	rule_to_text(rule, to);
	buffer_add_u8(to, ')');
}

static void add_deny(struct remedying *remedying, const struct rule *rule)
{
	remedying->denies_end |= rule_condition_is_timed(&rule->condition);
	if (remedying->deny_count++ < DENIES_MAX)
		describe_revoke(rule, &remedying->denies);
}

/* Takes the denies that apply out of the set. */
static int lift_denies(struct remedying *remedying)
{
	const struct ruleset *ruleset = remedying->refusal->ruleset;
	struct ruleset_parts parts = {.base = ruleset, .is_private = ruleset_is_private(ruleset)};
	scope_free uint64_t *numbers = calloc(ruleset_count(ruleset) + 1, sizeof(*numbers));
	struct supposed supposed;

	if (!numbers)
		return -ENOMEM;
	circumstances_suppose(ruleset, remedying->refusal->circumstances, &supposed);
	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct rule *rule = ruleset_at(ruleset, i);

		if (rule->effect != RULE_DENY ||
			rule_obstacle(ruleset, i, &supposed.question) != OBSTACLE_NONE)
			continue;
		numbers[parts.removed_count++] = rule->number;
		add_deny(remedying, rule);
	}
	if (remedying->deny_count > DENIES_MAX)
		buffer_add_format(&remedying->denies, " and %zu more denies",
			remedying->deny_count - DENIES_MAX);
	parts.removed = numbers;
	if (parts.removed_count)
		return ruleset_build(&parts, &remedying->after);
	remedying->after = ruleset_ref((struct ruleset *)(uintptr_t)ruleset);
	return 0;
}

/* ---- alternatives ---- */

static void add_remedy(
	struct remedying *remedying, unsigned changes, uint64_t rule, const struct buffer *words)
{
	scope_buffer struct buffer text = {0};
	struct remedy remedy = {.changes = changes, .rule = rule};
	size_t at = remedying->count, len;

	buffer_add_text(&text, buffer_text(&remedying->denies));
	if (remedying->denies.len && words->len)
		buffer_add_text(&text, ", and ");
	buffer_add_text(&text, buffer_text(words));
	text.failed |= words->failed || remedying->denies.failed;
	if (buffer_take(&text, &remedy.text, &len) < 0) {
		remedying->failed = -ENOMEM;
		return;
	}
	/* Rules come in order of their numbers. */
	while (at > 0 && remedying->found[at - 1].changes > changes) {
		remedying->found[at] = remedying->found[at - 1];
		at--;
	}
	remedying->found[at] = remedy;
	if (++remedying->count > SHOWN_MAX && changes != GRANT_LAST)
		free(remedying->found[--remedying->count].text);
}

/* What one allow rule asks for that is not so. */
struct attempt {
	const struct rule *rule;
	size_t index;
	struct circumstances circumstances;
	struct supposed supposed;
	struct meeting meeting;
	bool clock;		/* must be accepted first */
	enum obstacle obstacle; /* of its time and budget, once its words are met */
};

/* The first time from now on at which the rule, and with it the decision, allows. */
static bool find_time(const struct remedying *remedying, struct attempt *attempt)
{
	struct question *question = &attempt->supposed.question;
	int64_t time_ns = question->now_ns;

	for (int i = 0; i < WINDOWS_MAX; i++) {
		if (rule_obstacle(remedying->after, attempt->index, question) == OBSTACLE_NONE &&
			decide(remedying->after, question).verdict == VERDICT_ALLOW)
			return true;
		time_ns = rule_next_time(attempt->rule, time_ns);
		if (time_ns == INT64_MAX)
			return false;
		supposed_at(&attempt->supposed, &attempt->circumstances, time_ns);
	}
	return false;
}

static void describe_window(const struct rule_condition *condition, struct buffer *to)
{
	if (condition->days)
		days_to_text(condition->days, to);
	if (condition->hours_from == condition->hours_until)
		return;
	if (condition->days)
		buffer_add_u8(to, ' ');
	minute_to_text(condition->hours_from, to);
	buffer_add_u8(to, '-');
	minute_to_text(condition->hours_until, to);
}

static void describe_time(const struct attempt *attempt, struct buffer *to)
{
	const struct rule *rule = attempt->rule;
	char text[TIME_WORDS_SIZE];

	time_to_words(attempt->supposed.question.now_ns, text);
	if (attempt->obstacle == OBSTACLE_HOURS) {
		buffer_add_format(
			to, "within hours of rule %llu (", (unsigned long long)rule->number);
		describe_window(&rule->condition, to);
		buffer_add_format(to, "), next from %s", text);
	} else {
		buffer_add_format(to, "from %s on%s", text,
			attempt->obstacle == OBSTACLE_BUDGET ? ", when its budget begins anew"
							     : "");
	}
}

/* Behind a part that stands there already. */
static void begin_part(struct buffer *to)
{
	if (to->len)
		buffer_add_text(to, ", ");
}

static void describe_attempt(
	const struct remedying *remedying, struct attempt *attempt, struct buffer *to)
{
	bool waits = attempt->supposed.question.now_ns != remedying->refusal->circumstances->now_ns;
	scope_buffer struct buffer words = {0};

	meeting_describe(&attempt->meeting, "run by", &words);
	if (words.len)
		buffer_add_text(to, buffer_text(&words) + 1);
	to->failed |= words.failed;
	if (attempt->clock) {
		begin_part(to);
		buffer_add_format(to, "an admin accepts the clock (modelvault accept %s --clock)",
			remedying->refusal->vault);
	}
	if (waits) {
		begin_part(to);
		describe_time(attempt, to);
	}
	if (!waits || attempt->obstacle != OBSTACLE_HOURS)
		buffer_add_format(to, " (rule %llu)", (unsigned long long)attempt->rule->number);
}

static unsigned changes_of(const struct attempt *attempt, const struct circumstances *before)
{
	unsigned changes = attempt->clock;

	for (int kind = 0; kind < WORD_KINDS; kind++)
		changes += attempt->meeting.words[kind] != NULL;
	return changes + (attempt->supposed.question.now_ns != before->now_ns);
}

/* One way to meet what is missing of the rule's words. True: it helps, and is noted. */
static bool try_way(struct remedying *remedying, struct attempt *attempt)
{
	const struct circumstances *before = remedying->refusal->circumstances;
	scope_buffer struct buffer words = {0};
	struct question *question = &attempt->supposed.question;

	circumstances_suppose(remedying->after, &attempt->circumstances, &attempt->supposed);
	attempt->clock =
		question->clock_distrusted && rule_condition_is_timed(&attempt->rule->condition);
	if (attempt->clock)
		question->clock_distrusted = false;
	attempt->obstacle = rule_obstacle(remedying->after, attempt->index, question);
	if (!find_time(remedying, attempt))
		return false;
	describe_attempt(remedying, attempt, &words);
	add_remedy(remedying, changes_of(attempt, before), attempt->rule->number, &words);
	return true;
}

/* Who he is and what he asks for does match; all else can be had otherwise. */
static bool is_within_reach(
	const struct remedying *remedying, size_t index, const struct supposed *supposed)
{
	enum obstacle obstacle = rule_obstacle(remedying->after, index, &supposed->question);

	if (ruleset_at(remedying->after, index)->effect == RULE_DENY ||
		obstacle == OBSTACLE_PERMISSION || obstacle == OBSTACLE_PATH ||
		!refusal_may_name(remedying->refusal, remedying->after, index))
		return false;
	return !(rule_missing_kinds(remedying->after, index, &supposed->question) & ~CHOSEN_KINDS);
}

static void try_rule(struct remedying *remedying, size_t index, const struct supposed *supposed)
{
	const struct rules_together alone = {1, {index}};
	struct attempt attempt = {
		.rule = ruleset_at(remedying->after, index),
		.index = index,
		.meeting.kinds = rule_missing_kinds(remedying->after, index, &supposed->question),
	};

	for (attempt.meeting.way = 0; attempt.meeting.way < WAYS_MAX; attempt.meeting.way++) {
		int r;

		attempt.circumstances = *remedying->refusal->circumstances;
		r = circumstances_meet(
			&attempt.circumstances, remedying->after, &alone, &attempt.meeting);
		if (r == -ENOENT || r == -ENOMEM || (r == 0 && try_way(remedying, &attempt)))
			break;
	}
	meeting_done(&attempt.meeting);
}

/* A deny that the clock ends by itself. */
static void try_waiting(struct remedying *remedying)
{
	const struct circumstances *circumstances = remedying->refusal->circumstances;
	const struct ruleset *ruleset = remedying->refusal->ruleset;
	scope_buffer struct buffer words = {0};
	int64_t time_ns = circumstances->now_ns;
	char text[TIME_WORDS_SIZE];
	struct supposed supposed;

	circumstances_suppose(ruleset, circumstances, &supposed);
	for (int i = 0; i < WINDOWS_MAX; i++) {
		time_ns = ruleset_next_change(ruleset, time_ns);
		if (time_ns == INT64_MAX)
			return;
		supposed_at(&supposed, circumstances, time_ns);
		if (decide(ruleset, &supposed.question).verdict != VERDICT_ALLOW)
			continue;
		time_to_words(time_ns, text);
		buffer_add_format(&words, "from %s on, when no deny applies", text);
		/* Nothing is to be revoked for that. */
		buffer_done(&remedying->denies);
		add_remedy(remedying, 1, 0, &words);
		return;
	}
}

/* ---- a new grant ---- */

/* A pattern that matches this name alone. */
static void pattern_of_name(const struct path_name *name, struct buffer *to)
{
	/* Without any '/' it would match at every depth. */
	if (!memchr(name->path, '/', name->len))
		buffer_add_u8(to, '/');
	for (size_t i = 0; i < name->len; i++) {
		if (strchr("*?[\\", name->path[i]))
			buffer_add_u8(to, '\\');
		buffer_add_u8(to, (uint8_t)name->path[i]);
	}
}

static void subject_of_grant(const struct circumstances *circumstances, struct buffer *to)
{
	const struct subject *subject = &circumstances->subject;
	scope_buffer struct buffer word = {0};

	if (!subject->initial_userns) {
		const char *unit = strrchr(subject->unit, '/');

		buffer_add_format(&word, "unit:%s", unit ? unit + 1 : subject->unit);
	} else if (circumstances->user) {
		buffer_add_format(&word, "user:%s", circumstances->user);
	} else {
		buffer_add_format(&word, "user:%u", subject->uid);
	}
	shell_word_write(buffer_text(&word), word.len, to);
	if (!subject->initial_userns)
		buffer_add_text(to, " userns:contained");
	to->failed |= word.failed;
}

static void describe_grant(
	const struct refusal *refusal, const struct path_name *name, struct buffer *to)
{
	scope_buffer struct buffer pattern = {0};
	char permission[PERMISSIONS_TEXT_SIZE];

	permissions_to_text(refusal->circumstances->permission, permission);
	pattern_of_name(name, &pattern);
	buffer_add_format(to, "%sgrant %s ", to->len ? " and " : "", refusal->vault);
	subject_of_grant(refusal->circumstances, to);
	buffer_add_format(to, " %s ", permission);
	shell_word_write(buffer_text(&pattern), pattern.len, to);
	to->failed |= pattern.failed;
}

/* For each name that no rule allows; of a private vault's, the file's first name. */
static void add_grant(struct remedying *remedying)
{
	const struct circumstances *circumstances = remedying->refusal->circumstances;
	scope_buffer struct buffer words = {0};
	struct supposed supposed;
	size_t missing = 0;

	if (!circumstances->subject.initial_userns && !circumstances->subject.unit)
		return;
	circumstances_suppose(remedying->after, circumstances, &supposed);
	for (size_t i = 0; i < circumstances->name_count; i++) {
		struct decision decision;

		supposed.question.names = &circumstances->names[i];
		supposed.question.name_count = 1;
		decision = decide(remedying->after, &supposed.question);
		/* Learn rules help when they are there for every name, and no allow is needed. */
		if (circumstances->names[i].len == 0 ||
			(decision.verdict == VERDICT_ALLOW && decision.reason != REASON_LEARNED))
			continue;
		if (missing++ < GRANTS_MAX)
			describe_grant(remedying->refusal, &circumstances->names[i], &words);
	}
	if (missing > GRANTS_MAX)
		buffer_add_format(
			&words, " and the same for %zu more names of it", missing - GRANTS_MAX);
	if (missing)
		add_remedy(remedying, GRANT_LAST, 0, &words);
}

static void find_remedies(struct remedying *remedying)
{
	const struct buffer none = {0};
	struct supposed supposed;

	circumstances_suppose(remedying->after, remedying->refusal->circumstances, &supposed);
	if (decide(remedying->after, &supposed.question).verdict == VERDICT_ALLOW) {
		if (!remedying->deny_count)
			return;
		add_remedy(remedying, 0, 0, &none);
		if (remedying->denies_end)
			try_waiting(remedying);
		return;
	}
	for (size_t i = 0, tries = 0; i < ruleset_count(remedying->after) && tries < TRIES_MAX;
		i++) {
		if (!is_within_reach(remedying, i, &supposed))
			continue;
		try_rule(remedying, i, &supposed);
		tries++;
	}
	add_grant(remedying);
}

/* What rules have nothing to do with. */
static bool is_of_rules(const struct circumstances *circumstances)
{
	const struct subject *subject = &circumstances->subject;

	return subject->uid != SUBJECT_ID_UNKNOWN && circumstances->name_count &&
	       (subject->initial_userns || subject->contained_userns);
}

int refusal_remedies(const struct refusal *refusal, struct remedies *ret_remedies)
{
	__attribute__((cleanup(remedying_done))) struct remedying remedying = {.refusal = refusal};
	int r;

	*ret_remedies = (struct remedies){0};
	if (!is_of_rules(refusal->circumstances))
		return 0;
	r = lift_denies(&remedying);
	if (r < 0)
		return r;
	find_remedies(&remedying);
	if (remedying.failed)
		return remedying.failed;
	ret_remedies->texts = calloc(remedying.count + 1, sizeof(*ret_remedies->texts));
	if (!ret_remedies->texts)
		return -ENOMEM;
	for (size_t i = 0; i < remedying.count; i++)
		ret_remedies->texts[ret_remedies->count++] = take(&remedying.found[i].text);
	return 0;
}

int remedies_add_revoke(struct remedies *remedies, const struct ruleset *ruleset, uint64_t number)
{
	const struct rule *rule = ruleset_find(ruleset, number);
	scope_buffer struct buffer text = {0};
	char **texts;
	size_t len;
	int r;

	if (!rule)
		return 0;
	describe_revoke(rule, &text);
	texts = reallocarray(remedies->texts, remedies->count + 1, sizeof(*texts));
	if (!texts)
		return -ENOMEM;
	remedies->texts = texts;
	r = buffer_take(&text, &texts[remedies->count], &len);
	if (r == 0)
		remedies->count++;
	return r;
}
