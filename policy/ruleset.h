/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ruleset.h - all rules, compiled: immutable, reference-counted, indexed by user and group so that
 * a decision looks only at rules whose subject words can match.
 */
#ifndef POLICY_RULESET_H
#define POLICY_RULESET_H

#include "policy/rule.h"
#include "policy/subject.h"

struct ruleset;

/* Copies the rules. -EINVAL for a pattern that does not compile (never from a sealed store). */
int ruleset_new(const struct rule *rules, size_t count, struct ruleset **ret_ruleset);
struct ruleset *ruleset_ref(struct ruleset *ruleset);
/* Drops one reference. Returns NULL. */
struct ruleset *ruleset_unref(struct ruleset *ruleset);

size_t ruleset_count(const struct ruleset *ruleset);
/* In order of numbers. */
const struct rule *ruleset_at(const struct ruleset *ruleset, size_t index);
const struct rule *ruleset_find(const struct ruleset *ruleset, uint64_t number);
/* True when any rule denies list: only then do lookups need the caller's identity. */
bool ruleset_hides_names(const struct ruleset *ruleset);
/* True when any rule allows anything. */
bool ruleset_allows_anything(const struct ruleset *ruleset);

SCOPE_FUNCTION(struct ruleset *, ruleset_unref);

#endif
