/* SPDX-License-Identifier: Apache-2.0 */
/*
 * message.c - the fields and descriptors of one control message, and its text form. Every message
 * has exactly one text form (an escape stands where it must and only there), so what is decoded
 * encodes to the same bytes again. The version line belongs to the text, not to the fields.
 */
#include "fs/control/message.h"

#include <errno.h>
#include <fcntl.h>

#define NAME_MAX_LEN 32
#define VERSION_NAME "v"
#define VERSION_LINE "v=1\n"

struct field {
	size_t len;
	char name[NAME_MAX_LEN + 1];
	char value[]; /* len bytes and a NUL */
};

struct message {
	struct field **fields;
	size_t field_count, field_capacity;
	size_t text_len;	    /* of the text form, the last empty line included */
	int fds[LIMIT_DESCRIPTORS]; /* -1: taken */
	size_t fd_count;
};

int message_new(struct message **ret_message)
{
	struct message *message = calloc(1, sizeof(*message));

	if (!message)
		return -ENOMEM;
	message->text_len = strlen(VERSION_LINE) + 1;
	*ret_message = message;
	return 0;
}

struct message *message_free(struct message *message)
{
	if (!message)
		return NULL;
	for (size_t i = 0; i < message->fd_count; i++)
		if (message->fds[i] >= 0)
			close(message->fds[i]);
	for (size_t i = 0; i < message->field_count; i++)
		free(message->fields[i]);
	free(message->fields);
	free(message);
	return NULL;
}

static bool name_is_valid(const char *name, size_t len)
{
	if (len < 1 || len > NAME_MAX_LEN)
		return false;
	for (size_t i = 0; i < len; i++) {
		char c = name[i];

		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') && c != '_' && c != '-')
			return false;
	}
	return len != strlen(VERSION_NAME) || memcmp(name, VERSION_NAME, len) != 0;
}

static bool is_plain(uint8_t byte)
{
	return byte >= 0x21 && byte <= 0x7e && byte != '%';
}

/* Characters of the value as text. len is at most LIMIT_MESSAGE: no overflow. */
static size_t escaped_len(const uint8_t *value, size_t len)
{
	size_t escaped = len;

	for (size_t i = 0; i < len; i++)
		if (!is_plain(value[i]))
			escaped += 2;
	return escaped;
}

static int reserve_field(struct message *message)
{
	size_t capacity = message->field_capacity ? message->field_capacity * 2 : 8;
	struct field **fields;

	if (message->field_count < message->field_capacity)
		return 0;
	fields = reallocarray(message->fields, capacity, sizeof(struct field *));
	if (!fields)
		return -ENOMEM;
	message->fields = fields;
	message->field_capacity = capacity;
	return 0;
}

static int add_field(
	struct message *message, const char *name, size_t name_len, const void *value, size_t len)
{
	struct field *field;
	size_t line;
	int r;

	if (!name_is_valid(name, name_len))
		return -EINVAL;
	if (message->field_count >= LIMIT_FIELDS || len > LIMIT_MESSAGE)
		return -E2BIG;
	line = name_len + 1 + escaped_len(value, len) + 1;
	if (line > LIMIT_MESSAGE - message->text_len)
		return -E2BIG;
	r = reserve_field(message);
	if (r < 0)
		return r;
	field = calloc(1, sizeof(*field) + len + 1);
	if (!field)
		return -ENOMEM;
	memcpy(field->name, name, name_len);
	if (len)
		memcpy(field->value, value, len);
	field->len = len;
	message->fields[message->field_count++] = field;
	message->text_len += line;
	return 0;
}

int message_add(struct message *message, const char *name, const void *value, size_t len)
{
	return add_field(message, name, strlen(name), value, len);
}

int message_add_text(struct message *message, const char *name, const char *value)
{
	return message_add(message, name, value, strlen(value));
}

int message_add_integer(struct message *message, const char *name, int64_t value)
{
	scope_buffer struct buffer text = {0};

	buffer_add_format(&text, "%lld", (long long)value);
	if (text.failed)
		return -ENOMEM;
	return message_add(message, name, text.data, text.len);
}

/* The new field is added as any other is, and then takes the place of the old one. */
int message_replace_text(struct message *message, const char *name, size_t index, const char *value)
{
	for (size_t i = 0; i < message->field_count; i++) {
		struct field *old = message->fields[i];
		int r;

		if (strcmp(old->name, name) != 0 || index-- > 0)
			continue;
		r = message_add_text(message, name, value);
		if (r < 0)
			return r;
		message->text_len -=
			strlen(name) + 1 + escaped_len((const uint8_t *)old->value, old->len) + 1;
		free(old);
		message->fields[i] = message->fields[--message->field_count];
		return 0;
	}
	return -ENOENT;
}

int message_add_fd(struct message *message, int fd)
{
	if (fd < 0)
		return -EBADF;
	if (message->fd_count >= LIMIT_DESCRIPTORS) {
		close(fd);
		return -E2BIG;
	}
	message->fds[message->fd_count++] = fd;
	return 0;
}

const char *message_at(
	const struct message *message, const char *name, size_t index, size_t *ret_len)
{
	for (size_t i = 0; i < message->field_count; i++) {
		const struct field *field = message->fields[i];

		if (strcmp(field->name, name) != 0 || index-- > 0)
			continue;
		if (ret_len)
			*ret_len = field->len;
		return field->value;
	}
	return NULL;
}

const char *message_get(const struct message *message, const char *name, size_t *ret_len)
{
	return message_at(message, name, 0, ret_len);
}

size_t message_count(const struct message *message, const char *name)
{
	size_t count = 0;

	for (size_t i = 0; i < message->field_count; i++)
		count += strcmp(message->fields[i]->name, name) == 0;
	return count;
}

bool message_has(const struct message *message, const char *name)
{
	return message_get(message, name, NULL) != NULL;
}

/* -?(0|[1-9][0-9]*) and nothing else: strtoll would take blanks, a '+' and leading zeros. */
static int parse_integer(const char *text, size_t len, int64_t *ret_value)
{
	bool negative = len > 0 && text[0] == '-';
	const char *digits = text + negative;
	size_t count = len - negative;
	int64_t value = 0;

	if (count == 0 || (digits[0] == '0' && (count > 1 || negative)))
		return -EINVAL;
	for (size_t i = 0; i < count; i++) {
		int digit = digits[i] - '0';

		if (digit < 0 || digit > 9)
			return -EINVAL;
		/* Downwards, as INT64_MIN has no positive counterpart. */
		if (__builtin_mul_overflow(value, 10, &value) ||
			__builtin_sub_overflow(value, digit, &value))
			return -EINVAL;
	}
	if (!negative && value == INT64_MIN)
		return -EINVAL;
	*ret_value = negative ? value : -value;
	return 0;
}

int message_get_integer(const struct message *message, const char *name, int64_t *ret_value)
{
	const char *text;
	size_t len;

	text = message_get(message, name, &len);
	if (!text)
		return -ENOENT;
	return parse_integer(text, len, ret_value);
}

int message_take_fd(struct message *message, size_t index)
{
	return index < message->fd_count ? take_fd(&message->fds[index]) : -1;
}

int message_fd(const struct message *message, size_t index)
{
	return index < message->fd_count ? message->fds[index] : -1;
}

size_t message_fd_count(const struct message *message)
{
	return message->fd_count;
}

static void encode_value(const struct field *field, struct buffer *to)
{
	static const char digits[] = "0123456789ABCDEF";
	const uint8_t *value = (const uint8_t *)field->value;
	size_t done = 0;

	while (done < field->len) {
		size_t plain = done;

		while (plain < field->len && is_plain(value[plain]))
			plain++;
		buffer_add(to, value + done, plain - done);
		done = plain;
		if (done < field->len) {
			char escape[3] = {'%', digits[value[done] >> 4], digits[value[done] & 15]};

			buffer_add(to, escape, sizeof(escape));
			done++;
		}
	}
}

int message_encode(const struct message *message, struct buffer *to)
{
	buffer_add_text(to, VERSION_LINE);
	for (size_t i = 0; i < message->field_count; i++) {
		buffer_add_text(to, message->fields[i]->name);
		buffer_add_text(to, "=");
		encode_value(message->fields[i], to);
		buffer_add_text(to, "\n");
	}
	buffer_add_text(to, "\n");
	return to->failed ? -ENOMEM : 0;
}

static int upper_hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Unescapes into ret_value, which has room for len bytes. */
static int decode_value(const char *text, size_t len, uint8_t *ret_value, size_t *ret_len)
{
	size_t count = 0;

	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (is_plain((uint8_t)text[i])) {
			ret_value[count++] = (uint8_t)text[i];
			continue;
		}
		if (text[i] != '%' || len - i < 3)
			return -EPROTO;
		high = upper_hex_digit(text[i + 1]);
		low = upper_hex_digit(text[i + 2]);
		if (high < 0 || low < 0 || is_plain((uint8_t)(high << 4 | low)))
			return -EPROTO;
		ret_value[count++] = (uint8_t)(high << 4 | low);
		i += 2;
	}
	*ret_len = count;
	return 0;
}

/* The version line; the cursor stands behind it afterwards. */
static int decode_version(const char *text, size_t len, size_t *ret_line)
{
	const char *end = memchr(text, '\n', len);
	int64_t version;

	if (!end || end - text < 3 || memcmp(text, VERSION_NAME "=", 2) != 0)
		return -EPROTO;
	if (parse_integer(text + 2, (size_t)(end - text) - 2, &version) < 0 || version < 1)
		return -EPROTO;
	if (version != 1)
		return -EPROTONOSUPPORT;
	*ret_line = (size_t)(end - text) + 1;
	return 0;
}

static int decode_line(struct message *message, const char *line, size_t len, uint8_t *scratch)
{
	const char *equals = memchr(line, '=', len);
	size_t name_len, value_len;
	int r;

	if (!equals)
		return -EPROTO;
	name_len = (size_t)(equals - line);
	r = decode_value(equals + 1, len - name_len - 1, scratch, &value_len);
	if (r < 0)
		return r;
	r = add_field(message, line, name_len, scratch, value_len);
	return r == -EINVAL ? -EPROTO : r;
}

int message_decode(const void *text, size_t len, struct message **ret_message)
{
	scope(message_free) struct message *message = NULL;
	scope_free uint8_t *scratch = NULL;
	const char *at = text, *end, *newline;
	size_t line;
	int r;

	if (len > LIMIT_MESSAGE)
		return -E2BIG;
	r = decode_version(at, len, &line);
	if (r < 0)
		return r;
	r = message_new(&message);
	if (r < 0)
		return r;
	scratch = malloc(len);
	if (!scratch)
		return -ENOMEM;
	end = at + len;
	for (at += line; at < end; at = newline + 1) {
		newline = memchr(at, '\n', (size_t)(end - at));
		if (!newline)
			return -EPROTO;
		if (newline == at) {
			if (newline + 1 != end)
				return -EPROTO;
			*ret_message = take(&message);
			return 0;
		}
		r = decode_line(message, at, (size_t)(newline - at), scratch);
		if (r < 0)
			return r;
	}
	return -EPROTO;
}
