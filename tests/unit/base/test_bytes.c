/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of keystore/base/bytes.c: bounds of cursors, buffers, and texts of RFC 4648 and RFC 3629.
 */
#include "keystore/base/bytes.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void test_cursor(void **state)
{
	static const uint8_t bytes[] = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
	struct cursor cursor;

	(void)state;
	cursor_init(&cursor, bytes, sizeof(bytes));
	assert_int_equal(cursor_u8(&cursor), 1);
	assert_int_equal(cursor_u16(&cursor), 0x0302);
	assert_int_equal(cursor_u32(&cursor), 0x07060504);
	assert_int_equal(cursor_u64(&cursor), 0x0f0e0d0c0b0a0908);
	assert_true(cursor_is_done(&cursor));
	assert_non_null(cursor_bytes(&cursor, 0));
	assert_int_equal(cursor_u8(&cursor), 0);
	assert_true(cursor.failed);
	cursor_init(&cursor, bytes, 3);
	assert_int_equal(cursor_u32(&cursor), 0);
	/* Failed stays failed, although a byte would be there. */
	assert_int_equal(cursor_u8(&cursor), 0);
	assert_null(cursor_bytes(&cursor, 0));
	assert_false(cursor_is_done(&cursor));
	cursor_init(&cursor, bytes, 3);
	assert_null(cursor_bytes(&cursor, SIZE_MAX));
	assert_true(cursor.failed);
}

static void test_buffer(void **state)
{
	scope_buffer struct buffer buffer = {0};
	char *data = NULL;
	size_t len;

	(void)state;
	assert_string_equal(buffer_text(&buffer), "");
	buffer_add_u8(&buffer, 1);
	buffer_add_u32(&buffer, 0x05040302);
	buffer_add_u64(&buffer, 0x0d0c0b0a09080706);
	buffer_add(&buffer, NULL, 0);
	assert_int_equal(buffer.len, 13);
	for (int i = 0; i < 13; i++)
		assert_int_equal(buffer.data[i], i + 1);
	buffer.len = 0;
	for (int i = 0; i < 1000; i++)
		buffer_add_format(&buffer, "%03d%s", i, "");
	assert_int_equal(buffer.len, 3000);
	assert_int_equal(buffer_take(&buffer, &data, &len), 0);
	assert_int_equal(len, 3000);
	assert_int_equal(strlen(data), 3000);
	assert_memory_equal(data + 2997, "999", 4);
	free(data);
	assert_int_equal(buffer_take(&buffer, &data, &len), 0);
	assert_int_equal(len, 0);
	assert_string_equal(data, "");
	free(data);
	buffer_add_text(&buffer, "x");
	buffer_add(&buffer, "y", SIZE_MAX);
	assert_true(buffer.failed);
	buffer_add_text(&buffer, "z");
	assert_string_equal(buffer_text(&buffer), "x");
	assert_int_equal(buffer_take(&buffer, &data, &len), -ENOMEM);
}

static void test_hex(void **state)
{
	uint8_t bytes[3] = {9, 9, 9};
	char text[7];

	(void)state;
	hex_encode("\x00\x7f\xff", 3, text);
	assert_string_equal(text, "007fff");
	assert_int_equal(hex_decode("AbcDe", bytes, 3), -EINVAL);
	assert_int_equal(hex_decode("AbcDe0f", bytes, 3), -EINVAL);
	assert_int_equal(hex_decode("AbcDeg", bytes, 3), -EINVAL);
	assert_int_equal(hex_decode("Abc e0", bytes, 3), -EINVAL);
	assert_memory_equal(bytes, "\x09\x09\x09", 3);
	assert_int_equal(hex_decode("AbcDe0", bytes, 3), 0);
	assert_memory_equal(bytes, "\xab\xcd\xe0", 3);
	assert_int_equal(hex_decode("", bytes, 0), 0);
	assert_int_equal(hex_decode("", bytes, SIZE_MAX / 2 + 1), -EINVAL);
}

/* RFC 4648 section 10, and the last two digits of its table 1. */
static void test_base64(void **state)
{
	static const struct {
		const char *bytes;
		const char *text;
	} cases[] = {{"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"foob", "Zm9vYg=="},
		{"fooba", "Zm9vYmE="}, {"foobar", "Zm9vYmFy"}, {"\xfb\xff\xff", "+///"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scope_free char *text = base64_encode(cases[i].bytes, strlen(cases[i].bytes));

		assert_string_equal(text, cases[i].text);
	}
	assert_null(base64_encode("", SIZE_MAX / 2));
}

static void test_utf8(void **state)
{
	static const char *const valid[] = {"", "abc\x7f", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80",
		"\xed\x9f\xbf", "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80",
		"\xf4\x8f\xbf\xbf"};
	/* Overlong, surrogates, beyond U+10FFFF, lone and missing continuation bytes. */
	static const char *const invalid[] = {"\x80", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2x",
		"\xe0\x9f\xbf", "\xe1\x80", "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf",
		"\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xf0\x90\x80", "\xff", "a\xfe",
		"\xe2\x82x",
		"\xf0\x9f\x98"
		"a"};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(valid); i++)
		if (!utf8_is_valid(valid[i], strlen(valid[i])))
			fail_msg("valid %zu", i);
	for (size_t i = 0; i < ARRAY_SIZE(invalid); i++)
		if (utf8_is_valid(invalid[i], strlen(invalid[i])))
			fail_msg("invalid %zu", i);
	assert_true(utf8_is_valid("a\0b", 3));
	assert_int_equal(utf8_sequence("\xe2\x82\xac", 3), 3);
	assert_int_equal(utf8_sequence("\xe2\x82\xac", 2), 0);
	assert_int_equal(utf8_sequence("", 0), 0);
}

static void assert_shown(const char *bytes, size_t len, const char *expected)
{
	scope_free char *text = text_for_terminal(bytes, len);

	assert_string_equal(text, expected);
}

static void test_terminal(void **state)
{
	(void)state;
	assert_shown("", 0, "");
	assert_shown("m\xc3\xb6"
		     "del \\ \"",
		10,
		"m\xc3\xb6"
		"del \\\\ \"");
	assert_shown("a\nb\tc\0d\x1b[31m\x7f", 13, "a\\nb\\x09c\\x00d\\x1b[31m\\x7f");
	assert_shown("\xff\xc3", 2, "\\xff\\xc3");
	assert_shown("\xc2\x9b"
		     "31m",
		5, "\\xc2\\x9b31m"); /* C1: control sequence introducer */
	assert_shown("\xe2\x80\xae"
		     "gpj",
		6, "\\xe2\\x80\\xaegpj");		    /* right-to-left override */
	assert_shown("\xe2\x80\xa8", 3, "\\xe2\\x80\\xa8"); /* line separator */
	assert_shown("\xe2\x82\xac", 3, "\xe2\x82\xac");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_cursor),
		cmocka_unit_test(test_buffer),
		cmocka_unit_test(test_hex),
		cmocka_unit_test(test_base64),
		cmocka_unit_test(test_utf8),
		cmocka_unit_test(test_terminal),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
