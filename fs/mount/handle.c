/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handle.c - a table of slots; fh = generation << 32 | slot + 1, so that a stale or invented number
 * finds nothing, and 0 is never a handle.
 */
#include "fs/mount/handle.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/mount/handle_private.h"

#define SLOTS_MIN 64

int handle_table_new(const struct backend *backend, struct handle_table **ret_table)
{
	struct handle_table *table = calloc(1, sizeof(*table));
	pthread_condattr_t attributes;
	int r;

	if (!table)
		return -ENOMEM;
	r = open_file_table_new(backend, &table->files);
	if (r < 0) {
		free(table);
		return r;
	}
	pthread_mutex_init(&table->mutex, NULL);
	pthread_condattr_init(&attributes);
	pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
	pthread_cond_init(&table->drained, &attributes);
	pthread_condattr_destroy(&attributes);
	*ret_table = table;
	return 0;
}

struct handle_table *handle_table_free(struct handle_table *table)
{
	if (!table)
		return NULL;
	for (uint32_t i = 0; i < table->slot_count; i++) {
		if (table->slots[i].handle)
			handle_free(table, table->slots[i].handle);
	}
	open_file_table_free(table->files);
	handle_shares_done(&table->shares);
	pthread_cond_destroy(&table->drained);
	pthread_mutex_destroy(&table->mutex);
	free(table->slots);
	free(table);
	return NULL;
}

static int grow(struct handle_table *table)
{
	uint32_t count = table->slot_count ? table->slot_count * 2 : SLOTS_MIN;
	struct slot *slots;

	if (count > LIMIT_HANDLES)
		return -EMFILE;
	slots = reallocarray(table->slots, count, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	for (uint32_t i = table->slot_count; i < count; i++)
		slots[i] = (struct slot){.generation = 1, .next_free = i + 1 < count ? i + 2 : 0};
	table->first_free = table->slot_count + 1;
	table->slots = slots;
	table->slot_count = count;
	return 0;
}

int handle_add(struct handle_table *table, struct handle *handle)
{
	struct slot *slot;
	int r = 0;

	pthread_mutex_lock(&table->mutex);
	if (handle->shut && *handle->shut)
		r = -ESHUTDOWN;
	else if (handle_share_is_used_up(&table->shares, handle->subject.uid))
		r = -EDQUOT;
	if (r == 0 && !table->first_free)
		r = grow(table);
	if (r == 0)
		r = handle_share_add(&table->shares, handle->subject.uid);
	if (r == 0) {
		uint32_t index = table->first_free - 1;

		slot = &table->slots[index];
		table->first_free = slot->next_free;
		slot->handle = handle;
		handle->fh = (uint64_t)slot->generation << 32 | (index + 1);
		handle->state = HANDLE_PENDING;
		table->count++;
	}
	pthread_mutex_unlock(&table->mutex);
	return r;
}

/* With the mutex held. */
static struct slot *find(struct handle_table *table, uint64_t fh)
{
	uint32_t index = (uint32_t)fh;

	if (!index || index > table->slot_count)
		return NULL;
	if (!table->slots[index - 1].handle || table->slots[index - 1].generation != fh >> 32)
		return NULL;
	return &table->slots[index - 1];
}

bool handle_is_shut(struct handle_table *table, const struct handle *handle)
{
	bool shut;

	pthread_mutex_lock(&table->mutex);
	shut = handle->shut && *handle->shut;
	pthread_mutex_unlock(&table->mutex);
	return shut;
}

bool handle_make_live(struct handle_table *table, struct handle *handle)
{
	bool live;

	pthread_mutex_lock(&table->mutex);
	handle->on_record = true;
	live = handle->state == HANDLE_PENDING;
	if (live)
		handle->state = HANDLE_LIVE;
	pthread_mutex_unlock(&table->mutex);
	return live;
}

struct handle *handle_get(struct handle_table *table, uint64_t fh, uint64_t node_id, bool *ret_dead)
{
	struct handle *handle = NULL;
	struct slot *slot;

	*ret_dead = false;
	pthread_mutex_lock(&table->mutex);
	slot = find(table, fh);
	if (slot && slot->handle->node_id == node_id) {
		*ret_dead = slot->handle->state == HANDLE_DEAD;
		if (slot->handle->state == HANDLE_LIVE) {
			handle = slot->handle;
			handle->readers++;
		}
	}
	pthread_mutex_unlock(&table->mutex);
	return handle;
}

bool handle_is_live(struct handle_table *table, struct handle *handle)
{
	bool live;

	pthread_mutex_lock(&table->mutex);
	live = handle->state == HANDLE_LIVE;
	pthread_mutex_unlock(&table->mutex);
	return live;
}

void handle_put(struct handle_table *table, struct handle *handle)
{
	pthread_mutex_lock(&table->mutex);
	if (!--handle->readers && table->waiting)
		pthread_cond_broadcast(&table->drained);
	pthread_mutex_unlock(&table->mutex);
}

struct handle *handle_remove(struct handle_table *table, uint64_t fh)
{
	struct handle *handle = NULL;
	struct slot *slot;

	pthread_mutex_lock(&table->mutex);
	slot = find(table, fh);
	if (slot) {
		handle = slot->handle;
		handle->state = HANDLE_DEAD;
		table->waiting++;
		while (handle->readers)
			pthread_cond_wait(&table->drained, &table->mutex);
		table->waiting--;
		/* The table may have grown while waiting. */
		slot = &table->slots[(uint32_t)fh - 1];
		slot->handle = NULL;
		slot->generation++;
		slot->next_free = table->first_free;
		table->first_free = (uint32_t)fh;
		table->count--;
		handle_share_remove(&table->shares, handle->subject.uid);
		/* Whoever waits for the end of this handle waits no longer. */
		if (table->waiting)
			pthread_cond_broadcast(&table->drained);
	}
	pthread_mutex_unlock(&table->mutex);
	return handle;
}

void handle_free(struct handle_table *table, struct handle *handle)
{
	if (!handle)
		return;
	open_file_put(table->files, handle->file);
	subject_done(&handle->subject);
	free(handle->path);
	free(handle->last_name);
	free(handle);
}

void handle_set_last_name(struct handle_table *table, uint64_t ino, const char *name, size_t len)
{
	pthread_mutex_lock(&table->mutex);
	for (uint32_t i = 0; i < table->slot_count; i++) {
		struct handle *handle = table->slots[i].handle;

		if (!handle || handle->ino != ino)
			continue;
		free(handle->last_name);
		/* Without memory it will be ended. */
		handle->last_name = strndup(name, len);
		handle->last_name_len = len;
	}
	pthread_mutex_unlock(&table->mutex);
}

bool handle_find_replaced(struct handle_table *table, uint64_t ino, struct entry_info *ret_info)
{
	bool found = false;

	pthread_mutex_lock(&table->mutex);
	for (uint32_t i = 0; i < table->slot_count && !found; i++) {
		const struct handle *handle = table->slots[i].handle;

		found = handle && handle->ino == ino && handle->last_name;
		if (found)
			*ret_info = handle->info;
	}
	pthread_mutex_unlock(&table->mutex);
	return found;
}

bool handle_has_user(struct handle_table *table, uint64_t ino, uint32_t uid)
{
	bool found = false;

	pthread_mutex_lock(&table->mutex);
	for (uint32_t i = 0; i < table->slot_count && !found; i++) {
		const struct handle *handle = table->slots[i].handle;

		found = handle && handle->ino == ino && handle->state == HANDLE_LIVE &&
			handle->subject.uid == uid;
	}
	pthread_mutex_unlock(&table->mutex);
	return found;
}

int handle_each(
	struct handle_table *table, int (*each)(void *arg, struct handle *handle), void *arg)
{
	int r = 0;

	pthread_mutex_lock(&table->mutex);
	for (uint32_t i = 0; i < table->slot_count && r == 0; i++) {
		if (table->slots[i].handle)
			r = each(arg, table->slots[i].handle);
	}
	pthread_mutex_unlock(&table->mutex);
	return r;
}

uint64_t handle_count(struct handle_table *table)
{
	uint64_t count;

	pthread_mutex_lock(&table->mutex);
	count = table->count;
	pthread_mutex_unlock(&table->mutex);
	return count;
}

struct open_file_table *handle_files(struct handle_table *table)
{
	return table->files;
}

bool handle_knows_thread(struct handle *handle, pid_t tid)
{
	for (size_t i = 0; i < HANDLE_THREADS; i++) {
		if (atomic_load_explicit(&handle->threads[i], memory_order_relaxed) == tid)
			return true;
	}
	return false;
}

void handle_remember_thread(struct handle *handle, pid_t tid)
{
	for (size_t i = 0; i < HANDLE_THREADS; i++) {
		pid_t free_slot = 0;

		if (atomic_compare_exchange_strong(&handle->threads[i], &free_slot, tid))
			return;
	}
	/* All taken: forget one; that thread is looked at again when it comes back. */
	atomic_store(&handle->threads[tid % HANDLE_THREADS], tid);
}
