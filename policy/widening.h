/* SPDX-License-Identifier: Apache-2.0 */
/*
 * widening.h - names change while the rules stay: could somebody read more after it? Answered from
 * rules and names alone, and on the safe side: programs, hours and budgets are not looked at, a
 * rule that reaches a file anew counts unless one for the same subjects, or for everybody, reached
 * it before. A further name of a file takes away at most: an allow must match every name, a deny
 * any.
 */
#ifndef POLICY_WIDENING_H
#define POLICY_WIDENING_H

#include "policy/decide.h"

struct widening;

/* authors (borrowed): who makes the change, as he is and as he could be after logging in. */
int widening_new(struct ruleset *ruleset, const struct subject *const *authors, size_t author_count,
	struct widening **ret_widening);
struct widening *widening_free(struct widening *widening);

/*
 * What changes from now on lies at or below `before`, and will at or below `after` (path NULL: the
 * names go): only to look at fewer rules.
 */
void widening_look_below(
	struct widening *widening, const struct path_name *before, const struct path_name *after);
/*
 * One file: all its names before; after[i] is what before[i] becomes, the same if it stays, path
 * NULL if it goes.
 */
void widening_add_file(struct widening *widening, const struct path_name *before,
	const struct path_name *after, size_t name_count);

/* How many files more may be read of. 0: nothing widens. */
uint64_t widening_files(const struct widening *widening);
/*
 * The next rule from *at on by which it does, or NULL: an allow (or learn) that reaches a file
 * anew, a deny that does not reach one any more.
 */
const struct rule *widening_next_rule(const struct widening *widening, size_t *at);
/* Could an author himself read something that he surely could not before? */
bool widening_is_for_author(const struct widening *widening);

SCOPE_FUNCTION(struct widening *, widening_free);

#endif
