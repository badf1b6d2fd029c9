/* SPDX-License-Identifier: Apache-2.0 */
/* rule_difference.h - the rules of a set beside those of a file, by their text. */
#ifndef POLICY_RULE_DIFFERENCE_H
#define POLICY_RULE_DIFFERENCE_H

#include "policy/ruleset.h"

struct rule_difference {
	size_t *missing; /* owned; indexes of the file's rules that the set has not; ascending */
	size_t missing_count;
	uint64_t *others; /* owned; numbers of the set's rules that the file has not; ascending */
	size_t other_count;
	size_t same;
};

void rule_difference_done(struct rule_difference *difference);
/*
 * A text that stands twice in one and once in the other is there once: so a file that was written
 * by export makes the same rules again, however often. Of several alike in the set the ones with
 * the lowest numbers are in the file.
 */
int rule_difference_find(const struct ruleset *ruleset, const struct rule *rules, size_t count,
	struct rule_difference *ret_difference);

#define scope_rule_difference __attribute__((cleanup(rule_difference_done)))

#endif
