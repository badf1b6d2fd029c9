/* SPDX-License-Identifier: Apache-2.0 */
/* session_end.c - how a mount goes: unmounted when nobody uses it, or detached all the same. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/clock.h"
#include "keystore/base/file.h"
#include "keystore/base/log.h"

#define FLUSH_STEP_NS (10 * NS_PER_MS)
#define CUT_MS	      500 /* for what the cut leaves to tell the kernel */

extern char **environ;

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

/* Without root the setuid helper of fuse3 unmounts. */
static int unmount_by_helper(const char *mountpoint, bool lazy, char ret_words[UNMOUNT_WORDS])
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

int session_unmount(struct session *session, char ret_words[UNMOUNT_WORDS])
{
	ret_words[0] = '\0';
	if (session_has_ended(session))
		return 0;
	if (geteuid() != 0)
		return unmount_by_helper(session->mountpoint, false, ret_words);
	if (umount2(session->mountpoint, UMOUNT_NOFOLLOW) < 0)
		return errno == EINVAL || errno == ENOENT ? 0 : -errno;
	return 0;
}

static int collect_handle(void *arg, struct handle *handle)
{
	struct {
		struct session *session;
		uint64_t fh;
	} *found = arg;

	if (handle->session != found->session)
		return 0;
	found->fh = handle->fh;
	return 1;
}

/* What the kernel did not release before the mount went. */
static void close_handles(struct session *session)
{
	struct {
		struct session *session;
		uint64_t fh;
	} found = {.session = session};

	while (handle_each(session->gate->handles, collect_handle, &found) == 1) {
		struct handle *handle = handle_remove(session->gate->handles, found.fh);

		if (handle)
			gate_close(session->gate, handle);
	}
}

/*
 * Answers that wait for their record are sent by the committing thread, which must be done with
 * this session: what fails to be committed is answered too, what cannot be queued tells nothing.
 */
static void wait_for_answers(struct session *session)
{
	const struct timespec step = {.tv_nsec = FLUSH_STEP_NS};
	int r;

	do {
		r = audit_flush(session->gate->backend.audit);
	} while ((r == -EAGAIN || r == -ENOMEM) && nanosleep(&step, NULL) == 0);
}

/* Out of the tree now, whoever has files open. */
static void leave_tree(struct session *session)
{
	char words[UNMOUNT_WORDS] = "";
	int r = 0;

	if (geteuid() != 0)
		r = unmount_by_helper(session->mountpoint, true, words);
	else if (umount2(session->mountpoint, UMOUNT_NOFOLLOW | MNT_FORCE) < 0 &&
		 umount2(session->mountpoint, UMOUNT_NOFOLLOW | MNT_DETACH) < 0)
		r = -errno;
	if (r < 0)
		log_warning("%s could not be unmounted: %s", session->mountpoint,
			words[0] ? words : strerror(-r));
}

/*
 * Nobody waits for an answer any more, and no READ keeps pages locked. MNT_FORCE has done it for
 * root; the kernel gives this file to the user of the mount, where fusectl is mounted.
 */
static bool cut_connection(const struct session *session)
{
	char path[64];
	bool cut;
	int fd;

	if (geteuid() == 0)
		return true;
	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", minor(session->device));
	fd = session->device ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return false;
	cut = write(fd, "1", 1) == 1;
	close(fd);
	return cut;
}

void session_detach(struct session *session, int64_t drain_ms)
{
	struct gate *gate = session->gate;

	if (session->detached)
		return;
	session->detached = true;
	if (session_has_ended(session))
		return;
	/* While the connection lives: after it is cut, pages of handles would stay for good. */
	session->ending = gate_end_session(gate, session);
	gate_await_ended(gate, session->ending, drain_ms);
	leave_tree(session);
	if (gate_await_ended(gate, session->ending, 0) == 0)
		return;
	if (!cut_connection(session))
		return;
	handle_cut(gate->handles, session);
	notifier_wake(gate->notifier);
	gate_await_ended(gate, session->ending, CUT_MS);
}

/*
 * Whoever is in the kernel to invalidate pages may wait for a READ that only our threads answer,
 * and cannot be killed while he does: the threads go when he is out.
 */
static bool leave_kernel(struct session *session, int64_t end_ns)
{
	struct gate *gate = session->gate;

	pthread_mutex_lock(&gate->enacting);
	notifier_delist(gate->notifier, session);
	pthread_mutex_unlock(&gate->enacting);
	return notifier_await(gate->notifier, session, end_ns);
}

int session_close(struct session *session, int64_t timeout_ms)
{
	int64_t end_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;

	session_detach(session, timeout_ms);
	if (!leave_kernel(session, end_ns))
		return -ETIMEDOUT;
	fuse_session_exit(session->fuse);
	if (!session_end_threads(session, end_ns))
		return -ETIMEDOUT;
	wait_for_answers(session);
	close_handles(session);
	if (!leave_kernel(session, end_ns))
		return -ETIMEDOUT;
	session_free(session);
	return 0;
}

void session_free(struct session *session)
{
	if (session->fuse) {
		/* Closes the channel: what still has files open there gets ENOTCONN from now on. */
		fuse_session_unmount(session->fuse);
		fuse_session_destroy(session->fuse);
	}
	node_table_free(session->nodes);
	free(session->mountpoint);
	free(session->source);
	free(session);
}
