/* SPDX-License-Identifier: Apache-2.0 */
/*
 * who.h - who could do something with a file today, and by which rule: for every user and every
 * rule that allows, the question that satisfies the rule's own words, put to decide(); of a file
 * with several names also for up to RULES_TOGETHER_MAX rules that allow different ones of them.
 * Of a directory that is seen on the way to something, whatever rule that is by: a line for each
 * user, with what takes the least.
 */
#ifndef POLICY_WHO_H
#define POLICY_WHO_H

#include "policy/circumstances.h"

struct who_user {
	const char *name; /* NULL: a number without one */
	struct subject subject;
	bool is_anybody; /* stands for all others: in no group, of no name that a rule has */
};

/* One user and one rule, as decided. */
struct who_line {
	const struct who_user *user; /* NULL: whoever runs in a container's user namespace */
	const struct rule *rule;     /* that gave the decision; NULL: none did (default-list) */
	enum reason reason;
	const struct meeting *meeting; /* what it takes */
	int64_t from_ns;	       /* today, when it begins; 0: at once */
};
/* A user whom a rule would allow it, were it not for a deny. */
struct who_denied {
	const struct who_user *user;
	uint64_t rule; /* the deny */
};

struct who_question {
	const struct ruleset *ruleset;
	/* Names, permission, time and so on; the subject is filled from the users. */
	struct circumstances circumstances;
	bool leads_on; /* a directory: rules for what is below it may let it be seen */
	/* In the place of decide(), which knows nothing of the tree; NULL: decide() itself. */
	struct decision (*decide)(void *arg, const struct question *question);
	const struct who_user *users; /* ascending by uid */
	size_t user_count;
	/* By user and number; non-zero ends the walk with that result. */
	int (*each)(void *arg, const struct who_line *line);
	/* After them, for users of whom there was no line. */
	int (*denied)(void *arg, const struct who_denied *denied);
	void *arg;
};
/* ret_incomplete: there were more ways to meet rules than are tried, so somebody may be missing. */
int who_ask(const struct who_question *question, bool *ret_incomplete);

#endif
