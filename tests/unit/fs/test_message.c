/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of fs/control/message.c: the grammar of contrib/docs/control.md, limits, descriptors. */
#include "fs/control/message.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct message *new_message(void)
{
	struct message *message;

	assert_int_equal(message_new(&message), 0);
	return message;
}

static int decode(const char *text, struct message **ret_message)
{
	return message_decode(text, strlen(text), ret_message);
}

static void test_text_form(void **state)
{
	scope(message_free) struct message *message = new_message();
	scope_buffer struct buffer text = {0};

	(void)state;
	assert_int_equal(message_add_text(message, "verb", "grant"), 0);
	assert_int_equal(message_add(message, "path", "a b/100%\n\xff\0=", 12), 0);
	assert_int_equal(message_add_text(message, "empty", ""), 0);
	assert_int_equal(message_add_integer(message, "n-1_x", INT64_MIN), 0);
	assert_int_equal(message_encode(message, &text), 0);
	assert_string_equal(buffer_text(&text), "v=1\n"
						"verb=grant\n"
						"path=a%20b/100%25%0A%FF%00=\n"
						"empty=\n"
						"n-1_x=-9223372036854775808\n"
						"\n");
}

static void test_fields(void **state)
{
	scope(message_free) struct message *message = NULL;
	size_t len = 99;

	(void)state;
	assert_int_equal(decode("v=1\na=one\nb=%00x\na=two\na=\n\n", &message), 0);
	assert_string_equal(message_get(message, "a", &len), "one");
	assert_int_equal(len, 3);
	assert_string_equal(message_at(message, "a", 1, NULL), "two");
	assert_string_equal(message_at(message, "a", 2, &len), "");
	assert_int_equal(len, 0);
	assert_null(message_at(message, "a", 3, NULL));
	assert_int_equal(message_count(message, "a"), 3);
	assert_int_equal(message_count(message, "c"), 0);
	assert_memory_equal(message_get(message, "b", &len), "\0x", 3);
	assert_int_equal(len, 2);
	assert_true(message_has(message, "b"));
	assert_false(message_has(message, "c"));
	assert_false(message_has(message, "v"));
	assert_null(message_get(message, "c", NULL));
}

static void test_replace(void **state)
{
	scope(message_free) struct message *message = NULL, *again = NULL;
	scope_buffer struct buffer text = {0};

	(void)state;
	assert_int_equal(decode("v=1\na=one\nb=x\na=a%20b\nc=\n\n", &message), 0);
	assert_int_equal(message_replace_text(message, "a", 2, "z"), -ENOENT);
	assert_int_equal(message_replace_text(message, "d", 0, "z"), -ENOENT);
	assert_int_equal(message_replace_text(message, "a", 1, "longer than before"), 0);
	assert_int_equal(message_replace_text(message, "c", 0, "last"), 0);
	assert_int_equal(message_encode(message, &text), 0);
	assert_string_equal(
		buffer_text(&text), "v=1\na=one\nb=x\na=longer%20than%20before\nc=last\n\n");
	/* Its length is right: what is left of the limit can be used, and no more. */
	for (int i = 0; i < 100000; i++)
		assert_int_equal(message_replace_text(message, "b", 0, i % 2 ? "%%" : ""), 0);
	assert_int_equal(decode(buffer_text(&text), &again), 0);
}

/* What the encoder writes is decoded to the same fields, and encodes to the same text again. */
static void test_random_round_trips(void **state)
{
	uint64_t x = 88172645463325252ULL;

	(void)state;
	for (int round = 0; round < 200; round++) {
		scope(message_free) struct message *message = new_message();
		scope(message_free) struct message *back = NULL;
		scope_buffer struct buffer text = {0}, again = {0};
		uint8_t values[20][64];
		size_t lens[20];

		for (size_t i = 0; i < 20; i++) {
			for (size_t j = 0; j < 64; j++) {
				x ^= x << 13;
				x ^= x >> 7;
				x ^= x << 17;
				values[i][j] = (uint8_t)(x >> 24);
			}
			lens[i] = x % 65;
			assert_int_equal(message_add(message, "f", values[i], lens[i]), 0);
		}
		assert_int_equal(message_encode(message, &text), 0);
		assert_int_equal(message_decode(text.data, text.len, &back), 0);
		assert_int_equal(message_count(back, "f"), 20);
		for (size_t i = 0; i < 20; i++) {
			size_t len;
			const char *value = message_at(back, "f", i, &len);

			assert_int_equal(len, lens[i]);
			assert_memory_equal(value, values[i], len);
		}
		assert_int_equal(message_encode(back, &again), 0);
		assert_string_equal(buffer_text(&text), buffer_text(&again));
	}
}

static void test_malformed_text(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"v=1",
		"v=1\n",	/* no end */
		"v=1\na=b\n",	/* no end */
		"v=1\na=b",	/* no newline */
		"a=b\n\n",	/* no version */
		"a=b\nv=1\n\n", /* not first */
		"v=1\nv=1\n\n", /* twice */
		"v=\n\n",
		"v=01\n\n",
		"v=0\n\n",
		"v=-1\n\n",
		"v=+1\n\n",
		"v=1 \n\n",
		"v=one\n\n",
		"V=1\n\n",
		" v=1\n\n",
		"v=1\r\n\r\n",
		"v=1\n\n\n",	  /* more behind the end */
		"v=1\n\na=b\n\n", /* a second message */
		"v=1\nab\n\n",	  /* no '=' */
		"v=1\n=b\n\n",	  /* no name */
		"v=1\nA=b\n\n",
		"v=1\na b=c\n\n",
		"v=1\na.b=c\n\n",
		"v=1\n\xc3\xa4=c\n\n",
		"v=1\na=b c\n\n", /* not escaped */
		"v=1\na=b\tc\n\n",
		"v=1\na=b\x7f\n\n",
		"v=1\na=\xc3\xa4\n\n",
		"v=1\na=%\n\n",
		"v=1\na=%4\n\n",
		"v=1\na=%0\n\n",
		"v=1\na=%zz\n\n",
		"v=1\na=% 0\n\n",
		"v=1\na=%-1\n\n",
		"v=1\na=%0a\n\n", /* lower case */
		"v=1\na=%41\n\n", /* 'A' stands for itself */
		"v=1\naaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa=33 letters\n\n",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		struct message *message = NULL;
		int r = decode(texts[i], &message);

		if (r != -EPROTO)
			fail_msg("%zu: %d for '%s'", i, r, texts[i]);
		assert_null(message);
	}
}

static void test_nul_in_text(void **state)
{
	struct message *message = NULL;

	(void)state;
	assert_int_equal(message_decode("v=1\na=\0b\n\n", 10, &message), -EPROTO);
	assert_int_equal(message_decode("v=1\na\0=b\n\n", 10, &message), -EPROTO);
	assert_int_equal(message_decode("v=1\0\n\n", 6, &message), -EPROTO);
}

static void test_every_prefix_is_malformed(void **state)
{
	static const char text[] = "v=1\nverb=x%20y\nn=12\n\n";

	(void)state;
	for (size_t len = 0; len < sizeof(text) - 1; len++) {
		/* Of exactly that size, so that a sanitizer sees a read beyond it. */
		scope_free char *copy = malloc(len ? len : 1);
		struct message *message = NULL;

		memcpy(copy, text, len);
		assert_int_equal(message_decode(copy, len, &message), -EPROTO);
	}
}

static void test_other_versions(void **state)
{
	struct message *message = NULL;

	(void)state;
	assert_int_equal(decode("v=2\n\n", &message), -EPROTONOSUPPORT);
	assert_int_equal(decode("v=10\nany thing\n\n", &message), -EPROTONOSUPPORT);
	assert_int_equal(decode("v=99999999999999999999\n\n", &message), -EPROTO);
}

static void test_names(void **state)
{
	scope(message_free) struct message *message = new_message();

	(void)state;
	assert_int_equal(message_add_text(message, "", "x"), -EINVAL);
	assert_int_equal(message_add_text(message, "v", "1"), -EINVAL);
	assert_int_equal(message_add_text(message, "Name", "x"), -EINVAL);
	assert_int_equal(message_add_text(message, "a=b", "x"), -EINVAL);
	assert_int_equal(message_add_text(message, "a\n", "x"), -EINVAL);
	assert_int_equal(message_add_text(message, "vv", "x"), 0);
	assert_int_equal(
		message_add_text(message, "abcdefghijklmnopqrstuvwxyz012345", "32 letters"), 0);
	assert_int_equal(
		message_add_text(message, "abcdefghijklmnopqrstuvwxyz0123456", "33"), -EINVAL);
}

static void test_integers(void **state)
{
	static const char *const wrong[] = {"", "-", "+1", " 1", "1 ", "01", "-0", "00", "1x",
		"0x1", "--1", "9223372036854775808", "-9223372036854775809",
		"99999999999999999999999"};
	static const struct {
		const char *text;
		int64_t value;
	} right[] = {{"0", 0}, {"7", 7}, {"-7", -7}, {"100", 100},
		{"9223372036854775807", INT64_MAX}, {"-9223372036854775808", INT64_MIN}};
	int64_t value = 42;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		scope(message_free) struct message *message = new_message();

		assert_int_equal(message_add_text(message, "n", wrong[i]), 0);
		assert_int_equal(message_get_integer(message, "n", &value), -EINVAL);
		assert_int_equal(message_get_integer(message, "m", &value), -ENOENT);
		assert_int_equal(value, 42);
	}
	for (size_t i = 0; i < ARRAY_SIZE(right); i++) {
		scope(message_free) struct message *message = new_message();

		assert_int_equal(message_add_integer(message, "n", right[i].value), 0);
		assert_string_equal(message_get(message, "n", NULL), right[i].text);
		assert_int_equal(message_get_integer(message, "n", &value), 0);
		assert_true(value == right[i].value);
		value = 42;
	}
}

static void test_integer_with_nul(void **state)
{
	scope(message_free) struct message *message = new_message();
	int64_t value;

	(void)state;
	assert_int_equal(message_add(message, "n", "1\0002", 3), 0);
	assert_int_equal(message_get_integer(message, "n", &value), -EINVAL);
}

static void test_size_limit(void **state)
{
	/* v=1, a= and two newlines, the empty line. */
	size_t room = LIMIT_MESSAGE - strlen("v=1\n") - strlen("a=\n") - 1;
	scope_free char *bytes = malloc(LIMIT_MESSAGE + 1);
	scope(message_free) struct message *message = new_message();
	scope(message_free) struct message *back = NULL;
	scope_buffer struct buffer text = {0};

	(void)state;
	memset(bytes, 'x', LIMIT_MESSAGE + 1);
	assert_int_equal(message_add(message, "a", bytes, room + 1), -E2BIG);
	assert_int_equal(message_add(message, "a", bytes, SIZE_MAX), -E2BIG);
	assert_int_equal(message_add(message, "a", bytes, room), 0);
	assert_int_equal(message_add(message, "b", "", 0), -E2BIG);
	assert_int_equal(message_encode(message, &text), 0);
	assert_int_equal(text.len, LIMIT_MESSAGE);
	assert_int_equal(message_decode(text.data, text.len, &back), 0);
	buffer_add_u8(&text, '\n');
	assert_int_equal(message_decode(text.data, text.len, &back), -E2BIG);
}

/* An escaped byte counts three times: the limit is the text's. */
static void test_size_limit_counts_escapes(void **state)
{
	size_t room = (LIMIT_MESSAGE - strlen("v=1\n") - strlen("a=\n") - 1) / 3;
	scope_free char *bytes = calloc(1, room + 1);
	scope(message_free) struct message *message = new_message();

	(void)state;
	assert_int_equal(message_add(message, "a", bytes, room + 1), -E2BIG);
	assert_int_equal(message_add(message, "a", bytes, room), 0);
}

static void test_field_limit(void **state)
{
	scope(message_free) struct message *message = new_message();
	scope(message_free) struct message *back = NULL;
	scope_buffer struct buffer text = {0};

	(void)state;
	for (size_t i = 0; i < LIMIT_FIELDS; i++)
		assert_int_equal(message_add_text(message, "f", "x"), 0);
	assert_int_equal(message_add_text(message, "f", "x"), -E2BIG);
	assert_int_equal(message_encode(message, &text), 0);
	assert_int_equal(message_decode(text.data, text.len, &back), 0);
	assert_int_equal(message_count(back, "f"), LIMIT_FIELDS);
	text.len--;
	buffer_add_text(&text, "f=x\n\n");
	back = message_free(back);
	assert_int_equal(message_decode(text.data, text.len, &back), -E2BIG);
}

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static void test_descriptors(void **state)
{
	struct message *message = new_message();
	int fds[LIMIT_DESCRIPTORS + 1], taken;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(fds); i++) {
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
		assert_true(fds[i] >= 0);
	}
	for (size_t i = 0; i < LIMIT_DESCRIPTORS; i++)
		assert_int_equal(message_add_fd(message, fds[i]), 0);
	assert_int_equal(message_add_fd(message, fds[LIMIT_DESCRIPTORS]), -E2BIG);
	assert_false(is_open(fds[LIMIT_DESCRIPTORS]));
	assert_int_equal(message_add_fd(message, -1), -EBADF);
	assert_int_equal(message_fd_count(message), LIMIT_DESCRIPTORS);
	assert_int_equal(message_fd(message, 3), fds[3]);
	taken = message_take_fd(message, 3);
	assert_int_equal(taken, fds[3]);
	assert_int_equal(message_fd(message, 3), -1);
	assert_int_equal(message_take_fd(message, 3), -1);
	assert_int_equal(message_fd(message, LIMIT_DESCRIPTORS), -1);
	assert_int_equal(message_take_fd(message, LIMIT_DESCRIPTORS), -1);
	message_free(message);
	for (size_t i = 0; i < LIMIT_DESCRIPTORS; i++)
		assert_int_equal(is_open(fds[i]), i == 3);
	close(taken);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_text_form),
		cmocka_unit_test(test_fields),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_random_round_trips),
		cmocka_unit_test(test_malformed_text),
		cmocka_unit_test(test_nul_in_text),
		cmocka_unit_test(test_every_prefix_is_malformed),
		cmocka_unit_test(test_other_versions),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_integers),
		cmocka_unit_test(test_integer_with_nul),
		cmocka_unit_test(test_size_limit),
		cmocka_unit_test(test_size_limit_counts_escapes),
		cmocka_unit_test(test_field_limit),
		cmocka_unit_test(test_descriptors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
