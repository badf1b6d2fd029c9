/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.h - THE decision: pure, no I/O, no clock, no allocation. Enforcement, explain, who and the
 * tests all call it. A deny that applies to any name of the file denies; an allow must apply to
 * every name (one rule for all names, or several together); deny wins. List is allowed unless
 * denied, in a private vault only with an allow of any permission. Otherwise a learn rule for
 * every name allows; no match is a refusal. A subject without a uid is refused, one of another user
 * namespace unless a contained one that a rule names.
 */
#ifndef POLICY_DECIDE_H
#define POLICY_DECIDE_H

#include "policy/permission.h"
#include "policy/ruleset.h"

enum verdict { VERDICT_DENY, VERDICT_ALLOW };

struct decision {
	enum verdict verdict;
	uint64_t rule; /* the lowest number that gave the verdict; 0: none */
	enum reason reason;
	/* A rule was not judged because the executable's hash is not known: ask again with it. */
	bool wants_hash;
};

struct path_name {
	const char *path; /* without leading '/' */
	size_t len;
};

/* What budgets are asked for: does what is left of this rule's suffice for one more open? */
struct budget_view {
	bool (*suffices)(void *arg, const struct rule *rule, uint32_t uid);
	void *arg;
};

/*
 * What is known of the caller only by looking at the system for these very rules, just now
 * (surroundings.h). Exes: indexes into ruleset_exe_path.
 */
struct surroundings {
	const uint32_t *exes;
	size_t exe_count;
	/*
	 * Paths that name the executable too, but that others than root can change, or that could
	 * not be judged: only a deny goes by them.
	 */
	const uint32_t *unsafe_exes;
	size_t unsafe_exe_count;
	bool exes_overflow;	 /* more paths than are listed name it: every deny by exe matches */
	size_t trusted_unit_len; /* bytes at the start of subject->unit that an allow goes by */
	const uint8_t *sha256;	 /* of the executable; NULL: not known */
	bool hash_failed;	 /* and will not be: only a deny by sha256 matches */
};

struct question {
	const struct subject *subject;
	const struct path_name *names; /* every name of the file; at least one */
	size_t name_count;
	enum permission permission; /* exactly one */
	int64_t now_ns;
	struct local_time local;		 /* now_ns in the vault's time zone */
	bool clock_distrusted;			 /* then allows with a time in them do not apply */
	const struct budget_view *budgets;	 /* NULL: every budget suffices */
	const struct surroundings *surroundings; /* NULL: nothing is known */
};

/* The time of the question, in both its forms. */
void question_set_time(struct question *question, int64_t now_ns);

/*
 * The reason of a refusal without a rule is what the allow rule that came nearest lacked: the
 * highest obstacle beyond OBSTACLE_SUBJECT among those for the first name that no rule allows.
 */
struct decision decide(const struct ruleset *ruleset, const struct question *question);

/* What keeps a rule from applying; the first of these in this order. */
enum obstacle {
	OBSTACLE_NONE,
	OBSTACLE_PERMISSION,
	OBSTACLE_PATH,
	OBSTACLE_SUBJECT, /* any, user, group, role, loginuid, userns */
	OBSTACLE_EXE,
	OBSTACLE_UNIT,
	OBSTACLE_CLOCK, /* distrusted */
	OBSTACLE_NOT_YET,
	OBSTACLE_EXPIRED,
	OBSTACLE_HOURS, /* or days */
	OBSTACLE_SHA256,
	OBSTACLE_BUDGET,
	OBSTACLES
};
/* "subject differs", "expired", ... */
const char *obstacle_text(enum obstacle obstacle);

/* For explain: every rule that was considered, and what came of it. */
struct consideration {
	const struct rule *rule;
	enum obstacle obstacle; /* deny: on every name; allow, learn: on some name */
};
/* The same decision; consider(arg, ...) is called for every rule of the set in order of numbers. */
struct decision decide_traced(const struct ruleset *ruleset, const struct question *question,
	void (*consider)(void *arg, const struct consideration *consideration), void *arg);

/* One rule, one question with one name or more. */
enum obstacle rule_obstacle(
	const struct ruleset *ruleset, size_t index, const struct question *question);
/* Do the identity words (any, user, group, role, loginuid) match? Others count as matching. */
bool rule_may_concern(const struct ruleset *ruleset, size_t index, const struct subject *subject);

#endif
