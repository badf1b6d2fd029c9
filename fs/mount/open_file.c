/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open_file.c - a hash table by file id. Objects are opened outside the lock; of two that raced,
 * one is kept. All that asks the backing store happens without the lock, and a thread of its own
 * closes: a store that hangs hangs only who reads from it. Keys do not wait for it either: another
 * thread, which never asks the store, wipes them before.
 */
#include "fs/mount/open_file.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "keystore/base/bytes.h"
#include "keystore/base/clock.h"

#define BUCKETS 4096
/* Readers kept without a handle: what a tree of shards has. Their checked pages have a bound of
 * their own, all together (fs/format/page_cache.c). */
#define IDLE_MAX 512
#define IDLE_NS	 (5 * NS_PER_S)
/* Descriptors that objects leave to the rest of the server: databases, clients, looks at /proc. */
#define DESCRIPTORS_LEFT_MIN 48
#define DESCRIPTORS_LEFT_MAX 1024

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
	pthread_t wiper, closer;
	pthread_mutex_t mutex; /* guards all below; a leaf lock */
	pthread_cond_t to_wipe, to_close;
	struct open_file *buckets[BUCKETS];
	struct open_file *oldest, *newest; /* idle */
	unsigned idle;
	struct open_file *ended;   /* linked by next; to be wiped, then closed */
	struct open_file *closing; /* linked by next; wiped */
	uint64_t open, open_max;   /* descriptors of objects */
	bool stopping;		   /* the wiper leaves when nothing is due */
	bool wiped;		   /* and the closer when nothing is left to close */
};

static uint64_t descriptors_for_objects(void)
{
	struct rlimit limit;
	uint64_t left;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		return 1;
	left = limit.rlim_cur / 4;
	left = left < DESCRIPTORS_LEFT_MIN   ? DESCRIPTORS_LEFT_MIN
	       : left > DESCRIPTORS_LEFT_MAX ? DESCRIPTORS_LEFT_MAX
					     : left;
	return limit.rlim_cur > left ? limit.rlim_cur - left : 1;
}

static void file_free(struct open_file *file)
{
	if (!file)
		return;
	object_reader_free(file->reader);
	free(file);
}

/* Closes, which may wait for the store, and gives the descriptor back. Without the mutex. */
static void close_file(struct open_file_table *table, struct open_file *file)
{
	if (!file)
		return;
	file_free(file);
	pthread_mutex_lock(&table->mutex);
	table->open--;
	pthread_mutex_unlock(&table->mutex);
}

static void *wipe_files(void *arg);
static void *close_files(void *arg);

static void end_wiper(struct open_file_table *table)
{
	pthread_mutex_lock(&table->mutex);
	table->stopping = true;
	pthread_cond_signal(&table->to_wipe);
	pthread_mutex_unlock(&table->mutex);
	pthread_join(table->wiper, NULL);
}

static void end_closer(struct open_file_table *table)
{
	pthread_mutex_lock(&table->mutex);
	table->wiped = true;
	pthread_cond_signal(&table->to_close);
	pthread_mutex_unlock(&table->mutex);
	pthread_join(table->closer, NULL);
}

/* Signals are for the main thread. */
static int start_threads(struct open_file_table *table)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	r = -pthread_create(&table->wiper, NULL, wipe_files, table);
	if (r == 0) {
		r = -pthread_create(&table->closer, NULL, close_files, table);
		if (r < 0)
			end_wiper(table);
	}
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return r;
}

static void table_done(struct open_file_table *table)
{
	pthread_cond_destroy(&table->to_wipe);
	pthread_cond_destroy(&table->to_close);
	pthread_mutex_destroy(&table->mutex);
	free(table);
}

int open_file_table_new(const struct backend *backend, struct open_file_table **ret_table)
{
	struct open_file_table *table = calloc(1, sizeof(*table));
	pthread_condattr_t monotonic;
	int r;

	if (!table)
		return -ENOMEM;
	table->backend = *backend;
	table->open_max = descriptors_for_objects();
	pthread_mutex_init(&table->mutex, NULL);
	pthread_condattr_init(&monotonic);
	pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
	pthread_cond_init(&table->to_wipe, &monotonic);
	pthread_condattr_destroy(&monotonic);
	pthread_cond_init(&table->to_close, NULL);
	r = start_threads(table);
	if (r < 0) {
		table_done(table);
		return r;
	}
	*ret_table = table;
	return 0;
}

struct open_file_table *open_file_table_free(struct open_file_table *table)
{
	if (!table)
		return NULL;
	end_wiper(table);
	end_closer(table);
	for (size_t i = 0; i < BUCKETS; i++) {
		struct open_file *file = table->buckets[i], *next;

		for (; file; file = next) {
			next = file->next;
			file_free(file);
		}
	}
	table_done(table);
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

static void push(struct open_file **list, struct open_file *file)
{
	file->next = *list;
	*list = file;
}

/* The first of the list, or NULL. */
static struct open_file *pop(struct open_file **list)
{
	struct open_file *file = *list;

	if (file)
		*list = file->next;
	return file;
}

static void end_later(struct open_file_table *table, struct open_file *file)
{
	push(&table->ended, file);
	pthread_cond_signal(&table->to_wipe);
}

/* What is kept without a handle, the least useful first, or NULL. */
static struct open_file *take_unused(struct open_file_table *table)
{
	struct open_file *file = pop(&table->closing);

	if (!file)
		file = pop(&table->ended);
	if (!file && table->oldest)
		file = remove_idle(table, table->oldest);
	return file;
}

static void drop_reference(struct open_file_table *table, struct open_file *file)
{
	if (--file->references)
		return;
	if (!file->listed)
		return end_later(table, file);
	enter_idle(table, file);
	if (table->idle > IDLE_MAX)
		end_later(table, remove_idle(table, table->oldest));
}

/* A known reader of an object that nobody has touched, with one more reference, or NULL. */
static struct open_file *find_fresh(struct open_file_table *table, const uint8_t *file_id)
{
	struct open_file *file;
	bool fresh;

	pthread_mutex_lock(&table->mutex);
	file = find(table, file_id);
	if (file)
		add_reference(table, file);
	pthread_mutex_unlock(&table->mutex);
	if (!file)
		return NULL;
	fresh = object_reader_is_fresh(file->reader);
	if (fresh)
		return file;
	/* Handles that have it go on with it; whoever opens now has the object checked anew. */
	pthread_mutex_lock(&table->mutex);
	if (file->listed)
		unlist(table, file);
	drop_reference(table, file);
	pthread_mutex_unlock(&table->mutex);
	return NULL;
}

/* Takes a descriptor for one more object; those kept without a handle make room. */
static int reserve(struct open_file_table *table)
{
	struct open_file *closed = NULL;
	int r = 0;

	pthread_mutex_lock(&table->mutex);
	if (table->open < table->open_max) {
		table->open++;
	} else {
		closed = take_unused(table);
		r = closed ? 0 : -EMFILE;
	}
	pthread_mutex_unlock(&table->mutex);
	/* Its place is ours. */
	file_free(closed);
	return r;
}

/* Closes every reader without a handle; false when there was none. */
static bool close_all_idle(struct open_file_table *table)
{
	struct open_file *closed;
	bool any = false;

	do {
		pthread_mutex_lock(&table->mutex);
		closed = take_unused(table);
		pthread_mutex_unlock(&table->mutex);
		any |= closed != NULL;
		close_file(table, closed);
	} while (closed);
	return any;
}

static void give_back(struct open_file_table *table)
{
	pthread_mutex_lock(&table->mutex);
	table->open--;
	pthread_mutex_unlock(&table->mutex);
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

	r = reserve(table);
	if (r < 0)
		return r;
	r = backend_open_reader(&table->backend, info, false, ret_reader, ret_report);
	if ((r == -EMFILE || r == -ENFILE || r == -ENOMEM) && close_all_idle(table))
		r = backend_open_reader(&table->backend, info, false, ret_reader, ret_report);
	if (r < 0)
		give_back(table);
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
		close_file(table, made);
	*ret_file = file ? file : made;
	return 0;
}

void open_file_put(struct open_file_table *table, struct open_file *file)
{
	if (!file)
		return;
	pthread_mutex_lock(&table->mutex);
	drop_reference(table, file);
	pthread_mutex_unlock(&table->mutex);
}

/* What is to be wiped now, or NULL, and then until when there may be nothing. */
static struct open_file *next_to_wipe(struct open_file_table *table, int64_t *ret_until_ns)
{
	int64_t now_ns = clock_monotonic_ns();

	*ret_until_ns = now_ns + IDLE_NS;
	if (table->ended)
		return pop(&table->ended);
	if (!table->oldest)
		return NULL;
	*ret_until_ns = table->oldest->idle_since_ns + IDLE_NS;
	return *ret_until_ns <= now_ns ? remove_idle(table, table->oldest) : NULL;
}

static void *wipe_files(void *arg)
{
	struct open_file_table *table = arg;
	int64_t until_ns;

	pthread_mutex_lock(&table->mutex);
	for (;;) {
		struct open_file *file = next_to_wipe(table, &until_ns);
		struct timespec until = {
			.tv_sec = until_ns / NS_PER_S, .tv_nsec = until_ns % NS_PER_S};

		if (!file && table->stopping)
			break;
		if (!file) {
			pthread_cond_timedwait(&table->to_wipe, &table->mutex, &until);
			continue;
		}
		pthread_mutex_unlock(&table->mutex);
		object_reader_wipe_keys(file->reader);
		pthread_mutex_lock(&table->mutex);
		push(&table->closing, file);
		pthread_cond_signal(&table->to_close);
	}
	pthread_mutex_unlock(&table->mutex);
	return NULL;
}

static void *close_files(void *arg)
{
	struct open_file_table *table = arg;

	pthread_mutex_lock(&table->mutex);
	for (;;) {
		struct open_file *file = pop(&table->closing);

		if (!file && table->wiped)
			break;
		if (!file) {
			pthread_cond_wait(&table->to_close, &table->mutex);
			continue;
		}
		pthread_mutex_unlock(&table->mutex);
		close_file(table, file);
		pthread_mutex_lock(&table->mutex);
	}
	pthread_mutex_unlock(&table->mutex);
	return NULL;
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
	close_file(table, closed);
}

struct object_reader *open_file_reader(const struct open_file *file)
{
	return file->reader;
}
