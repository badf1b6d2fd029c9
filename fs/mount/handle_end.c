/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle_end.c - handles that are ended: DEAD first, then their READs come to an end, then the
 * kernel's pages are invalidated. In this order no byte can reach the page cache after it was
 * emptied.
 */
#include <errno.h>
#include <time.h>

#include "fs/mount/handle_private.h"
#include "keystore/base/clock.h"

void handle_shut(struct handle_table *table, bool *shut)
{
	pthread_mutex_lock(&table->mutex);
	*shut = true;
	pthread_mutex_unlock(&table->mutex);
}

uint64_t handle_end(struct handle_table *table, bool (*fails)(void *arg, struct handle *handle),
	void (*ended)(void *arg, struct handle *handle), void *arg, uint64_t *ret_ending)
{
	uint64_t count = 0;

	pthread_mutex_lock(&table->mutex);
	*ret_ending = ++table->endings;
	for (uint32_t i = 0; i < table->slot_count; i++) {
		struct handle *handle = table->slots[i].handle;

		if (!handle || handle->state == HANDLE_DEAD || !fails(arg, handle))
			continue;
		handle->state = HANDLE_DEAD;
		handle->ending = table->endings;
		handle->stale_pages = true;
		ended(arg, handle);
		count++;
	}
	pthread_mutex_unlock(&table->mutex);
	return count;
}

static bool is_read(const struct handle *handle)
{
	return handle->readers && !handle->cut;
}

static uint64_t undrained(const struct handle_table *table, uint64_t ending)
{
	uint64_t count = 0;

	for (uint32_t i = 0; i < table->slot_count; i++) {
		const struct handle *handle = table->slots[i].handle;

		if (handle && handle->ending == ending &&
			(is_read(handle) || handle->stale_pages || handle->telling))
			count++;
	}
	return count;
}

uint64_t handle_await_ended(struct handle_table *table, uint64_t ending, int64_t timeout_ms)
{
	int64_t end_ns = clock_monotonic_ns() + timeout_ms * NS_PER_MS;
	struct timespec end = {.tv_sec = end_ns / NS_PER_S, .tv_nsec = end_ns % NS_PER_S};
	uint64_t left;
	int r = 0;

	pthread_mutex_lock(&table->mutex);
	table->waiting++;
	while ((left = undrained(table, ending)) && r != ETIMEDOUT)
		r = pthread_cond_timedwait(&table->drained, &table->mutex, &end);
	table->waiting--;
	pthread_mutex_unlock(&table->mutex);
	return left;
}

static bool is_of_node(const struct handle *handle, const struct session *session, uint64_t node_id)
{
	return handle && handle->session == session && handle->node_id == node_id;
}

static bool node_is_read(
	const struct handle_table *table, const struct session *session, uint64_t node_id)
{
	for (uint32_t i = 0; i < table->slot_count; i++) {
		const struct handle *handle = table->slots[i].handle;

		if (is_of_node(handle, session, node_id) && is_read(handle))
			return true;
	}
	return false;
}

/* One word to the kernel is for all of the node's handles. */
static void take_node(struct handle_table *table, const struct session *session, uint64_t node_id)
{
	for (uint32_t i = 0; i < table->slot_count; i++) {
		struct handle *handle = table->slots[i].handle;

		if (!is_of_node(handle, session, node_id) || !handle->stale_pages)
			continue;
		handle->stale_pages = false;
		handle->telling = true;
	}
}

bool handle_take_stale(struct handle_table *table, uint32_t *index, struct session **ret_session,
	uint64_t *ret_node_id)
{
	bool found = false;

	pthread_mutex_lock(&table->mutex);
	while (!found && *index < table->slot_count) {
		struct handle *handle = table->slots[(*index)++].handle;

		if (!handle || !handle->stale_pages ||
			node_is_read(table, handle->session, handle->node_id))
			continue;
		*ret_session = handle->session;
		*ret_node_id = handle->node_id;
		take_node(table, handle->session, handle->node_id);
		found = true;
	}
	pthread_mutex_unlock(&table->mutex);
	return found;
}

void handle_told(struct handle_table *table, const struct session *session, uint64_t node_id)
{
	pthread_mutex_lock(&table->mutex);
	for (uint32_t i = 0; i < table->slot_count; i++) {
		struct handle *handle = table->slots[i].handle;

		if (is_of_node(handle, session, node_id))
			handle->telling = false;
	}
	if (table->waiting)
		pthread_cond_broadcast(&table->drained);
	pthread_mutex_unlock(&table->mutex);
}

void handle_drop_stale(struct handle_table *table, const struct session *session)
{
	pthread_mutex_lock(&table->mutex);
	for (uint32_t i = 0; i < table->slot_count; i++) {
		struct handle *handle = table->slots[i].handle;

		if (handle && handle->session == session)
			handle->stale_pages = false;
	}
	if (table->waiting)
		pthread_cond_broadcast(&table->drained);
	pthread_mutex_unlock(&table->mutex);
}

void handle_cut(struct handle_table *table, const struct session *session)
{
	pthread_mutex_lock(&table->mutex);
	for (uint32_t i = 0; i < table->slot_count; i++) {
		struct handle *handle = table->slots[i].handle;

		if (handle && handle->session == session)
			handle->cut = true;
	}
	pthread_mutex_unlock(&table->mutex);
}

bool handle_has_stale(struct handle_table *table)
{
	bool found = false;

	pthread_mutex_lock(&table->mutex);
	for (uint32_t i = 0; i < table->slot_count && !found; i++)
		found = table->slots[i].handle && table->slots[i].handle->stale_pages;
	pthread_mutex_unlock(&table->mutex);
	return found;
}
