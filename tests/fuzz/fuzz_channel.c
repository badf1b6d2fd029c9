/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_channel.c - bytes and descriptors on the socket, in pieces as a client likes. Received is
 * what the text says, message by message, up to the first mistake; no descriptor is left behind.
 * libFuzzer: -max_len=2048 -max_total_time=4
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "fs/control/channel.h"
#include "tests/fuzz/fuzz.h"

static int passed_fd; /* what is passed as a descriptor */

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	passed_fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	holds(passed_fd >= 0);
	return 0;
}

/* The lowest free descriptor: the same before and after when none was leaked. */
static int free_descriptor(void)
{
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);

	holds(fd >= 0);
	close(fd);
	return fd;
}

/* False when the socket is full. */
static bool send_piece(int fd, const void *bytes, size_t len, size_t descriptors)
{
	union {
		char bytes[CMSG_SPACE(16 * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	struct cmsghdr *rights;
	int fds[16];
	ssize_t n;

	for (size_t i = 0; i < descriptors; i++)
		fds[i] = passed_fd;
	if (descriptors) {
		header.msg_control = control.bytes;
		header.msg_controllen = CMSG_SPACE(descriptors * sizeof(int));
		rights = CMSG_FIRSTHDR(&header);
		rights->cmsg_level = SOL_SOCKET;
		rights->cmsg_type = SCM_RIGHTS;
		rights->cmsg_len = CMSG_LEN(descriptors * sizeof(int));
		memcpy(CMSG_DATA(rights), fds, descriptors * sizeof(int));
	}
	n = sendmsg(fd, &header, MSG_DONTWAIT | MSG_NOSIGNAL);
	holds(n == (ssize_t)len || (n < 0 && errno == EAGAIN));
	return n > 0;
}

/* The next message of the text, as the stream must yield it; the length it takes, or 0. */
static size_t next_message(const char *text, size_t len, struct message **ret_message)
{
	const char *end = len ? memmem(text, len, "\n\n", 2) : NULL;

	if (!end || text[0] == '\n')
		return 0;
	len = (size_t)(end - text) + 2;
	return message_decode(text, len, ret_message) == 0 ? len : 0;
}

static void expect(struct channel *channel, const char *text, size_t len)
{
	size_t at = 0, step;
	int r;

	for (;;) {
		scope(message_free) struct message *message = NULL, *expected = NULL;
		scope_buffer struct buffer encoded = {0};

		step = next_message(text + at, len - at, &expected);
		r = channel_receive(channel, 1000, &message);
		if (r < 0)
			break;
		holds(step > 0);
		holds(message_encode(message, &encoded) == 0);
		holds(encoded.len == step && memcmp(encoded.data, text + at, step) == 0);
		at += step;
	}
	holds(r == -ENODATA || r == -EPROTO || r == -EPROTONOSUPPORT || r == -E2BIG);
	holds(step == 0 && (r == -ENODATA) == (at == len));
	holds(channel_receive(channel, 0, &(struct message *){NULL}) == r);
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct channel *channel;
	struct buffer sent = {0};
	struct cursor cursor;
	int pair[2], before = free_descriptor();
	size_t total = 0;

	holds(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	holds(channel_new(pair[0], &channel) == 0);
	cursor_init(&cursor, input, size);
	while (cursor.left > 0 && !cursor.failed) {
		size_t descriptors = cursor_u8(&cursor) % 16, len;
		const void *bytes = fuzz_take(&cursor, 1 + cursor_u8(&cursor), &len);

		if (len == 0 || !send_piece(pair[1], bytes, len, descriptors))
			break;
		buffer_add(&sent, bytes, len);
		total += descriptors;
	}
	close(pair[1]);
	/* Whether so many are too many depends on which message each came with. */
	if (total > LIMIT_DESCRIPTORS) {
		struct message *message = NULL;

		while (channel_receive(channel, 1000, &message) == 0)
			message = message_free(message);
	} else {
		expect(channel, buffer_text(&sent), sent.len);
	}
	channel_free(channel);
	buffer_done(&sent);
	holds(free_descriptor() == before);
	return 0;
}
