/* SPDX-License-Identifier: Apache-2.0 */
/* end_process.c - see the header. */
#include "fs/cmd/end_process.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "keystore/base/clock.h"
#include "keystore/base/file.h"
#include "keystore/base/scope.h"

#define TERM_MS 2000
#define KILL_MS 3000

int process_start_time(pid_t pid, uint64_t *ret_start_time)
{
	char path[32], text[512], *at;
	scope_fd int fd = -1;
	ssize_t len;

	snprintf(path, sizeof(path), "/proc/%ld/stat", (long)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -ESRCH;
	len = file_read(fd, text, sizeof(text) - 1);
	if (len <= 0)
		return -ESRCH;
	text[len] = '\0';
	/* The name in brackets may hold anything; field 3 follows its last bracket. */
	at = strrchr(text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at)
		return -ESRCH;
	*ret_start_time = strtoull(at + 1, NULL, 10);
	return 0;
}

bool process_is_of_server(pid_t pid, uint32_t server_user)
{
	struct stat attr;
	char path[32];

	if (server_user == 0 || server_user == geteuid())
		return true;
	snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
	return stat(path, &attr) == 0 && attr.st_uid == server_user;
}

/* A pidfd of this very process, -ESRCH when it is gone. */
static int hold(const struct process *process)
{
	int fd = pidfd_open(process->pid, 0);
	uint64_t start_time;

	if (fd < 0)
		return -errno;
	if (process_start_time(process->pid, &start_time) < 0 ||
		start_time != process->start_time) {
		close(fd);
		return -ESRCH;
	}
	return fd;
}

static bool has_ended(int pidfd, int timeout_ms)
{
	struct pollfd poll_fd = {.fd = pidfd, .events = POLLIN};

	return poll(&poll_fd, 1, timeout_ms) > 0;
}

/* Waits for all of them together. Those that ended are closed and become -1. */
static void await_end(int *fds, size_t count, int64_t timeout_ms)
{
	int64_t end_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;

	for (size_t i = 0; i < count; i++) {
		int64_t left_ms = (end_ns - clock_monotonic_ns()) / NS_PER_MS;

		if (fds[i] < 0 || !has_ended(fds[i], left_ms > 0 ? (int)left_ms : 0))
			continue;
		close(fds[i]);
		fds[i] = -1;
	}
}

static void send_all(
	int *fds, const struct process *all, size_t count, int signal, struct output *output)
{
	for (size_t i = 0; i < count; i++) {
		if (fds[i] < 0)
			continue;
		if (pidfd_send_signal(fds[i], signal, NULL, 0) == 0 || errno == ESRCH)
			remark(output, "  pid %ld: %s", (long)all[i].pid,
				signal == SIGTERM ? "asked to end" : "killed");
		else
			remark(output, "  pid %ld: cannot be ended: %s", (long)all[i].pid,
				strerror(errno));
	}
}

size_t end_processes(const struct process *all, size_t count, pid_t spared, struct output *output)
{
	scope_free int *fds = calloc(count ? count : 1, sizeof(*fds));
	size_t left = 0;

	if (!fds)
		return count;
	for (size_t i = 0; i < count; i++) {
		bool spare = all[i].pid <= 1 || all[i].pid == spared || all[i].pid == getpid();

		fds[i] = spare ? -EPERM : hold(&all[i]);
		left += fds[i] < 0 && fds[i] != -ESRCH;
	}
	send_all(fds, all, count, SIGTERM, output);
	await_end(fds, count, TERM_MS);
	send_all(fds, all, count, SIGKILL, output);
	await_end(fds, count, KILL_MS);
	for (size_t i = 0; i < count; i++) {
		if (fds[i] < 0)
			continue;
		close(fds[i]);
		left++;
	}
	return left;
}
