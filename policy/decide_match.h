/* SPDX-License-Identifier: Apache-2.0 */
/* decide_match.h - does one rule match, path and permission apart? The inner part of decide(). */
#ifndef POLICY_DECIDE_MATCH_H
#define POLICY_DECIDE_MATCH_H

#include "policy/decide.h"
#include "policy/ruleset_private.h"

/*
 * The first obstacle beyond OBSTACLE_PATH. via_role: a role that the subject is known to hold, or
 * NULL.
 */
enum obstacle rule_match(const struct ruleset *ruleset, const struct compiled_rule *compiled,
	const struct question *question, const char *via_role);

/* KIND_BITs of the rule's words of which none matches, sha256 too. */
unsigned rule_missing_kinds(
	const struct ruleset *ruleset, size_t index, const struct question *question);

/* The executable's hash is not known, but may become so. */
static inline bool hash_is_open(const struct question *question)
{
	return !question->surroundings ||
	       (!question->surroundings->sha256 && !question->surroundings->hash_failed);
}

#endif
