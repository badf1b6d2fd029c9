/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of fs/control/server.c, client.c and socket.c over a real socket: answers, credentials,
 * descriptors, limits, clients that stall, never read or vanish, and the socket file itself.
 */
#include "fs/control/server.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "fs/control/channel.h"
#include "fs/control/client.h"
#include "fs/control/socket.h"
#include "keystore/base/clock.h"

#define NOBODY 65534

static char directory[64], path[96];

static struct handler_state {
	pthread_barrier_t together;
	atomic_int write_result; /* of the last handler that filled a client's socket */
} handlers;

static size_t entries(const char *name)
{
	DIR *dir = opendir(name);
	size_t count = 0;

	while (readdir(dir))
		count++;
	closedir(dir);
	return count;
}

static int fill(struct control_reply *reply)
{
	char bytes[65536] = {0};
	int r;

	do
		r = control_reply_write(reply, 1, bytes, sizeof(bytes));
	while (r == 0);
	handlers.write_result = r;
	/* It stays so, and at once. */
	assert_int_equal(control_reply_write(reply, 1, "x", 1), r);
	return 0;
}

/* `count` bytes of a pattern, and what came of it as the exit code. */
static int pour(struct control_reply *reply, int64_t count)
{
	char bytes[65536];
	int r = 0;

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 13 + i / 256);
	for (int64_t left = count; left > 0 && r == 0; left -= (int64_t)sizeof(bytes))
		r = control_reply_pour(
			reply, bytes, left < (int64_t)sizeof(bytes) ? (size_t)left : sizeof(bytes));
	handlers.write_result = r;
	return r == 0 ? 0 : 1;
}

static int copy_descriptor(struct message *request, struct control_reply *reply)
{
	scope_fd int fd = message_take_fd(request, 0);
	char bytes[100];
	ssize_t n = read(fd, bytes, sizeof(bytes));

	return n < 0 ? 1 : control_reply_write(reply, 1, bytes, (size_t)n);
}

static int handle(
	void *arg, const struct peer *peer, struct message *request, struct control_reply *reply)
{
	const char *verb = message_get(request, "verb", NULL);
	scope_buffer struct buffer text = {0};
	int64_t number = 0;
	size_t len = 0;
	const char *data = message_get(request, "data", &len);

	assert_ptr_equal(arg, &handlers);
	message_get_integer(request, "n", &number);
	if (!verb)
		return 2;
	if (strcmp(verb, "exit") == 0)
		return (int)number;
	if (strcmp(verb, "echo") == 0)
		return control_reply_write(reply, (int)number, data, len) == 0 ? 0 : 1;
	if (strcmp(verb, "who") == 0) {
		buffer_add_format(&text, "%u %u %d", peer->uid, peer->gid, peer->pid);
		return control_reply_write(reply, 1, text.data, text.len);
	}
	if (strcmp(verb, "lives") == 0)
		return peer_lives(peer);
	if (strcmp(verb, "together") == 0)
		pthread_barrier_wait(&handlers.together);
	else if (strcmp(verb, "fill") == 0)
		return fill(reply);
	else if (strcmp(verb, "pour") == 0)
		return pour(reply, number);
	else if (strcmp(verb, "copy") == 0)
		return copy_descriptor(request, reply);
	return 0;
}

static struct control_server *new_server(void)
{
	struct control_server *server;

	assert_int_equal(control_server_new(path, handle, &handlers, &server), 0);
	return server;
}

static int setup(void **state)
{
	strcpy(directory, "/tmp/control-XXXXXX");
	assert_non_null(mkdtemp(directory));
	assert_int_equal(chmod(directory, 0755), 0);
	snprintf(path, sizeof(path), "%s/a.sock", directory);
	*state = new_server();
	return 0;
}

static int teardown(void **state)
{
	if (*state)
		control_server_free(*state);
	/* Nothing is left behind, the temporary name neither. */
	return rmdir(directory);
}

struct answer {
	struct buffer streams[2];
	int fail;
};

static void answer_done(struct answer *answer)
{
	buffer_done(&answer->streams[0]);
	buffer_done(&answer->streams[1]);
}
#define scope_answer __attribute__((cleanup(answer_done)))

static int collect(void *arg, int stream, const void *bytes, size_t len)
{
	struct answer *answer = arg;

	buffer_add(&answer->streams[stream - 1], bytes, len);
	return answer->fail;
}

static struct message *request(const char *verb, int64_t number)
{
	struct message *message;

	assert_int_equal(message_new(&message), 0);
	assert_int_equal(message_add_text(message, "verb", verb), 0);
	assert_int_equal(message_add_integer(message, "n", number), 0);
	return message;
}

static struct control_client *new_client(void)
{
	struct control_client *client;

	assert_int_equal(control_client_new(path, geteuid(), &client), 0);
	return client;
}

static int call(
	struct control_client *client, const char *verb, int64_t number, struct answer *answer)
{
	scope(message_free) struct message *message = request(verb, number);

	return control_client_call(client, message, collect, answer);
}

static struct channel *new_channel(void)
{
	struct channel *channel;
	int fd = control_socket_connect(path);

	assert_true(fd >= 0);
	assert_int_equal(channel_new(fd, &channel), 0);
	return channel;
}

static void test_exit_codes(void **state)
{
	scope(control_client_free) struct control_client *client = new_client();
	scope_answer struct answer answer = {0};

	(void)state;
	assert_int_equal(call(client, "exit", 0, &answer), 0);
	assert_int_equal(call(client, "exit", 255, &answer), 255);
	assert_int_equal(call(client, "exit", 256, &answer), 1);
	assert_int_equal(call(client, "exit", -5, &answer), 1);
	assert_int_equal(call(client, "exit", 3, &answer), 3);
	assert_int_equal(answer.streams[0].len + answer.streams[1].len, 0);
	assert_int_equal(control_client_server_pid(client), getpid());
}

/* Bytes of every value, far more than one frame holds, on both streams. */
static void test_output(void **state)
{
	scope(control_client_free) struct control_client *client = new_client();
	scope_free char *bytes = malloc(300000);

	(void)state;
	for (size_t i = 0; i < 300000; i++)
		bytes[i] = (char)(i * 7 + i / 256);
	for (int stream = 1; stream <= 2; stream++) {
		scope(message_free) struct message *message = request("echo", stream);
		scope_answer struct answer answer = {0};

		assert_int_equal(message_add(message, "data", bytes, 300000), 0);
		assert_int_equal(control_client_call(client, message, collect, &answer), 0);
		assert_int_equal(answer.streams[stream - 1].len, 300000);
		assert_memory_equal(answer.streams[stream - 1].data, bytes, 300000);
		assert_int_equal(answer.streams[2 - stream].len, 0);
	}
}

static void test_frames_are_small(void **state)
{
	scope(channel_free) struct channel *channel = new_channel();
	scope(message_free) struct message *message = request("echo", 1);
	scope_free char *bytes = calloc(1, 300000);
	size_t frames = 0;

	(void)state;
	assert_int_equal(message_add(message, "data", bytes, 300000), 0);
	assert_int_equal(channel_send(channel, message, -1), 0);
	for (bool end = false; !end; frames++) {
		scope(message_free) struct message *frame = NULL;
		scope_buffer struct buffer text = {0};

		assert_int_equal(channel_receive(channel, 5000, &frame), 0);
		assert_int_equal(message_encode(frame, &text), 0);
		assert_true(text.len < 65536);
		end = strcmp(message_get(frame, "type", NULL), "end") == 0;
	}
	assert_in_range(frames, 300000 / 21846 + 1, 20);
}

static void test_wrong_stream(void **state)
{
	scope(control_client_free) struct control_client *client = new_client();
	scope(message_free) struct message *message = request("echo", 3);
	scope_answer struct answer answer = {0};

	(void)state;
	assert_int_equal(message_add_text(message, "data", "x"), 0);
	assert_int_equal(control_client_call(client, message, collect, &answer), 1);
}

static void test_writer_that_gives_up(void **state)
{
	scope(control_client_free) struct control_client *client = new_client();
	scope(message_free) struct message *message = request("echo", 1);
	scope_answer struct answer answer = {.fail = -ENOSPC};

	(void)state;
	assert_int_equal(message_add_text(message, "data", "x"), 0);
	assert_int_equal(control_client_call(client, message, collect, &answer), -ENOSPC);
	/* The rest of that answer is on the way: it must not be taken for the next one's. */
	assert_int_equal(call(client, "exit", 0, &answer), -EPIPE);
}

static void test_descriptors(void **state)
{
	scope(control_client_free) struct control_client *client = new_client();
	scope(message_free) struct message *message = request("copy", 0);
	scope_answer struct answer answer = {0};
	size_t before;
	int ends[2];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(write(ends[1], "through a pipe", 14), 14);
	close(ends[1]);
	assert_int_equal(message_add_fd(message, ends[0]), 0);
	assert_int_equal(call(client, "exit", 3, &answer), 3); /* the server has its end open */
	before = entries("/proc/self/fd");
	assert_int_equal(control_client_call(client, message, collect, &answer), 0);
	assert_string_equal(buffer_text(&answer.streams[0]), "through a pipe");
	assert_int_equal(entries("/proc/self/fd"), before);
}

struct stream {
	size_t stop_after; /* 0: at the end */
	size_t bytes;
	bool other; /* not what was poured */
};

static int take_stream(void *arg, int fd)
{
	scope_fd int pipe = fd;
	struct stream *stream = arg;
	char byte[4096];
	ssize_t n;

	while ((n = read(pipe, byte, sizeof(byte))) > 0) {
		for (ssize_t i = 0; i < n; i++, stream->bytes++) {
			size_t at = stream->bytes % 65536;

			stream->other |= byte[i] != (char)(at * 13 + at / 256);
		}
		if (stream->stop_after && stream->bytes >= stream->stop_after)
			break;
	}
	return 0;
}

static int ignore_text(void *arg, int stream, const void *bytes, size_t len)
{
	(void)arg, (void)stream, (void)bytes, (void)len;
	return 0;
}

static int fetch(struct control_client *client, int64_t count, struct stream *stream)
{
	scope(message_free) struct message *message = request("pour", count);
	const struct control_sink sink = {ignore_text, take_stream, stream};

	return control_client_fetch(client, message, &sink);
}

static void test_streams(void **state)
{
	scope(control_client_free) struct control_client *client = new_client();
	struct stream stream = {0}, empty = {0}, again = {0}, cut = {.stop_after = 1};

	size_t before;

	(void)state;
	assert_int_equal(fetch(client, 5000001, &stream), 0);
	before = entries("/proc/self/fd"); /* the server has its end open */
	assert_int_equal(stream.bytes, 5000001);
	assert_false(stream.other);
	assert_int_equal(fetch(client, 0, &empty), 0);
	assert_int_equal(empty.bytes, 0);
	/* Who stops to read ends the file, not the connection. */
	assert_int_equal(fetch(client, 50000000, &cut), 1);
	assert_int_equal(handlers.write_result, -EPIPE);
	assert_int_equal(fetch(client, 70000, &again), 0);
	assert_int_equal(again.bytes, 70000);
	assert_int_equal(entries("/proc/self/fd"), before);
}

static void test_stream_that_is_not_expected(void **state)
{
	scope(control_client_free) struct control_client *client = new_client();
	struct answer answer = {0};

	(void)state;
	assert_int_equal(call(client, "pour", 10, &answer), -EPROTO);
}

static int keep_stream(void *arg, int fd)
{
	*(int *)arg = fd;
	return -ECANCELED;
}

/* A server that ends does not wait for a pipe that nobody reads. */
static void test_free_while_a_stream_is_full(void **state)
{
	scope(control_client_free) struct control_client *client = new_client();
	scope(message_free) struct message *message = request("pour", 50000000);
	int pipe = -1;
	const struct control_sink sink = {ignore_text, keep_stream, &pipe};
	int64_t before_ns;

	assert_int_equal(control_client_fetch(client, message, &sink), -ECANCELED);
	assert_true(pipe >= 0);
	usleep(100000);
	before_ns = clock_monotonic_ns();
	*state = control_server_free(*state);
	assert_true(clock_monotonic_ns() - before_ns < 3 * NS_PER_S);
	assert_int_equal(handlers.write_result, -ESHUTDOWN);
	close(pipe);
}

static void test_too_many_descriptors(void **state)
{
	size_t before = entries("/proc/self/fd");
	scope(channel_free) struct channel *channel = new_channel();
	scope(message_free) struct message *frame = NULL;
	char control[CMSG_SPACE(9 * sizeof(int))] __attribute__((aligned(8))) = {0};
	struct iovec part = {.iov_base = "v=1\nverb=exit\n\n", .iov_len = 15};
	struct msghdr header = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control)};
	int64_t end = clock_monotonic_ns() + 5 * NS_PER_S;
	int fds[9] = {0};

	(void)state;
	CMSG_FIRSTHDR(&header)->cmsg_level = SOL_SOCKET;
	CMSG_FIRSTHDR(&header)->cmsg_type = SCM_RIGHTS;
	CMSG_FIRSTHDR(&header)->cmsg_len = CMSG_LEN(sizeof(fds));
	memcpy(CMSG_DATA(CMSG_FIRSTHDR(&header)), fds, sizeof(fds));
	assert_int_equal(sendmsg(channel_fd(channel), &header, 0), 15);
	assert_int_equal(channel_receive(channel, 5000, &frame), 0);
	assert_non_null(strstr(message_get(frame, "data", NULL), "limits"));
	frame = message_free(frame);
	assert_int_equal(channel_receive(channel, 5000, &frame), 0);
	assert_string_equal(message_get(frame, "exit", NULL), "2");
	frame = message_free(frame);
	assert_int_equal(channel_receive(channel, 5000, &frame), -ENODATA);
	/* Beside our own end of it nothing stays open. */
	while (entries("/proc/self/fd") != before + 1 && clock_monotonic_ns() < end)
		usleep(1000);
	assert_int_equal(entries("/proc/self/fd"), before + 1);
}

static void test_own_credentials(void **state)
{
	scope(control_client_free) struct control_client *client = new_client();
	scope_answer struct answer answer = {0};
	char expected[64];

	(void)state;
	snprintf(expected, sizeof(expected), "%u %u %d", geteuid(), getegid(), getpid());
	assert_int_equal(call(client, "who", 0, &answer), 0);
	assert_string_equal(buffer_text(&answer.streams[0]), expected);
}

/* Runs body in a child under another uid; its exit status. No cmocka in there. */
static int as_nobody(int (*body)(void))
{
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		if (setresgid(NOBODY, NOBODY, NOBODY) < 0 || setresuid(NOBODY, NOBODY, NOBODY) < 0)
			_exit(100);
		_exit(body());
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int check_credentials_as_nobody(void)
{
	struct answer answer = {0};
	struct control_client *client;
	char expected[64];

	if (control_client_new(path, NOBODY, &client) < 0)
		return 1;
	snprintf(expected, sizeof(expected), "%u %u %d", NOBODY, NOBODY, getpid());
	if (call(client, "who", 0, &answer) != 0)
		return 2;
	return strcmp(buffer_text(&answer.streams[0]), expected) != 0;
}

/* The exit code of a request over a connected socket. */
static int ask_over(int fd, const char *request)
{
	char answer[256] = "";
	size_t len = 0;
	ssize_t n;

	assert_int_equal(write(fd, request, strlen(request)), strlen(request));
	do {
		n = read(fd, answer + len, sizeof(answer) - 1 - len);
		assert_true(n > 0);
		len += (size_t)n;
	} while (!strstr(answer, "exit=") || answer[len - 1] != '\n');
	return (int)strtol(strstr(answer, "exit=") + 5, NULL, 10);
}

/* Who connects, and ends when told; the connection is the caller's too. */
static void test_peer_that_ends(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), told[2];
	char byte;
	pid_t pid;

	(void)state;
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(pipe2(told, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		close(told[1]);
		if (connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
			_exit(1);
		_exit(read(told[0], &byte, 1) != 0);
	}
	close(told[0]);
	while (send(fd, "", 0, MSG_NOSIGNAL) < 0 && errno == ENOTCONN)
		usleep(1000);
	assert_int_equal(ask_over(fd, "v=1\nverb=lives\n\n"), 1);
	close(told[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	assert_int_equal(ask_over(fd, "v=1\nverb=lives\n\n"), 0);
	close(fd);
}

static void test_credentials_of_another_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(as_nobody(check_credentials_as_nobody), 0);
}

static int exhaust_share(void)
{
	struct control_client *clients[LIMIT_CLIENTS / 4 + 1];
	struct answer answer = {0};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(clients); i++)
		if (control_client_new(path, 0, &clients[i]) < 0)
			return 1;
	for (i = 0; i < ARRAY_SIZE(clients) - 1; i++)
		if (call(clients[i], "exit", 3, &answer) != 3)
			return 2;
	return call(clients[i], "exit", 3, &answer);
}

static void test_share_of_one_user(void **state)
{
	(void)state;
	if (geteuid() != 0)
		skip();
	assert_int_equal(as_nobody(exhaust_share), 7);
}

static void test_more_connections_than_served(void **state)
{
	struct control_client *clients[LIMIT_CLIENTS + 6];
	scope_answer struct answer answer = {0};
	int64_t end = clock_monotonic_ns() + 5 * NS_PER_S;
	int r;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		clients[i] = new_client();
	for (size_t i = 0; i < LIMIT_CLIENTS; i++)
		assert_int_equal(call(clients[i], "exit", 3, &answer), 3);
	for (size_t i = LIMIT_CLIENTS; i < ARRAY_SIZE(clients); i++)
		assert_int_equal(call(clients[i], "exit", 3, &answer), 7);
	assert_non_null(strstr(buffer_text(&answer.streams[1]), "too many connections"));
	for (size_t i = 0; i < ARRAY_SIZE(clients); i++)
		control_client_free(clients[i]);
	/* Their places are free again, once the server has seen it. */
	do {
		struct control_client *client = new_client();

		r = call(client, "exit", 3, &answer);
		control_client_free(client);
	} while (r == 7 && clock_monotonic_ns() < end);
	assert_int_equal(r, 3);
}

/* A thousand connections one after the other leave neither threads nor descriptors. */
static void test_many_connections_in_turn(void **state)
{
	scope_answer struct answer answer = {0};
	size_t threads = entries("/proc/self/task"), fds = entries("/proc/self/fd");

	for (int i = 0; i < 1000; i++) {
		scope(control_client_free) struct control_client *client = new_client();
		int r = call(client, "exit", 3, &answer);

		assert_true(r == 3 || r == 7);
	}
	*state = control_server_free(*state);
	assert_int_equal(entries("/proc/self/task"), threads - 1);
	assert_in_range(entries("/proc/self/fd"), fds - 2, fds - 2);
}

static void *call_together(void *arg)
{
	struct control_client *client = new_client();
	struct answer answer = {0};

	*(int *)arg = call(client, "together", 0, &answer);
	control_client_free(client);
	return NULL;
}

/* None of them returns before all of them run. */
static void test_handlers_in_parallel(void **state)
{
	pthread_t threads[8];
	int results[8];

	(void)state;
	assert_int_equal(pthread_barrier_init(&handlers.together, NULL, 8), 0);
	for (size_t i = 0; i < 8; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, call_together, &results[i]), 0);
	for (size_t i = 0; i < 8; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(results[i], 0);
	}
	pthread_barrier_destroy(&handlers.together);
}

static void assert_served(void)
{
	scope(control_client_free) struct control_client *client = new_client();
	scope_answer struct answer answer = {0};

	assert_int_equal(call(client, "exit", 3, &answer), 3);
}

/* Half a request holds nobody up, and does not hold up the end. */
static void test_stalled_client(void **state)
{
	scope(channel_free) struct channel *stalled = new_channel();
	scope(message_free) struct message *message = NULL;
	int64_t start;

	assert_int_equal(send(channel_fd(stalled), "v=1\nverb=ex", 11, 0), 11);
	assert_served();
	start = clock_monotonic_ns();
	*state = control_server_free(*state);
	assert_true(clock_monotonic_ns() - start < 2 * NS_PER_S);
	assert_int_equal(channel_receive(stalled, 0, &message), -ENODATA);
}

static void test_client_that_never_reads(void **state)
{
	scope(channel_free) struct channel *silent = new_channel();
	scope(message_free) struct message *message = request("fill", 0);
	int64_t start = clock_monotonic_ns();

	(void)state;
	handlers.write_result = 0;
	assert_int_equal(channel_send(silent, message, -1), 0);
	assert_served();
	while (handlers.write_result == 0 && clock_monotonic_ns() - start < 15 * NS_PER_S)
		usleep(10000);
	assert_int_equal(handlers.write_result, -ETIMEDOUT);
	assert_true(clock_monotonic_ns() - start >= 10 * NS_PER_S);
}

/* The handler sits in its write when the server ends: it is woken and waited for. */
static void test_free_while_a_handler_writes(void **state)
{
	scope(channel_free) struct channel *silent = new_channel();
	scope(message_free) struct message *message = request("fill", 0);
	int64_t start;

	handlers.write_result = 0;
	assert_int_equal(channel_send(silent, message, -1), 0);
	usleep(100000);
	start = clock_monotonic_ns();
	*state = control_server_free(*state);
	assert_true(clock_monotonic_ns() - start < 2 * NS_PER_S);
	assert_int_equal(handlers.write_result, -EPIPE);
}

static void test_client_that_vanishes(void **state)
{
	struct channel *channel = new_channel();
	scope(message_free) struct message *message = request("fill", 0);
	int64_t end = clock_monotonic_ns() + 5 * NS_PER_S;

	(void)state;
	signal(SIGPIPE, SIG_DFL);
	handlers.write_result = 0;
	assert_int_equal(channel_send(channel, message, -1), 0);
	channel_free(channel);
	while (handlers.write_result == 0 && clock_monotonic_ns() < end)
		usleep(1000);
	assert_int_equal(handlers.write_result, -EPIPE);
	assert_served();
}

static void test_malformed_requests(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {{"GET / HTTP/1.1\r\n\r\n\n\n", "grammar"}, {"\n", "grammar"},
		{"v=2\nverb=exit\n\n", "version 1"}};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scope(channel_free) struct channel *channel = new_channel();
		scope(message_free) struct message *frame = NULL, *end = NULL, *none = NULL;
		size_t len = strlen(cases[i].text);

		assert_int_equal(send(channel_fd(channel), cases[i].text, len, 0), (ssize_t)len);
		assert_int_equal(channel_receive(channel, 5000, &frame), 0);
		assert_string_equal(message_get(frame, "stream", NULL), "2");
		assert_non_null(strstr(message_get(frame, "data", NULL), cases[i].reason));
		assert_int_equal(channel_receive(channel, 5000, &end), 0);
		assert_string_equal(message_get(end, "exit", NULL), "2");
		assert_int_equal(channel_receive(channel, 5000, &none), -ENODATA);
	}
	assert_served();
}

static void test_socket_file(void **state)
{
	struct control_server *second;
	mode_t mask;
	struct stat st;

	assert_int_equal(control_server_new(path, handle, &handlers, &second), -EADDRINUSE);
	assert_served();
	*state = control_server_free(*state);
	assert_int_equal(lstat(path, &st), -1);
	mask = umask(0777);
	*state = new_server();
	assert_int_equal(umask(mask), 0777);
	assert_int_equal(lstat(path, &st), 0);
	assert_true(S_ISSOCK(st.st_mode));
	assert_int_equal(st.st_mode & 07777, 0666);
	assert_served();
}

/* What a killed server leaves: a socket that nobody listens on, a temporary one beside it. */
static void test_dead_socket(void **state)
{
	struct control_client *client;
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int other = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	*state = control_server_free(*state);
	assert_int_equal(control_client_new(path, 0, &client), -ENOENT);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s/.a.sock.new", directory);
	assert_int_equal(bind(other, (struct sockaddr *)&address, sizeof(address)), 0);
	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	close(fd);
	close(other);
	assert_int_equal(control_client_new(path, 0, &client), -ECONNREFUSED);
	*state = new_server();
	assert_served();
}

static void test_other_things_at_the_path(void **state)
{
	struct control_server *server;
	int fd;

	*state = control_server_free(*state);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(control_server_new(path, handle, &handlers, &server), -EEXIST);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(symlink("elsewhere", path), 0);
	assert_int_equal(control_server_new(path, handle, &handlers, &server), -EEXIST);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(control_server_new("/nonexistent/a", handle, &handlers, &server), -ENOENT);
	assert_int_equal(control_server_new("/tmp/", handle, &handlers, &server), -EINVAL);
}

/* The file of a successor is not removed. */
static void test_free_leaves_a_stranger_alone(void **state)
{
	struct stat st;
	int fd;

	assert_int_equal(unlink(path), 0);
	fd = open(path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	close(fd);
	*state = control_server_free(*state);
	assert_int_equal(lstat(path, &st), 0);
	assert_int_equal(unlink(path), 0);
}

/* sun_path holds 108 bytes; a vault's path may be longer. */
static void test_long_path(void **state)
{
	char long_directory[256], long_path[300];
	struct control_server *server;
	struct control_client *client;
	scope_answer struct answer answer = {0};

	(void)state;
	snprintf(long_directory, sizeof(long_directory), "%s/%0150d", directory, 0);
	snprintf(long_path, sizeof(long_path), "%s/b.sock", long_directory);
	assert_int_equal(mkdir(long_directory, 0700), 0);
	assert_int_equal(control_server_new(long_path, handle, &handlers, &server), 0);
	assert_int_equal(control_client_new(long_path, 0, &client), 0);
	assert_int_equal(call(client, "exit", 3, &answer), 3);
	control_client_free(client);
	control_server_free(server);
	assert_int_equal(rmdir(long_directory), 0);
}

/* A server of our own making, in place of the real one: answers text to one request and goes. */
struct fake {
	pthread_t thread;
	struct control_listener listener;
	const char *text;
};

static void *run_fake(void *arg)
{
	struct fake *fake = arg;
	int fd = accept4(fake->listener.fd, NULL, NULL, SOCK_CLOEXEC);
	char bytes[4096];

	assert_true(recv(fd, bytes, sizeof(bytes), 0) > 0);
	assert_true(send(fd, fake->text, strlen(fake->text), MSG_NOSIGNAL) >= 0);
	close(fd);
	return NULL;
}

static int call_fake(const char *text)
{
	scope(control_client_free) struct control_client *client = NULL;
	scope_answer struct answer answer = {0};
	struct fake fake = {.text = text};
	int r;

	assert_int_equal(control_socket_listen(path, &fake.listener), 0);
	assert_int_equal(pthread_create(&fake.thread, NULL, run_fake, &fake), 0);
	client = new_client();
	r = call(client, "exit", 0, &answer);
	pthread_join(fake.thread, NULL);
	control_listener_done(&fake.listener);
	return r;
}

static void test_server_that_speaks_otherwise(void **state)
{
	static const char *const texts[] = {"v=1\ntype=end\n\n", "v=1\ntype=end\nexit=256\n\n",
		"v=1\ntype=end\nexit=-1\n\n", "v=1\ntype=end\nexit=x\n\n", "v=1\nexit=0\n\n",
		"v=1\ntype=output\nstream=1\n\n", "v=1\ntype=output\nstream=3\ndata=x\n\n",
		"v=1\ntype=output\nstream=0\ndata=x\n\n", "v=1\ntype=output\ndata=x\n\n",
		"v=1\ntype=end%00\nexit=0\n\n", "v=1\ntype=other\n\n", "v=2\n\n", "\n",
		"v=1\ntype=end\nexit=0\n"};

	*state = control_server_free(*state);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (call_fake(texts[i]) != -EPROTO)
			fail_msg("%s", texts[i]);
	assert_int_equal(call_fake(""), -EPIPE);
	assert_int_equal(call_fake("v=1\ntype=output\nstream=1\ndata=x\n\n"), -EPIPE);
	assert_int_equal(call_fake("v=1\ntype=end\nexit=4\n\n"), 4);
}

/* A server of a user who is neither root, nor we, nor the vault's owner is not believed. */
static void test_server_of_another_user(void **state)
{
	struct control_client *client;
	int ready[2], finish[2];
	char byte;
	pid_t pid;

	*state = control_server_free(*state);
	if (geteuid() != 0)
		skip();
	assert_int_equal(chown(directory, NOBODY, NOBODY), 0);
	assert_int_equal(pipe2(ready, O_CLOEXEC) + pipe2(finish, O_CLOEXEC), 0);
	pid = fork();
	if (pid == 0) {
		struct control_listener listener;

		close(finish[1]);
		if (setresuid(NOBODY, NOBODY, NOBODY) < 0 ||
			control_socket_listen(path, &listener) < 0)
			_exit(1);
		if (write(ready[1], "x", 1) != 1 || read(finish[0], &byte, 1) != 0)
			_exit(1);
		control_listener_done(&listener);
		_exit(0);
	}
	close(finish[0]);
	assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(control_client_new(path, 0, &client), -EPERM);
	assert_int_equal(control_client_new(path, NOBODY, &client), 0);
	assert_int_equal(control_client_server_pid(client), pid);
	control_client_free(client);
	close(finish[1]);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

#define test(function) cmocka_unit_test_setup_teardown(function, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		test(test_exit_codes),
		test(test_output),
		test(test_frames_are_small),
		test(test_wrong_stream),
		test(test_writer_that_gives_up),
		test(test_descriptors),
		test(test_streams),
		test(test_stream_that_is_not_expected),
		test(test_free_while_a_stream_is_full),
		test(test_too_many_descriptors),
		test(test_own_credentials),
		test(test_credentials_of_another_user),
		test(test_peer_that_ends),
		test(test_share_of_one_user),
		test(test_more_connections_than_served),
		test(test_many_connections_in_turn),
		test(test_handlers_in_parallel),
		test(test_stalled_client),
		test(test_client_that_never_reads),
		test(test_free_while_a_handler_writes),
		test(test_client_that_vanishes),
		test(test_malformed_requests),
		test(test_socket_file),
		test(test_dead_socket),
		test(test_other_things_at_the_path),
		test(test_free_leaves_a_stranger_alone),
		test(test_long_path),
		test(test_server_that_speaks_otherwise),
		test(test_server_of_another_user),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
