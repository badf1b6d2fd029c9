/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of policy/audit_json.c: the fields in the order that the command line promises. */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "tests/unit/policy/audit_fixture.h"

static void test_full(void **state)
{
	struct audit_record record = {.event = fixture_event("models/a"), .seq = 5, .segment = 2};
	scope_buffer struct buffer line = {0};

	(void)state;
	record.event.time_ns = 1;
	assert_int_equal(audit_record_json(&record, "alice", &line), 0);
	assert_string_equal(buffer_text(&line),
		"{\"seq\":5,\"time\":\"1970-01-01T00:00:00.000000001Z\",\"segment\":2,"
		"\"uid\":1000,\"user\":\"alice\",\"gid\":1001,\"loginuid\":1002,\"pid\":4242,"
		"\"exe\":\"/usr/bin/python3\",\"sha256\":\"6120646967657374"
		"000000000000000000000000000000000000000000000000\","
		"\"unit\":\"/system.slice/infer.service\",\"userns\":19,\"action\":\"open\","
		"\"path\":\"models/a\",\"file_id\":\"612066696c6520696400000000000000\","
		"\"outcome\":\"allow\",\"rule\":3,\"reason\":\"rule-allow\",\"perm\":\"read\","
		"\"bytes\":17,\"duration_ms\":18,\"count\":1,\"via\":\"mount\","
		"\"detail\":\"nothing\",\"chain\":\"00000000000000000000000000000000"
		"00000000000000000000000000000000\"}\n");
}

static void test_unknown(void **state)
{
	struct audit_record record = {.event = AUDIT_EVENT_EMPTY, .seq = 1, .segment = 1};
	scope_buffer struct buffer line = {0};

	(void)state;
	record.event.action = AUDIT_ACTIONS; /* of a newer program */
	record.event.outcome = AUDIT_ERROR;
	record.event.reason = REASONS;
	record.event.path = "\xff\n";
	record.event.path_len = 2;
	assert_int_equal(audit_record_json(&record, NULL, &line), 0);
	assert_non_null(strstr(line.data, "\"uid\":null,\"user\":null,\"gid\":null"));
	assert_non_null(strstr(line.data, "\"exe\":null,\"sha256\":null,\"unit\":null"));
	assert_non_null(strstr(line.data, "\"action\":null"));
	assert_non_null(strstr(line.data, "\"reason\":null"));
	assert_non_null(strstr(line.data, "\"path_b64\":\"/wo=\""));
	assert_non_null(strstr(line.data, "\"rule\":null"));
	assert_ptr_equal(strchr(line.data, '\n'), line.data + line.len - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_full),
		cmocka_unit_test(test_unknown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
