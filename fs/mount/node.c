/* SPDX-License-Identifier: Apache-2.0 */
/*
 * node.c - two hash tables over the same nodes: by id, and by catalogue inode (whose chain holds
 * the nodes of all users of a file, the current one first). Armed threads stand in a small ring; an
 * entry that was never used is overwritten, which costs its thread one more ESTALE.
 */
#include "fs/mount/node.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "keystore/base/clock.h"

#define BUCKETS_MIN 1024
#define ARMED_MAX   1024 /* threads between ESTALE and their second OPEN: at most as many as wait */

struct node {
	struct node_info info;
	uint64_t lookups;
	unsigned handles;	/* opened and not yet closed */
	int64_t idle_since_ns;	/* 0: open, or its pages were dropped already */
	int64_t moved_until_ns; /* 0: not moved */
	struct node *next_by_id;
	struct node *next_by_ino;
};

struct armed {
	pid_t tid; /* 0: free */
	uint32_t uid;
	uint64_t ino;
};

struct node_table {
	pthread_mutex_t mutex; /* guards everything below; a leaf lock */
	struct node **by_id;
	struct node **by_ino;
	size_t buckets; /* a power of two */
	size_t count;
	uint64_t next_id;
	struct armed armed[ARMED_MAX];
	size_t next_armed;
	size_t armed_count; /* 0: lookups need not search */
};

static size_t bucket_of(const struct node_table *table, uint64_t key)
{
	return (key * 0x9E3779B97F4A7C15ULL >> 20) & (table->buckets - 1);
}

static void link_node(struct node_table *table, struct node *node)
{
	struct node **id_head = &table->by_id[bucket_of(table, node->info.id)];
	struct node **ino_head = &table->by_ino[bucket_of(table, node->info.ino)];

	node->next_by_id = *id_head;
	*id_head = node;
	node->next_by_ino = *ino_head;
	*ino_head = node;
}

/* Twice the buckets; without memory the chains just grow longer. */
static void grow(struct node_table *table)
{
	size_t old_buckets = table->buckets, buckets = old_buckets * 2;
	struct node **by_id = calloc(buckets, sizeof(*by_id));
	struct node **by_ino = calloc(buckets, sizeof(*by_ino));
	struct node **old_by_ino = table->by_ino, **old_by_id = table->by_id;

	if (!by_id || !by_ino) {
		free(by_id);
		free(by_ino);
		return;
	}
	table->by_id = by_id;
	table->by_ino = by_ino;
	table->buckets = buckets;
	for (size_t i = 0; i < old_buckets; i++) {
		/* Linking pushes to the front: walk backwards so that a file's current node stays
		 * first. */
		struct node *reversed = NULL, *next;

		for (struct node *node = old_by_ino[i]; node; node = next) {
			next = node->next_by_ino;
			node->next_by_ino = reversed;
			reversed = node;
		}
		for (struct node *node = reversed; node; node = next) {
			next = node->next_by_ino;
			link_node(table, node);
		}
	}
	free(old_by_id);
	free(old_by_ino);
}

int node_table_new(struct node_table **ret_table)
{
	struct node_table *table = calloc(1, sizeof(*table));
	struct node *root = calloc(1, sizeof(*root));

	if (table) {
		table->by_id = calloc(BUCKETS_MIN, sizeof(*table->by_id));
		table->by_ino = calloc(BUCKETS_MIN, sizeof(*table->by_ino));
	}
	if (!table || !root || !table->by_id || !table->by_ino) {
		free(root);
		node_table_free(table);
		return -ENOMEM;
	}
	pthread_mutex_init(&table->mutex, NULL);
	table->buckets = BUCKETS_MIN;
	/* FUSE_ROOT_ID is 1 and is never forgotten for good: one lookup too many keeps it. */
	root->info = (struct node_info){.id = 1, .ino = ROOT_INO, .uid = NODE_ANY_USER};
	root->lookups = UINT64_MAX / 2;
	table->next_id = 2;
	table->count = 1;
	link_node(table, root);
	*ret_table = table;
	return 0;
}

struct node_table *node_table_free(struct node_table *table)
{
	if (!table)
		return NULL;
	for (size_t i = 0; table->by_id && i < table->buckets; i++) {
		struct node *node = table->by_id[i], *next;

		for (; node; node = next) {
			next = node->next_by_id;
			free(node);
		}
	}
	if (table->buckets)
		pthread_mutex_destroy(&table->mutex);
	free(table->by_id);
	free(table->by_ino);
	free(table);
	return NULL;
}

static struct node *find_by_id(const struct node_table *table, uint64_t id)
{
	struct node *node = table->by_id[bucket_of(table, id)];

	while (node && node->info.id != id)
		node = node->next_by_id;
	return node;
}

/* uid NULL: the first of the chain, which is the file's current node. */
static struct node *find_by_ino(const struct node_table *table, uint64_t ino, const uint32_t *uid)
{
	struct node *node = table->by_ino[bucket_of(table, ino)];

	while (node && (node->info.ino != ino || (uid && node->info.uid != *uid)))
		node = node->next_by_ino;
	return node;
}

static void unlink_by_ino(struct node_table *table, struct node *node)
{
	struct node **at = &table->by_ino[bucket_of(table, node->info.ino)];

	while (*at != node)
		at = &(*at)->next_by_ino;
	*at = node->next_by_ino;
}

static void make_current(struct node_table *table, struct node *node)
{
	struct node **head = &table->by_ino[bucket_of(table, node->info.ino)];

	unlink_by_ino(table, node);
	node->next_by_ino = *head;
	*head = node;
}

static const struct armed *find_armed(const struct node_table *table, pid_t tid, uint64_t ino)
{
	if (!table->armed_count)
		return NULL;
	for (size_t i = 0; i < ARMED_MAX; i++) {
		if (table->armed[i].tid == tid && table->armed[i].ino == ino)
			return &table->armed[i];
	}
	return NULL;
}

static void disarm(struct node_table *table, pid_t tid, uint64_t ino)
{
	struct armed *armed = (struct armed *)find_armed(table, tid, ino);

	if (!armed)
		return;
	armed->tid = 0;
	table->armed_count--;
}

static struct node *new_node(struct node_table *table, uint64_t ino, uint32_t uid, bool current)
{
	struct node *node = calloc(1, sizeof(*node));
	struct node *first = find_by_ino(table, ino, NULL);

	if (!node)
		return NULL;
	if (table->count > table->buckets)
		grow(table);
	node->info = (struct node_info){.id = table->next_id++, .ino = ino, .uid = uid};
	table->count++;
	link_node(table, node);
	if (!current && first)
		make_current(table, first);
	return node;
}

int node_lookup(struct node_table *table, uint64_t ino, enum entry_kind kind, uint32_t uid,
	pid_t tid, struct node_info *ret_info)
{
	const struct armed *armed;
	struct node *node;
	int r = 0;

	pthread_mutex_lock(&table->mutex);
	armed = kind == ENTRY_FILE ? find_armed(table, tid, ino) : NULL;
	if (armed)
		uid = armed->uid;
	else if (kind != ENTRY_FILE)
		uid = NODE_ANY_USER;
	node = find_by_ino(table, ino, armed ? &uid : NULL);
	if (!node)
		node = new_node(table, ino, uid, !armed);
	if (node) {
		node->lookups++;
		node->moved_until_ns = 0;
		*ret_info = node->info;
	} else {
		r = -ENOMEM;
	}
	pthread_mutex_unlock(&table->mutex);
	return r;
}

int node_find(struct node_table *table, uint64_t id, struct node_info *ret_info)
{
	struct node *node;

	pthread_mutex_lock(&table->mutex);
	node = find_by_id(table, id);
	if (node) {
		*ret_info = node->info;
		ret_info->moved =
			node->moved_until_ns && clock_monotonic_ns() < node->moved_until_ns;
	}
	pthread_mutex_unlock(&table->mutex);
	return node ? 0 : -ENOENT;
}

void node_forget(struct node_table *table, uint64_t id, uint64_t count)
{
	struct node *node, **at;

	pthread_mutex_lock(&table->mutex);
	node = find_by_id(table, id);
	if (node) {
		node->lookups -= count < node->lookups ? count : node->lookups;
		if (!node->lookups) {
			unlink_by_ino(table, node);
			at = &table->by_id[bucket_of(table, id)];
			while (*at != node)
				at = &(*at)->next_by_id;
			*at = node->next_by_id;
			table->count--;
			free(node);
		}
	}
	pthread_mutex_unlock(&table->mutex);
}

int node_arm(struct node_table *table, uint64_t ino, uint32_t uid, pid_t tid)
{
	struct armed *slot;

	pthread_mutex_lock(&table->mutex);
	disarm(table, tid, ino);
	slot = &table->armed[table->next_armed++ % ARMED_MAX];
	if (!slot->tid)
		table->armed_count++;
	*slot = (struct armed){.tid = tid, .uid = uid, .ino = ino};
	pthread_mutex_unlock(&table->mutex);
	return 0;
}

void node_opened(struct node_table *table, uint64_t id, pid_t tid)
{
	struct node *node;

	pthread_mutex_lock(&table->mutex);
	node = find_by_id(table, id);
	if (node) {
		disarm(table, tid, node->info.ino);
		make_current(table, node);
		node->handles++;
		node->idle_since_ns = 0;
	}
	pthread_mutex_unlock(&table->mutex);
}

void node_idle(struct node_table *table, uint64_t id, int64_t now_ns)
{
	struct node *node;

	pthread_mutex_lock(&table->mutex);
	node = find_by_id(table, id);
	if (node && node->handles && !--node->handles)
		node->idle_since_ns = now_ns;
	pthread_mutex_unlock(&table->mutex);
}

size_t node_take_idle(struct node_table *table, int64_t before_ns, uint64_t *ret_ids, size_t max)
{
	size_t count = 0;

	pthread_mutex_lock(&table->mutex);
	for (size_t i = 0; i < table->buckets && count < max; i++) {
		for (struct node *node = table->by_id[i]; node && count < max;
			node = node->next_by_id) {
			if (!node->idle_since_ns || node->idle_since_ns >= before_ns)
				continue;
			node->idle_since_ns = 0;
			ret_ids[count++] = node->info.id;
		}
	}
	pthread_mutex_unlock(&table->mutex);
	return count;
}

size_t node_of_file(struct node_table *table, uint64_t ino, uint64_t *ret_ids, size_t max)
{
	size_t count = 0;

	pthread_mutex_lock(&table->mutex);
	for (struct node *node = table->by_ino[bucket_of(table, ino)]; node && count < max;
		node = node->next_by_ino) {
		if (node->info.ino == ino)
			ret_ids[count++] = node->info.id;
	}
	pthread_mutex_unlock(&table->mutex);
	return count;
}

uint64_t node_of_directory(struct node_table *table, uint64_t ino)
{
	uint64_t id = 0;

	return node_of_file(table, ino, &id, 1) ? id : 0;
}

int node_shared_inodes(struct node_table *table, uint64_t **ret_inos, size_t *ret_count)
{
	uint64_t *inos;
	size_t count = 0;

	pthread_mutex_lock(&table->mutex);
	inos = calloc(table->count, sizeof(*inos));
	for (size_t i = 0; inos && i < table->buckets; i++)
		for (const struct node *node = table->by_id[i]; node; node = node->next_by_id)
			if (node->info.uid == NODE_ANY_USER)
				inos[count++] = node->info.ino;
	pthread_mutex_unlock(&table->mutex);
	if (!inos)
		return -ENOMEM;
	*ret_inos = inos;
	*ret_count = count;
	return 0;
}

int node_ids(struct node_table *table, uint64_t **ret_ids, size_t *ret_count)
{
	uint64_t *ids;
	size_t count = 0;

	pthread_mutex_lock(&table->mutex);
	ids = calloc(table->count, sizeof(*ids));
	for (size_t i = 0; ids && i < table->buckets; i++)
		for (const struct node *node = table->by_id[i]; node; node = node->next_by_id)
			ids[count++] = node->info.id;
	pthread_mutex_unlock(&table->mutex);
	if (!ids)
		return -ENOMEM;
	*ret_ids = ids;
	*ret_count = count;
	return 0;
}

void node_mark_moved(struct node_table *table, uint64_t ino, int64_t until_ns)
{
	const uint32_t anybody = NODE_ANY_USER;
	struct node *node;

	pthread_mutex_lock(&table->mutex);
	node = find_by_ino(table, ino, &anybody);
	if (node)
		node->moved_until_ns = until_ns;
	pthread_mutex_unlock(&table->mutex);
}

void node_mark_shared_moved(struct node_table *table, int64_t until_ns)
{
	pthread_mutex_lock(&table->mutex);
	for (size_t i = 0; i < table->buckets; i++)
		for (struct node *node = table->by_id[i]; node; node = node->next_by_id)
			if (node->info.uid == NODE_ANY_USER && node->info.ino != ROOT_INO)
				node->moved_until_ns = until_ns;
	pthread_mutex_unlock(&table->mutex);
}
