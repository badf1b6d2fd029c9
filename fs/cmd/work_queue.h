/* SPDX-License-Identifier: Apache-2.0 */
/*
 * work_queue.h - a bounded queue between one producer and several threads. What is queued may hold
 * descriptors, so the queue's bound is also the bound on those.
 */
#ifndef FS_CMD_WORK_QUEUE_H
#define FS_CMD_WORK_QUEUE_H

#include "keystore/base/scope.h"

struct work_queue;

/* work(worker, item) takes the item over. */
int work_queue_new(void (*work)(void *worker, void *item), struct work_queue **ret_queue);
/* Ends the threads when nothing is left to do. */
struct work_queue *work_queue_free(struct work_queue *queue);
/* One more thread, which calls work with this worker. */
int work_queue_add_worker(struct work_queue *queue, void *worker);
/* Waits while too many are queued. */
void work_queue_put(struct work_queue *queue, void *item);
/* Until nothing is queued or under way. */
void work_queue_wait(struct work_queue *queue);

SCOPE_FUNCTION(struct work_queue *, work_queue_free);

#endif
