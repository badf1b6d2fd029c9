/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_event.c - one table of fields drives all forms of a record, so that none can forget a
 * field. The canonical form tags every field and gives every text its length: no two different
 * records have equal bytes.
 */
#include "policy/audit_event.h"

#include <assert.h>
#include <errno.h>

enum field_kind {
	FIELD_NUMBER, /* int64_t, AUDIT_UNKNOWN: null */
	FIELD_TEXT,   /* NUL-terminated */
	FIELD_PATH,   /* path_len bytes */
	FIELD_DIGEST, /* DIGEST_SIZE bytes */
	FIELD_ID,     /* ID_SIZE bytes */
};

enum field_tag { TAG_NULL = 0, TAG_NUMBER = 1, TAG_BYTES = 2 };

struct field {
	enum field_kind kind;
	size_t offset; /* of the int64_t or the pointer in struct audit_event */
};

#define FIELD(name, kind) {FIELD_##kind, offsetof(struct audit_event, name)},
static const struct field fields[] = {AUDIT_FIELD_TABLE(FIELD)};
#undef FIELD

#define FIRST_FIELD AUDIT_COLUMN_uid

static_assert(ARRAY_SIZE(fields) == AUDIT_COLUMN_CHAIN - FIRST_FIELD, "every field is a column");

static const char *const column_names[] = {
	"seq",
	"segment",
	"time_ns",
	"action",
	"outcome",
	"reason",
#define COLUMN_NAME(name, kind) #name,
	AUDIT_FIELD_TABLE(COLUMN_NAME)
#undef COLUMN_NAME
		"chain",
};
static_assert(ARRAY_SIZE(column_names) == AUDIT_COLUMNS, "every column has a name");

static const char *const action_words[] = {NULL,
#define ACTION_WORD(name, word) word,
	AUDIT_ACTION_TABLE(ACTION_WORD)
#undef ACTION_WORD
};
static_assert(ARRAY_SIZE(action_words) == AUDIT_ACTIONS, "every action has a word");

const char *audit_action_word(enum audit_action action)
{
	if (action <= AUDIT_ACTION_NONE || action >= AUDIT_ACTIONS)
		return NULL;
	return action_words[action];
}

int audit_action_from_word(const char *word, enum audit_action *ret_action)
{
	for (int i = AUDIT_ACTION_NONE + 1; i < AUDIT_ACTIONS; i++) {
		if (strcmp(action_words[i], word) == 0) {
			*ret_action = (enum audit_action)i;
			return 0;
		}
	}
	return -EINVAL;
}

const char *audit_column_name(enum audit_column column)
{
	return column_names[column];
}

static int64_t field_number(const struct field *field, const struct audit_event *event)
{
	int64_t number;

	memcpy(&number, (const char *)event + field->offset, sizeof(number));
	return number;
}

static const void *field_pointer(const struct field *field, const struct audit_event *event)
{
	const void *pointer;

	memcpy(&pointer, (const char *)event + field->offset, sizeof(pointer));
	return pointer;
}

static void set_field_pointer(
	const struct field *field, struct audit_event *event, const void *pointer)
{
	memcpy((char *)event + field->offset, &pointer, sizeof(pointer));
}

/* The bytes of any field that is no number; 0 for null. */
static size_t field_len(const struct field *field, const struct audit_event *event)
{
	const void *pointer = field_pointer(field, event);

	if (!pointer)
		return 0;
	switch (field->kind) {
	case FIELD_TEXT:
		return strlen(pointer);
	case FIELD_PATH:
		return event->path_len;
	case FIELD_DIGEST:
		return DIGEST_SIZE;
	default:
		return ID_SIZE;
	}
}

int audit_event_check(const struct audit_event *event)
{
	if (!audit_action_word(event->action) || event->outcome < AUDIT_ALLOW ||
		event->outcome > AUDIT_ERROR || event->reason >= REASONS || event->count < 1)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].kind != FIELD_NUMBER &&
			field_len(&fields[i], event) > LIMIT_AUDIT_TEXT)
			return -EMSGSIZE;
	return 0;
}

size_t audit_event_text_size(const struct audit_event *event)
{
	size_t size = 0;

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].kind != FIELD_NUMBER)
			size += field_len(&fields[i], event) + 1;
	return size;
}

void audit_event_copy(const struct audit_event *event, struct audit_event *ret_event, char *text)
{
	*ret_event = *event;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		const void *from;
		size_t len;

		if (fields[i].kind == FIELD_NUMBER)
			continue;
		from = field_pointer(&fields[i], event);
		if (!from)
			continue;
		len = field_len(&fields[i], event);
		memcpy(text, from, len);
		text[len] = '\0';
		set_field_pointer(&fields[i], ret_event, text);
		text += len + 1;
	}
}

static bool field_is_equal(
	const struct field *field, const struct audit_event *a, const struct audit_event *b)
{
	const void *a_bytes, *b_bytes;
	size_t len;

	if (field->kind == FIELD_NUMBER)
		return field_number(field, a) == field_number(field, b);
	a_bytes = field_pointer(field, a);
	b_bytes = field_pointer(field, b);
	if (!a_bytes || !b_bytes)
		return a_bytes == b_bytes;
	len = field_len(field, a);
	return len == field_len(field, b) && memcmp(a_bytes, b_bytes, len) == 0;
}

bool audit_event_is_like(const struct audit_event *a, const struct audit_event *b)
{
	if (a->action != b->action || a->outcome != b->outcome || a->reason != b->reason)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		if (fields[i].offset != offsetof(struct audit_event, count) &&
			!field_is_equal(&fields[i], a, b))
			return false;
	return true;
}

uint32_t audit_event_hash(const struct audit_event *event)
{
	uint32_t hash = 2166136261u ^ event->action;

	hash = (hash ^ (uint32_t)event->uid) * 16777619u;
	hash = (hash ^ (uint32_t)event->pid) * 16777619u;
	for (size_t i = 0; event->path && i < event->path_len; i++)
		hash = (hash ^ (uint8_t)event->path[i]) * 16777619u;
	return hash ^ hash >> 16;
}

static void encode_field(
	const struct field *field, const struct audit_event *event, struct buffer *to)
{
	const void *bytes;
	size_t len;

	if (field->kind == FIELD_NUMBER) {
		int64_t number = field_number(field, event);

		buffer_add_u8(to, number == AUDIT_UNKNOWN ? TAG_NULL : TAG_NUMBER);
		if (number != AUDIT_UNKNOWN)
			buffer_add_u64(to, (uint64_t)number);
		return;
	}
	bytes = field_pointer(field, event);
	buffer_add_u8(to, bytes ? TAG_BYTES : TAG_NULL);
	if (!bytes)
		return;
	len = field_len(field, event);
	buffer_add_u32(to, (uint32_t)len);
	buffer_add(to, bytes, len);
}

void audit_record_encode(const struct audit_record *record, struct buffer *to)
{
	const struct audit_event *event = &record->event;

	buffer_add_u8(to, AUDIT_RECORD_VERSION);
	buffer_add_u64(to, record->seq);
	buffer_add_u64(to, record->segment);
	buffer_add_u64(to, (uint64_t)event->time_ns);
	buffer_add_u32(to, event->action);
	buffer_add_u32(to, event->outcome);
	buffer_add_u32(to, event->reason);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		encode_field(&fields[i], event, to);
}

static struct db_value field_to_value(const struct field *field, const struct audit_event *event)
{
	struct db_value value;
	const void *bytes;

	if (field->kind == FIELD_NUMBER) {
		int64_t number = field_number(field, event);

		return number == AUDIT_UNKNOWN ? db_null() : db_integer(number);
	}
	bytes = field_pointer(field, event);
	if (!bytes)
		return db_null();
	value = db_blob(bytes, field_len(field, event));
	if (field->kind == FIELD_TEXT)
		value.type = DB_TEXT;
	return value;
}

void audit_record_to_columns(
	const struct audit_record *record, struct db_value ret_values[AUDIT_COLUMNS])
{
	const struct audit_event *event = &record->event;

	ret_values[AUDIT_COLUMN_SEQ] = db_integer((int64_t)record->seq);
	ret_values[AUDIT_COLUMN_SEGMENT] = db_integer((int64_t)record->segment);
	ret_values[AUDIT_COLUMN_TIME] = db_integer(event->time_ns);
	ret_values[AUDIT_COLUMN_ACTION] = db_integer(event->action);
	ret_values[AUDIT_COLUMN_OUTCOME] = db_integer(event->outcome);
	ret_values[AUDIT_COLUMN_REASON] = db_integer(event->reason);
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++)
		ret_values[FIRST_FIELD + i] = field_to_value(&fields[i], event);
	ret_values[AUDIT_COLUMN_CHAIN] = db_blob(record->chain, DIGEST_SIZE);
}

static int number_from_value(const struct db_value *value, int64_t *ret_number)
{
	if (value->type == DB_NULL) {
		*ret_number = AUDIT_UNKNOWN;
		return 0;
	}
	/* Stored, the number that means null would have the bytes of null. */
	if (value->type != DB_INTEGER || value->integer == AUDIT_UNKNOWN)
		return -EUCLEAN;
	*ret_number = value->integer;
	return 0;
}

static bool bytes_are_of_kind(enum field_kind kind, const struct db_value *value)
{
	if (value->len > LIMIT_AUDIT_TEXT)
		return false;
	switch (kind) {
	case FIELD_TEXT: /* what stands behind a NUL would not be hashed */
		return value->type == DB_TEXT && !memchr(value->data, '\0', value->len);
	case FIELD_PATH:
		return value->type == DB_BLOB;
	case FIELD_DIGEST:
		return value->type == DB_BLOB && value->len == DIGEST_SIZE;
	default:
		return value->type == DB_BLOB && value->len == ID_SIZE;
	}
}

static int field_from_value(
	const struct field *field, const struct db_value *value, struct audit_event *event)
{
	if (field->kind == FIELD_NUMBER) {
		int64_t number;

		if (number_from_value(value, &number) < 0)
			return -EUCLEAN;
		memcpy((char *)event + field->offset, &number, sizeof(number));
		return 0;
	}
	if (value->type == DB_NULL) {
		set_field_pointer(field, event, NULL);
		return 0;
	}
	if (!bytes_are_of_kind(field->kind, value))
		return -EUCLEAN;
	set_field_pointer(field, event, value->data);
	if (field->kind == FIELD_PATH)
		event->path_len = value->len;
	return 0;
}

/* The columns before the fields, and the chain. */
static int fixed_from_columns(const struct db_value values[AUDIT_COLUMNS],
	struct audit_record *record, enum audit_column *ret_column)
{
	static const struct {
		enum audit_column column;
		int64_t min, max;
	} ranges[] = {
		{AUDIT_COLUMN_SEQ, 1, INT64_MAX},
		{AUDIT_COLUMN_SEGMENT, 1, INT64_MAX},
		{AUDIT_COLUMN_TIME, INT64_MIN, INT64_MAX},
		{AUDIT_COLUMN_ACTION, 1, INT32_MAX},
		{AUDIT_COLUMN_OUTCOME, 1, INT32_MAX},
		{AUDIT_COLUMN_REASON, 0, INT32_MAX},
	};

	for (size_t i = 0; i < ARRAY_SIZE(ranges); i++) {
		const struct db_value *value = &values[ranges[i].column];

		*ret_column = ranges[i].column;
		if (value->type != DB_INTEGER || value->integer < ranges[i].min ||
			value->integer > ranges[i].max)
			return -EUCLEAN;
	}
	*ret_column = AUDIT_COLUMN_CHAIN;
	if (values[AUDIT_COLUMN_CHAIN].type != DB_BLOB ||
		values[AUDIT_COLUMN_CHAIN].len != DIGEST_SIZE)
		return -EUCLEAN;
	record->seq = (uint64_t)values[AUDIT_COLUMN_SEQ].integer;
	record->segment = (uint64_t)values[AUDIT_COLUMN_SEGMENT].integer;
	record->event.time_ns = values[AUDIT_COLUMN_TIME].integer;
	record->event.action = (enum audit_action)values[AUDIT_COLUMN_ACTION].integer;
	record->event.outcome = (enum audit_outcome)values[AUDIT_COLUMN_OUTCOME].integer;
	record->event.reason = (enum reason)values[AUDIT_COLUMN_REASON].integer;
	memcpy(record->chain, values[AUDIT_COLUMN_CHAIN].data, DIGEST_SIZE);
	return 0;
}

int audit_record_from_columns(const struct db_value values[AUDIT_COLUMNS],
	struct audit_record *ret_record, enum audit_column *ret_column)
{
	struct audit_record record = {0};
	int r;

	r = fixed_from_columns(values, &record, ret_column);
	if (r < 0)
		return r;
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		*ret_column = (enum audit_column)(FIRST_FIELD + i);
		r = field_from_value(&fields[i], &values[FIRST_FIELD + i], &record.event);
		if (r < 0)
			return r;
	}
	*ret_record = record;
	return 0;
}
