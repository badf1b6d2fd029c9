/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of policy/audit_event.c and audit_chain.c: canonical bytes written out by hand from
 * contrib/docs/audit.md, digests of them by another SHA-256, and columns that nobody of ours wrote.
 */
#include "policy/audit_event.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "policy/audit_chain.h"
#include "tests/unit/policy/audit_fixture.h"

/* clang-format off */
static const uint8_t canonical[] = {
	1,					/* version */
	2, 0, 0, 0, 0, 0, 0, 0,			/* seq */
	1, 0, 0, 0, 0, 0, 0, 0,			/* segment */
	0, 0xca, 0x9a, 0x3b, 0, 0, 0, 0,	/* time: one second */
	6, 0, 0, 0,				/* action: open */
	2, 0, 0, 0,				/* outcome: deny */
	3, 0, 0, 0,				/* reason: no-rule */
	1, 0xe8, 3, 0, 0, 0, 0, 0, 0,		/* uid 1000 */
	1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, /* gid -1 */
	0,					/* loginuid */
	1, 7, 0, 0, 0, 0, 0, 0, 0,		/* pid */
	2, 2, 0, 0, 0, '/', 'x',		/* exe */
	0,					/* sha256 */
	2, 0, 0, 0, 0,				/* unit: empty, not null */
	0,					/* userns */
	2, 3, 0, 0, 0, 'a', 0xff, 'b',		/* path */
	2, 16, 0, 0, 0, 'a', ' ', 'f', 'i', 'l', 'e', ' ', 'i', 'd', 0, 0, 0, 0, 0, 0, 0,
	0,					/* rule */
	2, 4, 0, 0, 0, 'r', 'e', 'a', 'd',	/* perm */
	0,					/* bytes */
	0,					/* duration_ms */
	1, 1, 0, 0, 0, 0, 0, 0, 0,		/* count */
	0,					/* via */
	0,					/* detail */
};
/* clang-format on */

static struct audit_record small_record(void)
{
	static const uint8_t file_id[ID_SIZE] = "a file id";
	struct audit_record record = {.seq = 2, .segment = 1, .event = AUDIT_EVENT_EMPTY};
	struct audit_event *event = &record.event;

	event->time_ns = 1000000000;
	event->action = AUDIT_OPEN;
	event->outcome = AUDIT_REFUSE;
	event->reason = REASON_NO_RULE;
	event->uid = 1000;
	event->gid = -1;
	event->pid = 7;
	event->exe = "/x";
	event->unit = "";
	event->path = "a\xff"
		      "b";
	event->path_len = 3;
	event->file_id = file_id;
	event->perm = "read";
	return record;
}

static void test_canonical_bytes(void **state)
{
	struct audit_record record = small_record();
	scope_buffer struct buffer bytes = {0};

	(void)state;
	audit_record_encode(&record, &bytes);
	assert_int_equal(bytes.len, sizeof(canonical));
	assert_memory_equal(bytes.data, canonical, sizeof(canonical));
}

/* Digests by Python's hashlib over the bytes above. */
static void test_chain(void **state)
{
	struct audit_record record = small_record();
	scope_buffer struct buffer scratch = {0};
	uint8_t chain[DIGEST_SIZE];
	char text[2 * DIGEST_SIZE + 1];

	(void)state;
	assert_int_equal(audit_chain_start(fixture_vault_id, chain), 0);
	hex_encode(chain, sizeof(chain), text);
	assert_string_equal(
		text, "a8a448f20786f8db0c4b74648afd5341d0674d54e55566ac61d1a8701a418fb1");
	assert_int_equal(audit_chain_next(chain, &record, &scratch, chain), 0);
	hex_encode(chain, sizeof(chain), text);
	assert_string_equal(
		text, "cbc1d3519e07686eb4b64dc0d0c1cbf8a705571328c63e143d75ceab66312931");
}

static void test_messages(void **state)
{
	struct audit_place place = {.segment = 1, .seq = 0x0203};
	uint8_t message[AUDIT_MESSAGE_MAX];

	(void)state;
	memset(place.chain, 0xcc, sizeof(place.chain));
	assert_int_equal(
		audit_chain_message(AUDIT_STATES_HEAD, fixture_vault_id, &place, message), 87);
	assert_memory_equal(message,
		"modelvault/1/audit-headvault of a test\0"
		"\1\0\0\0\0\0\0\0\3\2\0\0\0\0\0\0\xcc\xcc",
		57);
	assert_int_equal(
		audit_chain_message(AUDIT_STATES_CHECKPOINT, fixture_vault_id, &place, message),
		93);
	assert_memory_equal(message, "modelvault/1/audit-checkpointvault", 34);
}

/* Records in audit.db keep these numbers for ever. */
static void test_numbers(void **state)
{
	(void)state;
	assert_int_equal(AUDIT_INIT, 1);
	assert_int_equal(AUDIT_OPEN, 6);
	assert_int_equal(AUDIT_INTEGRITY, 10);
	assert_int_equal(AUDIT_COMMAND, 17);
	assert_int_equal(AUDIT_CLOCK, 20);
	assert_int_equal(REASON_NONE, 0);
	assert_int_equal(REASON_NO_RULE, 3);
	assert_int_equal(REASON_SEAL_BROKEN, 11);
	assert_int_equal(REASON_AUDIT_UNAVAILABLE, 18);
	assert_int_equal(REASON_SLOT, 24);
}

/* Bytes that move from one field to its neighbour, null and empty: all different. */
static void test_no_two_alike(void **state)
{
	struct audit_event events[6];
	struct buffer bytes[6] = {0};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++)
		events[i] = fixture_event("ab");
	events[1].path = "a";
	events[1].path_len = 1;
	events[2].perm = NULL;
	events[3].perm = "";
	events[4].via = "mountn";
	events[4].detail = "othing";
	events[5].rule = AUDIT_UNKNOWN;
	for (size_t i = 0; i < ARRAY_SIZE(events); i++) {
		struct audit_record record = {.event = events[i], .seq = 1, .segment = 1};

		audit_record_encode(&record, &bytes[i]);
		for (size_t j = 0; j < i; j++) {
			assert_true(bytes[i].len != bytes[j].len ||
				    memcmp(bytes[i].data, bytes[j].data, bytes[i].len) != 0);
			assert_false(audit_event_is_like(&events[i], &events[j]));
		}
	}
	for (size_t i = 0; i < ARRAY_SIZE(bytes); i++)
		buffer_done(&bytes[i]);
}

static void test_likeness(void **state)
{
	struct audit_event a = fixture_event("ab"), b = a;

	(void)state;
	b.time_ns = 5;
	b.count = 9;
	assert_true(audit_event_is_like(&a, &b));
	assert_int_equal(audit_event_hash(&a), audit_event_hash(&b));
	b.reason = REASON_NO_RULE;
	assert_false(audit_event_is_like(&a, &b));
}

static void test_copy(void **state)
{
	struct audit_record record = {.event = fixture_event("a/b"), .seq = 1, .segment = 1}, copy;
	scope_buffer struct buffer before = {0}, after = {0};
	size_t size = audit_event_text_size(&record.event);
	scope_free char *text = malloc(size);

	(void)state;
	copy = record;
	audit_event_copy(&record.event, &copy.event, text);
	assert_true(copy.event.path >= text && copy.event.path < text + size);
	assert_true(copy.event.detail >= text && copy.event.detail < text + size);
	audit_record_encode(&record, &before);
	audit_record_encode(&copy, &after);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, before.len);
}

static void test_columns_round_trip(void **state)
{
	struct audit_record record = small_record(), again;
	scope_buffer struct buffer bytes = {0};
	struct db_value values[AUDIT_COLUMNS];
	enum audit_column column;

	(void)state;
	audit_record_to_columns(&record, values);
	assert_int_equal(audit_record_from_columns(values, &again, &column), 0);
	audit_record_encode(&again, &bytes);
	assert_int_equal(bytes.len, sizeof(canonical));
	assert_memory_equal(bytes.data, canonical, sizeof(canonical));
}

static const uint8_t digest[DIGEST_SIZE];
static char long_text[LIMIT_AUDIT_TEXT + 1];

static void test_hostile_columns(void **state)
{
	const struct {
		enum audit_column column;
		struct db_value value;
	} cases[] = {
		{AUDIT_COLUMN_SEQ, db_integer(0)},
		{AUDIT_COLUMN_SEQ, db_integer(-1)},
		{AUDIT_COLUMN_SEQ, db_null()},
		{AUDIT_COLUMN_SEQ, db_text("1")},
		{AUDIT_COLUMN_SEGMENT, db_integer(0)},
		{AUDIT_COLUMN_TIME, db_null()},
		{AUDIT_COLUMN_ACTION, db_integer(0)},
		{AUDIT_COLUMN_ACTION, db_integer(1LL << 32 | AUDIT_OPEN)},
		{AUDIT_COLUMN_OUTCOME, db_integer(-1)},
		{AUDIT_COLUMN_REASON, db_integer(-1)},
		{AUDIT_COLUMN_uid, db_text("1000")},
		{AUDIT_COLUMN_uid, db_integer(INT64_MIN)},
		{AUDIT_COLUMN_exe, db_blob("/x", 2)},
		{AUDIT_COLUMN_exe, {DB_TEXT, 0, "/x\0y", 4}},
		{AUDIT_COLUMN_detail, {DB_TEXT, 0, long_text, sizeof(long_text)}},
		{AUDIT_COLUMN_path, db_text("a")},
		{AUDIT_COLUMN_path, db_blob(long_text, sizeof(long_text))},
		{AUDIT_COLUMN_sha256, db_blob(digest, 31)},
		{AUDIT_COLUMN_file_id, db_blob(digest, 17)},
		{AUDIT_COLUMN_CHAIN, db_null()},
		{AUDIT_COLUMN_CHAIN, db_blob(digest, 0)},
	};
	struct audit_record record = small_record(), again;
	enum audit_column column;

	(void)state;
	memset(long_text, 'a', sizeof(long_text));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct db_value values[AUDIT_COLUMNS];

		audit_record_to_columns(&record, values);
		values[cases[i].column] = cases[i].value;
		print_message("%zu %s\n", i, audit_column_name(cases[i].column));
		assert_int_equal(audit_record_from_columns(values, &again, &column), -EUCLEAN);
		assert_int_equal(column, cases[i].column);
	}
}

static void test_words(void **state)
{
	enum audit_action action;
	enum audit_outcome outcome;

	(void)state;
	for (int i = AUDIT_ACTION_NONE + 1; i < AUDIT_ACTIONS; i++) {
		assert_int_equal(audit_action_from_word(audit_action_word(i), &action), 0);
		assert_int_equal(action, i);
	}
	assert_string_equal(audit_action_word(AUDIT_SEGMENT_END), "segment-end");
	assert_null(audit_action_word(AUDIT_ACTION_NONE));
	assert_null(audit_action_word(AUDIT_ACTIONS));
	assert_int_equal(audit_action_from_word("opened", &action), -EINVAL);
	assert_int_equal(audit_outcome_from_word("deny", &outcome), 0);
	assert_int_equal(outcome, AUDIT_REFUSE);
	assert_int_equal(audit_outcome_from_word("refuse", &outcome), -EINVAL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_canonical_bytes),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_messages),
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_no_two_alike),
		cmocka_unit_test(test_likeness),
		cmocka_unit_test(test_copy),
		cmocka_unit_test(test_columns_round_trip),
		cmocka_unit_test(test_hostile_columns),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
