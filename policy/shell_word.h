/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shell_word.h - one word of a line as a shell would read it back: bare, '...' or $'...' (bash).
 * Every byte string without NUL has one written form, on one line, of printable characters.
 */
#ifndef POLICY_SHELL_WORD_H
#define POLICY_SHELL_WORD_H

#include "keystore/base/bytes.h"

void shell_word_write(const char *bytes, size_t len, struct buffer *to);

/*
 * Appends the bytes of the word at *at, which moves behind the word: to a space or the end. Reads
 * any mixture of bare bytes, '...' and $'...'. -EUCLEAN for an empty bare word, a quote that does
 * not end, an escape that is not known, a bare byte that a shell would not take as itself.
 */
int shell_word_read(const char **at, const char *end, struct buffer *to);

#endif
