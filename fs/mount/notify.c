/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - one thread tells the kernel which pages to drop: those of ended handles, and those of
 * files that nobody has had open for long. Telling can wait for a page that a READ fills, so it
 * happens here, with no lock held, and whoever ended a handle waits only as long as he likes.
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "fs/mount/mount_private.h"
#include "keystore/base/clock.h"

#define IDLE_EVERY_MS	 1000
#define RETRY_MS	 20 /* while READs keep nodes from being told */
#define RETRY_LATE_MS	 200
#define RETRY_LATE_AFTER (10 * NS_PER_S)

struct notifier {
	struct gate *gate;
	pthread_t thread;
	pthread_mutex_t lock; /* guards all below; before the handle table's mutex */
	pthread_cond_t wake, left;
	int64_t woken_ns;
	bool work, stopping;
	const struct session *at; /* whose kernel side is just being told */
};

/* The next node to tell the kernel about; its session stays until leave(). */
static bool enter(struct notifier *notifier, uint32_t *index, struct session **ret_session,
	uint64_t *ret_node_id)
{
	bool found;

	pthread_mutex_lock(&notifier->lock);
	found = handle_take_stale(notifier->gate->handles, index, ret_session, ret_node_id);
	notifier->at = found ? *ret_session : NULL;
	pthread_mutex_unlock(&notifier->lock);
	return found;
}

static void leave(struct notifier *notifier)
{
	pthread_mutex_lock(&notifier->lock);
	notifier->at = NULL;
	pthread_cond_broadcast(&notifier->left);
	pthread_mutex_unlock(&notifier->lock);
}

static void tell_ended(struct notifier *notifier)
{
	struct session *session;
	uint64_t node_id;
	uint32_t index = 0;

	while (enter(notifier, &index, &session, &node_id)) {
		/* -ENOENT: the kernel has no such inode any more, and so none of its pages. */
		fuse_lowlevel_notify_inval_inode(session->fuse, node_id, 0, 0);
		handle_told(notifier->gate->handles, session, node_id);
		leave(notifier);
	}
}

/* The session at this place of the list; it stays until leave(). */
static struct session *enter_session(struct notifier *notifier, unsigned place)
{
	struct session *session;

	pthread_mutex_lock(&notifier->lock);
	session = notifier->gate->sessions;
	while (session && place--)
		session = session->next;
	notifier->at = session;
	pthread_mutex_unlock(&notifier->lock);
	return session;
}

static void drop_idle(struct notifier *notifier)
{
	struct session *session;

	for (unsigned place = 0; (session = enter_session(notifier, place)); place++) {
		session_drop_idle(session);
		leave(notifier);
	}
}

static int64_t pause_ms(const struct notifier *notifier)
{
	if (!handle_has_stale(notifier->gate->handles))
		return IDLE_EVERY_MS;
	return clock_monotonic_ns() - notifier->woken_ns < RETRY_LATE_AFTER ? RETRY_MS
									    : RETRY_LATE_MS;
}

/* False: it is to stop. */
static bool wait_for_work(struct notifier *notifier)
{
	int64_t end_ns;
	struct timespec end;
	bool stopping;

	pthread_mutex_lock(&notifier->lock);
	end_ns = clock_monotonic_ns() + pause_ms(notifier) * NS_PER_MS;
	end = (struct timespec){.tv_sec = end_ns / NS_PER_S, .tv_nsec = end_ns % NS_PER_S};
	while (!notifier->work && !notifier->stopping) {
		if (pthread_cond_timedwait(&notifier->wake, &notifier->lock, &end) == ETIMEDOUT)
			break;
	}
	notifier->work = false;
	stopping = notifier->stopping;
	pthread_mutex_unlock(&notifier->lock);
	return !stopping;
}

static void *notify(void *arg)
{
	struct notifier *notifier = arg;
	int64_t idle_ns = 0, now_ns;

	while (wait_for_work(notifier)) {
		tell_ended(notifier);
		now_ns = clock_monotonic_ns();
		if (now_ns - idle_ns < IDLE_EVERY_MS * NS_PER_MS)
			continue;
		idle_ns = now_ns;
		drop_idle(notifier);
	}
	return NULL;
}

/* Signals are for the main thread. */
static int start_thread(struct notifier *notifier)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&notifier->thread, NULL, notify, notifier);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int notifier_new(struct gate *gate, struct notifier **ret_notifier)
{
	struct notifier *notifier = calloc(1, sizeof(*notifier));
	pthread_condattr_t monotonic;
	int r;

	if (!notifier)
		return -ENOMEM;
	notifier->gate = gate;
	pthread_mutex_init(&notifier->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&notifier->wake, &monotonic);
	pthread_cond_init(&notifier->left, &monotonic);
	pthread_condattr_destroy(&monotonic);
	r = start_thread(notifier);
	if (r < 0) {
		pthread_cond_destroy(&notifier->left);
		pthread_cond_destroy(&notifier->wake);
		pthread_mutex_destroy(&notifier->lock);
		free(notifier);
		return r;
	}
	*ret_notifier = notifier;
	return 0;
}

struct notifier *notifier_free(struct notifier *notifier)
{
	if (!notifier)
		return NULL;
	pthread_mutex_lock(&notifier->lock);
	notifier->stopping = true;
	pthread_cond_signal(&notifier->wake);
	pthread_mutex_unlock(&notifier->lock);
	pthread_join(notifier->thread, NULL);
	pthread_cond_destroy(&notifier->left);
	pthread_cond_destroy(&notifier->wake);
	pthread_mutex_destroy(&notifier->lock);
	free(notifier);
	return NULL;
}

void notifier_wake(struct notifier *notifier)
{
	pthread_mutex_lock(&notifier->lock);
	notifier->work = true;
	notifier->woken_ns = clock_monotonic_ns();
	pthread_cond_signal(&notifier->wake);
	pthread_mutex_unlock(&notifier->lock);
}

void notifier_enlist(struct notifier *notifier, struct session *session)
{
	pthread_mutex_lock(&notifier->lock);
	session->next = notifier->gate->sessions;
	notifier->gate->sessions = session;
	pthread_mutex_unlock(&notifier->lock);
}

void notifier_delist(struct notifier *notifier, struct session *session)
{
	struct session **at = &notifier->gate->sessions;

	pthread_mutex_lock(&notifier->lock);
	while (*at && *at != session)
		at = &(*at)->next;
	if (*at)
		*at = session->next;
	handle_drop_stale(notifier->gate->handles, session);
	pthread_mutex_unlock(&notifier->lock);
}

bool notifier_await(struct notifier *notifier, const struct session *session, int64_t end_ns)
{
	struct timespec end = {.tv_sec = end_ns / NS_PER_S, .tv_nsec = end_ns % NS_PER_S};
	int r = 0;

	pthread_mutex_lock(&notifier->lock);
	while (notifier->at == session && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&notifier->left, &notifier->lock, &end);
	pthread_mutex_unlock(&notifier->lock);
	return r != ETIMEDOUT;
}
