/* SPDX-License-Identifier: Apache-2.0 */
/*
 * compiled_rule.h - one rule with everything that a decision would else work out again. Immutable
 * and shared by all rule sets that have the rule.
 */
#ifndef POLICY_COMPILED_RULE_H
#define POLICY_COMPILED_RULE_H

#include "keystore/base/limits.h"
#include "policy/path_pattern.h"
#include "policy/rule.h"

#include <stdatomic.h>

struct compiled_rule {
	atomic_size_t references;
	struct rule rule;
	struct path_pattern *pattern;
	uint32_t path_key;
	struct path_suffix suffix;
	unsigned kinds; /* KIND_BITs of its words */
	bool is_timed;
	struct path_pattern **globs;	 /* of unit: words, by word; NULL: it has none */
	uint8_t (*digests)[DIGEST_SIZE]; /* of sha256: words, by word; NULL: it has none */
};

/* Copies. -EINVAL for a pattern that does not compile, or a rule without words. */
int compiled_rule_new(const struct rule *rule, struct compiled_rule **ret_compiled);
struct compiled_rule *compiled_rule_ref(struct compiled_rule *compiled);
/* Drops one reference. Returns NULL. */
struct compiled_rule *compiled_rule_unref(struct compiled_rule *compiled);

SCOPE_FUNCTION(struct compiled_rule *, compiled_rule_unref);

#endif
