/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of fs/control/channel.c: framing whatever the pieces, descriptors with their own message,
 * peers that stall, vanish, flood or pass too much.
 */
#include "fs/control/channel.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "keystore/base/clock.h"

struct pair {
	struct channel *channel;
	int other; /* the peer's end, raw */
};

static int setup(void **state)
{
	struct pair *pair = calloc(1, sizeof(*pair));
	int fds[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
	assert_int_equal(channel_new(fds[0], &pair->channel), 0);
	pair->other = fds[1];
	*state = pair;
	return 0;
}

static int teardown(void **state)
{
	struct pair *pair = *state;

	channel_free(pair->channel);
	if (pair->other >= 0)
		close(pair->other);
	free(pair);
	return 0;
}

static size_t open_descriptors(void)
{
	DIR *dir = opendir("/proc/self/fd");
	size_t count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static void push(struct pair *pair, const char *text)
{
	assert_int_equal(send(pair->other, text, strlen(text), 0), (ssize_t)strlen(text));
}

/* Sends the text with count descriptors of /dev/null. */
static void push_with_descriptors(struct pair *pair, const char *text, size_t count)
{
	char control[CMSG_SPACE(32 * sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec part = {.iov_base = (void *)text, .iov_len = strlen(text)};
	struct msghdr header = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *message = CMSG_FIRSTHDR(&header);
	int fds[32];

	for (size_t i = 0; i < count; i++)
		fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC);
	message->cmsg_level = SOL_SOCKET;
	message->cmsg_type = SCM_RIGHTS;
	message->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(message), fds, count * sizeof(int));
	assert_int_equal(sendmsg(pair->other, &header, 0), (ssize_t)strlen(text));
	for (size_t i = 0; i < count; i++)
		close(fds[i]);
}

/* Receives a message whose field n is number and that came with count descriptors. */
static void expect(struct pair *pair, int64_t number, size_t count)
{
	scope(message_free) struct message *message = NULL;
	int64_t value;

	assert_int_equal(channel_receive(pair->channel, 2000, &message), 0);
	assert_int_equal(message_get_integer(message, "n", &value), 0);
	assert_int_equal(value, number);
	assert_int_equal(message_fd_count(message), count);
	for (size_t i = 0; i < count; i++)
		assert_true(fcntl(message_fd(message, i), F_GETFD) & FD_CLOEXEC);
}

static void expect_failure(struct pair *pair, int result)
{
	struct message *message = NULL;

	assert_int_equal(channel_receive(pair->channel, 2000, &message), result);
	assert_null(message);
	/* It stays so. */
	assert_int_equal(channel_receive(pair->channel, 0, &message), result);
}

static void test_byte_by_byte(void **state)
{
	static const char text[] = "v=1\nn=1\n\nv=1\nn=2\n\n";
	struct pair *pair = *state;
	struct message *message;

	for (size_t i = 0; i < sizeof(text) - 1; i++) {
		char byte[2] = {text[i]};

		push(pair, byte);
		if (i == 8)
			expect(pair, 1, 0);
		else if (i == 17)
			expect(pair, 2, 0);
		else
			assert_int_equal(channel_receive(pair->channel, 1, &message), -ETIMEDOUT);
	}
}

static void test_several_at_once(void **state)
{
	struct pair *pair = *state;

	push(pair, "v=1\nn=1\n\nv=1\nn=2\n\nv=1\nn=3\n");
	expect(pair, 1, 0);
	expect(pair, 2, 0);
	push(pair, "\n");
	expect(pair, 3, 0);
	close(pair->other);
	pair->other = -1;
	expect_failure(pair, -ENODATA);
}

static void test_end_in_the_middle(void **state)
{
	struct pair *pair = *state;

	push(pair, "v=1\nn=1\n");
	shutdown(pair->other, SHUT_WR);
	expect_failure(pair, -EPROTO);
}

static void test_malformed(void **state)
{
	struct pair *pair = *state;

	push(pair, "v=1\nn=1\n\nhello\n\nv=1\nn=2\n\n");
	expect(pair, 1, 0);
	expect_failure(pair, -EPROTO);
}

static void test_empty_line_first(void **state)
{
	push(*state, "\n");
	expect_failure(*state, -EPROTO);
}

static void test_other_version(void **state)
{
	push(*state, "v=2\nn=1\n\n");
	expect_failure(*state, -EPROTONOSUPPORT);
}

static void *flood(void *arg)
{
	char bytes[4096];
	int fd = *(int *)arg;

	memset(bytes, 'x', sizeof(bytes));
	while (send(fd, bytes, sizeof(bytes), MSG_NOSIGNAL) > 0)
		;
	return NULL;
}

/* No end ever comes: given up at the limit, not at the end of memory. */
static void test_endless_message(void **state)
{
	struct pair *pair = *state;
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, flood, &pair->other), 0);
	expect_failure(pair, -E2BIG);
	pair->channel = channel_free(pair->channel);
	pthread_join(thread, NULL);
}

static void test_stalled_sender(void **state)
{
	struct pair *pair = *state;
	struct message *message;
	int64_t start = clock_monotonic_ns();

	push(pair, "v=1\nn=");
	assert_int_equal(channel_receive(pair->channel, 100, &message), -ETIMEDOUT);
	assert_in_range((clock_monotonic_ns() - start) / NS_PER_MS, 100, 1900);
	push(pair, "5\n\n");
	expect(pair, 5, 0);
}

static void *drip(void *arg)
{
	int fd = *(int *)arg;

	while (send(fd, "x", 1, MSG_NOSIGNAL) > 0)
		usleep(20000);
	return NULL;
}

/* A byte now and then does not buy more time. */
static void test_dripping_sender(void **state)
{
	struct pair *pair = *state;
	struct message *message;
	int64_t start = clock_monotonic_ns();
	pthread_t thread;

	assert_int_equal(pthread_create(&thread, NULL, drip, &pair->other), 0);
	assert_int_equal(channel_receive(pair->channel, 200, &message), -ETIMEDOUT);
	assert_in_range((clock_monotonic_ns() - start) / NS_PER_MS, 200, 1900);
	pair->channel = channel_free(pair->channel);
	pthread_join(thread, NULL);
}

static struct message *numbered(int64_t number)
{
	struct message *message;

	assert_int_equal(message_new(&message), 0);
	assert_int_equal(message_add_integer(message, "n", number), 0);
	return message;
}

static void test_peer_that_never_reads(void **state)
{
	struct pair *pair = *state;
	scope(message_free) struct message *message = numbered(1);
	scope_free char *bytes = calloc(1, 300000);
	int64_t start;
	int r;

	assert_int_equal(message_add(message, "data", bytes, 300000), 0);
	start = clock_monotonic_ns();
	do
		r = channel_send(pair->channel, message, 100);
	while (r == 0);
	assert_int_equal(r, -ETIMEDOUT);
	assert_in_range((clock_monotonic_ns() - start) / NS_PER_MS, 100, 1900);
	/* Half a message is out: none may follow. */
	assert_int_equal(channel_send(pair->channel, message, 100), -EPIPE);
}

/* SIGPIPE would kill this program. */
static void test_peer_that_is_gone(void **state)
{
	struct pair *pair = *state;
	scope(message_free) struct message *message = numbered(1);

	signal(SIGPIPE, SIG_DFL);
	close(pair->other);
	pair->other = -1;
	assert_int_equal(channel_send(pair->channel, message, -1), -EPIPE);
	expect_failure(pair, -ENODATA);
}

/* It goes with bytes of ours unread: the kernel says ECONNRESET. */
static void test_peer_that_resets(void **state)
{
	struct pair *pair = *state;
	scope(message_free) struct message *message = numbered(1);

	assert_int_equal(channel_send(pair->channel, message, -1), 0);
	close(pair->other);
	pair->other = -1;
	expect_failure(pair, -EPIPE);
}

static void *echo(void *arg)
{
	struct channel *channel = arg;
	struct message *message;

	while (channel_receive(channel, -1, &message) == 0) {
		assert_int_equal(channel_send(channel, message, -1), 0);
		message_free(message);
	}
	return NULL;
}

/* Far larger than the socket's buffer, both ways, with descriptors, and bytes of every value. */
static void test_large_round_trips(void **state)
{
	struct pair *pair = *state;
	struct channel *other;
	pthread_t thread;
	char bytes[256];

	assert_int_equal(channel_new(pair->other, &other), 0);
	pair->other = -1;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	assert_int_equal(pthread_create(&thread, NULL, echo, other), 0);
	for (int round = 0; round < 5; round++) {
		scope(message_free) struct message *message = numbered(round), *back = NULL;
		struct stat before, after;
		size_t len;

		for (size_t i = 0; i < 1500; i++)
			assert_int_equal(message_add(message, "b", bytes, sizeof(bytes)), 0);
		for (size_t i = 0; i < LIMIT_DESCRIPTORS; i++)
			assert_int_equal(message_add_fd(message, dup(0)), 0);
		assert_int_equal(channel_send(pair->channel, message, 5000), 0);
		assert_int_equal(channel_receive(pair->channel, 5000, &back), 0);
		assert_int_equal(message_count(back, "b"), 1500);
		assert_memory_equal(message_at(back, "b", 1499, &len), bytes, sizeof(bytes));
		assert_int_equal(len, sizeof(bytes));
		assert_int_equal(message_fd_count(back), LIMIT_DESCRIPTORS);
		assert_int_equal(fstat(0, &before), 0);
		assert_int_equal(fstat(message_fd(back, 7), &after), 0);
		assert_int_equal(before.st_ino, after.st_ino);
	}
	shutdown(channel_fd(pair->channel), SHUT_RDWR);
	pthread_join(thread, NULL);
	channel_free(other);
}

/* Sent without waiting: each message gets its own descriptors and no other's. */
static void test_descriptors_stay_with_their_message(void **state)
{
	struct pair *pair = *state;
	size_t before = open_descriptors();

	push(pair, "v=1\nn=1\n\n");
	push_with_descriptors(pair, "v=1\nn=2\n\n", 3);
	push(pair, "v=1\nn=3\n\n");
	push(pair, "v=1\nn=4\n");
	push(pair, "\n");
	push_with_descriptors(pair, "v=1\nn=5\n\n", 2);
	push_with_descriptors(pair, "v=1\nn=6", 1);
	push(pair, "\n\n");
	expect(pair, 1, 0);
	expect(pair, 2, 3);
	expect(pair, 3, 0);
	expect(pair, 4, 0);
	expect(pair, 5, 2);
	expect(pair, 6, 1);
	assert_int_equal(open_descriptors(), before);
}

static void test_most_descriptors(void **state)
{
	size_t before = open_descriptors();

	push_with_descriptors(*state, "v=1\nn=1\n\n", LIMIT_DESCRIPTORS);
	expect(*state, 1, LIMIT_DESCRIPTORS);
	assert_int_equal(open_descriptors(), before);
}

static void test_too_many_descriptors(void **state)
{
	size_t before = open_descriptors();

	push_with_descriptors(*state, "v=1\nn=1\n\n", LIMIT_DESCRIPTORS + 1);
	expect_failure(*state, -E2BIG);
	assert_int_equal(open_descriptors(), before);
}

static void test_far_too_many_descriptors(void **state)
{
	size_t before = open_descriptors();

	push_with_descriptors(*state, "v=1\nn=1\n\n", 32);
	expect_failure(*state, -E2BIG);
	assert_int_equal(open_descriptors(), before);
}

/* Not more in two portions either. */
static void test_too_many_descriptors_in_portions(void **state)
{
	size_t before = open_descriptors();

	push_with_descriptors(*state, "v=1\n", 5);
	push_with_descriptors(*state, "n=1\n\n", 5);
	expect_failure(*state, -E2BIG);
	assert_int_equal(open_descriptors(), before);
}

static void test_descriptors_with_a_malformed_message(void **state)
{
	size_t before = open_descriptors();

	push_with_descriptors(*state, "n=1\n\n", 4);
	expect_failure(*state, -EPROTO);
	assert_int_equal(open_descriptors(), before);
}

static void test_descriptors_of_half_a_message(void **state)
{
	struct pair *pair = *state;
	struct message *message;
	size_t before = open_descriptors();

	push_with_descriptors(pair, "v=1\nn=1\n", 4);
	assert_int_equal(channel_receive(pair->channel, 10, &message), -ETIMEDOUT);
	assert_int_equal(open_descriptors(), before + 4);
	pair->channel = channel_free(pair->channel);
	assert_int_equal(open_descriptors(), before - 1);
}

static void test_taken_descriptor_is_not_sent(void **state)
{
	struct pair *pair = *state;
	scope(message_free) struct message *message = numbered(1);

	assert_int_equal(message_add_fd(message, dup(0)), 0);
	close(message_take_fd(message, 0));
	assert_int_equal(channel_send(pair->channel, message, 100), -EBADF);
}

static void on_alarm(int number)
{
	(void)number;
}

static void *interrupt(void *arg)
{
	for (int i = 0; i < 20; i++) {
		usleep(5000);
		pthread_kill(*(pthread_t *)arg, SIGUSR1);
	}
	return NULL;
}

/* Signals neither end the wait nor make it longer. */
static void test_signals(void **state)
{
	struct pair *pair = *state;
	struct sigaction action = {.sa_handler = on_alarm};
	pthread_t self = pthread_self(), thread;
	struct message *message;
	int64_t start = clock_monotonic_ns();

	sigaction(SIGUSR1, &action, NULL);
	assert_int_equal(pthread_create(&thread, NULL, interrupt, &self), 0);
	assert_int_equal(channel_receive(pair->channel, 150, &message), -ETIMEDOUT);
	assert_in_range((clock_monotonic_ns() - start) / NS_PER_MS, 150, 1900);
	pthread_join(thread, NULL);
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_byte_by_byte),
		test(test_several_at_once),
		test(test_end_in_the_middle),
		test(test_malformed),
		test(test_empty_line_first),
		test(test_other_version),
		test(test_endless_message),
		test(test_stalled_sender),
		test(test_dripping_sender),
		test(test_peer_that_never_reads),
		test(test_peer_that_is_gone),
		test(test_peer_that_resets),
		test(test_large_round_trips),
		test(test_descriptors_stay_with_their_message),
		test(test_most_descriptors),
		test(test_too_many_descriptors),
		test(test_far_too_many_descriptors),
		test(test_too_many_descriptors_in_portions),
		test(test_descriptors_with_a_malformed_message),
		test(test_descriptors_of_half_a_message),
		test(test_taken_descriptor_is_not_sent),
		test(test_signals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
