/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.c - JSON lines by jansson, the only file that includes it. A failure is kept in the object
 * and told once, by json_line.
 */
#include "keystore/base/json.h"

#include <errno.h>
#include <jansson.h>

#include "keystore/base/clock.h"

#define REPLACEMENT "\xef\xbf\xbd" /* U+FFFD */

struct json {
	json_t *object;
	bool failed;
};

struct json *json_new(void)
{
	struct json *json = calloc(1, sizeof(*json));

	if (!json)
		return NULL;
	json->object = json_object();
	if (!json->object) {
		free(json);
		return NULL;
	}
	return json;
}

struct json *json_free(struct json *json)
{
	if (json) {
		json_decref(json->object);
		free(json);
	}
	return NULL;
}

/* Takes the value, which is NULL when it could not be made. */
static void set(struct json *json, const char *name, json_t *value)
{
	if (json_object_set_new(json->object, name, value) != 0)
		json->failed = true;
}

void json_unknown(struct json *json, const char *name)
{
	if (json)
		set(json, name, json_null());
}

void json_bool(struct json *json, const char *name, bool value)
{
	if (json)
		set(json, name, json_boolean(value));
}

void json_int(struct json *json, const char *name, int64_t value)
{
	if (json)
		set(json, name, json_integer(value));
}

/* A JSON string of the bytes, each invalid one replaced. NULL when out of memory. */
static json_t *text_value(const void *bytes, size_t len)
{
	scope_buffer struct buffer text = {0};
	const uint8_t *at = bytes;

	while (len > 0) {
		size_t sequence = utf8_sequence(at, len);
		size_t step = sequence ? sequence : 1;

		if (sequence)
			buffer_add(&text, at, sequence);
		else
			buffer_add_text(&text, REPLACEMENT);
		at += step;
		len -= step;
	}
	return text.failed ? NULL : json_stringn(buffer_text(&text), text.len);
}

void json_text(struct json *json, const char *name, const char *text)
{
	if (json)
		set(json, name, text ? text_value(text, strlen(text)) : json_null());
}

/* NAME_b64: the exact bytes. */
static void set_base64(struct json *json, const char *name, const void *bytes, size_t len)
{
	scope_free char *text = base64_encode(bytes, len);
	scope_buffer struct buffer field = {0};

	buffer_add_text(&field, name);
	buffer_add_text(&field, "_b64");
	if (!text || field.failed)
		json->failed = true;
	else
		set(json, buffer_text(&field), json_string(text));
}

void json_bytes(struct json *json, const char *name, const void *bytes, size_t len)
{
	if (!json)
		return;
	set(json, name, bytes ? text_value(bytes, len) : json_null());
	if (bytes && !utf8_is_valid(bytes, len))
		set_base64(json, name, bytes, len);
}

void json_hex(struct json *json, const char *name, const void *bytes, size_t len)
{
	scope_free char *text = NULL;

	if (!json)
		return;
	if (!bytes) {
		set(json, name, json_null());
		return;
	}
	text = len < SIZE_MAX / 2 ? malloc(2 * len + 1) : NULL;
	if (!text) {
		json->failed = true;
		return;
	}
	hex_encode(bytes, len, text);
	set(json, name, json_string(text));
}

void json_time(struct json *json, const char *name, int64_t time_ns)
{
	char text[TIME_TEXT_SIZE];

	if (!json)
		return;
	time_to_text(time_ns, text);
	set(json, name, json_string(text));
}

void json_text_array(struct json *json, const char *name, const char *const *texts, size_t count)
{
	json_t *array;

	if (!json)
		return;
	array = json_array();
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(array, text_value(texts[i], strlen(texts[i]))) != 0)
			json->failed = true;
	set(json, name, array);
}

void json_number_array(struct json *json, const char *name, const int64_t *numbers, size_t count)
{
	json_t *array;

	if (!json)
		return;
	array = json_array();
	for (size_t i = 0; i < count; i++)
		if (json_array_append_new(
			    array, numbers[i] < 0 ? json_null() : json_integer(numbers[i])) != 0)
			json->failed = true;
	set(json, name, array);
}

/* The library leaves DEL and the C1 controls as they are, and a terminal would obey them. */
static void add_printable(struct buffer *to, const char *line)
{
	for (const uint8_t *at = (const uint8_t *)line; *at; at++) {
		if (at[0] == 0x7f)
			buffer_add_text(to, "\\u007f");
		else if (at[0] == 0xc2 && at[1] < 0xa0)
			buffer_add_format(to, "\\u%04x", *++at);
		else
			buffer_add_u8(to, *at);
	}
}

int json_line(struct json *json, struct buffer *to)
{
	scope_free char *line = NULL;

	if (!json || json->failed)
		return -ENOMEM;
	line = json_dumps(json->object, JSON_COMPACT | JSON_PRESERVE_ORDER);
	if (!line)
		return -ENOMEM;
	add_printable(to, line);
	buffer_add_u8(to, '\n');
	return to->failed ? -ENOMEM : 0;
}
