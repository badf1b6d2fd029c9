/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shell_word.c - quoting. Bytes of a safe set stand bare; other printable text without a ' goes
 * between single quotes; all else becomes $'...' with \n \t \\ \' and \xHH, always two digits.
 */
#include "policy/shell_word.h"

#include <errno.h>

static bool is_bare(char byte)
{
	return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
	       (byte >= '0' && byte <= '9') || (byte && strchr("_-./:,@%+=#", byte));
}

/* Valid UTF-8, yet not to be shown: C1 controls, line separators, bidirectional controls. */
static bool sequence_is_control(const uint8_t *at, size_t len)
{
	if (len == 2)
		return (at[0] == 0xc2 && at[1] < 0xa0) || (at[0] == 0xd8 && at[1] == 0x9c);
	if (len != 3 || at[0] != 0xe2)
		return false;
	return (at[1] == 0x80 &&
		       ((at[2] >= 0x8b && at[2] <= 0x8f) || (at[2] >= 0xa8 && at[2] <= 0xae))) ||
	       (at[1] == 0x81 && at[2] >= 0xa0 && at[2] <= 0xaf);
}

static bool is_all_bare(const char *bytes, size_t len)
{
	/* A '#' that comes first would begin a comment. */
	if (len == 0 || bytes[0] == '#')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!is_bare(bytes[i]))
			return false;
	return true;
}

/* Bytes that may stand for themselves between quotes; 0: those at `at` may not. */
static size_t printable_sequence(const char *at, size_t left)
{
	size_t len = utf8_sequence(at, left);

	if (len == 1)
		return *at >= ' ' && *at != 0x7f;
	return len && !sequence_is_control((const uint8_t *)at, len) ? len : 0;
}

static bool fits_single_quotes(const char *bytes, size_t len)
{
	for (size_t i = 0, step; i < len; i += step) {
		step = printable_sequence(bytes + i, len - i);
		if (step == 0 || bytes[i] == '\'')
			return false;
	}
	return true;
}

static void write_escaped(const char *bytes, size_t len, struct buffer *to)
{
	buffer_add_text(to, "$'");
	for (size_t i = 0, step; i < len; i += step) {
		step = printable_sequence(bytes + i, len - i);
		if (bytes[i] == '\n')
			buffer_add_text(to, "\\n");
		else if (bytes[i] == '\t')
			buffer_add_text(to, "\\t");
		else if (step == 0)
			buffer_add_format(to, "\\x%02x", (unsigned)(uint8_t)bytes[i]);
		else if (bytes[i] == '\\' || bytes[i] == '\'')
			buffer_add_format(to, "\\%c", bytes[i]);
		else
			buffer_add(to, bytes + i, step);
		if (step == 0)
			step = 1;
	}
	buffer_add_text(to, "'");
}

void shell_word_write(const char *bytes, size_t len, struct buffer *to)
{
	if (is_all_bare(bytes, len)) {
		buffer_add(to, bytes, len);
	} else if (fits_single_quotes(bytes, len)) {
		buffer_add_text(to, "'");
		buffer_add(to, bytes, len);
		buffer_add_text(to, "'");
	} else {
		write_escaped(bytes, len, to);
	}
}

/* After \x: two digits, not 00. */
static int read_hex(const char **at, const char *end, struct buffer *to)
{
	char digits[3] = {0};
	uint8_t byte;

	if (end - *at < 2)
		return -EUCLEAN;
	memcpy(digits, *at, 2);
	if (hex_decode(digits, &byte, 1) < 0 || byte == 0)
		return -EUCLEAN;
	*at += 2;
	buffer_add_u8(to, byte);
	return 0;
}

static int read_escape(const char **at, const char *end, struct buffer *to)
{
	if (*at == end)
		return -EUCLEAN;
	switch (*(*at)++) {
	case 'n':
		buffer_add_u8(to, '\n');
		return 0;
	case 't':
		buffer_add_u8(to, '\t');
		return 0;
	case '\\':
		buffer_add_u8(to, '\\');
		return 0;
	case '\'':
		buffer_add_u8(to, '\'');
		return 0;
	case 'x':
		return read_hex(at, end, to);
	}
	return -EUCLEAN;
}

/* After the opening quote, to the closing one. */
static int read_quoted(const char **at, const char *end, bool escapes, struct buffer *to)
{
	int r;

	while (*at < end) {
		char byte = *(*at)++;

		if (byte == '\'')
			return 0;
		if (byte == '\0' || byte == '\n')
			return -EUCLEAN;
		if (escapes && byte == '\\') {
			r = read_escape(at, end, to);
			if (r < 0)
				return r;
		} else {
			buffer_add_u8(to, byte);
		}
	}
	return -EUCLEAN;
}

int shell_word_read(const char **at, const char *end, struct buffer *to)
{
	const char *from = *at, *next = from;
	int r;

	while (next < end && *next != ' ') {
		if (*next == '\'') {
			next++;
			r = read_quoted(&next, end, false, to);
		} else if (end - next >= 2 && next[0] == '$' && next[1] == '\'') {
			next += 2;
			r = read_quoted(&next, end, true, to);
		} else if (is_bare(*next) && !(next == from && *next == '#')) {
			buffer_add_u8(to, *next++);
			r = 0;
		} else {
			r = -EUCLEAN;
		}
		if (r < 0)
			return r;
	}
	if (next == from)
		return -EUCLEAN;
	*at = next;
	return 0;
}
