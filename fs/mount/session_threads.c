/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_threads.c - the threads that answer a mount's requests: our own loop over libfuse's
 * receive and process, a fixed number, each with its room for a read. A thread that a backing store
 * keeps for long does not count: another one comes in its place, so that a store that hangs hangs
 * only who reads from it. When it comes back, those who are too many leave.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/clock.h"

#define ANSWERERS_MAX 320 /* more than the kernel lets wait in the background: op_init */
#define WAKE_NS	      (10 * NS_PER_MS)

struct answerer {
	struct answerer *next;
	struct session *session;
	pthread_t thread;
	atomic_uint turns;   /* odd: at work on a request */
	unsigned turns_then; /* when session_tend last looked */
	atomic_bool left;    /* it is to be joined */
};

/* Counts the thread as idle, unless more than are wanted are already. */
static bool go_idle(struct session *session)
{
	if (atomic_fetch_add(&session->idle, 1) < session->options.threads)
		return true;
	atomic_fetch_sub(&session->idle, 1);
	return false;
}

/* False: there will be no more requests. */
static bool answer_one(struct answerer *answerer, struct fuse_buf *buffer)
{
	struct session *session = answerer->session;
	int r = fuse_session_receive_buf(session->fuse, buffer);

	atomic_fetch_sub(&session->idle, 1);
	if (r == -EINTR)
		return true;
	if (r <= 0)
		return false;
	atomic_fetch_add(&answerer->turns, 1);
	fuse_session_process_buf(session->fuse, buffer);
	atomic_fetch_add(&answerer->turns, 1);
	return true;
}

static void *answer_requests(void *arg)
{
	struct answerer *answerer = arg;
	struct session *session = answerer->session;
	struct fuse_buf buffer = {.mem = NULL};
	bool wanted = true, more = true;

	while (more && !fuse_session_exited(session->fuse)) {
		wanted = go_idle(session);
		if (!wanted)
			break;
		more = answer_one(answerer, &buffer);
	}
	free(buffer.mem);
	/* The first to see that the mount is gone, or its channel broken. */
	if (wanted && !atomic_exchange(&session->ended, true))
		session->ended_callback(session->ended_arg);
	atomic_store(&answerer->left, true);
	return NULL;
}

static void only_wake(int signal)
{
	(void)signal;
}

static int add_thread(struct session *session)
{
	struct answerer *answerer = calloc(1, sizeof(*answerer));
	sigset_t all, before;
	int r;

	if (!answerer)
		return -ENOMEM;
	answerer->session = session;
	/* Signals are for the main thread, but for the one that ends these. */
	sigfillset(&all);
	sigdelset(&all, SIGUSR1);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&answerer->thread, NULL, answer_requests, answerer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (r < 0) {
		free(answerer);
		return r;
	}
	answerer->next = session->answerers;
	session->answerers = answerer;
	session->answerer_count++;
	return 0;
}

int session_start_threads(struct session *session)
{
	/* Without SA_RESTART: a read that waits for a request returns. */
	const struct sigaction wake = {.sa_handler = only_wake};
	int r = 0;

	if (sigaction(SIGUSR1, &wake, NULL) < 0)
		return -errno;
	while (session->answerer_count < session->options.threads && r == 0)
		r = add_thread(session);
	return r;
}

/* Takes it out of the list and frees it; it has left, so joining waits for nothing. */
static void join(struct session *session, struct answerer **at)
{
	struct answerer *answerer = *at;

	pthread_join(answerer->thread, NULL);
	*at = answerer->next;
	session->answerer_count--;
	free(answerer);
}

/* Threads that are at the same request as when this was last asked; joins those that left. */
static unsigned count_kept(struct session *session)
{
	unsigned kept = 0;

	for (struct answerer **at = &session->answerers; *at;) {
		struct answerer *answerer = *at;
		unsigned turns = atomic_load(&answerer->turns);

		if (atomic_load(&answerer->left)) {
			join(session, at);
			continue;
		}
		kept += turns % 2 && turns == answerer->turns_then;
		answerer->turns_then = turns;
		at = &answerer->next;
	}
	return kept;
}

void session_tend(struct session *session)
{
	unsigned wanted = session->options.threads + count_kept(session);

	if (session_has_ended(session))
		return;
	if (wanted > ANSWERERS_MAX)
		wanted = ANSWERERS_MAX;
	/* What cannot be made now is tried again at the next call. */
	while (session->answerer_count < wanted && add_thread(session) == 0)
		;
}

void session_wake_threads(struct session *session)
{
	for (struct answerer *at = session->answerers; at; at = at->next) {
		if (!atomic_load(&at->left))
			pthread_kill(at->thread, SIGUSR1);
	}
}

/*
 * A thread that waits for a request is woken by a signal, again and again, since it may look
 * whether all is over just before the signal and wait just after.
 */
bool session_end_threads(struct session *session, int64_t end_ns)
{
	const struct timespec step = {.tv_nsec = WAKE_NS};

	for (;;) {
		for (struct answerer **at = &session->answerers; *at;) {
			if (atomic_load(&(*at)->left)) {
				join(session, at);
				continue;
			}
			pthread_kill((*at)->thread, SIGUSR1);
			at = &(*at)->next;
		}
		if (!session->answerers)
			return true;
		if (clock_monotonic_ns() >= end_ns)
			return false;
		nanosleep(&step, NULL);
	}
}
