/* SPDX-License-Identifier: Apache-2.0 */
/* learning.c - what may be learned, and for how long. */
#include "policy/learning.h"

#include "keystore/base/clock.h"
#include "policy/permission.h"
#include "policy/rule_text.h"

#define LONGEST (LEARNING_DAYS_MAX * INT64_C(24) * 3600 * NS_PER_S)

const char *learning_mistake(const struct rule *rule, int64_t now_ns)
{
	const struct rule_condition *condition = &rule->condition;

	if (rule->effect != RULE_LEARN)
		return "it is no rule to learn by";
	if (rule_words_mistake(rule))
		return rule_words_mistake(rule);
	if (rule->permissions != PERMISSION_READ)
		return "reading is all that is learned";
	if (!condition->until_ns)
		return "learning ends by the clock: --for 8h, at most --for 7d";
	/* To the full second, up: as --for is stored. */
	if (condition->until_ns > now_ns && condition->until_ns - now_ns > LONGEST + NS_PER_S)
		return "learning ends after 7 days at most: --for 7d";
	return NULL;
}
