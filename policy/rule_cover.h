/* SPDX-License-Identifier: Apache-2.0 */
/* rule_cover.h - does one rule say all that another says? Conditions are not looked at. */
#ifndef POLICY_RULE_COVER_H
#define POLICY_RULE_COVER_H

#include "policy/compiled_rule.h"

/*
 * Everybody whom the other's words match, every path that its pattern matches, each of its
 * permissions. Effects may differ: deny over allow. False when in doubt.
 */
bool rule_covers(const struct compiled_rule *rule, const struct compiled_rule *other);
/* The subjects alone. */
bool rule_covers_subject(const struct compiled_rule *rule, const struct compiled_rule *other);

#endif
