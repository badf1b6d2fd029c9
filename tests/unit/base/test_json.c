/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of keystore/base/json.c: exact lines, names that are not UTF-8, NULL objects. */
#include "keystore/base/json.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void assert_line(struct json *json, const char *expected)
{
	scope_buffer struct buffer line = {0};

	assert_int_equal(json_line(json, &line), 0);
	assert_string_equal(buffer_text(&line), expected);
	json_free(json);
}

static void test_fields_in_order(void **state)
{
	static const char *const texts[] = {"b", "a\"\n"};
	static const int64_t numbers[] = {0, -1, 4294967295};
	struct json *json = json_new();

	(void)state;
	json_int(json, "z", INT64_MIN);
	json_bool(json, "a", true);
	json_bool(json, "n", false);
	json_unknown(json, "u");
	json_text(json, "t", "line\nbreak \"\\ \x01");
	json_text(json, "t0", NULL);
	json_hex(json, "h", "\x00\xff", 2);
	json_hex(json, "h0", NULL, 2);
	json_time(json, "at", 1);
	json_text_array(json, "l", texts, 2);
	json_text_array(json, "l0", NULL, 0);
	json_number_array(json, "m", numbers, 3);
	json_number_array(json, "m0", NULL, 0);
	assert_line(json,
		"{\"z\":-9223372036854775808,\"a\":true,\"n\":false,\"u\":null,"
		"\"t\":\"line\\nbreak \\\"\\\\ \\u0001\",\"t0\":null,\"h\":\"00ff\",\"h0\":null,"
		"\"at\":\"1970-01-01T00:00:00.000000001Z\",\"l\":[\"b\",\"a\\\"\\n\"],\"l0\":[],"
		"\"m\":[0,null,4294967295],\"m0\":[]}"
		"\n");
}

static void test_names(void **state)
{
	struct json *json = json_new();

	(void)state;
	json_bytes(json, "good",
		"m\xc3\xb6"
		"del",
		6);
	json_bytes(json, "nul", "a\0b", 3);
	json_bytes(json, "none", NULL, 0);
	json_bytes(json, "empty", "", 0);
	json_bytes(json, "path", "a\xff\xc3z", 4);
	json_text(json, "text", "\x80!");
	/* base64 of 61 ff c3 7a, computed by hand from RFC 4648 table 1. */
	assert_line(json, "{\"good\":\"m\xc3\xb6"
			  "del\",\"nul\":\"a\\u0000b\",\"none\":null,\"empty\":\"\","
			  "\"path\":\"a\xef\xbf\xbd\xef\xbf\xbdz\",\"path_b64\":\"Yf/Deg==\","
			  "\"text\":\"\xef\xbf\xbd!\"}\n");
}

static void test_terminal_controls(void **state)
{
	struct json *json = json_new();

	(void)state;
	json_text(json, "del", "a\x7fz");
	json_text(json, "c1", "\xc2\x9b|\xc2\xa0");
	assert_line(json, "{\"del\":\"a\\u007fz\",\"c1\":\"\\u009b|\xc2\xa0\"}\n");
}

static void test_null_object(void **state)
{
	scope_buffer struct buffer line = {0};

	(void)state;
	json_unknown(NULL, "x");
	json_bool(NULL, "x", true);
	json_int(NULL, "x", 1);
	json_text(NULL, "x", "");
	json_bytes(NULL, "x", "", 0);
	json_hex(NULL, "x", "", 0);
	json_time(NULL, "x", 0);
	json_text_array(NULL, "x", NULL, 0);
	json_number_array(NULL, "x", NULL, 0);
	assert_int_equal(json_line(NULL, &line), -ENOMEM);
	assert_int_equal(line.len, 0);
	json_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fields_in_order),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_terminal_controls),
		cmocka_unit_test(test_null_object),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
