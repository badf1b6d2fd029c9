/* SPDX-License-Identifier: Apache-2.0 */
/*
 * learning.h - learn rules: they let in, and record as learned, what no rule allows; for somebody,
 * for reading, for a while.
 */
#ifndef POLICY_LEARNING_H
#define POLICY_LEARNING_H

#include "policy/rule.h"

#define LEARNING_DAYS_MAX 7

/*
 * What makes this no learn rule, as a sentence, or NULL. One that is over already is one: it does
 * nothing any more.
 */
const char *learning_mistake(const struct rule *rule, int64_t now_ns);

#endif
