/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_text.h - what the two forms of a rule's text share: the words of grant and the stored line.
 * The functions themselves are declared in rule.h.
 */
#ifndef POLICY_RULE_TEXT_H
#define POLICY_RULE_TEXT_H

#include "policy/rule.h"

/* The version of the stored form that is written in the `version` column. */
#define RULE_TEXT_VERSION 1

/* "user" for WORD_USER, "any" for WORD_ANY. */
const char *subject_word_prefix(enum subject_word_kind kind);
/* "allow", "deny". */
const char *rule_effect_word(enum rule_effect effect);

/*
 * The stored form of one subject word: any, user:1001 or user:alice#1001. No look into the user
 * database. -EUCLEAN for anything else. The caller frees ret_word->name.
 */
int subject_word_from_text(const char *text, struct subject_word *ret_word);

/* Pattern and permissions must be set; appends a copy of word, which stays the caller's. */
int rule_add_word(struct rule *rule, const struct subject_word *word);

#endif
