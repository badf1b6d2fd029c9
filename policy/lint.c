/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lint.c - rules stand in two indexes: all of them by the beginning of their pattern, and the ones
 * without conditions by one word of theirs as well. So a hundred thousand rules are compared with
 * the few that may cover them, not with each other.
 */
#include "policy/lint.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "policy/interpreters.h"
#include "policy/rule_cover.h"
#include "policy/rule_text.h"
#include "policy/ruleset_private.h"
#include "policy/surroundings.h"

#define KEY_OF_NONE 0 /* rules without a word that they could stand under */

static const char *const check_words[] = {
#define LINT_CHECK_WORD(name, word) [name] = (word),
	LINT_CHECK_TABLE(LINT_CHECK_WORD)
#undef LINT_CHECK_WORD
};
static_assert(ARRAY_SIZE(check_words) == LINT_CHECKS, "a word for every check");

/* The kinds that a rule can stand under, the one first that tells most apart. */
static const enum subject_word_kind leading_kinds[] = {
	WORD_USER, WORD_LOGINUID, WORD_ROLE, WORD_GROUP, WORD_SHA256, WORD_EXE};

/* What became of a path of exe: words. */
struct exe_state {
	int result;
	char *offender; /* owned */
};

struct lint {
	const struct ruleset *ruleset;
	int64_t now_ns;
	const char *noun;
	struct rule_index by_pattern;		 /* all, under one key */
	struct rule_index by_word[RULE_EFFECTS]; /* without conditions */
	struct exe_state *exes;			 /* by ruleset_exe_path */
};

const char *lint_check_word(enum lint_check check)
{
	return check_words[check];
}

struct lint *lint_free(struct lint *lint)
{
	if (!lint)
		return NULL;
	for (size_t i = 0; lint->exes && i < ruleset_exe_count(lint->ruleset); i++)
		free(lint->exes[i].offender);
	free(lint->exes);
	rule_index_done(&lint->by_pattern);
	for (int effect = 0; effect < RULE_EFFECTS; effect++)
		rule_index_done(&lint->by_word[effect]);
	free(lint);
	return NULL;
}

static bool is_unconditional(const struct compiled_rule *compiled)
{
	return !rule_condition_is_timed(&compiled->rule.condition);
}

static uint32_t key_of(const struct subject_word *word)
{
	uint32_t hash = PREFIX_SEED + (uint32_t)word->kind;

	if (subject_word_has_number(word->kind))
		hash ^= word->number * 2654435761u;
	for (const char *at = word->name; at && !subject_word_has_number(word->kind) && *at; at++)
		hash = prefix_add_byte(hash, (unsigned char)*at);
	return hash == KEY_OF_NONE ? 1 : hash;
}

static bool leading_kind(const struct compiled_rule *compiled, enum subject_word_kind *ret_kind)
{
	for (size_t i = 0; i < ARRAY_SIZE(leading_kinds); i++) {
		if (compiled->kinds & KIND_BIT(leading_kinds[i])) {
			*ret_kind = leading_kinds[i];
			return true;
		}
	}
	return false;
}

static struct rule_entry entry_of(const struct compiled_rule *compiled, uint32_t index)
{
	return (struct rule_entry){index, compiled->path_key, compiled->suffix};
}

/* The entries of a rule in by_word; entries may be NULL: only counts. */
static size_t add_entries(
	const struct compiled_rule *compiled, uint32_t index, struct keyed_entry *entries)
{
	const struct rule *rule = &compiled->rule;
	struct keyed_entry entry = {.number = KEY_OF_NONE, .entry = entry_of(compiled, index)};
	enum subject_word_kind kind;
	size_t count = 0;

	if (!leading_kind(compiled, &kind)) {
		if (entries)
			*entries = entry;
		return 1;
	}
	for (size_t i = 0; i < rule->word_count; i++) {
		if (rule->words[i].kind != kind)
			continue;
		entry.number = key_of(&rule->words[i]);
		if (entries)
			entries[count] = entry;
		count++;
	}
	return count;
}

static int index_words(struct lint *lint, enum rule_effect effect)
{
	const struct ruleset *ruleset = lint->ruleset;
	scope_free struct keyed_entry *entries = NULL;

	for (int pass = 0; pass < 2; pass++) {
		size_t count = 0;

		for (size_t i = 0; i < ruleset->count; i++)
			if (ruleset->rules[i]->rule.effect == effect &&
				is_unconditional(ruleset->rules[i]))
				count += add_entries(ruleset->rules[i], (uint32_t)i,
					entries ? entries + count : NULL);
		if (entries || count == 0)
			return entries ? rule_index_init(&lint->by_word[effect], entries, count)
				       : 0;
		entries = calloc(count, sizeof(*entries));
		if (!entries)
			return -ENOMEM;
	}
	return 0;
}

static int index_patterns(struct lint *lint)
{
	const struct ruleset *ruleset = lint->ruleset;
	scope_free struct keyed_entry *entries = calloc(ruleset->count + 1, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < ruleset->count; i++)
		entries[i].entry = entry_of(ruleset->rules[i], (uint32_t)i);
	return rule_index_init(&lint->by_pattern, entries, ruleset->count);
}

static int look_at_exes(struct lint *lint)
{
	size_t count = ruleset_exe_count(lint->ruleset);
	struct exe_file file;

	lint->exes = calloc(count + 1, sizeof(*lint->exes));
	if (!lint->exes)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		lint->exes[i].result = exe_path_resolve(
			ruleset_exe_path(lint->ruleset, i), &file, &lint->exes[i].offender);
	return 0;
}

int lint_new(
	const struct ruleset *ruleset, int64_t now_ns, const char *noun, struct lint **ret_lint)
{
	scope(lint_free) struct lint *lint = calloc(1, sizeof(*lint));
	int r;

	if (!lint)
		return -ENOMEM;
	lint->ruleset = ruleset;
	lint->now_ns = now_ns;
	lint->noun = noun;
	r = index_patterns(lint);
	for (int effect = 0; effect < RULE_EFFECTS && r == 0; effect++)
		r = index_words(lint, effect);
	if (r == 0)
		r = look_at_exes(lint);
	if (r < 0)
		return r;
	*ret_lint = take(&lint);
	return 0;
}

/* One rule that is looked at, and where its findings go. */
struct looking {
	struct lint *lint;
	size_t index;
	const struct compiled_rule *compiled;
	void (*found)(void *arg, enum lint_check check, const char *text);
	void *arg;
	bool failed;
};

__attribute__((format(printf, 3, 4))) static void report(
	struct looking *looking, enum lint_check check, const char *format, ...)
{
	scope_free char *text = NULL;
	va_list arguments;

	va_start(arguments, format);
	if (vasprintf(&text, format, arguments) < 0)
		text = NULL;
	va_end(arguments);
	looking->failed |= !text;
	if (text)
		looking->found(looking->arg, check, text);
}

/* Of two that say the same the later one is too much. */
static bool is_too_much(const struct looking *looking, size_t other)
{
	const struct compiled_rule *covering = looking->lint->ruleset->rules[other];

	if (other == looking->index || !rule_covers(covering, looking->compiled))
		return false;
	return other < looking->index || !is_unconditional(looking->compiled) ||
	       covering->rule.effect != looking->compiled->rule.effect ||
	       !rule_covers(looking->compiled, covering);
}

/* The first rule that covers the one looked at. */
struct finding {
	const struct looking *looking;
	size_t found; /* SIZE_MAX: none so far */
	uint32_t below;
};

static void find_too_much(void *arg, uint32_t rule)
{
	struct finding *finding = arg;

	if (finding->found == SIZE_MAX && is_too_much(finding->looking, rule)) {
		finding->found = rule;
		finding->below = 0;
	}
}

/* Some rule of this list that covers it, or SIZE_MAX. */
static size_t find_in_list(const struct looking *looking, enum rule_effect effect, uint32_t key,
	const struct path_keys *keys)
{
	struct finding finding = {looking, SIZE_MAX, UINT32_MAX};

	rule_list_visit(rule_index_find(&looking->lint->by_word[effect], key), keys, &finding.below,
		find_too_much, &finding);
	return finding.found;
}

/* A rule of this effect, without conditions, that covers it. */
static const struct rule *find_covering(const struct looking *looking, enum rule_effect effect)
{
	const struct rule *rule = &looking->compiled->rule;
	struct path_keys keys;
	size_t found;

	path_pattern_keys(looking->compiled->pattern, &keys);
	found = find_in_list(looking, effect, KEY_OF_NONE, &keys);
	for (size_t kind = 0; kind < ARRAY_SIZE(leading_kinds) && found == SIZE_MAX; kind++) {
		/* What covers it has the first of its words as well as all others. */
		for (size_t i = 0; i < rule->word_count; i++) {
			if (rule->words[i].kind != leading_kinds[kind])
				continue;
			found = find_in_list(looking, effect, key_of(&rule->words[i]), &keys);
			break;
		}
	}
	return found == SIZE_MAX ? NULL : ruleset_at(looking->lint->ruleset, found);
}

static void look_for_covering(struct looking *looking)
{
	enum rule_effect effect = looking->compiled->rule.effect;
	const struct rule *same = find_covering(looking, effect), *deny = NULL;

	if (!same && effect == RULE_LEARN)
		same = find_covering(looking, RULE_ALLOW);
	if (same)
		report(looking, LINT_SHADOWED, "does nothing: %s %llu %s all of it already",
			looking->lint->noun, (unsigned long long)same->number,
			same->effect == RULE_DENY ? "denies" : "allows");
	if (effect != RULE_DENY)
		deny = find_covering(looking, RULE_DENY);
	if (deny)
		report(looking, LINT_DENIED, "does nothing: %s %llu denies all of it",
			looking->lint->noun, (unsigned long long)deny->number);
}

static void look_at_time(struct looking *looking)
{
	int64_t until_ns = looking->compiled->rule.condition.until_ns;
	char text[TIME_WORDS_SIZE];

	if (!until_ns || until_ns > looking->lint->now_ns)
		return;
	time_to_words(until_ns, text);
	report(looking, LINT_EXPIRED, "is over since %s: revoke it", text);
}

static void look_at_word(struct looking *looking, const struct subject_word *word)
{
	const struct rule *rule = &looking->compiled->rule;
	bool lets_in = rule->effect != RULE_DENY;

	if (subject_word_has_number(word->kind) && subject_word_is_stale(word))
		report(looking, LINT_STALE,
			"%s:%s has the number %u in it, which is not that name's now: the number "
			"decides",
			subject_word_prefix(word->kind), word->name, word->number);
	if (word->kind == WORD_ROLE &&
		!role_has_members(ruleset_members(looking->lint->ruleset), word->name))
		report(looking, LINT_EMPTY_ROLE, "nobody is in the role %s", word->name);
	if (word->kind == WORD_UNIT && strcmp(word->name, "*") == 0)
		report(looking, LINT_ANY_UNIT, "unit:'*' is every process: %s",
			lets_in ? "name the unit" : "deny any says it");
	if (word->kind == WORD_LOGINUID && lets_in && !rule_says_whose(rule))
		report(looking, LINT_LOGIN_ALONE,
			"who has no login, as a service, may take loginuid:%s: user: or group: "
			"beside it says whose processes are meant",
			word->name);
	if (word->kind == WORD_EXE && lets_in && is_interpreter(word->name))
		report(looking, LINT_INTERPRETER,
			"%s does what it is told: everybody who may run it reads with any script "
			"of his own",
			word->name);
}

static int compare_paths(const void *a, const void *b)
{
	return strcmp(a, *(const char *const *)b);
}

static void look_at_exe(struct looking *looking, const char *path)
{
	const struct ruleset *ruleset = looking->lint->ruleset;
	const char **place = bsearch(
		path, ruleset->exes, ruleset->exe_count, sizeof(*ruleset->exes), compare_paths);
	const struct exe_state *state;

	if (!place)
		return;
	state = &looking->lint->exes[place - ruleset->exes];
	if (state->result == -EPERM && looking->compiled->rule.effect != RULE_DENY)
		report(looking, LINT_EXE_UNSAFE, "never matches %s: others than root can change %s",
			path, state->offender ? state->offender : "it");
	else if (state->result < 0 && state->result != -EPERM)
		report(looking, LINT_EXE_GONE, "%s names no program here: %s", path,
			strerror(-state->result));
}

int lint_rule(struct lint *lint, size_t index,
	void (*found)(void *arg, enum lint_check check, const char *text), void *arg)
{
	struct looking looking = {.lint = lint,
		.index = index,
		.compiled = lint->ruleset->rules[index],
		.found = found,
		.arg = arg};
	const struct rule *rule = &looking.compiled->rule;

	look_for_covering(&looking);
	look_at_time(&looking);
	if (rule->effect == RULE_ALLOW && (looking.compiled->kinds & KIND_BIT(WORD_ANY)) &&
		(rule->permissions & PERMISSION_READ) && strcmp(rule->pattern, "**") == 0 &&
		is_unconditional(looking.compiled))
		report(&looking, LINT_EVERYBODY, "everybody may read everything");
	for (size_t i = 0; i < rule->word_count; i++) {
		look_at_word(&looking, &rule->words[i]);
		if (rule->words[i].kind == WORD_EXE)
			look_at_exe(&looking, rule->words[i].name);
	}
	return looking.failed ? -ENOMEM : 0;
}

/* The rules whose pattern matches a path. */
struct matching {
	struct lint *lint;
	const char *path;
	size_t len;
	void (*each)(void *arg, size_t index);
	void *arg;
};

static void show_matching(void *arg, uint32_t rule)
{
	const struct matching *matching = arg;

	if (path_pattern_matches(
		    matching->lint->ruleset->rules[rule]->pattern, matching->path, matching->len))
		matching->each(matching->arg, rule);
}

void lint_each_matching(struct lint *lint, const char *path, size_t len,
	void (*each)(void *arg, size_t index), void *arg)
{
	struct matching matching = {lint, path, len, each, arg};
	const uint32_t all = UINT32_MAX;
	struct path_keys keys;

	path_keys_of(path, len, &keys);
	rule_list_visit(
		rule_index_find(&lint->by_pattern, 0), &keys, &all, show_matching, &matching);
}

struct asking {
	struct lint *lint;
	const struct compiled_rule *rule;
	bool may_read;
};

static void look_whether_read(void *arg, size_t index)
{
	struct asking *asking = arg;
	const struct compiled_rule *compiled = asking->lint->ruleset->rules[index];

	asking->may_read =
		asking->may_read || (compiled->rule.effect == RULE_ALLOW &&
					    (compiled->rule.permissions & PERMISSION_READ) &&
					    rule_covers_subject(compiled, asking->rule));
}

bool lint_subject_may_read(struct lint *lint, size_t index, const char *path, size_t len)
{
	struct asking asking = {lint, lint->ruleset->rules[index], false};

	lint_each_matching(lint, path, len, look_whether_read, &asking);
	return asking.may_read;
}
