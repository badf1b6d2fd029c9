/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_view.h - one caller at one moment, for decisions about any number of names: the rule set,
 * the clock and the caller's surroundings are looked at once. For requests that are over soon.
 */
#ifndef POLICY_POLICY_VIEW_H
#define POLICY_POLICY_VIEW_H

#include "policy/decide.h"
#include "policy/surroundings.h"

struct policy;

/* Not to be copied or moved. */
struct policy_view {
	struct ruleset *ruleset; /* a reference */
	bool broken;		 /* the seal: everything is refused */
	struct looked_at looked;
	/* But for names and permission; who asks about another time or place may change it. */
	struct question question;
};

/* ruleset NULL: the one in force. Subject is borrowed until the end. */
void policy_view_begin(struct policy *policy, const struct ruleset *ruleset,
	const struct subject *subject, struct policy_view *ret_view);
/* At the surroundings alone: the hash is known by now. */
void policy_view_look_again(struct policy *policy, struct policy_view *view);
void policy_view_end(struct policy_view *view);
/* As policy_inquire at the moment of the beginning; no budget is asked for. */
struct decision policy_view_decide(const struct policy_view *view, const struct path_name *names,
	size_t name_count, enum permission permission);

/*
 * The rules other than denies whose identity words match the subject: indexes, ascending. Only by
 * these he may ever be allowed anything. The caller frees.
 */
int ruleset_concerning(const struct ruleset *ruleset, const struct subject *subject,
	uint32_t **ret_rules, size_t *ret_count);

#endif
