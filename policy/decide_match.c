/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide_match.c - one rule against one question: words of one kind are alternatives, kinds must
 * all match, then the conditions. What an allow takes only from a place that root keeps, a deny
 * takes from anywhere.
 */
#include "policy/decide_match.h"

#include <assert.h>

#define IDENTITY_KINDS                                                                           \
	(KIND_BIT(WORD_ANY) | KIND_BIT(WORD_USER) | KIND_BIT(WORD_GROUP) | KIND_BIT(WORD_ROLE) | \
		KIND_BIT(WORD_LOGINUID) | KIND_BIT(WORD_USERNS))

/* What matching goes by. */
struct match {
	const struct ruleset *ruleset;
	const struct compiled_rule *compiled;
	const struct question *question;
	const char *via_role;
};

static bool is_deny(const struct match *match)
{
	return match->compiled->rule.effect == RULE_DENY;
}

static bool exes_have(
	const struct match *match, const uint32_t *exes, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++) {
		const char *name = ruleset_exe_path(match->ruleset, exes[i]);

		if (name && strcmp(name, path) == 0)
			return true;
	}
	return false;
}

static bool exe_matches(const struct match *match, const char *path)
{
	const struct surroundings *around = match->question->surroundings;

	if (!around)
		return false;
	if (exes_have(match, around->exes, around->exe_count, path))
		return true;
	return is_deny(match) && (around->exes_overflow || exes_have(match, around->unsafe_exes,
								   around->unsafe_exe_count, path));
}

/* Is one component of the unit's path of this glob, among those that count? */
static bool unit_matches(const struct match *match, const struct path_pattern *glob)
{
	const struct surroundings *around = match->question->surroundings;
	const char *unit = match->question->subject->unit, *at = unit, *end;

	if (!unit)
		return false;
	end = unit + strlen(unit);
	if (!is_deny(match)) {
		size_t trusted = around ? around->trusted_unit_len : 0;

		end = trusted < (size_t)(end - unit) ? unit + trusted : end;
	}
	while (at < end) {
		const char *slash = memchr(at, '/', end - at);
		const char *stop = slash ? slash : end;

		if (stop > at && path_pattern_matches(glob, at, stop - at))
			return true;
		at = stop + 1;
	}
	return false;
}

static bool hash_matches(const struct match *match, const uint8_t *digest)
{
	const struct surroundings *around = match->question->surroundings;

	if (!around || !around->sha256)
		return around && around->hash_failed && is_deny(match);
	return memcmp(around->sha256, digest, DIGEST_SIZE) == 0;
}

static bool role_matches(const struct match *match, const char *role)
{
	if (match->via_role && strcmp(match->via_role, role) == 0)
		return true;
	return role_table_holds(match->ruleset->roles, role, match->question->subject);
}

static bool word_matches(const struct match *match, size_t index)
{
	const struct subject_word *word = &match->compiled->rule.words[index];
	const struct subject *subject = match->question->subject;

	switch (word->kind) {
	case WORD_ANY:
		return true;
	case WORD_USER:
		return word->number == subject->uid && word->number != SUBJECT_ID_UNKNOWN;
	case WORD_GROUP:
		return subject_in_group(subject, word->number);
	case WORD_ROLE:
		return role_matches(match, word->name);
	case WORD_LOGINUID:
		return word->number == subject->loginuid && word->number != SUBJECT_ID_UNKNOWN;
	case WORD_EXE:
		return exe_matches(match, word->name);
	case WORD_SHA256:
		return hash_matches(match, match->compiled->digests[index]);
	case WORD_UNIT:
		return unit_matches(match, match->compiled->globs[index]);
	case WORD_USERNS:
		return subject->contained_userns;
	case WORD_KINDS:
		break;
	}
	return false;
}

/* KIND_BITs of those among `kinds` of which a word matches. */
static unsigned matching_kinds(const struct match *match, unsigned kinds)
{
	const struct rule *rule = &match->compiled->rule;
	unsigned matched = 0;

	for (size_t i = 0; i < rule->word_count; i++) {
		unsigned kind = KIND_BIT(rule->words[i].kind);

		if ((kind & kinds) && !(matched & kind) && word_matches(match, i))
			matched |= kind;
	}
	return matched;
}

/*
 * In a contained user namespace neither user nor group, role, login or executable can be believed:
 * they never match. An allow must speak of such callers, and of their unit.
 */
static unsigned believable_kinds(const struct match *match)
{
	const unsigned container = KIND_BIT(WORD_USERNS) | KIND_BIT(WORD_UNIT);

	if (match->question->subject->initial_userns)
		return ~0u;
	if (!is_deny(match) && (match->compiled->kinds & container) != container)
		return 0;
	return container | KIND_BIT(WORD_ANY);
}

static enum obstacle words_obstacle(const struct match *match)
{
	unsigned believable = believable_kinds(match);
	unsigned wanted = match->compiled->kinds & ~KIND_BIT(WORD_SHA256);
	unsigned missing = wanted & ~matching_kinds(match, wanted & believable);

	if ((missing & IDENTITY_KINDS) || (match->compiled->kinds & ~believable))
		return OBSTACLE_SUBJECT;
	if (missing & KIND_BIT(WORD_EXE))
		return OBSTACLE_EXE;
	return missing & KIND_BIT(WORD_UNIT) ? OBSTACLE_UNIT : OBSTACLE_NONE;
}

static enum obstacle time_obstacle(const struct match *match)
{
	const struct question *question = match->question;
	const struct rule_condition *condition = &match->compiled->rule.condition;

	if (!match->compiled->is_timed)
		return OBSTACLE_NONE;
	if (question->clock_distrusted && !is_deny(match))
		return OBSTACLE_CLOCK;
	if (condition->from_ns && question->now_ns < condition->from_ns)
		return OBSTACLE_NOT_YET;
	if (condition->until_ns && question->now_ns >= condition->until_ns)
		return OBSTACLE_EXPIRED;
	return rule_condition_holds(condition, question->now_ns, &question->local) ? OBSTACLE_NONE
										   : OBSTACLE_HOURS;
}

static bool budget_suffices(const struct match *match)
{
	const struct budget_view *budgets = match->question->budgets;
	const struct rule *rule = &match->compiled->rule;

	/* They count what is read: names are seen, and written to, when they are used up too. */
	if (match->question->permission != PERMISSION_READ)
		return true;
	return !budgets || !rule_condition_has_budget(&rule->condition) ||
	       budgets->suffices(budgets->arg, rule, subject_account(match->question->subject));
}

enum obstacle rule_match(const struct ruleset *ruleset, const struct compiled_rule *compiled,
	const struct question *question, const char *via_role)
{
	const struct match match = {ruleset, compiled, question, via_role};
	const unsigned hash = KIND_BIT(WORD_SHA256);
	enum obstacle obstacle = words_obstacle(&match);

	if (obstacle == OBSTACLE_NONE)
		obstacle = time_obstacle(&match);
	if (obstacle != OBSTACLE_NONE)
		return obstacle;
	if ((compiled->kinds & hash) && !matching_kinds(&match, hash & believable_kinds(&match)))
		return OBSTACLE_SHA256;
	return budget_suffices(&match) ? OBSTACLE_NONE : OBSTACLE_BUDGET;
}

unsigned rule_missing_kinds(
	const struct ruleset *ruleset, size_t index, const struct question *question)
{
	const struct match match = {ruleset, ruleset_compiled(ruleset, index), question, NULL};
	unsigned wanted = match.compiled->kinds;

	return wanted & ~matching_kinds(&match, wanted & believable_kinds(&match));
}

/* A deny goes by any of the names, others by all. */
static bool matches_names(
	const struct ruleset *ruleset, size_t index, const struct question *question)
{
	bool deny = ruleset_at(ruleset, index)->effect == RULE_DENY;

	for (size_t i = 0; i < question->name_count; i++)
		if (ruleset_matches_path(ruleset, index, question->names[i].path,
			    question->names[i].len) == deny)
			return deny;
	return !deny;
}

enum obstacle rule_obstacle(
	const struct ruleset *ruleset, size_t index, const struct question *question)
{
	const struct compiled_rule *compiled = ruleset_compiled(ruleset, index);
	unsigned permissions = question->permission;

	if (permissions == PERMISSION_LIST && ruleset->is_private &&
		compiled->rule.effect != RULE_DENY)
		permissions = PERMISSION_ALL;
	if (!(compiled->rule.permissions & permissions))
		return OBSTACLE_PERMISSION;
	if (!matches_names(ruleset, index, question))
		return OBSTACLE_PATH;
	return rule_match(ruleset, compiled, question, NULL);
}

bool rule_may_concern(const struct ruleset *ruleset, size_t index, const struct subject *subject)
{
	const struct question question = {.subject = subject};
	const struct match match = {ruleset, ruleset_compiled(ruleset, index), &question, NULL};
	unsigned wanted = match.compiled->kinds & IDENTITY_KINDS;

	return (wanted & ~matching_kinds(&match, wanted & believable_kinds(&match))) == 0;
}

void question_set_time(struct question *question, int64_t now_ns)
{
	question->now_ns = now_ns;
	time_zone_local(now_ns, &question->local);
}

static const char *const obstacle_texts[] = {
	[OBSTACLE_NONE] = "matches",
	[OBSTACLE_PERMISSION] = "permission differs",
	[OBSTACLE_PATH] = "path differs",
	[OBSTACLE_SUBJECT] = "subject differs",
	[OBSTACLE_EXE] = "program differs",
	[OBSTACLE_UNIT] = "unit differs",
	[OBSTACLE_CLOCK] = "clock was set",
	[OBSTACLE_NOT_YET] = "not yet",
	[OBSTACLE_EXPIRED] = "expired",
	[OBSTACLE_HOURS] = "other hours",
	[OBSTACLE_SHA256] = "content differs",
	[OBSTACLE_BUDGET] = "used up",
};
static_assert(ARRAY_SIZE(obstacle_texts) == OBSTACLES, "a text for every obstacle");

const char *obstacle_text(enum obstacle obstacle)
{
	return obstacle_texts[obstacle];
}
