/* SPDX-License-Identifier: Apache-2.0 */
/*
 * channel.c - frames messages on a stream socket. Descriptors travel with a message's first byte
 * and the kernel ends a recvmsg(2) at the bytes that carry some; so descriptors belong to the
 * message that holds the last byte of the recvmsg that brought them. All calls are MSG_DONTWAIT and
 * poll(2) to a deadline; a stream broken in one direction stays broken.
 */
#include "fs/control/channel.h"

#include <errno.h>
#include <poll.h>
#include <sys/socket.h>

#include "keystore/base/clock.h"

#define RECEIVE_STEP 65536
#define FOR_EVER     INT64_MAX

struct passed {
	int fd;
	size_t at; /* offset in `in` of the byte it belongs to */
};

struct channel {
	int fd;
	/* The receiving thread's. */
	struct buffer in; /* received, not yet handed out */
	size_t scanned;	  /* no message ends in in.data[0..scanned) */
	struct passed passed[LIMIT_DESCRIPTORS];
	size_t passed_count;
	int receive_failed; /* 0, or what every further receive answers */
	/* The sending thread's. */
	int send_failed;
};

int channel_new(int fd, struct channel **ret_channel)
{
	struct channel *channel = calloc(1, sizeof(*channel));

	if (!channel) {
		close(fd);
		return -ENOMEM;
	}
	channel->fd = fd;
	*ret_channel = channel;
	return 0;
}

static void close_passed(struct channel *channel)
{
	for (size_t i = 0; i < channel->passed_count; i++)
		close(channel->passed[i].fd);
	channel->passed_count = 0;
}

struct channel *channel_free(struct channel *channel)
{
	if (!channel)
		return NULL;
	close_passed(channel);
	buffer_done(&channel->in);
	/* A child forked meanwhile may hold the socket too: the other side must see the end all the
	 * same. */
	shutdown(channel->fd, SHUT_RDWR);
	close(channel->fd);
	free(channel);
	return NULL;
}

int channel_fd(const struct channel *channel)
{
	return channel->fd;
}

static int64_t deadline_after(int timeout_ms)
{
	return timeout_ms < 0 ? FOR_EVER : clock_monotonic_ns() + timeout_ms * NS_PER_MS;
}

static int wait_until(int fd, short events, int64_t deadline_ns)
{
	struct pollfd poll_fd = {.fd = fd, .events = events};

	for (;;) {
		int64_t left_ms = -1;
		int r;

		if (deadline_ns != FOR_EVER) {
			left_ms = (deadline_ns - clock_monotonic_ns() + NS_PER_MS - 1) / NS_PER_MS;
			if (left_ms <= 0)
				return -ETIMEDOUT;
		}
		r = poll(&poll_fd, 1, (int)left_ms);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int gone(int error)
{
	return error == ECONNRESET || error == ENOTCONN ? -EPIPE : -error;
}

/* Puts the message's descriptors into the header's control bytes. */
static int attach_descriptors(const struct message *message, struct msghdr *header)
{
	struct cmsghdr *control = CMSG_FIRSTHDR(header);
	size_t count = message_fd_count(message);
	int fds[LIMIT_DESCRIPTORS];

	for (size_t i = 0; i < count; i++) {
		fds[i] = message_fd(message, i);
		if (fds[i] < 0)
			return -EBADF;
	}
	control->cmsg_level = SOL_SOCKET;
	control->cmsg_type = SCM_RIGHTS;
	control->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(control), fds, count * sizeof(int));
	header->msg_controllen = CMSG_SPACE(count * sizeof(int));
	return 0;
}

/* Sends all of it; the header's control bytes go with the first byte only. */
static int send_all(int fd, struct msghdr *header, int timeout_ms)
{
	struct iovec *part = header->msg_iov;
	int64_t deadline_ns = deadline_after(timeout_ms);

	while (part->iov_len > 0) {
		ssize_t n = sendmsg(fd, header, MSG_NOSIGNAL | MSG_DONTWAIT);
		int r;

		if (n >= 0) {
			part->iov_base = (char *)part->iov_base + n;
			part->iov_len -= (size_t)n;
			header->msg_control = NULL;
			header->msg_controllen = 0;
			deadline_ns = deadline_after(timeout_ms);
			continue;
		}
		if (errno == EINTR)
			continue;
		if (errno != EAGAIN)
			return gone(errno);
		r = wait_until(fd, POLLOUT, deadline_ns);
		if (r < 0)
			return r;
	}
	return 0;
}

int channel_send(struct channel *channel, const struct message *message, int timeout_ms)
{
	union {
		char bytes[CMSG_SPACE(LIMIT_DESCRIPTORS * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	scope_buffer struct buffer text = {0};
	struct iovec part;
	struct msghdr header = {.msg_iov = &part, .msg_iovlen = 1};
	int r;

	if (channel->send_failed < 0)
		return -EPIPE;
	r = message_encode(message, &text);
	if (r < 0)
		return r;
	if (message_fd_count(message) > 0) {
		header.msg_control = control.bytes;
		header.msg_controllen = sizeof(control.bytes);
		r = attach_descriptors(message, &header);
		if (r < 0)
			return r;
	}
	part = (struct iovec){.iov_base = text.data, .iov_len = text.len};
	r = send_all(channel->fd, &header, timeout_ms);
	/* Half a message may be out: nothing that follows could be understood. */
	if (r < 0)
		channel->send_failed = r;
	return r;
}

/* Keeps what came beside the bytes, or closes it: all of it when it is more than allowed. */
static int keep_descriptors(struct channel *channel, struct msghdr *header, size_t at)
{
	bool too_many = header->msg_flags & MSG_CTRUNC;
	struct cmsghdr *control;

	for (control = CMSG_FIRSTHDR(header); control; control = CMSG_NXTHDR(header, control)) {
		size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		int fds[LIMIT_DESCRIPTORS];

		if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS)
			continue;
		/* Our control buffer has no room for more than LIMIT_DESCRIPTORS. */
		memcpy(fds, CMSG_DATA(control), count * sizeof(int));
		for (size_t i = 0; i < count; i++) {
			if (channel->passed_count < LIMIT_DESCRIPTORS) {
				channel->passed[channel->passed_count++] =
					(struct passed){.fd = fds[i], .at = at};
				continue;
			}
			close(fds[i]);
			too_many = true;
		}
	}
	return too_many ? -E2BIG : 0;
}

/* One recvmsg. 1: bytes came; 0: the end of the stream; -EAGAIN: nothing there. */
static int receive_some(struct channel *channel)
{
	union {
		char bytes[CMSG_SPACE(LIMIT_DESCRIPTORS * sizeof(int))];
		struct cmsghdr align;
	} control;
	char bytes[RECEIVE_STEP];
	struct iovec part = {.iov_base = bytes, .iov_len = sizeof(bytes)};
	struct msghdr header = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};
	ssize_t n;
	int r;

	do
		n = recvmsg(channel->fd, &header, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return gone(errno);
	buffer_add(&channel->in, bytes, (size_t)n);
	r = keep_descriptors(channel, &header, channel->in.len - (n > 0));
	if (r < 0)
		return r;
	if (channel->in.failed)
		return -ENOMEM;
	return n > 0;
}

/* 1 and the length of the first message in the buffer, 0 when it is not complete. */
static int find_end(struct channel *channel, size_t *ret_len)
{
	const char *data = buffer_text(&channel->in);
	const char *end;

	/* An empty line ends nothing here; without this look it would be passed over. */
	if (data[0] == '\n')
		return -EPROTO;
	end = memmem(data + channel->scanned, channel->in.len - channel->scanned, "\n\n", 2);
	if (end && (size_t)(end - data) + 2 <= LIMIT_MESSAGE) {
		*ret_len = (size_t)(end - data) + 2;
		return 1;
	}
	if (end || channel->in.len >= LIMIT_MESSAGE)
		return -E2BIG;
	channel->scanned = channel->in.len ? channel->in.len - 1 : 0;
	return 0;
}

/* Gives the message the descriptors that came within its first len bytes. */
static int move_descriptors(struct channel *channel, size_t len, struct message *message)
{
	size_t kept = 0;
	int r = 0;

	for (size_t i = 0; i < channel->passed_count; i++) {
		struct passed passed = channel->passed[i];

		if (passed.at >= len) {
			passed.at -= len;
			channel->passed[kept++] = passed;
			continue;
		}
		if (r == 0)
			r = message_add_fd(message, passed.fd);
		else
			close(passed.fd);
	}
	channel->passed_count = kept;
	return r;
}

static int extract(struct channel *channel, size_t len, struct message **ret_message)
{
	scope(message_free) struct message *message = NULL;
	struct buffer *in = &channel->in;
	int r;

	r = message_decode(in->data, len, &message);
	if (r < 0)
		return r;
	r = move_descriptors(channel, len, message);
	if (r < 0)
		return r;
	in->len -= len;
	memmove(in->data, in->data + len, in->len + 1);
	channel->scanned = 0;
	*ret_message = take(&message);
	return 0;
}

static int receive(struct channel *channel, int64_t deadline_ns, struct message **ret_message)
{
	size_t len;
	int r;

	for (;;) {
		r = find_end(channel, &len);
		if (r < 0)
			return r;
		if (r > 0)
			return extract(channel, len, ret_message);
		r = receive_some(channel);
		if (r == 0)
			return channel->in.len ? -EPROTO : -ENODATA;
		if (r > 0)
			continue;
		if (r != -EAGAIN)
			return r;
		r = wait_until(channel->fd, POLLIN, deadline_ns);
		if (r < 0)
			return r;
	}
}

int channel_receive(struct channel *channel, int timeout_ms, struct message **ret_message)
{
	int r;

	if (channel->receive_failed < 0)
		return channel->receive_failed;
	r = receive(channel, deadline_after(timeout_ms), ret_message);
	if (r == 0 || r == -ETIMEDOUT)
		return r;
	close_passed(channel);
	channel->receive_failed = r;
	return r;
}
