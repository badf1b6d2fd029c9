/* SPDX-License-Identifier: Apache-2.0 */
/*
 * self_grant.h - could the author of a change of rules or roles read more after it than before?
 * Answered from the rules alone, whatever files there are: who a rule speaks of is looked at, all
 * else that it asks for (a program, a unit, hours, a budget) counts as what he may come by.
 */
#ifndef POLICY_SELF_GRANT_H
#define POLICY_SELF_GRANT_H

#include "policy/ruleset.h"

/*
 * True: he gains, and *ret_rule is the first rule by which: one of `after` that allows (or learns),
 * or a deny of `before` that is lifted. What gives nothing new is no gain: a rule that an
 * unconditional one covered before (for everything, or the same pattern), one that a deny of that
 * sort still covers, a lifted deny where nothing lets him read. Pure. When memory runs out
 * it is true of rule 0: what cannot be judged is not done.
 */
bool self_grant_gains(const struct ruleset *before, const struct ruleset *after,
	const struct subject *author, uint64_t *ret_rule);

/* Does the rule speak of the author, as he is or, for what it gives, as he could log in? */
bool self_grant_concerns(const struct ruleset *ruleset, size_t index, const struct subject *author);

/*
 * Could he read more when hours, days and the periods of budgets turn at other times? *ret_rule:
 * the first rule by which. Pure.
 */
bool self_grant_gains_by_zone(
	const struct ruleset *ruleset, const struct subject *author, uint64_t *ret_rule);

/* Is this user the one holder of every role over the vault? Then nobody else could do it for him.
 */
bool self_grant_is_one_person(const struct role_members *members, uint32_t uid);

#endif
