/* SPDX-License-Identifier: Apache-2.0 */
/*
 * json.h - one JSON object on one line, fields in the order they were added (jansson underneath).
 * Unknown is null, never absent. Names that are not UTF-8 get U+FFFD in the text and the exact
 * bytes in a second field NAME_b64.
 */
#ifndef KEYSTORE_BASE_JSON_H
#define KEYSTORE_BASE_JSON_H

#include "keystore/base/bytes.h"

struct json;

/* NULL is accepted by every function below and makes it do nothing: out of memory shows once, in
 * json_line. */
struct json *json_new(void);
struct json *json_free(struct json *json);
/* null. (json_null is a name of jansson.) */
void json_unknown(struct json *json, const char *name);
void json_bool(struct json *json, const char *name, bool value);
void json_int(struct json *json, const char *name, int64_t value);
/* Text that may be NULL (null). Invalid UTF-8 is replaced by U+FFFD. */
void json_text(struct json *json, const char *name, const char *text);
/* A file name or path: text, and NAME_b64 beside it when it is not UTF-8. NULL bytes: null. */
void json_bytes(struct json *json, const char *name, const void *bytes, size_t len);
/* Lower-case hex, or null for NULL. */
void json_hex(struct json *json, const char *name, const void *bytes, size_t len);
/* RFC 3339 UTC, nine digits. */
void json_time(struct json *json, const char *name, int64_t time_ns);
/* An array of text. */
void json_text_array(struct json *json, const char *name, const char *const *texts, size_t count);
/* An array of integers; null for a negative one. */
void json_number_array(struct json *json, const char *name, const int64_t *numbers, size_t count);
/* Appends the object and '\n'. -ENOMEM when anything failed on the way. */
int json_line(struct json *json, struct buffer *to);

SCOPE_FUNCTION(struct json *, json_free);

#endif
