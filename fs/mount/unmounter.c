/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unmounter.c - see the header. The process has no descriptor but its socket, and none of the keys:
 * it is forked before there are any. It ends with the main thread of the server.
 */
#include "fs/mount/unmounter.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keystore/base/file.h"
#include "keystore/base/scope.h"

#define SOCKET_PLACE 3

extern char **environ;

struct unmount_request {
	bool lazy;
	char mountpoint[PATH_MAX];
};

struct unmount_reply {
	int result;
	char words[UNMOUNT_WORDS];
};

/* Of this process; the mutex guards one request with its reply. */
static int unmounter_fd = -1;
static pid_t unmounter_pid;
static pthread_mutex_t unmounter_mutex = PTHREAD_MUTEX_INITIALIZER;

/* The first line of what was said, without its end. */
static void keep_words(int fd, char ret_words[UNMOUNT_WORDS])
{
	ssize_t len = file_read(fd, ret_words, UNMOUNT_WORDS - 1);

	ret_words[len > 0 ? len : 0] = '\0';
	ret_words[strcspn(ret_words, "\n")] = '\0';
}

static int spawn_helper(char *const argv[], int words_fd, pid_t *ret_pid)
{
	posix_spawn_file_actions_t actions;
	int r;

	r = posix_spawn_file_actions_init(&actions);
	if (r != 0)
		return -r;
	r = posix_spawn_file_actions_adddup2(&actions, words_fd, STDERR_FILENO);
	if (r == 0)
		r = posix_spawnp(ret_pid, argv[0], &actions, NULL, argv, environ);
	posix_spawn_file_actions_destroy(&actions);
	return -r;
}

static int run_helper(const char *mountpoint, bool lazy, char ret_words[UNMOUNT_WORDS])
{
	char *argv[] = {"fusermount3", lazy ? "-uz" : "-u", "--", (char *)mountpoint, NULL};
	int fds[2], status, r;
	pid_t pid;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	r = spawn_helper(argv, fds[1], &pid);
	close(fds[1]);
	if (r == 0) {
		keep_words(fds[0], ret_words);
		while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
			;
		if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
			r = strstr(ret_words, strerror(EBUSY)) ? -EBUSY : -EIO;
	}
	close(fds[0]);
	return r;
}

static int become_unmounter(int fd)
{
	struct unmount_request request;
	struct unmount_reply reply;

	/* Before the server ends, it asks; signals for a group or a terminal are not for us. */
	setsid();
	signal(SIGTERM, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	if (prctl(PR_SET_PDEATHSIG, SIGKILL) < 0 || chdir("/") < 0 ||
		(fd != SOCKET_PLACE && dup3(fd, SOCKET_PLACE, O_CLOEXEC) < 0) ||
		close_range(SOCKET_PLACE + 1, UINT_MAX, 0) < 0)
		return EXIT_FAILURE;
	/* The helper needs them open. */
	if (!freopen("/dev/null", "r", stdin) || !freopen("/dev/null", "w", stdout) ||
		!freopen("/dev/null", "w", stderr))
		return EXIT_FAILURE;
	while (recv(SOCKET_PLACE, &request, sizeof(request), 0) == (ssize_t)sizeof(request)) {
		memset(&reply, 0, sizeof(reply));
		reply.result = run_helper(request.mountpoint, request.lazy, reply.words);
		if (send(SOCKET_PLACE, &reply, sizeof(reply), MSG_NOSIGNAL) < 0)
			break;
	}
	return EXIT_SUCCESS;
}

int unmounter_start(void)
{
	int fds[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		_exit(become_unmounter(fds[1]));
	close(fds[1]);
	if (child < 0) {
		close(fds[0]);
		return -EAGAIN;
	}
	unmounter_fd = fds[0];
	unmounter_pid = child;
	return 0;
}

void unmounter_stop(void)
{
	if (!unmounter_pid)
		return;
	kill(unmounter_pid, SIGKILL);
	while (waitpid(unmounter_pid, NULL, 0) < 0 && errno == EINTR)
		;
	unmounter_pid = 0;
}

static int ask(const struct unmount_request *request, struct unmount_reply *ret_reply)
{
	ssize_t len;

	if (send(unmounter_fd, request, sizeof(*request), MSG_NOSIGNAL) < 0)
		return -errno;
	do {
		len = recv(unmounter_fd, ret_reply, sizeof(*ret_reply), 0);
	} while (len < 0 && errno == EINTR);
	return len == (ssize_t)sizeof(*ret_reply) ? 0 : -EPIPE;
}

int unmounter_unmount(const char *mountpoint, bool lazy, char ret_words[UNMOUNT_WORDS])
{
	struct unmount_request request = {.lazy = lazy};
	struct unmount_reply reply;
	size_t len = strlen(mountpoint);
	int r;

	if (len >= sizeof(request.mountpoint))
		return -ENAMETOOLONG;
	memcpy(request.mountpoint, mountpoint, len + 1);
	pthread_mutex_lock(&unmounter_mutex);
	r = ask(&request, &reply);
	pthread_mutex_unlock(&unmounter_mutex);
	/* It was ended by somebody: the store may be well. */
	if (r < 0)
		return run_helper(mountpoint, lazy, ret_words);
	memcpy(ret_words, reply.words, UNMOUNT_WORDS);
	return reply.result;
}
