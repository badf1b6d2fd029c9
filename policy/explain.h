/* SPDX-License-Identifier: Apache-2.0 */
/*
 * explain.h - in words for a person: what keeps a rule from applying, and what would have to change
 * for a refusal to become none.
 */
#ifndef POLICY_EXPLAIN_H
#define POLICY_EXPLAIN_H

#include "policy/circumstances.h"

/*
 * The very thing that differs: "between 09:00 and 18:00, it is 20:15". For a rule that applies:
 * what is used of its budget, or nothing. Appends.
 */
void explain_obstacle(const struct ruleset *ruleset, size_t index,
	const struct circumstances *circumstances, const struct supposed *supposed,
	enum obstacle obstacle, struct buffer *to);

/* What would have to change; each text alone is enough. */
struct remedies {
	char **texts; /* owned */
	size_t count;
};
void remedies_done(struct remedies *remedies);
#define scope_remedies __attribute__((cleanup(remedies_done)))

/* Whose refusal it is, and who is told. */
struct refusal {
	const struct ruleset *ruleset;
	const struct circumstances *circumstances;
	/* Only rules that concern him or the subject in question are named; NULL: all. */
	const struct subject *viewer;
	const char *vault; /* how a command would name it */
};
/*
 * For a decision that rules made; of another there is nothing to say. Whatever it says of
 * circumstances was put to decide(). At most a handful, the smallest change first, a new grant
 * last. Looks at the system for the rules' programs.
 */
int refusal_remedies(const struct refusal *refusal, struct remedies *ret_remedies);
/* That this deny has to be revoked, which stands elsewhere than on the names in question. */
int remedies_add_revoke(struct remedies *remedies, const struct ruleset *ruleset, uint64_t number);
/* Is the rule one that this viewer may know of? */
bool refusal_may_name(const struct refusal *refusal, const struct ruleset *ruleset, size_t index);

#endif
