/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_record.c - a record of the trail from columns that anybody may have written: refused, or the
 * same columns again; two records with the same canonical bytes are the same; its JSON is one line.
 * libFuzzer: -max_len=2048 -max_total_time=4
 */
#include <errno.h>

#include "policy/audit_event.h"
#include "tests/fuzz/fuzz.h"

/* NULL, a number, text or bytes; lengths that matter come more often. */
static struct db_value any_value(struct cursor *input)
{
	static const uint8_t lengths[] = {ID_SIZE, DIGEST_SIZE, 0, 1, 5};
	unsigned kind = cursor_u8(input);
	struct db_value value;
	const void *bytes;
	size_t len;

	if (kind % 4 == 0)
		return db_null();
	if (kind % 4 == 1)
		return db_integer(kind & 64 ? (int64_t)cursor_u64(input) : cursor_u8(input));
	bytes = fuzz_take(input, lengths[kind / 4 % ARRAY_SIZE(lengths)], &len);
	value = db_blob(bytes ? bytes : "", bytes ? len : 0);
	value.type = kind % 4 == 2 ? DB_TEXT : DB_BLOB;
	return value;
}

/* Texts of SQLite end with a NUL that is not counted. */
static void end_text(struct db_value *value, char room[DIGEST_SIZE + 1])
{
	if (value->type != DB_TEXT)
		return;
	memcpy(room, value->data, value->len);
	room[value->len] = '\0';
	value->data = room;
}

static bool values_are_equal(const struct db_value *a, const struct db_value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type == DB_INTEGER)
		return a->integer == b->integer;
	return a->type == DB_NULL || (a->len == b->len && memcmp(a->data, b->data, a->len) == 0);
}

static void check_json(const struct audit_record *record)
{
	scope_buffer struct buffer line = {0};
	int r;

	r = audit_record_json(record, NULL, &line);
	holds(r == 0);
	holds(line.len > 2 && line.data[0] == '{' && line.data[line.len - 1] == '\n');
	holds(strlen(line.data) == line.len && strchr(line.data, '\n') == line.data + line.len - 1);
	holds(utf8_is_valid(line.data, line.len));
}

/* Another value in one column gives other bytes. */
static void check_distinct(
	struct db_value values[AUDIT_COLUMNS], const struct audit_record *record, unsigned choice)
{
	scope_buffer struct buffer bytes = {0}, other_bytes = {0};
	enum audit_column column = choice % AUDIT_COLUMN_CHAIN;
	struct db_value kept = values[column];
	struct audit_record other;

	values[column] = kept.type == DB_NULL ? db_integer(1) : db_null();
	if (audit_record_from_columns(values, &other, &column) < 0)
		return;
	audit_record_encode(record, &bytes);
	audit_record_encode(&other, &other_bytes);
	holds(bytes.len != other_bytes.len || memcmp(bytes.data, other_bytes.data, bytes.len) != 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct db_value values[AUDIT_COLUMNS], again[AUDIT_COLUMNS];
	char texts[AUDIT_COLUMNS][DIGEST_SIZE + 1];
	enum audit_column column = AUDIT_COLUMNS;
	struct audit_record record;
	struct cursor cursor;
	unsigned choice;
	int r;

	cursor_init(&cursor, input, size);
	choice = cursor_u8(&cursor);
	for (int i = 0; i < AUDIT_COLUMNS; i++) {
		values[i] = any_value(&cursor);
		end_text(&values[i], texts[i]);
	}
	r = audit_record_from_columns(values, &record, &column);
	holds(r == 0 || r == -EUCLEAN);
	holds(column < AUDIT_COLUMNS);
	if (r < 0)
		return 0;
	audit_record_to_columns(&record, again);
	for (int i = 0; i < AUDIT_COLUMNS; i++)
		holds(values_are_equal(&values[i], &again[i]));
	check_json(&record);
	check_distinct(values, &record, choice);
	return 0;
}
