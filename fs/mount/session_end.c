/* SPDX-License-Identifier: Apache-2.0 */
/* session_end.c - how a mount goes: unmounted when nobody uses it, or detached all the same. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

#include "fs/mount/mount_private.h"
#include "fs/mount/unmounter.h"
#include "keystore/base/clock.h"
#include "keystore/base/log.h"

#define FLUSH_STEP_NS (10 * NS_PER_MS)
#define CUT_MS	      500 /* for what the cut leaves to tell the kernel */

int session_unmount(struct session *session, char ret_words[UNMOUNT_WORDS])
{
	ret_words[0] = '\0';
	if (session_has_ended(session))
		return 0;
	if (geteuid() != 0)
		return unmounter_unmount(session->mountpoint, false, ret_words);
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
		r = unmounter_unmount(session->mountpoint, true, words);
	else if (umount2(session->mountpoint, UMOUNT_NOFOLLOW | MNT_FORCE) < 0 &&
		 umount2(session->mountpoint, UMOUNT_NOFOLLOW | MNT_DETACH) < 0)
		r = -errno;
	if (r < 0)
		log_warning("%s could not be unmounted: %s", session->mountpoint,
			words[0] ? words : strerror(-r));
}

/* The kernel gives this file to the user of the mount, where fusectl is mounted. */
static bool abort_connection(const struct session *session)
{
	char path[64];
	bool cut;
	int fd;

	snprintf(path, sizeof(path), "/sys/fs/fuse/connections/%u/abort", minor(session->device));
	fd = session->device ? open(path, O_WRONLY | O_CLOEXEC) : -1;
	if (fd < 0)
		return false;
	cut = write(fd, "1", 1) == 1;
	close(fd);
	return cut;
}

/*
 * The kernel cuts a connection whose device nobody has open any more. In its place comes one that
 * is connected to nothing: late answers go nowhere, and libfuse sees that there is no mount left.
 */
static bool close_device(struct session *session)
{
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);
	bool closed;

	if (fd < 0)
		return false;
	fuse_session_exit(session->fuse);
	closed = dup3(fd, fuse_session_fd(session->fuse), O_CLOEXEC) >= 0;
	close(fd);
	/* Who waits there for a request has it open still. */
	session_wake_threads(session);
	return closed;
}

/*
 * Nobody waits for an answer any more, and no READ keeps pages locked. MNT_FORCE has done it for
 * root.
 */
static bool cut_connection(struct session *session)
{
	return geteuid() == 0 || abort_connection(session) || close_device(session);
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
	/* Opens wait for the store too, and have no handle yet. */
	if (!cut_connection(session) || gate_await_ended(gate, session->ending, 0) == 0)
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
