/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of keystore/base/log.c and result.c: one line a message, levels, words for results. */
#include "keystore/base/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "keystore/base/result.h"

static int pipe_ends[2];
static int real_stderr;

static int setup(void **state)
{
	(void)state;
	real_stderr = fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3);
	if (real_stderr < 0 || pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) < 0)
		return -1;
	return dup2(pipe_ends[1], STDERR_FILENO) < 0;
}

static int teardown(void **state)
{
	(void)state;
	dup2(real_stderr, STDERR_FILENO);
	close(real_stderr);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
	return 0;
}

static const char *logged(void)
{
	static char text[8192];
	ssize_t n = read(pipe_ends[0], text, sizeof(text) - 1);

	text[n < 0 ? 0 : n] = '\0';
	return text;
}

static void test_lines(void **state)
{
	char longer[5000];
	const char *text;

	(void)state;
	errno = ENOKEY;
	log_error("cannot open '%s': %d", "a\nmodelvault: error: forged\x1b[2J", 5);
	assert_int_equal(errno, ENOKEY);
	assert_string_equal(
		logged(), "modelvault: error: cannot open 'a?modelvault: error: forged?[2J': 5\n");
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	log_warning("%s", longer);
	text = logged();
	assert_true(strlen(text) < 2200);
	assert_string_equal(text + strlen(text) - 5, "x...\n");
}

static void test_levels(void **state)
{
	(void)state;
	log_debug("not by default");
	assert_string_equal(logged(), "");
	log_set_level(LOG_LEVEL_DEBUG);
	log_debug("now");
	assert_string_equal(logged(), "modelvault: debug: now\n");
	log_set_level(LOG_LEVEL_ERROR);
	log_warning("no");
	assert_string_equal(logged(), "");
	log_set_level(LOG_LEVEL_INFO);
	log_to_syslog(true);
	log_debug("to nobody");
	log_to_syslog(false);
	log_info("back");
	assert_string_equal(logged(), "modelvault: info: back\n");
}

static void test_result_text(void **state)
{
	(void)state;
	assert_string_equal(result_text(0), "success");
	assert_string_equal(result_text(5), "success");
	assert_string_equal(result_text(-ENOENT), "No such file or directory");
	assert_string_equal(result_text(-EKEYREVOKED), "the key was destroyed");
	assert_string_equal(result_text(-100000), "unknown error");
	assert_string_equal(result_text(INT_MIN), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_lines, setup, teardown),
		cmocka_unit_test_setup_teardown(test_levels, setup, teardown),
		cmocka_unit_test(test_result_text),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
