/* SPDX-License-Identifier: Apache-2.0 */
/* near_word.h - which known word may somebody who mistyped have meant? */
#ifndef POLICY_NEAR_WORD_H
#define POLICY_NEAR_WORD_H

#include <stdbool.h>
#include <stddef.h>

/* The word of the table that is at most two edits away, or NULL. */
const char *nearest_word(const char *word, size_t len, const char *const *table, size_t count);
/* Is it one of the table? */
bool word_in(const char *word, size_t len, const char *const *table, size_t count);

#endif
