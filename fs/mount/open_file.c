/* SPDX-License-Identifier: Apache-2.0 */
/* open_file.c - a hash table by file id. Objects are opened outside the lock; of two that raced,
 * one is kept. */
#include "fs/mount/open_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "keystore/base/bytes.h"
#include "keystore/base/clock.h"

#define BUCKETS 4096
/* Readers kept without a handle: what a tree of shards has. Their checked pages have a bound of
 * their own, all together (fs/format/page_cache.c). */
#define IDLE_MAX 512
#define IDLE_NS	 (5 * NS_PER_S)

struct open_file {
	uint8_t file_id[ID_SIZE];
	struct object_reader *reader;
	struct open_file *next;

	/* Guarded by the table's mutex. */
	unsigned references; /* handles */
	bool listed;	     /* in the hash table; else the last handle frees it */
	int64_t idle_since_ns;
	struct open_file *older, *newer; /* in the idle list, when references is 0 */
};

struct open_file_table {
	struct backend backend;
	pthread_mutex_t mutex; /* guards all below; a leaf lock */
	struct open_file *buckets[BUCKETS];
	struct open_file *oldest, *newest; /* idle */
	unsigned idle;
};

int open_file_table_new(const struct backend *backend, struct open_file_table **ret_table)
{
	struct open_file_table *table = calloc(1, sizeof(*table));

	if (!table)
		return -ENOMEM;
	table->backend = *backend;
	pthread_mutex_init(&table->mutex, NULL);
	*ret_table = table;
	return 0;
}

static void file_free(struct open_file *file)
{
	if (!file)
		return;
	object_reader_free(file->reader);
	free(file);
}

struct open_file_table *open_file_table_free(struct open_file_table *table)
{
	if (!table)
		return NULL;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct open_file *file = table->buckets[i], *next;

		for (; file; file = next) {
			next = file->next;
			file_free(file);
		}
	}
	pthread_mutex_destroy(&table->mutex);
	free(table);
	return NULL;
}

static struct open_file **bucket_of(struct open_file_table *table, const uint8_t *file_id)
{
	/* Ids are random: any bits of them spread well. */
	return &table->buckets[load_u32(file_id) % BUCKETS];
}

/* The functions from here to add_reference are called with the mutex held. */

static void leave_idle(struct open_file_table *table, struct open_file *file)
{
	*(file->older ? &file->older->newer : &table->oldest) = file->newer;
	*(file->newer ? &file->newer->older : &table->newest) = file->older;
	file->older = file->newer = NULL;
	table->idle--;
}

static void enter_idle(struct open_file_table *table, struct open_file *file)
{
	file->idle_since_ns = clock_monotonic_ns();
	file->older = table->newest;
	file->newer = NULL;
	*(table->newest ? &table->newest->newer : &table->oldest) = file;
	table->newest = file;
	table->idle++;
}

static void unlist(struct open_file_table *table, struct open_file *file)
{
	struct open_file **at = bucket_of(table, file->file_id);

	while (*at != file)
		at = &(*at)->next;
	*at = file->next;
	file->listed = false;
}

/* The open file of this id, or NULL. */
static struct open_file *find(struct open_file_table *table, const uint8_t *file_id)
{
	struct open_file *file = *bucket_of(table, file_id);

	while (file && memcmp(file->file_id, file_id, ID_SIZE) != 0)
		file = file->next;
	return file;
}

static void add_reference(struct open_file_table *table, struct open_file *file)
{
	if (!file->references++)
		leave_idle(table, file);
}

/* Takes an idle file out of everything; the caller frees it after unlocking. */
static struct open_file *remove_idle(struct open_file_table *table, struct open_file *file)
{
	leave_idle(table, file);
	unlist(table, file);
	return file;
}

/* A known reader of an object that nobody has touched, with one more reference, or NULL. */
static struct open_file *find_fresh(struct open_file_table *table, const uint8_t *file_id)
{
	struct open_file *file, *stale = NULL;

	pthread_mutex_lock(&table->mutex);
	file = find(table, file_id);
	if (file && !object_reader_is_fresh(file->reader)) {
		/* Handles that have it go on with it; whoever opens now has the object checked
		 * anew. */
		if (file->references)
			unlist(table, file);
		else
			stale = remove_idle(table, file);
		file = NULL;
	}
	if (file)
		add_reference(table, file);
	pthread_mutex_unlock(&table->mutex);
	file_free(stale);
	return file;
}

/* Closes every reader without a handle; false when there was none. */
static bool close_all_idle(struct open_file_table *table)
{
	struct open_file *closed;
	bool any = false;

	do {
		closed = NULL;
		pthread_mutex_lock(&table->mutex);
		if (table->oldest)
			closed = remove_idle(table, table->oldest);
		pthread_mutex_unlock(&table->mutex);
		any |= closed != NULL;
		file_free(closed);
	} while (closed);
	return any;
}

/*
 * Through the page cache, where the disk reads ahead, each page dropped soon after it was read:
 * cold reads were 1.3 to 1.5 times faster than with O_DIRECT. Descriptors and memory that idle
 * readers hold are given up for it.
 */
static int open_reader(struct open_file_table *table, const struct entry_info *info,
	struct object_reader **ret_reader, struct damage_report *ret_report)
{
	int r;

	r = backend_open_reader(&table->backend, info, false, ret_reader, ret_report);
	if ((r == -EMFILE || r == -ENFILE || r == -ENOMEM) && close_all_idle(table))
		r = backend_open_reader(&table->backend, info, false, ret_reader, ret_report);
	return r;
}

int open_file_get(struct open_file_table *table, const struct entry_info *info,
	struct open_file **ret_file, struct damage_report *ret_report)
{
	struct open_file *file, *made, **head;
	int r;

	*ret_report = (struct damage_report){.cause = DAMAGE_NONE, .chunk = DAMAGE_NO_CHUNK};
	file = find_fresh(table, info->file_id);
	if (file) {
		*ret_file = file;
		return 0;
	}
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	memcpy(made->file_id, info->file_id, ID_SIZE);
	made->references = 1;
	made->listed = true;
	r = open_reader(table, info, &made->reader, ret_report);
	if (r < 0) {
		free(made);
		return r;
	}
	pthread_mutex_lock(&table->mutex);
	file = find(table, info->file_id);
	if (file) {
		add_reference(table, file);
	} else {
		head = bucket_of(table, info->file_id);
		made->next = *head;
		*head = made;
	}
	pthread_mutex_unlock(&table->mutex);
	if (file)
		file_free(made);
	*ret_file = file ? file : made;
	return 0;
}

void open_file_put(struct open_file_table *table, struct open_file *file)
{
	struct open_file *closed = NULL;

	if (!file)
		return;
	pthread_mutex_lock(&table->mutex);
	if (!--file->references) {
		if (!file->listed) {
			closed = file;
		} else {
			enter_idle(table, file);
			if (table->idle > IDLE_MAX)
				closed = remove_idle(table, table->oldest);
		}
	}
	pthread_mutex_unlock(&table->mutex);
	file_free(closed);
}

void open_file_close_idle(struct open_file_table *table)
{
	int64_t before_ns = clock_monotonic_ns() - IDLE_NS;
	struct open_file *closed;

	do {
		closed = NULL;
		pthread_mutex_lock(&table->mutex);
		if (table->oldest && table->oldest->idle_since_ns < before_ns)
			closed = remove_idle(table, table->oldest);
		pthread_mutex_unlock(&table->mutex);
		file_free(closed);
	} while (closed);
}

void open_file_forget(struct open_file_table *table, const uint8_t file_id[ID_SIZE])
{
	struct open_file *file, *closed = NULL;

	pthread_mutex_lock(&table->mutex);
	file = find(table, file_id);
	if (file && file->references)
		unlist(table, file);
	else if (file)
		closed = remove_idle(table, file);
	pthread_mutex_unlock(&table->mutex);
	file_free(closed);
}

struct object_reader *open_file_reader(const struct open_file *file)
{
	return file->reader;
}
