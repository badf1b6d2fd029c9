/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_words_private.h - what the reader of grant's words shares with those who look for what was
 * meant by words that are not right: nothing that is guessed there is ever put in force.
 */
#ifndef POLICY_RULE_WORDS_PRIVATE_H
#define POLICY_RULE_WORDS_PRIVATE_H

#include "policy/rule_text.h"

/* Each fills *ret_mistake with one line, and returns the result it was given, or -EINVAL. */

/* rule_words.c: "WORD text" (word may be NULL). */
int words_complain(char **ret_mistake, int result, const char *word, const char *format, ...)
	__attribute__((format(printf, 4, 5)));
/* The words before the colon, as the table of kinds has them. */
void words_kinds(const char *ret_kinds[WORD_KINDS]);
#define KINDS_HELP                                                            \
	"user:NAME, group:NAME, role:NAME, exe:PATH, sha256:HEX, unit:NAME, " \
	"loginuid:NAME, userns:contained or any"

/* rule_words_order.c: is each word where it belongs? 0 when it is. */
int words_check_order(const char *const *words, size_t count, char **ret_mistake);

/* rule_words_meant.c */

/* A word that is no subject; next (or NULL) stands behind it. */
int words_complain_about_subject(const char *word, const char *next, char **ret_mistake);
/* A kind of subject and nothing behind it, "user" or "user:"; next may be what was meant. */
int words_complain_about_kind(
	const char *word, enum subject_word_kind kind, const char *next, char **ret_mistake);
/* A word of plain English, or an option without its dashes; 0 when it is none of them. */
int words_complain_about_phrase(const char *word, const char *next, char **ret_mistake);
/* A subject of a known kind whose value is wrong, for `why`. */
int words_complain_about_value(enum subject_word_kind kind, const char *text, const char *value,
	const char *why, char **ret_mistake);
/* A user or group whose name cannot be looked up, or is nobody's. */
int words_complain_about_lookup(
	enum subject_word_kind kind, const char *text, int result, char **ret_mistake);

/* rule_pattern_meant.c: a pattern that is none, for `why`. */
int words_complain_about_pattern(const char *text, const char *why, char **ret_mistake);

#endif
