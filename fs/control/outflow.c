/* SPDX-License-Identifier: Apache-2.0 */
/* outflow.c - writes that never block: our end of the pipe is O_NONBLOCK, which only we can clear.
 */
#include "fs/control/outflow.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdint.h>
#include <unistd.h>

#include "keystore/base/clock.h"

#define STEP_MS	   500
#define PIPE_BYTES (1 << 20)

int outflow_open(int *ret_fd)
{
	int ends[2], r;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	if (fcntl(ends[1], F_SETFL, O_NONBLOCK) < 0) {
		r = -errno;
		close(ends[0]);
		close(ends[1]);
		return r;
	}
	/* Beyond the user's limit of pipe pages a small one has to do. */
	(void)!fcntl(ends[1], F_SETPIPE_SZ, PIPE_BYTES);
	*ret_fd = ends[1];
	return ends[0];
}

/* Until it takes something. */
static int wait_for_room(int fd, bool (*is_over)(void *arg), void *arg)
{
	int64_t end_ns = clock_monotonic_ns() + OUTFLOW_TIMEOUT_MS * NS_PER_MS;
	struct pollfd pollfd = {.fd = fd, .events = POLLOUT};
	int r;

	do {
		if (is_over(arg))
			return -ESHUTDOWN;
		r = poll(&pollfd, 1, STEP_MS);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	} while (clock_monotonic_ns() < end_ns);
	return -ETIMEDOUT;
}

int outflow_write(int fd, const void *bytes, size_t len, bool (*is_over)(void *arg), void *arg)
{
	const char *at = bytes;
	ssize_t written;
	int r;

	while (len) {
		written = write(fd, at, len);
		if (written > 0) {
			at += written;
			len -= (size_t)written;
			continue;
		}
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno != EAGAIN)
			return -errno;
		r = wait_for_room(fd, is_over, arg);
		if (r < 0)
			return r;
	}
	return 0;
}
