/* SPDX-License-Identifier: Apache-2.0 */
/* export_slots.c - one entry for each export under way: never more than the server's connections.
 */
#include "fs/cmd/export_slots.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "keystore/base/clock.h"
#include "keystore/base/limits.h"

#define WAIT_NS (5 * NS_PER_S)

struct export_slots {
	pthread_mutex_t mutex; /* guards all below; a leaf lock */
	pthread_cond_t given;
	uint32_t users[LIMIT_CLIENTS];
	unsigned count;
};

int export_slots_new(struct export_slots **ret_slots)
{
	struct export_slots *slots = calloc(1, sizeof(*slots));
	pthread_condattr_t attributes;

	if (!slots)
		return -ENOMEM;
	pthread_mutex_init(&slots->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&slots->given, &attributes);
	pthread_condattr_destroy(&attributes);
	*ret_slots = slots;
	return 0;
}

struct export_slots *export_slots_free(struct export_slots *slots)
{
	if (!slots)
		return NULL;
	pthread_cond_destroy(&slots->given);
	pthread_mutex_destroy(&slots->mutex);
	free(slots);
	return NULL;
}

/* Root and the server's own user could stop it by other means. */
static bool has_room(const struct export_slots *slots, uint32_t uid)
{
	unsigned of_user = 0;

	if (uid == 0 || uid == geteuid())
		return slots->count < LIMIT_CLIENTS;
	for (unsigned i = 0; i < slots->count; i++)
		of_user += slots->users[i] == uid;
	return of_user < EXPORTS_OF_ONE_USER && slots->count < LIMIT_CLIENTS;
}

int export_slot_take(struct export_slots *slots, uint32_t uid)
{
	int64_t end_ns = clock_monotonic_ns() + WAIT_NS;
	struct timespec end = {.tv_sec = end_ns / NS_PER_S, .tv_nsec = end_ns % NS_PER_S};
	bool got;
	int r = 0;

	pthread_mutex_lock(&slots->mutex);
	while (!has_room(slots, uid) && r == 0)
		r = pthread_cond_timedwait(&slots->given, &slots->mutex, &end);
	got = has_room(slots, uid);
	if (got)
		slots->users[slots->count++] = uid;
	pthread_mutex_unlock(&slots->mutex);
	return got ? 0 : -EBUSY;
}

void export_slot_give(struct export_slots *slots, uint32_t uid)
{
	pthread_mutex_lock(&slots->mutex);
	for (unsigned i = 0; i < slots->count; i++) {
		if (slots->users[i] != uid)
			continue;
		slots->users[i] = slots->users[--slots->count];
		break;
	}
	pthread_cond_broadcast(&slots->given);
	pthread_mutex_unlock(&slots->mutex);
}
