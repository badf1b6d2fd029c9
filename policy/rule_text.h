/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_text.h - what the two forms of a rule's text share: the words of grant and the stored line.
 * The functions themselves are declared in rule.h.
 */
#ifndef POLICY_RULE_TEXT_H
#define POLICY_RULE_TEXT_H

#include "policy/rule.h"

/* The version of the stored form that is written in the `version` column; rows of 1 are of it too.
 */
#define RULE_TEXT_VERSION 2

/* "user" for WORD_USER, "any" for WORD_ANY. */
const char *subject_word_prefix(enum subject_word_kind kind);
/* "allow", "deny". */
const char *rule_effect_word(enum rule_effect effect);

/* user, group, loginuid: a name with the number that decides. */
bool subject_word_has_number(enum subject_word_kind kind);
/* rule_is_stale for one word. */
bool subject_word_is_stale(const struct subject_word *word);
/*
 * What the words of a rule must be together: any alone, userns: with unit: only, learn for
 * somebody. Returns NULL, or what is wrong ("... ") as a sentence.
 */
const char *rule_words_mistake(const struct rule *rule);
/* Of a kind with text: is it of the right form? NULL, or what would be right. */
const char *subject_word_mistake(enum subject_word_kind kind, const char *text);

/* Is it a subject, or what people write for one: "usr:alice", "role=vision", "everybody"? */
bool word_means_subject(const char *word);

/*
 * The stored form of one subject word: any, user:1001 or user:alice#1001. No look into the user
 * database. -EUCLEAN for anything else. The caller frees ret_word->name.
 */
int subject_word_from_text(const char *text, struct subject_word *ret_word);

/* Pattern and permissions must be set; appends a copy of word, which stays the caller's. */
int rule_add_word(struct rule *rule, const struct subject_word *word);

#endif
