/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes.c - cursors over untrusted bytes, the growing buffer, and text forms of bytes. Nothing here
 * reads beyond a given length or trusts that bytes are text.
 */
#include "keystore/base/bytes.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

void cursor_init(struct cursor *cursor, const void *bytes, size_t len)
{
	*cursor = (struct cursor){.at = bytes, .left = len};
}

const uint8_t *cursor_bytes(struct cursor *cursor, size_t len)
{
	const uint8_t *at = cursor->at;

	if (cursor->failed || len > cursor->left) {
		cursor->failed = true;
		return NULL;
	}
	cursor->at += len;
	cursor->left -= len;
	return at;
}

uint8_t cursor_u8(struct cursor *cursor)
{
	const uint8_t *at = cursor_bytes(cursor, sizeof(uint8_t));

	return at ? *at : 0;
}

uint16_t cursor_u16(struct cursor *cursor)
{
	const uint8_t *at = cursor_bytes(cursor, sizeof(uint16_t));

	return at ? load_u16(at) : 0;
}

uint32_t cursor_u32(struct cursor *cursor)
{
	const uint8_t *at = cursor_bytes(cursor, sizeof(uint32_t));

	return at ? load_u32(at) : 0;
}

uint64_t cursor_u64(struct cursor *cursor)
{
	const uint8_t *at = cursor_bytes(cursor, sizeof(uint64_t));

	return at ? load_u64(at) : 0;
}

bool cursor_is_done(const struct cursor *cursor)
{
	return !cursor->failed && cursor->left == 0;
}

void buffer_done(struct buffer *buffer)
{
	free(buffer->data);
	*buffer = (struct buffer){0};
}

/* Room for more bytes and the NUL behind them. */
static bool buffer_reserve(struct buffer *buffer, size_t more)
{
	size_t capacity = buffer->capacity ? buffer->capacity : 64;
	size_t needed;
	char *data;

	if (buffer->failed)
		return false;
	if (__builtin_add_overflow(buffer->len, more, &needed) || needed >= SIZE_MAX / 4) {
		buffer->failed = true;
		return false;
	}
	if (needed < buffer->capacity)
		return true;
	while (capacity <= needed)
		capacity *= 2;
	data = realloc(buffer->data, capacity);
	if (!data) {
		buffer->failed = true;
		return false;
	}
	buffer->data = data;
	buffer->capacity = capacity;
	return true;
}

void buffer_add(struct buffer *buffer, const void *bytes, size_t len)
{
	if (!buffer_reserve(buffer, len))
		return;
	if (len)
		memcpy(buffer->data + buffer->len, bytes, len);
	buffer->len += len;
	buffer->data[buffer->len] = '\0';
}

void buffer_add_text(struct buffer *buffer, const char *text)
{
	buffer_add(buffer, text, strlen(text));
}

void buffer_add_u8(struct buffer *buffer, uint8_t value)
{
	buffer_add(buffer, &value, sizeof(value));
}

void buffer_add_u32(struct buffer *buffer, uint32_t value)
{
	uint8_t bytes[sizeof(value)];

	store_u32(bytes, value);
	buffer_add(buffer, bytes, sizeof(bytes));
}

void buffer_add_u64(struct buffer *buffer, uint64_t value)
{
	uint8_t bytes[sizeof(value)];

	store_u64(bytes, value);
	buffer_add(buffer, bytes, sizeof(bytes));
}

void buffer_add_format(struct buffer *buffer, const char *format, ...)
{
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(NULL, 0, format, arguments);
	va_end(arguments);
	if (len < 0) {
		buffer->failed = true;
		return;
	}
	if (!buffer_reserve(buffer, (size_t)len))
		return;
	va_start(arguments, format);
	vsnprintf(buffer->data + buffer->len, (size_t)len + 1, format, arguments);
	va_end(arguments);
	buffer->len += (size_t)len;
}

const char *buffer_text(const struct buffer *buffer)
{
	return buffer->data ? buffer->data : "";
}

int buffer_take(struct buffer *buffer, char **ret_data, size_t *ret_len)
{
	buffer_add(buffer, NULL, 0); /* even no bytes are a string that can be freed */
	if (buffer->failed) {
		buffer_done(buffer);
		return -ENOMEM;
	}
	*ret_data = buffer->data;
	*ret_len = buffer->len;
	*buffer = (struct buffer){0};
	return 0;
}

void hex_encode(const void *bytes, size_t len, char *ret_text)
{
	static const char digits[] = "0123456789abcdef";
	const uint8_t *from = bytes;

	for (size_t i = 0; i < len; i++) {
		ret_text[2 * i] = digits[from[i] >> 4];
		ret_text[2 * i + 1] = digits[from[i] & 15];
	}
	ret_text[2 * len] = '\0';
}

static int hex_digit(char digit)
{
	if (digit >= '0' && digit <= '9')
		return digit - '0';
	if (digit >= 'a' && digit <= 'f')
		return digit - 'a' + 10;
	if (digit >= 'A' && digit <= 'F')
		return digit - 'A' + 10;
	return -1;
}

int hex_decode(const char *text, void *ret_bytes, size_t len)
{
	uint8_t *to = ret_bytes;

	if (len > SIZE_MAX / 2 || strlen(text) != 2 * len)
		return -EINVAL;
	for (size_t i = 0; i < 2 * len; i++)
		if (hex_digit(text[i]) < 0)
			return -EINVAL;
	for (size_t i = 0; i < len; i++)
		to[i] = (uint8_t)(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
	return 0;
}

char *base64_encode(const void *bytes, size_t len)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const uint8_t *from = bytes;
	char *text, *to;

	if (len > SIZE_MAX / 4)
		return NULL;
	text = to = malloc((len + 2) / 3 * 4 + 1);
	if (!text)
		return NULL;
	for (; len > 0; from += 3) {
		size_t group = len < 3 ? len : 3;
		uint32_t bits = (uint32_t)from[0] << 16;

		bits |= group > 1 ? (uint32_t)from[1] << 8 : 0;
		bits |= group > 2 ? from[2] : 0;
		*to++ = digits[bits >> 18];
		*to++ = digits[bits >> 12 & 63];
		*to++ = group > 1 ? digits[bits >> 6 & 63] : '=';
		*to++ = group > 2 ? digits[bits & 63] : '=';
		len -= group;
	}
	*to = '\0';
	return text;
}

/* RFC 3629 section 4: the length of a sequence and the range of its second byte. */
static size_t utf8_shape(uint8_t first, uint8_t *ret_low, uint8_t *ret_high)
{
	*ret_low = first == 0xe0 ? 0xa0 : first == 0xf0 ? 0x90 : 0x80;
	*ret_high = first == 0xed ? 0x9f : first == 0xf4 ? 0x8f : 0xbf;
	if (first < 0x80)
		return 1;
	if (first >= 0xc2 && first <= 0xdf)
		return 2;
	if (first >= 0xe0 && first <= 0xef)
		return 3;
	return first >= 0xf0 && first <= 0xf4 ? 4 : 0;
}

size_t utf8_sequence(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint8_t low, high;
	size_t sequence;

	if (len == 0)
		return 0;
	sequence = utf8_shape(at[0], &low, &high);
	if (sequence > len)
		return 0;
	if (sequence > 1 && (at[1] < low || at[1] > high))
		return 0;
	for (size_t i = 2; i < sequence; i++)
		if ((at[i] & 0xc0) != 0x80)
			return 0;
	return sequence;
}

bool utf8_is_valid(const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	size_t sequence;

	for (; len > 0; at += sequence, len -= sequence) {
		sequence = utf8_sequence(at, len);
		if (sequence == 0)
			return false;
	}
	return true;
}

/*
 * Beside C0 and DEL: C1, the line separators, and the bidirectional controls that make a terminal
 * show text in another order than it has.
 */
static bool is_control(const uint8_t *at, size_t sequence)
{
	if (sequence == 1)
		return at[0] < ' ' || at[0] == 0x7f;
	if (sequence == 2)
		return (at[0] == 0xc2 && at[1] < 0xa0) || (at[0] == 0xd8 && at[1] == 0x9c);
	if (sequence == 3 && at[0] == 0xe2 && at[1] == 0x80)
		return at[2] == 0x8e || at[2] == 0x8f || (at[2] >= 0xa8 && at[2] <= 0xae);
	return sequence == 3 && at[0] == 0xe2 && at[1] == 0x81 && at[2] >= 0xa6 && at[2] <= 0xa9;
}

static char *without_controls(const void *bytes, size_t len, bool escape_backslash)
{
	scope_buffer struct buffer text = {0};
	const uint8_t *at = bytes;
	char *data;
	size_t step;

	for (; len > 0; at += step, len -= step) {
		size_t sequence = utf8_sequence(at, len);

		step = sequence ? sequence : 1;
		if (*at == '\n')
			buffer_add_text(&text, "\\n");
		else if (*at == '\\' && escape_backslash)
			buffer_add_text(&text, "\\\\");
		else if (sequence && !is_control(at, sequence))
			buffer_add(&text, at, sequence);
		else
			for (size_t i = 0; i < step; i++)
				buffer_add_format(&text, "\\x%02x", at[i]);
	}
	return buffer_take(&text, &data, &step) < 0 ? NULL : data;
}

char *text_for_terminal(const void *bytes, size_t len)
{
	return without_controls(bytes, len, true);
}

char *text_as_line(const char *text)
{
	return without_controls(text, strlen(text), false);
}
