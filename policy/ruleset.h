/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset.h - all rules and roles, compiled: immutable, reference-counted, indexed by subject and
 * by the literal beginning of the pattern, so that a decision looks only at rules that can match.
 */
#ifndef POLICY_RULESET_H
#define POLICY_RULESET_H

#include "policy/role.h"
#include "policy/rule.h"
#include "policy/subject.h"

struct ruleset;

/* What a set is made of. */
struct ruleset_parts {
	/* Kept from here are the rules whose numbers are not in removed (ascending). May be NULL.
	 */
	const struct ruleset *base;
	const uint64_t *removed;
	size_t removed_count;
	const struct rule *added; /* copied; numbers are given already */
	size_t added_count;
	const struct role_members *members; /* copied; NULL: those of base */
	bool is_private;		    /* names are hidden unless allowed */
};

/*
 * -EINVAL for a pattern that does not compile, a rule without words, a number twice (never from a
 * sealed store).
 */
int ruleset_build(const struct ruleset_parts *parts, struct ruleset **ret_ruleset);
/* These rules alone. */
int ruleset_new(const struct rule *rules, size_t count, struct ruleset **ret_ruleset);
struct ruleset *ruleset_ref(struct ruleset *ruleset);
/* Drops one reference. Returns NULL. */
struct ruleset *ruleset_unref(struct ruleset *ruleset);

size_t ruleset_count(const struct ruleset *ruleset);
/* In order of numbers. */
const struct rule *ruleset_at(const struct ruleset *ruleset, size_t index);
const struct rule *ruleset_find(const struct ruleset *ruleset, uint64_t number);
/* False: there is no rule of this number. */
bool ruleset_find_index(const struct ruleset *ruleset, uint64_t number, size_t *ret_index);
const struct role_members *ruleset_members(const struct ruleset *ruleset);
bool ruleset_is_private(const struct ruleset *ruleset);
/* True when names differ from caller to caller: only then do lookups need the identity. */
bool ruleset_hides_names(const struct ruleset *ruleset);
/* True when any rule allows anything. */
bool ruleset_allows_anything(const struct ruleset *ruleset);
/* Only then is there anything to count. */
bool ruleset_has_budgets(const struct ruleset *ruleset);
/* KIND_BITs of the words that any rule has. */
unsigned ruleset_kinds(const struct ruleset *ruleset);
/* The distinct paths of exe: words; NULL beyond the last. */
const char *ruleset_exe_path(const struct ruleset *ruleset, size_t index);
size_t ruleset_exe_count(const struct ruleset *ruleset);
/* The next time at which some rule may begin or end to apply by the clock; INT64_MAX: never. */
int64_t ruleset_next_change(const struct ruleset *ruleset, int64_t now_ns);
/* Does the pattern of the rule match this path? */
bool ruleset_matches_path(
	const struct ruleset *ruleset, size_t index, const char *path, size_t len);
/*
 * Could the pattern of the rule match this directory or anything below it? True when in doubt.
 */
bool ruleset_may_match_below(
	const struct ruleset *ruleset, size_t index, const char *path, size_t len);

SCOPE_FUNCTION(struct ruleset *, ruleset_unref);

#endif
