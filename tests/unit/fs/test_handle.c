/* SPDX-License-Identifier: Apache-2.0 */
/* test_handle.c - which READ finds which handle, and when a change may go on. */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

#include "fs/mount/handle.h"
#include "keystore/base/clock.h"

static int setup(void **state)
{
	const struct backend backend = {0};
	struct handle_table *table;

	assert_int_equal(handle_table_new(&backend, &table), 0);
	*state = table;
	return 0;
}

static int teardown(void **state)
{
	handle_table_free(*state);
	return 0;
}

static struct handle *add(struct handle_table *table, uint64_t node_id, uint64_t ino)
{
	struct handle *handle = calloc(1, sizeof(*handle));

	assert_non_null(handle);
	handle->node_id = node_id;
	handle->ino = ino;
	assert_int_equal(handle_add(table, handle), 0);
	return handle;
}

static bool fails_by_ino(void *arg, struct handle *handle)
{
	return handle->ino == *(uint64_t *)arg;
}

static void count_end(void *arg, struct handle *handle)
{
	(void)arg;
	assert_int_equal(handle->state, HANDLE_DEAD);
}

static uint64_t last_ending;

static uint64_t end(struct handle_table *table, uint64_t ino)
{
	return handle_end(table, fails_by_ino, count_end, &ino, &last_ending);
}

/* As the notifier does. Count of nodes. */
static unsigned tell_all(struct handle_table *table)
{
	struct session *session;
	uint64_t node_id;
	uint32_t index = 0;
	unsigned count = 0;

	for (; handle_take_stale(table, &index, &session, &node_id); count++)
		handle_told(table, session, node_id);
	return count;
}

static void test_found_when_live_only(void **state)
{
	struct handle *handle = add(*state, 7, 1);
	uint64_t fh = handle->fh;
	bool dead;

	assert_int_not_equal(fh, 0);
	assert_null(handle_get(*state, fh, 7, &dead));
	assert_false(dead);
	assert_true(handle_make_live(*state, handle));
	assert_ptr_equal(handle_get(*state, fh, 7, &dead), handle);
	handle_put(*state, handle);
	assert_int_equal(end(*state, 1), 1);
	assert_null(handle_get(*state, fh, 7, &dead));
	assert_true(dead);
}

static void test_bound_to_its_node(void **state)
{
	struct handle *handle = add(*state, 7, 1);
	bool dead;

	assert_false(handle->on_record);
	handle_make_live(*state, handle);
	assert_true(handle->on_record);
	assert_null(handle_get(*state, handle->fh, 8, &dead));
	assert_null(handle_get(*state, handle->fh, 0, &dead));
	assert_false(dead);
}

static void test_none_is_added_to_what_is_shut(void **state)
{
	struct handle handle = {.ino = 1}, *other = add(*state, 8, 1);
	bool shut = false;

	handle.shut = &shut;
	assert_false(handle_is_shut(*state, &handle));
	handle_shut(*state, &shut);
	assert_true(handle_is_shut(*state, &handle));
	assert_int_equal(handle_add(*state, &handle), -ESHUTDOWN);
	assert_int_equal(end(*state, 1), 1);
	assert_int_equal(other->state, HANDLE_DEAD);
	assert_int_equal(handle_count(*state), 1);
	/* Another mount's. */
	add(*state, 7, 1);
}

static void test_stale_and_invented_numbers(void **state)
{
	struct handle *handle = add(*state, 7, 1);
	uint64_t fh = handle->fh;
	bool dead;

	handle_make_live(*state, handle);
	assert_null(handle_get(*state, 0, 7, &dead));
	assert_null(handle_get(*state, fh + 1, 7, &dead));
	assert_null(handle_get(*state, UINT64_MAX, 7, &dead));
	assert_null(handle_get(*state, fh + (1ULL << 32), 7, &dead));
	handle_free(*state, handle_remove(*state, fh));
	assert_null(handle_remove(*state, fh));
	/* The slot is used again, under another number. */
	handle = add(*state, 7, 1);
	handle_make_live(*state, handle);
	assert_int_equal((uint32_t)handle->fh, (uint32_t)fh);
	assert_null(handle_get(*state, fh, 7, &dead));
}

static void test_ended_while_pending_never_lives(void **state)
{
	struct handle *handle = add(*state, 7, 1);

	assert_int_equal(end(*state, 1), 1);
	assert_false(handle_make_live(*state, handle));
	assert_int_equal(end(*state, 1), 0);
}

static void test_ends_those_that_fail(void **state)
{
	struct handle *first = add(*state, 7, 1), *second = add(*state, 8, 2);
	struct session *session;
	uint64_t node_id;
	uint32_t index = 0;
	bool dead;

	handle_make_live(*state, first);
	handle_make_live(*state, second);
	assert_int_equal(end(*state, 1), 1);
	assert_null(handle_get(*state, first->fh, 7, &dead));
	assert_ptr_equal(handle_get(*state, second->fh, 8, &dead), second);
	handle_put(*state, second);
	assert_true(handle_take_stale(*state, &index, &session, &node_id));
	assert_int_equal(node_id, 7);
	assert_false(handle_take_stale(*state, &index, &session, &node_id));
	index = 0;
	assert_false(handle_take_stale(*state, &index, &session, &node_id));
}

struct late_reader {
	struct handle_table *table;
	struct handle *handle;
};

static void *put_late(void *arg)
{
	struct late_reader *reader = arg;
	const struct timespec pause = {.tv_nsec = 100 * NS_PER_MS};

	nanosleep(&pause, NULL);
	handle_put(reader->table, reader->handle);
	return NULL;
}

static void test_drain_waits_for_readers(void **state)
{
	struct handle *handle = add(*state, 7, 1);
	struct late_reader reader = {*state, handle};
	int64_t start = clock_monotonic_ns();
	pthread_t thread;
	bool dead;

	handle_make_live(*state, handle);
	assert_ptr_equal(handle_get(*state, handle->fh, 7, &dead), handle);
	end(*state, 1);
	/* Its pages are locked by the READ: the kernel must not be told yet. */
	assert_int_equal(tell_all(*state), 0);
	assert_true(handle_has_stale(*state));
	assert_int_equal(handle_await_ended(*state, last_ending, 10), 1);
	assert_int_equal(pthread_create(&thread, NULL, put_late, &reader), 0);
	while (!tell_all(*state))
		sched_yield();
	assert_int_equal(handle_await_ended(*state, last_ending, 10000), 0);
	assert_true(clock_monotonic_ns() - start >= 90 * NS_PER_MS);
	pthread_join(thread, NULL);
}

/* Another handle of the node reads: the page that it fills may be one of those to be dropped. */
static void test_node_is_told_when_nobody_reads_it(void **state)
{
	struct handle *ended = add(*state, 7, 1), *reading = add(*state, 7, 2);
	bool dead;

	handle_make_live(*state, ended);
	handle_make_live(*state, reading);
	handle_get(*state, reading->fh, 7, &dead);
	end(*state, 1);
	assert_int_equal(tell_all(*state), 0);
	assert_int_equal(handle_await_ended(*state, last_ending, 10), 1);
	handle_put(*state, reading);
	assert_int_equal(tell_all(*state), 1);
	assert_int_equal(handle_await_ended(*state, last_ending, 10), 0);
	assert_false(handle_has_stale(*state));
}

/* Many handles of a node are one word to the kernel; what an earlier change left is not waited for.
 */
static void test_endings_are_apart(void **state)
{
	struct handle *kept = add(*state, 7, 1), *other = add(*state, 8, 2);
	bool dead;

	handle_make_live(*state, kept);
	handle_make_live(*state, other);
	handle_make_live(*state, add(*state, 8, 2));
	handle_get(*state, kept->fh, 7, &dead);
	assert_int_equal(end(*state, 1), 1);
	assert_int_equal(end(*state, 2), 2);
	assert_int_equal(tell_all(*state), 1);
	assert_int_equal(handle_await_ended(*state, last_ending, 10), 0);
	/* A connection that is cut has no more READs. */
	handle_cut(*state, NULL);
	assert_int_equal(tell_all(*state), 1);
	handle_put(*state, kept);
}

static void *remove_late(void *arg)
{
	struct late_reader *reader = arg;
	const struct timespec pause = {.tv_nsec = 100 * NS_PER_MS};

	nanosleep(&pause, NULL);
	handle_free(reader->table, handle_remove(reader->table, reader->handle->fh));
	return NULL;
}

/* What is closed meanwhile keeps nobody waiting. */
static void test_ended_and_closed(void **state)
{
	struct late_reader reader = {*state, add(*state, 7, 1)};
	int64_t start = clock_monotonic_ns();
	pthread_t thread;

	end(*state, 1);
	assert_int_equal(pthread_create(&thread, NULL, remove_late, &reader), 0);
	assert_int_equal(handle_await_ended(*state, last_ending, 10000), 0);
	assert_true(clock_monotonic_ns() - start < 5 * NS_PER_S);
	pthread_join(thread, NULL);
}

static void test_share_of_a_user(void **state)
{
	struct handle handle = {.subject.uid = 5001}, other = {.subject.uid = 5002};
	uint64_t first;

	assert_int_equal(handle_add(*state, &handle), 0);
	first = handle.fh;
	for (uint64_t i = 1; i < LIMIT_HANDLES_OF_USER; i++)
		assert_int_equal(handle_add(*state, &handle), 0);
	assert_int_equal(handle_add(*state, &handle), -EDQUOT);
	assert_int_equal(handle_add(*state, &other), 0);
	handle_remove(*state, other.fh);
	handle_remove(*state, first);
	assert_int_equal(handle_add(*state, &handle), 0);
	assert_int_equal(handle_add(*state, &handle), -EDQUOT);
	/* One struct stands in all slots: it is nothing to free. */
	for (uint64_t slot = 1; handle_count(*state); slot++)
		for (uint64_t generation = 1; generation < 4; generation++)
			handle_remove(*state, generation << 32 | slot);
}

/* Who reads by a live handle does not hold up a change. */
static void test_drain_minds_the_dead_only(void **state)
{
	struct handle *handle = add(*state, 7, 1);
	bool dead;

	handle_make_live(*state, handle);
	handle_get(*state, handle->fh, 7, &dead);
	end(*state, 9);
	assert_int_equal(handle_await_ended(*state, last_ending, 1000), 0);
	handle_put(*state, handle);
}

static void test_threads(void **state)
{
	struct handle *handle = add(*state, 7, 1);

	assert_false(handle_knows_thread(handle, 100));
	for (pid_t tid = 100; tid < 100 + 2 * HANDLE_THREADS; tid++) {
		handle_remember_thread(handle, tid);
		assert_true(handle_knows_thread(handle, tid));
	}
}

static void test_many(void **state)
{
	struct handle *handles[200];
	bool dead;

	for (size_t i = 0; i < ARRAY_SIZE(handles); i++) {
		handles[i] = add(*state, i + 1, i + 1);
		handle_make_live(*state, handles[i]);
	}
	assert_int_equal(handle_count(*state), ARRAY_SIZE(handles));
	for (size_t i = 0; i < ARRAY_SIZE(handles); i++) {
		assert_ptr_equal(handle_get(*state, handles[i]->fh, i + 1, &dead), handles[i]);
		handle_put(*state, handles[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_found_when_live_only, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_none_is_added_to_what_is_shut, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bound_to_its_node, setup, teardown),
		cmocka_unit_test_setup_teardown(test_stale_and_invented_numbers, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_ended_while_pending_never_lives, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ends_those_that_fail, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain_waits_for_readers, setup, teardown),
		cmocka_unit_test_setup_teardown(test_drain_minds_the_dead_only, setup, teardown),
		cmocka_unit_test_setup_teardown(
			test_node_is_told_when_nobody_reads_it, setup, teardown),
		cmocka_unit_test_setup_teardown(test_endings_are_apart, setup, teardown),
		cmocka_unit_test_setup_teardown(test_ended_and_closed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_share_of_a_user, setup, teardown),
		cmocka_unit_test_setup_teardown(test_threads, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
