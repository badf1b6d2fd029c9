/* SPDX-License-Identifier: Apache-2.0 */
/*
 * access_change.c - two rule sets compared over the catalogue. Only rules that came, went, or speak
 * of a role whose members change are candidates; only files that a candidate's pattern matches are
 * looked at; only users whom a candidate concerns on one side and not on the other.
 *
 * For each user and file there are three levels of access: NEVER; SOMETIMES, when it hangs on a
 * program, a unit, a time or a budget; ALWAYS. Rising is a gain, falling a loss. SOMETIMES on both
 * sides is either, as far as rules that change have to do with it.
 */
#include "fs/cmd/access_change.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/tree_walk.h"
#include "policy/decide.h"

#define STEPS_MAX 50000000u /* rules and patterns looked at: some seconds */
#define FILES_MAX 500000u

#define LASTING_KINDS                                                                            \
	(KIND_BIT(WORD_ANY) | KIND_BIT(WORD_USER) | KIND_BIT(WORD_GROUP) | KIND_BIT(WORD_ROLE) | \
		KIND_BIT(WORD_LOGINUID))

enum level { NEVER, SOMETIMES, ALWAYS };

struct candidate {
	const struct ruleset *ruleset;
	size_t index;
};

/* A file that a candidate matches, with all its names. */
struct seen_file {
	struct path_name *names; /* owned, and what they point at behind them */
	size_t name_count;
};

struct comparison {
	struct keystore *keystore;
	const struct ruleset *before, *after;
	bool turns_private; /* then everybody may see other names than before */
	struct candidate *candidates;
	size_t candidate_count;
	struct seen_file *files;
	size_t file_count;
	uint64_t steps;
	bool cut; /* more work than is done for an answer */
};

/* One rule that concerns the user, of one side. */
struct relevant {
	size_t index;
	enum rule_effect effect;
	bool lasting;
	bool changed; /* does not concern him on the other side */
};

struct side {
	const struct ruleset *ruleset, *other;
	struct relevant *rules; /* owned */
	size_t count;
	bool any_changed;
	unsigned needs[RULE_EFFECTS]; /* of changed rules */
	bool lists;		      /* names are visible unless denied */
	bool hides;		      /* of list: a deny hides what is below, too */
};

static bool step(struct comparison *comparison, uint64_t count)
{
	comparison->steps += count;
	if (comparison->steps > STEPS_MAX)
		comparison->cut = true;
	return comparison->steps <= STEPS_MAX;
}

static int add_candidate(struct comparison *comparison, const struct ruleset *ruleset, size_t index)
{
	size_t count = comparison->candidate_count;
	struct candidate *grown = comparison->candidates;

	if ((count & (count - 1)) == 0)
		grown = reallocarray(grown, count ? 2 * count : 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	comparison->candidates = grown;
	grown[comparison->candidate_count++] = (struct candidate){ruleset, index};
	return 0;
}

static bool members_differ(const struct role_members *a, const struct role_members *b)
{
	for (size_t i = 0; i < a->count; i++) {
		bool found;

		role_members_find(b, &a->list[i], &found);
		if (!found)
			return true;
	}
	return a->count != b->count;
}

/* Rules of a set that the other has not, and with roles those that speak of one. */
static int find_candidates(struct comparison *comparison, const struct ruleset *ruleset,
	const struct ruleset *other, bool roles)
{
	int r = 0;

	for (size_t i = 0; i < ruleset_count(ruleset) && r == 0; i++) {
		const struct rule *rule = ruleset_at(ruleset, i);

		if (!ruleset_find(other, rule->number) ||
			(roles && (rule_kinds(rule) & KIND_BIT(WORD_ROLE))))
			r = add_candidate(comparison, ruleset, i);
	}
	return r;
}

/* The length of the next directory above the name, from len (that of the last one, or 0); or 0. */
static size_t next_above(const char *path, size_t path_len, size_t len)
{
	for (len++; len < path_len; len++)
		if (path[len] == '/')
			return len;
	return 0;
}

/* Does it match the name, or hide it by matching a directory above? */
static bool is_reached(struct comparison *comparison, const struct candidate *candidate,
	const char *path, size_t len)
{
	const struct rule *rule = ruleset_at(candidate->ruleset, candidate->index);

	if (ruleset_matches_path(candidate->ruleset, candidate->index, path, len))
		return true;
	if (rule->effect != RULE_DENY || !(rule->permissions & PERMISSION_LIST))
		return false;
	for (size_t above = 0; (above = next_above(path, len, above)) && step(comparison, 1);)
		if (ruleset_matches_path(candidate->ruleset, candidate->index, path, above))
			return true;
	return false;
}

static bool is_candidate_path(struct comparison *comparison, const char *path, size_t len)
{
	if (comparison->turns_private)
		return true;
	for (size_t i = 0; i < comparison->candidate_count; i++) {
		const struct candidate *candidate = &comparison->candidates[i];

		if (!step(comparison, 1))
			return false;
		if (is_reached(comparison, candidate, path, len))
			return true;
	}
	return false;
}

static int add_file(struct comparison *comparison, const struct path_name *names, size_t count)
{
	struct seen_file *grown = comparison->files;
	size_t room = count * sizeof(*names);
	struct path_name *copy;
	char *bytes;

	for (size_t i = 0; i < count; i++)
		room += names[i].len + 1;
	if ((comparison->file_count & (comparison->file_count - 1)) == 0)
		grown = reallocarray(grown, comparison->file_count ? 2 * comparison->file_count : 1,
			sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	comparison->files = grown;
	copy = malloc(room);
	if (!copy)
		return -ENOMEM;
	bytes = (char *)(copy + count);
	for (size_t i = 0; i < count; i++) {
		copy[i] = (struct path_name){bytes, names[i].len};
		memcpy(bytes, names[i].path, names[i].len);
		bytes[names[i].len] = '\0';
		bytes += names[i].len + 1;
	}
	grown[comparison->file_count++] = (struct seen_file){copy, count};
	return 0;
}

/*
 * All names of it, the one to show for it first: the least of those that a candidate matches. Their
 * number, or 0 when none does.
 */
static size_t take_names(
	struct comparison *comparison, const struct name_list *names, struct path_name *ret_all)
{
	size_t shown = SIZE_MAX;

	for (size_t i = 0; i < names->count; i++) {
		ret_all[i] = (struct path_name){names->names[i].path, names->names[i].len};
		if (is_candidate_path(comparison, ret_all[i].path, ret_all[i].len) &&
			(shown == SIZE_MAX || strcmp(ret_all[i].path, ret_all[shown].path) < 0))
			shown = i;
	}
	if (shown != SIZE_MAX) {
		struct path_name first = ret_all[0];

		ret_all[0] = ret_all[shown];
		ret_all[shown] = first;
	}
	return shown == SIZE_MAX ? 0 : names->count;
}

/* A file of several names is taken at the first of them. */
static int add_linked_file(
	struct comparison *comparison, const char *path, size_t len, uint64_t ino)
{
	struct name_list names = {0};
	struct path_name *all = NULL;
	size_t count = 0;
	int r;

	r = keystore_names(comparison->keystore, ino, &names);
	/* Gone, or damaged and refused to everybody. */
	if (r < 0)
		return r == -ENOMEM ? r : 0;
	all = calloc(names.count + 1, sizeof(*all));
	if (all && names.count && names.names[0].len == len &&
		memcmp(names.names[0].path, path, len) == 0)
		count = take_names(comparison, &names, all);
	r = !all ? -ENOMEM : count ? add_file(comparison, all, count) : 0;
	free(all);
	name_list_done(&names);
	return r;
}

static int look_at_entry(void *arg, const char *path, size_t len, const struct entry_info *info)
{
	struct comparison *comparison = arg;
	const struct path_name name = {path, len};

	if (info->kind != ENTRY_FILE)
		return 0;
	if (comparison->file_count == FILES_MAX)
		comparison->cut = true;
	if (comparison->cut)
		return 1;
	if (info->nlink > 1)
		return add_linked_file(comparison, path, len, info->ino);
	return is_candidate_path(comparison, path, len) ? add_file(comparison, &name, 1) : 0;
}

static int find_files(struct comparison *comparison)
{
	struct entry_info root;
	int r;

	r = keystore_stat(comparison->keystore, ROOT_INO, &root);
	if (r == 0)
		r = tree_walk(comparison->keystore, "", 0, &root, look_at_entry, comparison);
	return r < 0 ? r : 0;
}

static unsigned needs_of(const struct rule *rule)
{
	const struct rule_condition *condition = &rule->condition;
	unsigned kinds = rule_kinds(rule), needs = 0;

	if (kinds & (KIND_BIT(WORD_EXE) | KIND_BIT(WORD_SHA256)))
		needs |= NEED_PROGRAM;
	if (kinds & KIND_BIT(WORD_UNIT))
		needs |= NEED_UNIT;
	if (condition->hours_from != condition->hours_until || condition->days)
		needs |= NEED_HOURS;
	if (condition->from_ns || condition->until_ns)
		needs |= NEED_DATES;
	if (rule_condition_has_budget(condition))
		needs |= NEED_BUDGET;
	return needs;
}

static bool concerns(const struct ruleset *ruleset, size_t index, enum permission permission,
	const struct subject *subject)
{
	const struct rule *rule = ruleset_at(ruleset, index);
	unsigned permissions = permission;

	if (permission == PERMISSION_LIST && ruleset_is_private(ruleset) &&
		rule->effect != RULE_DENY)
		permissions = PERMISSION_ALL;
	return (rule->permissions & permissions) && rule_may_concern(ruleset, index, subject);
}

static bool concerns_elsewhere(const struct side *side, uint64_t number, enum permission permission,
	const struct subject *subject)
{
	size_t index;

	return ruleset_find_index(side->other, number, &index) &&
	       concerns(side->other, index, permission, subject);
}

/* The rules of one side that are about this user and permission. */
static int gather(struct comparison *comparison, struct side *side, enum permission permission,
	const struct subject *subject)
{
	size_t count = ruleset_count(side->ruleset);

	side->lists = permission == PERMISSION_LIST && !ruleset_is_private(side->ruleset);
	side->rules = calloc(count + 1, sizeof(*side->rules));
	if (!side->rules)
		return -ENOMEM;
	if (!step(comparison, count))
		return 0;
	for (size_t i = 0; i < count; i++) {
		const struct rule *rule = ruleset_at(side->ruleset, i);
		struct relevant *relevant = &side->rules[side->count];

		if (!concerns(side->ruleset, i, permission, subject))
			continue;
		side->hides |= permission == PERMISSION_LIST && rule->effect == RULE_DENY;
		relevant->index = i;
		relevant->effect = rule->effect;
		relevant->lasting = !(rule_kinds(rule) & ~LASTING_KINDS) &&
				    !rule_condition_is_timed(&rule->condition);
		relevant->changed = !concerns_elsewhere(side, rule->number, permission, subject);
		if (relevant->changed)
			side->needs[rule->effect] |= needs_of(rule);
		side->any_changed = side->any_changed || relevant->changed;
		side->count++;
	}
	return 0;
}

/* What the rules of a side give for one file; and what changed ones have to do with it. */
struct finding {
	enum level by[RULE_EFFECTS]; /* of allow and learn: the least that some name has by it */
	bool changed[RULE_EFFECTS];
	bool denied, may_be_denied;
	enum level level;
	bool by_allow, by_deny;
};

static void look_at_name(struct comparison *comparison, const struct side *side,
	const struct path_name *name, struct finding *finding)
{
	enum level of_name[RULE_EFFECTS] = {[RULE_ALLOW] = side->lists ? ALWAYS : NEVER};

	step(comparison, side->count);
	for (size_t i = 0; i < side->count; i++) {
		const struct relevant *relevant = &side->rules[i];
		enum level level = relevant->lasting ? ALWAYS : SOMETIMES;

		if (!ruleset_matches_path(side->ruleset, relevant->index, name->path, name->len))
			continue;
		finding->changed[relevant->effect] |= relevant->changed;
		if (level > of_name[relevant->effect])
			of_name[relevant->effect] = level;
	}
	finding->denied |= of_name[RULE_DENY] == ALWAYS;
	finding->may_be_denied |= of_name[RULE_DENY] != NEVER;
	for (int effect = 0; effect < RULE_EFFECTS; effect++)
		if (of_name[effect] < finding->by[effect])
			finding->by[effect] = of_name[effect];
}

/* How much the name is hidden by denies of directories above it. */
static enum level look_above_name(struct comparison *comparison, const struct side *side,
	const struct path_name *name, bool *ret_changed)
{
	enum level hidden = NEVER;

	for (size_t above = 0; (above = next_above(name->path, name->len, above));) {
		step(comparison, side->count);
		for (size_t i = 0; i < side->count; i++) {
			const struct relevant *relevant = &side->rules[i];
			enum level level = relevant->lasting ? ALWAYS : SOMETIMES;

			if (relevant->effect != RULE_DENY ||
				!ruleset_matches_path(
					side->ruleset, relevant->index, name->path, above))
				continue;
			*ret_changed |= relevant->changed;
			hidden = level > hidden ? level : hidden;
		}
	}
	return hidden;
}

/* A file is seen while one of its names can be reached. */
static void look_above_file(struct comparison *comparison, const struct side *side,
	const struct seen_file *file, struct finding *finding)
{
	enum level hidden = ALWAYS;
	bool changed = false;

	for (size_t i = 0; i < file->name_count && hidden != NEVER; i++) {
		enum level of_name = look_above_name(comparison, side, &file->names[i], &changed);

		hidden = of_name < hidden ? of_name : hidden;
	}
	finding->denied |= hidden == ALWAYS;
	finding->may_be_denied |= hidden != NEVER;
	finding->changed[RULE_DENY] |= hidden != NEVER && changed;
}

/*
 * A deny counts on any name. An allow must be there for every one, or a learn rule for every one:
 * some names by this and others by that is nothing (decide.c).
 */
static struct finding look_at_file(
	struct comparison *comparison, const struct side *side, const struct seen_file *file)
{
	static const enum rule_effect giving[] = {RULE_ALLOW, RULE_LEARN};
	struct finding finding = {.by = {[RULE_ALLOW] = ALWAYS, [RULE_LEARN] = ALWAYS}};

	for (size_t i = 0; i < file->name_count; i++)
		look_at_name(comparison, side, &file->names[i], &finding);
	if (side->hides)
		look_above_file(comparison, side, file, &finding);
	for (size_t i = 0; i < ARRAY_SIZE(giving); i++) {
		enum level level = finding.by[giving[i]];

		if (level > finding.level)
			finding.level = level;
		finding.by_allow |= level != NEVER && finding.changed[giving[i]];
	}
	finding.by_deny = finding.changed[RULE_DENY];
	if (finding.denied)
		finding.level = NEVER;
	else if (finding.may_be_denied && finding.level == ALWAYS)
		finding.level = SOMETIMES;
	return finding;
}

/* The example is the same each time, whatever order the catalogue has. */
static void count_file(struct access_change *change, const struct seen_file *file)
{
	if (!change->files++ || strcmp(file->names[0].path, change->path) < 0) {
		change->path = file->names[0].path;
		change->len = file->names[0].len;
	}
}

static void compare_files(struct comparison *comparison, const struct side *was,
	const struct side *is, struct access_change *gain, struct access_change *loss)
{
	for (size_t i = 0; i < comparison->file_count && step(comparison, 0); i++) {
		const struct seen_file *file = &comparison->files[i];
		struct finding before = look_at_file(comparison, was, file);
		struct finding after = look_at_file(comparison, is, file);
		bool both = before.level == SOMETIMES && after.level == SOMETIMES;

		if (after.level > before.level || (both && (after.by_allow || before.by_deny)))
			count_file(gain, file);
		if (after.level < before.level || (both && (before.by_allow || after.by_deny)))
			count_file(loss, file);
	}
}

static int compare_access(struct comparison *comparison, struct side *was, struct side *is,
	const struct known_user *user, enum permission permission,
	int (*each)(void *arg, const struct access_change *change), void *arg)
{
	struct access_change gain = {.user = user, .permission = permission, .is_gain = true};
	struct access_change loss = {.user = user, .permission = permission};
	int r;

	r = gather(comparison, was, permission, &user->subject);
	if (r == 0)
		r = gather(comparison, is, permission, &user->subject);
	if (r < 0)
		return r;
	if (!was->any_changed && !is->any_changed && was->lists == is->lists)
		return 0;
	compare_files(comparison, was, is, &gain, &loss);
	gain.needs = is->needs[RULE_ALLOW] | is->needs[RULE_LEARN] | was->needs[RULE_DENY];
	loss.needs = was->needs[RULE_ALLOW] | was->needs[RULE_LEARN] | is->needs[RULE_DENY];
	if (gain.files)
		r = each(arg, &gain);
	if (loss.files && r >= 0)
		r = each(arg, &loss);
	return r < 0 ? r : 0;
}

/* Does any candidate concern him on one side only? Most users are told apart by this. */
static bool is_affected(struct comparison *comparison, const struct subject *subject)
{
	if (comparison->turns_private)
		return true;
	for (size_t i = 0; i < comparison->candidate_count; i++) {
		const struct candidate *candidate = &comparison->candidates[i];

		if (!step(comparison, 1))
			return false;
		/* One whose role changed may concern him on both sides: looked at closer later. */
		if (rule_may_concern(candidate->ruleset, candidate->index, subject))
			return true;
	}
	return false;
}

static int compare_user(struct comparison *comparison, const struct known_user *user,
	int (*each)(void *arg, const struct access_change *change), void *arg)
{
	int r = 0;

	for (unsigned bit = 0; bit < PERMISSION_COUNT && r == 0; bit++) {
		struct side was = {.ruleset = comparison->before, .other = comparison->after};
		struct side is = {.ruleset = comparison->after, .other = comparison->before};

		r = compare_access(
			comparison, &was, &is, user, (enum permission)(1u << bit), each, arg);
		free(was.rules);
		free(is.rules);
	}
	return r;
}

static void comparison_done(struct comparison *comparison)
{
	for (size_t i = 0; i < comparison->file_count; i++)
		free(comparison->files[i].names);
	free(comparison->files);
	free(comparison->candidates);
}

int access_changes(struct keystore *keystore, const struct ruleset *before,
	const struct ruleset *after, const struct known_users *users,
	int (*each)(void *arg, const struct access_change *change), void *arg, bool *ret_whole)
{
	__attribute__((cleanup(comparison_done))) struct comparison comparison = {
		.keystore = keystore, .before = before, .after = after};
	bool roles = members_differ(ruleset_members(before), ruleset_members(after));
	int r;

	comparison.turns_private = ruleset_is_private(before) != ruleset_is_private(after);
	r = find_candidates(&comparison, before, after, roles);
	if (r == 0)
		r = find_candidates(&comparison, after, before, roles);
	if (r == 0)
		r = find_files(&comparison);
	for (size_t i = 0; i < users->count && r == 0; i++)
		if (is_affected(&comparison, &users->list[i].subject))
			r = compare_user(&comparison, &users->list[i], each, arg);
	*ret_whole = users->whole && !comparison.cut;
	return r;
}
