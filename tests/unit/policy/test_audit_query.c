/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of policy/audit_query.c: each filter alone and together, order, limit, hostile rows. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/base/clock.h"
#include "tests/unit/policy/audit_fixture.h"

/* Records 1..4; the clock went back before the third, so that a clock record is 3. */
static int setup(void **state)
{
	struct audit *audit;
	struct audit_event event;
	int r = audit_fixture_setup(state);

	if (r < 0)
		return r;
	audit = fixture_trail(AUDIT_REQUIRED, NULL);
	event = fixture_event("models/a");
	event.time_ns = 10 * NS_PER_S;
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	event.time_ns = 20 * NS_PER_S;
	event.uid = 2000;
	event.gid = 2001;
	event.rule = 8;
	event.exe = "/opt/llama/bin/server";
	event.unit = NULL;
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	event.time_ns = 15 * NS_PER_S;
	event.action = AUDIT_CLOSE;
	event.outcome = AUDIT_ERROR;
	event.path = NULL;
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	audit_close(audit);
	return 0;
}

static int note_seq(void *arg, const struct audit_record *record)
{
	char *seqs = arg;

	snprintf(seqs + strlen(seqs), 64 - strlen(seqs), "%llu ", (unsigned long long)record->seq);
	return 0;
}

static void assert_finds(const struct audit_filter *filter, const char *expected)
{
	char seqs[64] = "";

	assert_int_equal(audit_query(audit_fixture_path("audit.db"), filter, note_seq, seqs), 0);
	assert_string_equal(seqs, expected);
}

#define FINDS(expected, ...)                                      \
	do {                                                      \
		struct audit_filter filter_ = AUDIT_FILTER_EMPTY; \
		struct audit_filter *f = &filter_;                \
		__VA_ARGS__;                                      \
		assert_finds(f, expected);                        \
	} while (0)

static bool path_is_a(void *arg, const char *path, size_t len)
{
	(void)arg;
	return len == 8 && memcmp(path, "models/a", 8) == 0;
}

static void test_filters(void **state)
{
	(void)state;
	FINDS("1 2 3 4 ", (void)f);
	FINDS("1 ", f->uid = 1000);
	FINDS("2 4 ", f->gid = 2001);
	FINDS("2 4 ", f->rule = 8);
	FINDS("", f->uid = 0);
	FINDS("1 2 ", f->action = "open");
	FINDS("3 ", f->action = "clock");
	FINDS("4 ", f->outcome = "error");
	FINDS("", f->outcome = "deny");
	FINDS("1 ", f->exe = "/usr/bin/python3");
	FINDS("2 4 ", f->exe = "/opt/*");
	FINDS("", f->exe = "/opt");
	FINDS("1 ", f->unit = "*infer.service");
	FINDS("3 4 ", f->after_seq = 2);
	FINDS("1 2 ", f->path_matches = path_is_a);
	FINDS("2 ", f->path_matches = path_is_a; f->uid = 2000; f->action = "open");
}

/* since is inclusive, until is not; seq is the order although the clock went back. */
static void test_times(void **state)
{
	(void)state;
	FINDS("2 3 4 ", f->since_ns = 15 * NS_PER_S);
	FINDS("2 ", f->since_ns = 15 * NS_PER_S + 1);
	FINDS("1 ", f->until_ns = 15 * NS_PER_S);
	FINDS("1 3 4 ", f->until_ns = 20 * NS_PER_S);
	FINDS("3 4 ", f->since_ns = 15 * NS_PER_S; f->until_ns = 20 * NS_PER_S);
	FINDS("", f->since_ns = 21 * NS_PER_S);
	FINDS("", f->until_ns = 1);
}

static void test_order_and_limit(void **state)
{
	(void)state;
	FINDS("4 3 2 1 ", f->newest_first = true);
	FINDS("4 3 ", f->newest_first = true; f->limit = 2);
	FINDS("1 ", f->limit = 1);
	FINDS("2 ", f->newest_first = true; f->limit = 1; f->action = "open");
	FINDS("2 ", f->newest_first = true; f->limit = 1; f->path_matches = path_is_a);
}

static int stop(void *arg, const struct audit_record *record)
{
	(void)record;
	++*(int *)arg;
	return -EPIPE;
}

static void test_results(void **state)
{
	struct audit_filter filter = AUDIT_FILTER_EMPTY;
	int calls = 0;

	(void)state;
	assert_int_equal(
		audit_query(audit_fixture_path("audit.db"), &filter, stop, &calls), -EPIPE);
	assert_int_equal(calls, 1);
	assert_int_equal(
		audit_query(audit_fixture_path("none.db"), &filter, stop, &calls), -ENOENT);
	filter.action = "opens";
	assert_int_equal(
		audit_query(audit_fixture_path("audit.db"), &filter, stop, &calls), -EINVAL);
	filter.action = NULL;
	filter.outcome = "";
	assert_int_equal(
		audit_query(audit_fixture_path("audit.db"), &filter, stop, &calls), -EINVAL);
	assert_int_equal(calls, 1);
}

/* A record that no writer made is told, not skipped. */
static void test_hostile_row(void **state)
{
	struct audit_filter filter = AUDIT_FILTER_EMPTY;
	char seqs[64] = "";

	(void)state;
	audit_fixture_sql("UPDATE record SET sha256 = x'00' WHERE seq = 2");
	assert_int_equal(
		audit_query(audit_fixture_path("audit.db"), &filter, note_seq, seqs), -EUCLEAN);
	assert_string_equal(seqs, "1 ");
	audit_fixture_sql("DROP TABLE head");
	assert_int_equal(
		audit_query(audit_fixture_path("audit.db"), &filter, note_seq, seqs), -EUCLEAN);
}

/* A reader sees one moment while the writer goes on. */
static int append_more(void *arg, const struct audit_record *record)
{
	struct audit_event event = fixture_event("b");

	(void)record;
	return audit_append_wait(arg, &event, false);
}

static void test_reader_beside_writer(void **state)
{
	struct audit_filter filter = AUDIT_FILTER_EMPTY;
	struct audit *audit = fixture_open(AUDIT_REQUIRED);
	struct audit_head head;

	(void)state;
	assert_int_equal(
		audit_query(audit_fixture_path("audit.db"), &filter, append_more, audit), 0);
	audit_head(audit, &head);
	audit_close(audit);
	assert_int_equal(head.seq, 4 + 4);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, audit_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_filters),
		TEST(test_times),
		TEST(test_order_and_limit),
		TEST(test_results),
		TEST(test_hostile_row),
		TEST(test_reader_beside_writer),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, NULL);
}
