/* SPDX-License-Identifier: Apache-2.0 */
/* work_queue.c - a ring of items, one mutex, one condition for each side. */
#include "fs/cmd/work_queue.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>

#define SLOTS	    64
#define THREADS_MAX 8

struct work_thread {
	struct work_queue *queue;
	void *worker;
	pthread_t thread;
};

struct work_queue {
	void (*work)(void *worker, void *item);
	struct work_thread threads[THREADS_MAX]; /* the producer's */
	unsigned thread_count;
	pthread_mutex_t mutex; /* guards all below */
	pthread_cond_t to_do, done;
	void *items[SLOTS];
	unsigned first, queued, busy;
	bool ending;
};

int work_queue_new(void (*work)(void *worker, void *item), struct work_queue **ret_queue)
{
	struct work_queue *queue = calloc(1, sizeof(*queue));

	if (!queue)
		return -ENOMEM;
	queue->work = work;
	pthread_mutex_init(&queue->mutex, NULL);
	pthread_cond_init(&queue->to_do, NULL);
	pthread_cond_init(&queue->done, NULL);
	*ret_queue = queue;
	return 0;
}

struct work_queue *work_queue_free(struct work_queue *queue)
{
	if (!queue)
		return NULL;
	pthread_mutex_lock(&queue->mutex);
	queue->ending = true;
	pthread_cond_broadcast(&queue->to_do);
	pthread_mutex_unlock(&queue->mutex);
	for (unsigned i = 0; i < queue->thread_count; i++)
		pthread_join(queue->threads[i].thread, NULL);
	pthread_cond_destroy(&queue->to_do);
	pthread_cond_destroy(&queue->done);
	pthread_mutex_destroy(&queue->mutex);
	free(queue);
	return NULL;
}

/* With the mutex held. NULL: the end. */
static void *next_item(struct work_queue *queue)
{
	void *item;

	while (!queue->queued && !queue->ending)
		pthread_cond_wait(&queue->to_do, &queue->mutex);
	if (!queue->queued)
		return NULL;
	item = queue->items[queue->first];
	queue->first = (queue->first + 1) % SLOTS;
	queue->queued--;
	return item;
}

static void *run(void *arg)
{
	struct work_thread *self = arg;
	struct work_queue *queue = self->queue;
	void *item;

	pthread_mutex_lock(&queue->mutex);
	while ((item = next_item(queue))) {
		queue->busy++;
		pthread_mutex_unlock(&queue->mutex);
		queue->work(self->worker, item);
		pthread_mutex_lock(&queue->mutex);
		queue->busy--;
		pthread_cond_broadcast(&queue->done);
	}
	pthread_mutex_unlock(&queue->mutex);
	return NULL;
}

int work_queue_add_worker(struct work_queue *queue, void *worker)
{
	struct work_thread *thread = &queue->threads[queue->thread_count];
	int r;

	if (queue->thread_count == THREADS_MAX)
		return -EAGAIN;
	*thread = (struct work_thread){.queue = queue, .worker = worker};
	r = pthread_create(&thread->thread, NULL, run, thread);
	if (r == 0)
		queue->thread_count++;
	return -r;
}

void work_queue_put(struct work_queue *queue, void *item)
{
	pthread_mutex_lock(&queue->mutex);
	while (queue->queued == SLOTS)
		pthread_cond_wait(&queue->done, &queue->mutex);
	queue->items[(queue->first + queue->queued++) % SLOTS] = item;
	pthread_cond_signal(&queue->to_do);
	pthread_mutex_unlock(&queue->mutex);
}

void work_queue_wait(struct work_queue *queue)
{
	pthread_mutex_lock(&queue->mutex);
	while (queue->queued || queue->busy)
		pthread_cond_wait(&queue->done, &queue->mutex);
	pthread_mutex_unlock(&queue->mutex);
}
