/* SPDX-License-Identifier: Apache-2.0 */
/*
 * bytes.h - little-endian load and store, bounded cursors over untrusted bytes, a growing buffer,
 * and text forms of bytes (hex, base64).
 */
#ifndef KEYSTORE_BASE_BYTES_H
#define KEYSTORE_BASE_BYTES_H

#include "keystore/base/scope.h"

#include <endian.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

static inline void store_u16(uint8_t *to, uint16_t value)
{
	value = htole16(value);
	memcpy(to, &value, sizeof(value));
}

static inline void store_u32(uint8_t *to, uint32_t value)
{
	value = htole32(value);
	memcpy(to, &value, sizeof(value));
}

static inline void store_u64(uint8_t *to, uint64_t value)
{
	value = htole64(value);
	memcpy(to, &value, sizeof(value));
}

static inline uint16_t load_u16(const uint8_t *from)
{
	uint16_t value;

	memcpy(&value, from, sizeof(value));
	return le16toh(value);
}

static inline uint32_t load_u32(const uint8_t *from)
{
	uint32_t value;

	memcpy(&value, from, sizeof(value));
	return le32toh(value);
}

static inline uint64_t load_u64(const uint8_t *from)
{
	uint64_t value;

	memcpy(&value, from, sizeof(value));
	return le64toh(value);
}

/*
 * A read cursor. A take beyond the end sets `failed`, returns zero or NULL and stays failed: parse
 * everything, then look once.
 */
struct cursor {
	const uint8_t *at;
	size_t left;
	bool failed;
};

void cursor_init(struct cursor *cursor, const void *bytes, size_t len);
uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
uint64_t cursor_u64(struct cursor *cursor);
/* len bytes inside the cursor's memory, or NULL. */
const uint8_t *cursor_bytes(struct cursor *cursor, size_t len);
/* True when nothing failed and nothing is left. */
bool cursor_is_done(const struct cursor *cursor);

/*
 * A growing byte string, always followed by a NUL that len does not count. When memory runs out
 * `failed` is set and stays: append everything, then look once. {0} is a valid empty buffer.
 */
struct buffer {
	char *data;
	size_t len;
	size_t capacity;
	bool failed;
};

void buffer_done(struct buffer *buffer);
void buffer_add(struct buffer *buffer, const void *bytes, size_t len);
void buffer_add_text(struct buffer *buffer, const char *text);
void buffer_add_u8(struct buffer *buffer, uint8_t value);
void buffer_add_u32(struct buffer *buffer, uint32_t value);
void buffer_add_u64(struct buffer *buffer, uint64_t value);
void buffer_add_format(struct buffer *buffer, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/* "" instead of NULL for an empty buffer. */
const char *buffer_text(const struct buffer *buffer);
/* Gives the bytes to the caller (free) and empties the buffer. -ENOMEM when it had failed. */
int buffer_take(struct buffer *buffer, char **ret_data, size_t *ret_len);
#define scope_buffer __attribute__((cleanup(buffer_done)))

/* Writes 2 * len lower-case digits and a NUL to ret_text. */
void hex_encode(const void *bytes, size_t len, char *ret_text);
/* Exactly 2 * len digits of either case; -EINVAL otherwise. */
int hex_decode(const char *text, void *ret_bytes, size_t len);
/* RFC 4648 section 4, padded; the caller frees. NULL when out of memory. */
char *base64_encode(const void *bytes, size_t len);
/* RFC 3629: no overlong forms, no surrogates, at most U+10FFFF. */
bool utf8_is_valid(const void *bytes, size_t len);
/* The length of the valid sequence that bytes begin with; 0 when there is none. */
size_t utf8_sequence(const void *bytes, size_t len);
/*
 * The bytes as text that fits on one terminal line: control characters (C1, line separators and
 * bidirectional controls too), backslash and invalid UTF-8 become \n, \\ or \xHH. The caller frees;
 * NULL when out of memory.
 */
char *text_for_terminal(const void *bytes, size_t len);
/* A whole message, in which such names may stand already: the same, but '\' is left as it is. */
char *text_as_line(const char *text);

#endif
