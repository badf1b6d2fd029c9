/* SPDX-License-Identifier: Apache-2.0 */
/*
 * decide.h - THE decision: pure, no I/O, no clock, no allocation. Enforcement, explain, who and the
 * tests all call it. A deny that matches any name of the file denies; an allow must match every
 * name (one rule for all names, or several together); deny wins; no match is a refusal, except for
 * list, which is allowed unless denied. A subject without a uid or of another user namespace is
 * refused.
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
};

struct path_name {
	const char *path; /* without leading '/' */
	size_t len;
};

struct question {
	const struct subject *subject;
	const struct path_name *names; /* every name of the file; at least one */
	size_t name_count;
	enum permission permission; /* exactly one */
	int64_t now_ns;
};

struct decision decide(const struct ruleset *ruleset, const struct question *question);

/* Do the rule's subject words match? Words of one kind are alternatives, kinds must all match. */
bool rule_matches_subject(const struct rule *rule, const struct subject *subject);

/* For explain: every rule that was considered, and what came of it. */
struct consideration {
	const struct rule *rule;
	bool permission_matches, subject_matches;
	bool path_matches; /* any name for deny, every name for allow */
};
/* The same decision; consider(arg, ...) is called for every rule of the set in order of numbers. */
struct decision decide_traced(const struct ruleset *ruleset, const struct question *question,
	void (*consider)(void *arg, const struct consideration *consideration), void *arg);

#endif
