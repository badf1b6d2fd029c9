/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of policy/audit_writer.c through the facade: order, one done for each, folding, many
 * threads, a disk that is full for a while, best-effort's gaps, steps of the clock.
 */
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "keystore/base/clock.h"
#include "tests/unit/policy/audit_fixture.h"

#define THREADS	   4
#define PER_THREAD 400

static void assert_whole(uint64_t records)
{
	struct audit_verdict verdict;

	if (audit_verify(audit_fixture_path("audit.db"), NULL, NULL, &verdict) != 0)
		fail_msg("%s", verdict.problem);
	assert_int_equal(verdict.records, records);
}

/* done callbacks note the order in which they come. */
struct note {
	unsigned number, calls;
	int result;
};

static atomic_uint order;

static void note_done(void *arg, int result)
{
	struct note *note = arg;

	note->number = atomic_fetch_add(&order, 1);
	note->calls++;
	note->result = result;
}

static void test_order(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	struct audit_event event = fixture_event("a");
	static struct note notes[1000];

	(void)state;
	atomic_store(&order, 0);
	memset(notes, 0, sizeof(notes));
	for (unsigned i = 0; i < ARRAY_SIZE(notes); i++)
		assert_int_equal(audit_append(audit, &event, note_done, &notes[i]), 0);
	audit_close(audit);
	for (unsigned i = 0; i < ARRAY_SIZE(notes); i++) {
		assert_int_equal(notes[i].calls, 1);
		assert_int_equal(notes[i].result, 0);
		assert_int_equal(notes[i].number, i);
	}
	assert_whole(ARRAY_SIZE(notes));
}

/* The event's memory is the caller's again when append returns. */
static void test_copy(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	char path[] = "models/one";
	struct audit_event event = fixture_event(path);

	(void)state;
	assert_int_equal(audit_append(audit, &event, NULL, NULL), 0);
	memcpy(path, "XXXXXXXXXX", 10);
	audit_close(audit);
	assert_whole(1);
}

static int check_path(void *arg, const struct audit_record *record)
{
	const char *expected = arg;

	assert_int_equal(record->event.path_len, strlen(expected));
	assert_memory_equal(record->event.path, expected, strlen(expected));
	return 7;
}

static void test_record_holds_event(void **state)
{
	struct audit_filter filter = AUDIT_FILTER_EMPTY;

	test_copy(state);
	assert_int_equal(
		audit_query(audit_fixture_path("audit.db"), &filter, check_path, "models/one"), 7);
}

static void test_invalid_events(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	struct audit_event event = fixture_event("a");
	static char text[LIMIT_AUDIT_TEXT + 2];

	(void)state;
	memset(text, 'a', LIMIT_AUDIT_TEXT + 1);
	event.action = AUDIT_ACTIONS;
	assert_int_equal(audit_append(audit, &event, NULL, NULL), -EINVAL);
	event = fixture_event("a");
	event.outcome = 0;
	assert_int_equal(audit_append(audit, &event, NULL, NULL), -EINVAL);
	event = fixture_event("a");
	event.reason = REASONS;
	assert_int_equal(audit_append(audit, &event, NULL, NULL), -EINVAL);
	event = fixture_event("a");
	event.count = 0;
	assert_int_equal(audit_append(audit, &event, NULL, NULL), -EINVAL);
	event = fixture_event("a");
	event.detail = text;
	assert_int_equal(audit_append(audit, &event, NULL, NULL), -EMSGSIZE);
	text[LIMIT_AUDIT_TEXT] = '\0';
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	audit_close(audit);
	assert_whole(1);
}

struct tally {
	int64_t records, count, gaps, clocks;
	int64_t gap_count;
};

static int tally_record(void *arg, const struct audit_record *record)
{
	struct tally *tally = arg;

	tally->records++;
	if (record->event.action == AUDIT_GAP) {
		tally->gaps++;
		tally->gap_count += record->event.count;
	} else if (record->event.action == AUDIT_CLOCK) {
		tally->clocks++;
	} else {
		tally->count += record->event.count;
	}
	return 0;
}

static struct tally tally_trail(void)
{
	struct audit_filter filter = AUDIT_FILTER_EMPTY;
	struct tally tally = {0};

	assert_int_equal(
		audit_query(audit_fixture_path("audit.db"), &filter, tally_record, &tally), 0);
	return tally;
}

static void block(void *arg, int result)
{
	(void)result;
	pthread_mutex_lock(arg);
	pthread_mutex_unlock(arg);
}

/* Holds the writer inside a done until end_hold, so that what is queued meanwhile is one group. */
static pthread_mutex_t hold = PTHREAD_MUTEX_INITIALIZER;

static void begin_hold(struct audit *audit)
{
	struct audit_event event = fixture_event("hold");

	pthread_mutex_lock(&hold);
	assert_int_equal(audit_append(audit, &event, block, &hold), 0);
	usleep(50000);
}

static void end_hold(void)
{
	pthread_mutex_unlock(&hold);
}

static void test_folding(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	struct audit_event refused = fixture_event("a"), allowed = fixture_event("a"), other;
	static struct note notes[30];
	struct tally tally;

	(void)state;
	memset(notes, 0, sizeof(notes));
	refused.outcome = AUDIT_REFUSE;
	refused.reason = REASON_NO_RULE;
	other = refused;
	other.pid++;
	begin_hold(audit);
	for (unsigned i = 0; i < 10; i++) {
		audit_append(audit, &refused, note_done, &notes[3 * i]);
		audit_append(audit, &allowed, note_done, &notes[3 * i + 1]);
		audit_append(audit, &other, note_done, &notes[3 * i + 2]);
	}
	end_hold();
	audit_close(audit);
	for (unsigned i = 0; i < ARRAY_SIZE(notes); i++)
		assert_int_equal(notes[i].calls, 1);
	tally = tally_trail();
	assert_int_equal(tally.records, 1 + 10 + 2);
	assert_int_equal(tally.count, 31);
	assert_whole(13);
}

static void *append_many(void *arg)
{
	struct audit_event event = fixture_event("a");

	for (unsigned i = 0; i < PER_THREAD; i++) {
		int r = i % 8 ? audit_append(arg, &event, NULL, NULL)
			      : audit_append_wait(arg, &event, i % 64 == 0);

		if (r < 0)
			return "append failed";
	}
	return NULL;
}

static void test_threads(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	pthread_t threads[THREADS];
	struct audit_head head;
	void *result;

	(void)state;
	for (unsigned i = 0; i < THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, append_many, audit), 0);
	for (unsigned i = 0; i < 5; i++) {
		assert_int_equal(audit_next_segment(audit), 0);
		audit_head(audit, &head);
		assert_int_equal(audit_health(audit), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		assert_int_equal(pthread_join(threads[i], &result), 0);
		assert_null(result);
	}
	audit_close(audit);
	assert_whole(THREADS * PER_THREAD + 5);
}

/* A full disk, as far as this process can make one: no file may grow. */
static void set_file_limit(rlim_t bytes)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
	limit.rlim_cur = bytes;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void test_failure_and_recovery(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	struct audit_event event = fixture_event("a");
	struct audit_head before, after;

	(void)state;
	fixture_append(audit, 3);
	audit_head(audit, &before);
	set_file_limit(4096);
	assert_true(audit_append_wait(audit, &event, false) < 0);
	assert_true(audit_append_wait(audit, &event, true) < 0);
	assert_true(audit_next_segment(audit) < 0);
	assert_true(audit_health(audit) < 0);
	audit_head(audit, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	set_file_limit(RLIM_INFINITY);
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	assert_int_equal(audit_health(audit), 0);
	assert_int_equal(audit_next_segment(audit), 0);
	audit_close(audit);
	assert_whole(5);
}

static void test_best_effort(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_BEST_EFFORT, NULL);
	struct audit_event event = fixture_event("a");
	struct tally tally;

	(void)state;
	fixture_append(audit, 1);
	set_file_limit(4096);
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(audit_append_wait(audit, &event, false), 0);
	assert_true(audit_append_wait(audit, &event, true) < 0); /* told, so no gap */
	assert_true(audit_health(audit) < 0);
	set_file_limit(RLIM_INFINITY);
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	audit_close(audit);
	tally = tally_trail();
	assert_int_equal(tally.gaps, 1);
	assert_int_equal(tally.gap_count, 5);
	assert_int_equal(tally.count, 2);
	assert_whole(3);
}

static void test_nothing_after_the_last(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_BEST_EFFORT, NULL);
	struct audit_event event = fixture_event("a");
	struct note note = {0};

	(void)state;
	assert_int_equal(audit_append(audit, &event, NULL, NULL), 0);
	assert_int_equal(audit_append_last(audit, &event), 0);
	assert_int_equal(audit_append(audit, &event, note_done, &note), -ESHUTDOWN);
	assert_int_equal(audit_append_wait(audit, &event, true), -ESHUTDOWN);
	assert_int_equal(audit_flush(audit), -ESHUTDOWN);
	audit_close(audit);
	assert_int_equal(note.calls, 0);
	assert_whole(2);
}

/* What is queued goes by the level that holds when its group begins. */
static void test_level_changes(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	struct audit_event event = fixture_event("a");

	(void)state;
	fixture_append(audit, 1);
	assert_int_equal(audit_level(audit), AUDIT_REQUIRED);
	set_file_limit(4096);
	assert_true(audit_append_wait(audit, &event, false) < 0);
	audit_set_level(audit, AUDIT_BEST_EFFORT);
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	audit_set_level(audit, AUDIT_REQUIRED_SYNC);
	assert_true(audit_append_wait(audit, &event, false) < 0);
	set_file_limit(RLIM_INFINITY);
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	assert_int_equal(audit_level(audit), AUDIT_REQUIRED_SYNC);
	audit_close(audit);
	assert_int_equal(tally_trail().gap_count, 1);
	assert_whole(3);
}

/* The gap is recorded when nothing else comes, too. */
static void test_gap_at_close(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_BEST_EFFORT, NULL);
	struct audit_event event = fixture_event("a");

	(void)state;
	set_file_limit(4096);
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	set_file_limit(RLIM_INFINITY);
	audit_close(audit);
	assert_int_equal(tally_trail().gap_count, 1);
	assert_whole(1);
}

/* With the writer held, the queue takes LIMIT_AUDIT_QUEUE and no more. */
static void test_full_queue(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	struct audit_event event = fixture_event("a");
	struct audit_head head;
	struct note note = {0};
	unsigned queued = 0;

	(void)state;
	begin_hold(audit);
	while (queued <= LIMIT_AUDIT_QUEUE && audit_append(audit, &event, NULL, NULL) == 0)
		queued++;
	assert_int_equal(queued, LIMIT_AUDIT_QUEUE);
	assert_int_equal(audit_append(audit, &event, note_done, &note), -EAGAIN);
	audit_head(audit, &head);
	assert_int_equal(head.queued, LIMIT_AUDIT_QUEUE);
	end_hold();
	audit_close(audit);
	assert_int_equal(note.calls, 0);
	assert_whole(LIMIT_AUDIT_QUEUE + 1);
}

static void test_full_queue_best_effort(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_BEST_EFFORT, NULL);
	struct audit_event event = fixture_event("a");
	struct note note = {0};

	(void)state;
	begin_hold(audit);
	for (unsigned i = 0; i < LIMIT_AUDIT_QUEUE; i++)
		assert_int_equal(audit_append(audit, &event, NULL, NULL), 0);
	assert_int_equal(audit_append(audit, &event, note_done, &note), 0);
	assert_int_equal(note.calls, 1);
	assert_int_equal(note.result, 0);
	end_hold();
	audit_close(audit);
	assert_int_equal(tally_trail().gap_count, 1);
	assert_whole(LIMIT_AUDIT_QUEUE + 2);
}

static void test_clock_step(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	struct audit_event event = fixture_event("a");

	(void)state;
	event.time_ns = 100 * NS_PER_S;
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	event.time_ns = 99 * NS_PER_S; /* exactly a second: no step yet */
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	assert_int_equal(tally_trail().clocks, 0);
	audit_close(audit);
	audit = fixture_open(AUDIT_REQUIRED); /* the last time is known after a restart */
	event.time_ns = 98 * NS_PER_S - 1;
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	audit_close(audit);
	assert_int_equal(tally_trail().clocks, 1);
	assert_whole(4);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, audit_fixture_setup, audit_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_order),
		TEST(test_record_holds_event),
		TEST(test_invalid_events),
		TEST(test_folding),
		TEST(test_threads),
		TEST(test_failure_and_recovery),
		TEST(test_best_effort),
		TEST(test_level_changes),
		TEST(test_nothing_after_the_last),
		TEST(test_gap_at_close),
		TEST(test_full_queue),
		TEST(test_full_queue_best_effort),
		TEST(test_clock_step),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, NULL);
}
