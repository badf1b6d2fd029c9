/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_writer.c - group commit.
 *
 * Producers copy their event into a node and append it to the queue under the lock. One thread
 * takes the whole queue (at most GROUP_MAX nodes), and without the lock: adds every record, signs
 * the new head once, commits once, then calls done of every node in order. While it commits, the
 * next group gathers: the busier it is, the larger the groups and the fewer signatures a record.
 *
 * What is durable when done is called: the commit is in the write-ahead log, so it survives the end
 * of the process in any way; it survives power loss too when the group held a sync entry or the
 * level is AUDIT_REQUIRED_SYNC, and else from the next such commit or checkpoint of the log on.
 *
 * A record that nobody waits for (a close) does not start a group of its own at once: it goes with
 * the next one, or after LINGER_MS. Otherwise each open would wait for the commit of the close
 * before it.
 *
 * A group that fails leaves no trace but the result that every done of it gets; the next one tries
 * anew. In best-effort its records count as dropped instead, and the next group that succeeds
 * begins with a gap record of that count.
 *
 * The log is moved into the database after done was called: when the queue is empty and has been
 * for a while, or when the log is very long.
 */
#include "policy/audit_writer.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <time.h>

#include "keystore/base/clock.h"
#include "policy/audit_event.h"

#define GROUP_MAX      4096
#define FOLD_SLOTS     256 /* refusals remembered in a group; a collision folds less, never wrongly */
#define LOG_PAGES_IDLE 500   /* 2 MiB: worth a checkpoint when nobody waits */
#define LOG_PAGES_MAX  16384 /* 64 MiB: checkpointed although somebody may wait */
#define IDLE_MS	       200
#define LINGER_MS      20   /* how long a record that nobody waits for may gather company */
#define LINGER_MAX     1024 /* so many of them are worth a group of their own */

struct node {
	struct node *next;
	struct audit_event event;
	void (*done)(void *arg, int result);
	void *arg;
	bool sync, is_never_dropped, is_last, is_folded, is_flush;
	struct audit_signer *next_signer;
	char text[];
};

struct audit_writer {
	_Atomic enum audit_level level;
	pthread_t thread;

	/* used by the thread only */
	struct audit_trail *trail;
	struct node *fold[FOLD_SLOTS];

	pthread_mutex_t lock; /* guards all below; nothing else is locked while it is held */
	pthread_cond_t wake;  /* the queue is no longer empty, or stopping */
	struct node *first, **last;
	uint64_t pending; /* in the queue or in the group at work */
	uint64_t dropped; /* best-effort: not recorded since the last gap record */
	int health;
	bool is_stopping;
	bool had_last;		 /* nothing is queued any more */
	bool is_urgent;		 /* somebody waits for what is in the queue */
	bool is_watching;	 /* the thread sleeps for LINGER_MS at most: nobody need wake it */
	int64_t linger_until_ns; /* for the first in the queue, when nothing in it is urgent */
	struct audit_head head;
};

/* ---- one group, in the thread, without the lock ---- */

/* Adds node's count to an earlier refusal of the group that says the same. */
static bool fold(struct audit_writer *writer, struct node *node)
{
	struct node **slot;

	if (node->event.outcome != AUDIT_REFUSE || node->next_signer || node->is_flush)
		return false;
	slot = &writer->fold[audit_event_hash(&node->event) % FOLD_SLOTS];
	if (*slot && audit_event_is_like(&(*slot)->event, &node->event) &&
		!__builtin_add_overflow(
			(*slot)->event.count, node->event.count, &(*slot)->event.count))
		return true;
	*slot = node;
	return false;
}

/* Sets is_folded and tells whether the commit must wait for the disk. */
static bool prepare_group(struct audit_writer *writer, struct node *group, enum audit_level level)
{
	bool sync = level == AUDIT_REQUIRED_SYNC;

	for (size_t i = 0; i < FOLD_SLOTS; i++)
		writer->fold[i] = NULL;
	for (struct node *node = group; node; node = node->next) {
		node->is_folded = fold(writer, node);
		sync |= node->sync;
	}
	return sync;
}

static int add_gap(struct audit_writer *writer, uint64_t dropped, int64_t time_ns)
{
	struct audit_event event = AUDIT_EVENT_EMPTY;

	event.action = AUDIT_GAP;
	event.outcome = AUDIT_ERROR;
	event.reason = REASON_AUDIT_UNAVAILABLE;
	event.time_ns = time_ns;
	event.count = dropped > INT64_MAX ? INT64_MAX : (int64_t)dropped;
	return audit_trail_add(writer->trail, &event);
}

static int add_group(struct audit_writer *writer, struct node *group, uint64_t dropped)
{
	int r = 0;

	/* Not later than what follows, which may have waited: that would look like a clock set
	 * back. */
	if (dropped)
		r = add_gap(writer, dropped, group ? group->event.time_ns : clock_now_ns());
	for (struct node *node = group; node && r == 0; node = node->next) {
		if (node->is_folded || node->is_flush)
			continue;
		if (node->next_signer)
			r = audit_trail_end_segment(
				writer->trail, node->event.time_ns, node->next_signer);
		else
			r = audit_trail_add(writer->trail, &node->event);
	}
	return r;
}

static int commit_group(
	struct audit_writer *writer, struct node *group, uint64_t dropped, enum audit_level level)
{
	bool sync = prepare_group(writer, group, level);
	int r;

	r = audit_trail_begin(writer->trail, sync);
	if (r == 0)
		r = add_group(writer, group, dropped);
	if (r == 0)
		return audit_trail_commit(writer->trail);
	audit_trail_rollback(writer->trail);
	return r;
}

static bool node_is_dropped(const struct node *node, enum audit_level level, int result)
{
	return result < 0 && level == AUDIT_BEST_EFFORT && !node->is_never_dropped;
}

/* Makes the group's result known: numbers first, so that who was told finds them. */
static void publish(struct audit_writer *writer, const struct node *group, uint64_t gap,
	enum audit_level level, int result)
{
	struct audit_head head;
	uint64_t count = 0, dropped = 0;

	for (const struct node *node = group; node; node = node->next) {
		count++;
		/* A folded node's count is in the node it was folded into. */
		if (node_is_dropped(node, level, result) && !node->is_folded)
			dropped += (uint64_t)node->event.count;
	}
	audit_trail_head(writer->trail, &head);
	pthread_mutex_lock(&writer->lock);
	writer->pending -= count;
	writer->dropped += dropped;
	if (result == 0)
		writer->dropped -= gap;
	writer->health = result;
	head.queued = 0;
	writer->head = head;
	pthread_mutex_unlock(&writer->lock);
}

static void tell_group(struct node *group, enum audit_level level, int result)
{
	while (group) {
		struct node *node = group;

		group = node->next;
		if (node->done)
			node->done(node->arg, node_is_dropped(node, level, result) ? 0 : result);
		free(node);
	}
}

static void run_group(struct audit_writer *writer, struct node *group, uint64_t dropped)
{
	enum audit_level level = atomic_load(&writer->level);
	int r = commit_group(writer, group, dropped, level);

	publish(writer, group, dropped, level, r);
	tell_group(group, level, r);
}

/* ---- the thread ---- */

/* Cuts at most GROUP_MAX nodes off the front of the queue; the lock is held. */
static struct node *take_group(struct audit_writer *writer)
{
	struct node *group = writer->first, **end = &writer->first;

	for (size_t i = 0; i < GROUP_MAX && *end; i++)
		end = &(*end)->next;
	writer->first = *end;
	if (!writer->first) {
		writer->last = &writer->first;
		writer->is_urgent = false;
	}
	*end = NULL;
	return group;
}

/* Until which time the thread sleeps; INT64_MAX: until it is woken. The lock is held. */
static int64_t sleep_until_ns(
	struct audit_writer *writer, int64_t now_ns, int64_t watch_ns, int64_t idle_ns)
{
	/* Right after a group it looks again by itself, so that a close need not wake it. */
	writer->is_watching = writer->first || now_ns < watch_ns;
	if (writer->first)
		return writer->linger_until_ns;
	return writer->is_watching ? watch_ns : idle_ns;
}

/* True after IDLE_MS without work; the lock is held. */
static bool wait_for_work(struct audit_writer *writer, bool idle_work)
{
	int64_t now_ns = clock_monotonic_ns();
	int64_t watch_ns = now_ns + LINGER_MS * NS_PER_MS;
	int64_t idle_ns = idle_work ? now_ns + IDLE_MS * NS_PER_MS : INT64_MAX;

	while (!writer->is_urgent && !writer->is_stopping) {
		int64_t until_ns = sleep_until_ns(writer, now_ns, watch_ns, idle_ns);
		const struct timespec until = {until_ns / NS_PER_S, until_ns % NS_PER_S};

		if (writer->first && (now_ns >= until_ns || writer->pending > LINGER_MAX))
			return false;
		if (!writer->first && now_ns >= idle_ns)
			return true;
		if (until_ns == INT64_MAX)
			pthread_cond_wait(&writer->wake, &writer->lock);
		else
			pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
		now_ns = clock_monotonic_ns();
	}
	return false;
}

/* Failing is no loss: the log stays and is tried again after more commits. */
static void checkpoint_log(struct audit_writer *writer, uint64_t at_pages)
{
	if (audit_trail_log_pages(writer->trail) >= at_pages)
		audit_trail_checkpoint_log(writer->trail);
}

static void *writer_main(void *arg)
{
	struct audit_writer *writer = arg;
	bool is_stopping = false;

	while (!is_stopping) {
		bool idle_work = audit_trail_log_pages(writer->trail) >= LOG_PAGES_IDLE;
		struct node *group;
		uint64_t dropped;
		bool is_idle;

		pthread_mutex_lock(&writer->lock);
		is_idle = wait_for_work(writer, idle_work || writer->dropped);
		group = take_group(writer);
		dropped = writer->dropped;
		is_stopping = writer->is_stopping && !writer->first;
		pthread_mutex_unlock(&writer->lock);
		if (group || dropped)
			run_group(writer, group, dropped);
		checkpoint_log(writer, is_idle ? LOG_PAGES_IDLE : LOG_PAGES_MAX);
	}
	return NULL;
}

/* Signals are for the program's other threads. */
static int start_thread(struct audit_writer *writer)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&writer->thread, NULL, writer_main, writer);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

int audit_writer_start(
	struct audit_trail *trail, enum audit_level level, struct audit_writer **ret_writer)
{
	struct audit_writer *writer = calloc(1, sizeof(*writer));
	pthread_condattr_t monotonic;
	int r;

	if (!writer)
		return -ENOMEM;
	writer->trail = trail;
	atomic_init(&writer->level, level);
	writer->last = &writer->first;
	audit_trail_head(trail, &writer->head);
	pthread_mutex_init(&writer->lock, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&writer->wake, &monotonic);
	pthread_condattr_destroy(&monotonic);
	r = start_thread(writer);
	if (r < 0) {
		pthread_cond_destroy(&writer->wake);
		pthread_mutex_destroy(&writer->lock);
		free(writer);
		return r;
	}
	*ret_writer = writer;
	return 0;
}

void audit_writer_set_level(struct audit_writer *writer, enum audit_level level)
{
	atomic_store(&writer->level, level);
}

enum audit_level audit_writer_level(const struct audit_writer *writer)
{
	return atomic_load(&writer->level);
}

struct audit_writer *audit_writer_stop(struct audit_writer *writer)
{
	if (!writer)
		return NULL;
	pthread_mutex_lock(&writer->lock);
	writer->is_stopping = true;
	pthread_cond_signal(&writer->wake);
	pthread_mutex_unlock(&writer->lock);
	pthread_join(writer->thread, NULL);
	audit_trail_close(writer->trail);
	pthread_cond_destroy(&writer->wake);
	pthread_mutex_destroy(&writer->lock);
	free(writer);
	return NULL;
}

/* ---- producers ---- */

static int node_new(const struct audit_entry *entry, struct node **ret_node)
{
	struct node *node;
	int r;

	/* Without an event: only waits until all before it is written. */
	if (!entry->event) {
		node = calloc(1, sizeof(*node));
		if (!node)
			return -ENOMEM;
		*node = (struct node){.done = entry->done, .arg = entry->arg, .is_flush = true};
		node->is_never_dropped = true;
		node->event.time_ns = clock_now_ns();
		*ret_node = node;
		return 0;
	}
	r = audit_event_check(entry->event);
	if (r < 0)
		return r;
	node = malloc(sizeof(*node) + audit_event_text_size(entry->event));
	if (!node)
		return -ENOMEM;
	*node = (struct node){
		.done = entry->done,
		.arg = entry->arg,
		.sync = entry->sync,
		.is_never_dropped = entry->is_never_dropped,
		.is_last = entry->is_last,
		.next_signer = entry->next,
	};
	audit_event_copy(entry->event, &node->event, node->text);
	*ret_node = node;
	return 0;
}

/* 0, or why it was not queued; takes the node on success. */
static int enqueue(struct audit_writer *writer, struct node *node, enum audit_level level)
{
	int r = 0;

	pthread_mutex_lock(&writer->lock);
	if (writer->is_stopping || writer->had_last) {
		r = -ESHUTDOWN;
	} else if (writer->pending >= LIMIT_AUDIT_QUEUE) {
		r = -EAGAIN;
		if (node_is_dropped(node, level, r))
			writer->dropped += (uint64_t)node->event.count;
	} else {
		/* Read under the lock: the order of times is the order of the queue. */
		if (!node->event.time_ns)
			node->event.time_ns = clock_now_ns();
		if (!writer->first)
			writer->linger_until_ns = clock_monotonic_ns() + LINGER_MS * NS_PER_MS;
		*writer->last = node;
		writer->last = &node->next;
		writer->pending++;
		writer->had_last = node->is_last;
		if (node->done || node->sync || node->next_signer)
			writer->is_urgent = true;
		if (writer->is_urgent || !writer->is_watching || writer->pending > LINGER_MAX)
			pthread_cond_signal(&writer->wake);
	}
	pthread_mutex_unlock(&writer->lock);
	return r;
}

int audit_writer_add(struct audit_writer *writer, const struct audit_entry *entry)
{
	enum audit_level level = atomic_load(&writer->level);
	struct node *node;
	bool is_dropped;
	int r;

	r = node_new(entry, &node);
	if (r < 0)
		return r;
	r = enqueue(writer, node, level);
	if (r == 0)
		return 0;
	is_dropped = r == -EAGAIN && node_is_dropped(node, level, r);
	free(node);
	if (!is_dropped)
		return r;
	if (entry->done)
		entry->done(entry->arg, 0);
	return 0;
}

struct waiter {
	sem_t told;
	int result;
};

static void tell_waiter(void *arg, int result)
{
	struct waiter *waiter = arg;

	waiter->result = result;
	sem_post(&waiter->told);
}

int audit_writer_add_wait(struct audit_writer *writer, const struct audit_entry *entry)
{
	struct audit_entry waited = *entry;
	struct waiter waiter;
	int r;

	waited.done = tell_waiter;
	waited.arg = &waiter;
	sem_init(&waiter.told, 0, 0);
	r = audit_writer_add(writer, &waited);
	if (r == 0) {
		while (sem_wait(&waiter.told) < 0)
			; /* EINTR: a signal does not take the record back */
		r = waiter.result;
	}
	sem_destroy(&waiter.told);
	return r;
}

int audit_writer_health(struct audit_writer *writer)
{
	int health;

	pthread_mutex_lock(&writer->lock);
	health = writer->health;
	pthread_mutex_unlock(&writer->lock);
	return health;
}

void audit_writer_head(struct audit_writer *writer, struct audit_head *ret_head)
{
	pthread_mutex_lock(&writer->lock);
	*ret_head = writer->head;
	ret_head->queued = writer->pending;
	pthread_mutex_unlock(&writer->lock);
}
