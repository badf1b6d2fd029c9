/* SPDX-License-Identifier: Apache-2.0 */
/*
 * who.c - rule by rule: the programs, units and logins that it names are looked at once for each
 * way to meet it, then every user is put into that picture, now and at each time today at which
 * some rule begins or ends. Different names of a file may be allowed by different rules, so those
 * that have such words are then met together.
 */
#include "policy/who.h"

#include <errno.h>
#include <stdlib.h>

#include "keystore/base/clock.h"
#include "policy/decide_match.h"

#define WAYS_MAX  64   /* combinations of a rule's alternatives that are tried */
#define TIMES_MAX 1500 /* a day has 1440 minutes */
#define SETS_MAX  2000 /* of rules that are met together */
/* Whom decide() sees in a container: the number only has to be one. */
#define CONTAINED_UID 65534

/* A line that was found; the meeting is made again when it is shown. */
struct found {
	size_t user;		     /* index; user_count: in a container */
	uint64_t rule;		     /* that gave it; 0: none */
	struct rules_together asked; /* whose words were met */
	size_t way;
	enum reason reason;
	unsigned effort; /* on the way: what it takes, for no rule is named that says so */
	int64_t from_ns;
};

struct asking {
	const struct who_question *question;
	const struct ruleset *ruleset;
	int64_t *times; /* owned; from now to the end of the day */
	size_t time_count;
	struct found *found; /* owned */
	size_t count, capacity;
	uint64_t *denied_by; /* owned; by user: a deny that was in the way */
	size_t *choosy; /* owned; rules that may allow it to who uses some program, unit, ... */
	size_t choosy_count, set_count;
	bool incomplete;
};

static void asking_done(struct asking *asking)
{
	free(asking->times);
	free(asking->found);
	free(asking->denied_by);
	free(asking->choosy);
}

static bool has_budgets(const struct ruleset *ruleset)
{
	for (size_t i = 0; i < ruleset_count(ruleset); i++)
		if (rule_condition_has_budget(&ruleset_at(ruleset, i)->condition))
			return true;
	return false;
}

/* Now, and the moments until midnight at which any decision may change. */
static int list_times(struct asking *asking)
{
	int64_t time_ns = asking->question->circumstances.now_ns, end_ns;
	bool hourly = has_budgets(asking->ruleset);

	asking->times = calloc(TIMES_MAX, sizeof(*asking->times));
	if (!asking->times)
		return -ENOMEM;
	end_ns = rule_period_end(PERIOD_DAY, time_ns);
	while (time_ns < end_ns && asking->time_count < TIMES_MAX) {
		int64_t hour_ns = hourly ? rule_period_end(PERIOD_HOUR, time_ns) : INT64_MAX;

		asking->times[asking->time_count++] = time_ns;
		time_ns = ruleset_next_change(asking->ruleset, time_ns);
		time_ns = hour_ns < time_ns ? hour_ns : time_ns;
	}
	return 0;
}

#define COMPARE(a, b) (((a) > (b)) - ((a) < (b)))

static int compare_asked(const struct rules_together *a, const struct rules_together *b)
{
	for (size_t i = 0; i < a->count && a->count == b->count; i++)
		if (a->index[i] != b->index[i])
			return COMPARE(a->index[i], b->index[i]);
	return COMPARE(a->count, b->count);
}

/* By user and rule; of one line's the way that takes the least, and the first of them. */
static int compare_found(const void *a, const void *b)
{
	const struct found *first = a, *second = b;

	if (first->user != second->user)
		return COMPARE(first->user, second->user);
	if (first->rule != second->rule)
		return COMPARE(first->rule, second->rule);
	if (first->effort != second->effort)
		return COMPARE(first->effort, second->effort);
	return compare_asked(&first->asked, &second->asked);
}

static bool is_same_line(const struct found *a, const struct found *b)
{
	return a->user == b->user && a->rule == b->rule;
}

static int add_found(struct asking *asking, const struct found *found)
{
	if (asking->count == asking->capacity) {
		size_t capacity = asking->capacity ? 2 * asking->capacity : 64;
		struct found *larger = reallocarray(asking->found, capacity, sizeof(*larger));

		if (!larger)
			return -ENOMEM;
		asking->found = larger;
		asking->capacity = capacity;
	}
	asking->found[asking->count++] = *found;
	return 0;
}

/* One way to meet rules, ready for one user after the other. */
struct picture {
	struct circumstances circumstances;
	struct supposed supposed;
	struct meeting meeting;
	struct rules_together rules; /* none: it takes no rule */
};

static bool is_there_all_day(const struct asking *asking, uint64_t number)
{
	const struct rule *rule = ruleset_find(asking->ruleset, number);

	return rule && !rule_condition_is_timed(&rule->condition);
}

/* At another time it would be another rule's doing. */
static bool do_apply(
	const struct asking *asking, const struct picture *picture, const struct question *question)
{
	for (size_t i = 0; i < picture->rules.count; i++)
		if (rule_match(asking->ruleset,
			    ruleset_compiled(asking->ruleset, picture->rules.index[i]), question,
			    NULL) != OBSTACLE_NONE)
			return false;
	return true;
}

static struct decision decide_now(const struct asking *asking, const struct question *question)
{
	return asking->question->decide ? asking->question->decide(asking->question->arg, question)
					: decide(asking->ruleset, question);
}

/* The first time today at which it is allowed. */
static struct decision decide_today(
	const struct asking *asking, struct picture *picture, int64_t *ret_from_ns)
{
	struct question *question = &picture->supposed.question;
	struct decision decision = {.verdict = VERDICT_DENY}, denied = {.verdict = VERDICT_DENY};

	for (size_t i = 0; i < asking->time_count; i++) {
		if (question->now_ns != asking->times[i])
			supposed_at(&picture->supposed, &picture->circumstances, asking->times[i]);
		if (!do_apply(asking, picture, question))
			continue;
		decision = decide_now(asking, question);
		*ret_from_ns = i ? asking->times[i] : 0;
		if (decision.verdict == VERDICT_ALLOW)
			return decision;
		if (decision.reason != REASON_RULE_DENY)
			continue;
		denied = denied.rule ? denied : decision;
		if (is_there_all_day(asking, decision.rule))
			break;
	}
	return denied;
}

/* The user's own, with what the picture adds. */
static void put_user(struct picture *picture, const struct subject *subject)
{
	struct subject *to = &picture->circumstances.subject;

	to->uid = subject->uid;
	to->gid = subject->gid;
	to->groups = subject->groups;
	to->group_count = subject->group_count;
}

static bool may_concern(const struct asking *asking, const struct picture *picture)
{
	for (size_t i = 0; i < picture->rules.count; i++)
		if (!rule_may_concern(asking->ruleset, picture->rules.index[i],
			    &picture->circumstances.subject))
			return false;
	return true;
}

static unsigned effort_of(const struct picture *picture, const struct found *found)
{
	unsigned effort = found->from_ns != 0;

	for (int kind = 0; kind < WORD_KINDS; kind++)
		effort += picture->meeting.words[kind] != NULL;
	return effort;
}

/* 1: found; 0: not in this picture. */
static int ask_user(struct asking *asking, struct picture *picture, size_t user)
{
	struct found found = {.user = user, .asked = picture->rules, .way = picture->meeting.way};
	struct decision decision;
	int r;

	if (!may_concern(asking, picture))
		return 0;
	decision = decide_today(asking, picture, &found.from_ns);
	if (decision.verdict != VERDICT_ALLOW) {
		if (decision.rule && user < asking->question->user_count &&
			!asking->denied_by[user])
			asking->denied_by[user] = decision.rule;
		return 0;
	}
	/* What allows the directory itself is met for its own sake. */
	if (asking->question->leads_on && decision.rule &&
		decision.rule != ruleset_at(asking->ruleset, picture->rules.index[0])->number)
		return 0;
	found.rule = decision.rule;
	found.reason = decision.reason;
	if (found.reason == REASON_ON_THE_WAY)
		found.effort = effort_of(picture, &found);
	r = add_found(asking, &found);
	return r < 0 ? r : 1;
}

/* Every user who was not found by this rule yet. done: by user. */
static int ask_users(struct asking *asking, struct picture *picture, bool *done)
{
	const struct who_question *question = asking->question;
	int r = 0;

	for (size_t i = 0; i < question->user_count && r >= 0; i++) {
		if (done[i])
			continue;
		put_user(picture, &question->users[i].subject);
		r = ask_user(asking, picture, i);
		done[i] = r > 0;
	}
	return r < 0 ? r : 0;
}

static bool is_of_containers(const struct asking *asking, size_t index)
{
	return rule_kinds(ruleset_at(asking->ruleset, index)) & KIND_BIT(WORD_USERNS);
}

static int begin_picture(struct asking *asking, struct picture *picture)
{
	struct subject *subject = &picture->circumstances.subject;
	int r;

	picture->circumstances = asking->question->circumstances;
	*subject = (struct subject){
		.uid = CONTAINED_UID, .gid = CONTAINED_UID, .loginuid = SUBJECT_ID_UNKNOWN};
	subject->contained_userns =
		picture->rules.count && is_of_containers(asking, picture->rules.index[0]);
	subject->initial_userns = !subject->contained_userns;
	r = circumstances_meet(
		&picture->circumstances, asking->ruleset, &picture->rules, &picture->meeting);
	if (r == 0)
		circumstances_suppose(asking->ruleset, &picture->circumstances, &picture->supposed);
	return r;
}

/* All of them of containers, or none. */
static int ask_together(struct asking *asking, const struct rules_together *rules)
{
	scope_free bool *done = calloc(asking->question->user_count + 1, sizeof(*done));
	struct picture picture = {.rules = *rules, .meeting.kinds = CHOSEN_KINDS};
	bool contained = is_of_containers(asking, rules->index[0]);
	int r = done ? 0 : -ENOMEM;

	for (; picture.meeting.way < WAYS_MAX && r == 0; picture.meeting.way++) {
		r = begin_picture(asking, &picture);
		if (r == -ENOENT || r == -ENOMEM)
			break;
		/* What a path names now, or may be made to name by others, is no way. */
		if (r < 0)
			r = 0;
		else if (!contained)
			r = ask_users(asking, &picture, done);
		else if ((r = ask_user(asking, &picture, asking->question->user_count)) > 0)
			break;
	}
	if (r == 0 && picture.meeting.way == WAYS_MAX)
		asking->incomplete |= begin_picture(asking, &picture) != -ENOENT;
	meeting_done(&picture.meeting);
	return r == -ENOENT || r > 0 ? 0 : r;
}

/* What nobody has to be granted: names of a vault that hides none. */
static int ask_without_rule(struct asking *asking)
{
	scope_free bool *done = calloc(asking->question->user_count + 1, sizeof(*done));
	struct picture picture = {0};
	int r;

	if (!done)
		return -ENOMEM;
	r = begin_picture(asking, &picture);
	return r < 0 ? r : ask_users(asking, &picture, done);
}

/* Could the rule be the one that allows it for the file? */
static bool is_candidate(const struct asking *asking, size_t index)
{
	const struct circumstances *circumstances = &asking->question->circumstances;
	unsigned permissions = circumstances->permission;
	const struct rule *rule = ruleset_at(asking->ruleset, index);

	if (permissions == PERMISSION_LIST && ruleset_is_private(asking->ruleset))
		permissions = PERMISSION_ALL;
	if (rule->effect == RULE_DENY || !(rule->permissions & permissions))
		return false;
	if (asking->question->leads_on && circumstances->name_count &&
		ruleset_may_match_below(asking->ruleset, index, circumstances->names[0].path,
			circumstances->names[0].len))
		return true;
	/* Of a file with several names, several rules may allow it together. */
	for (size_t i = 0; i < circumstances->name_count; i++)
		if (ruleset_matches_path(asking->ruleset, index, circumstances->names[i].path,
			    circumstances->names[i].len))
			return true;
	return false;
}

static int ask_rule(struct asking *asking, size_t index)
{
	const struct rules_together alone = {1, {index}};

	if (rule_kinds(ruleset_at(asking->ruleset, index)) & CHOSEN_KINDS)
		asking->choosy[asking->choosy_count++] = index;
	return ask_together(asking, &alone);
}

static bool is_path_of(const struct asking *asking, size_t index, const struct path_name *name)
{
	return ruleset_matches_path(asking->ruleset, index, name->path, name->len);
}

/* Is there a name that this rule is about, and none of those? */
static bool adds_name(const struct asking *asking, const struct rules_together *rules, size_t index)
{
	const struct circumstances *circumstances = &asking->question->circumstances;

	for (size_t i = 0; i < circumstances->name_count; i++) {
		bool is_known = false;

		for (size_t j = 0; j < rules->count && !is_known; j++)
			is_known = is_path_of(asking, rules->index[j], &circumstances->names[i]);
		if (!is_known && is_path_of(asking, index, &circumstances->names[i]))
			return true;
	}
	return false;
}

/* These and each later one that fits, asked together; the same with that one, and so on. */
static int combine(struct asking *asking, const struct rules_together *rules, size_t later)
{
	int r = 0;

	for (size_t i = later; i < asking->choosy_count && r == 0; i++) {
		struct rules_together more = *rules;
		size_t index = asking->choosy[i];

		if (is_of_containers(asking, index) != is_of_containers(asking, rules->index[0]) ||
			!adds_name(asking, rules, index))
			continue;
		if (rules->count == RULES_TOGETHER_MAX || asking->set_count == SETS_MAX) {
			asking->incomplete = true;
			break;
		}
		asking->set_count++;
		more.index[more.count++] = index;
		r = ask_together(asking, &more);
		if (r == 0)
			r = combine(asking, &more, i + 1);
	}
	return r;
}

static int combine_all(struct asking *asking)
{
	int r = 0;

	if (asking->question->circumstances.name_count < 2)
		return 0;
	for (size_t i = 0; i < asking->choosy_count && r == 0; i++) {
		const struct rules_together alone = {1, {asking->choosy[i]}};

		r = combine(asking, &alone, i + 1);
	}
	return r;
}

static bool needs_no_rule(const struct asking *asking)
{
	const struct circumstances *circumstances = &asking->question->circumstances;
	bool is_root = circumstances->name_count && circumstances->names[0].len == 0;

	return circumstances->permission == PERMISSION_LIST &&
	       (is_root || !ruleset_is_private(asking->ruleset));
}

static int show_found(struct asking *asking, const struct found *found)
{
	const struct who_question *question = asking->question;
	struct picture picture = {.meeting = {.kinds = CHOSEN_KINDS, .way = found->way}};
	struct who_line line = {
		.user = found->user < question->user_count ? &question->users[found->user] : NULL,
		.rule = found->rule ? ruleset_find(asking->ruleset, found->rule) : NULL,
		.reason = found->reason,
		.meeting = &picture.meeting,
		.from_ns = found->from_ns,
	};
	int r;

	/* For its words only: that they can be met was seen. */
	circumstances_meet(
		&picture.circumstances, asking->ruleset, &found->asked, &picture.meeting);
	r = question->each(question->arg, &line);
	meeting_done(&picture.meeting);
	return r;
}

static int show(struct asking *asking)
{
	const struct who_question *question = asking->question;
	int r = 0;

	for (size_t i = 0; i < asking->count && r == 0; i++) {
		const struct found *found = &asking->found[i];

		if (found->user < question->user_count)
			asking->denied_by[found->user] = 0;
		if (i && is_same_line(found, &asking->found[i - 1]))
			continue;
		r = show_found(asking, found);
	}
	for (size_t i = 0; i < question->user_count && r == 0; i++) {
		const struct who_denied denied = {&question->users[i], asking->denied_by[i]};

		if (denied.rule)
			r = question->denied(question->arg, &denied);
	}
	return r;
}

int who_ask(const struct who_question *question, bool *ret_incomplete)
{
	__attribute__((cleanup(asking_done))) struct asking asking = {
		.question = question, .ruleset = question->ruleset};
	int r;

	asking.denied_by = calloc(question->user_count + 1, sizeof(*asking.denied_by));
	asking.choosy = calloc(ruleset_count(question->ruleset) + 1, sizeof(*asking.choosy));
	if (!asking.denied_by || !asking.choosy)
		return -ENOMEM;
	r = list_times(&asking);
	if (r == 0 && needs_no_rule(&asking))
		r = ask_without_rule(&asking);
	for (size_t i = 0; i < ruleset_count(asking.ruleset) && r == 0; i++)
		if (is_candidate(&asking, i))
			r = ask_rule(&asking, i);
	if (r == 0)
		r = combine_all(&asking);
	if (r < 0)
		return r;
	*ret_incomplete = asking.incomplete;
	if (asking.count)
		qsort(asking.found, asking.count, sizeof(*asking.found), compare_found);
	return show(&asking);
}
