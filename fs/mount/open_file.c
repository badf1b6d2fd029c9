/* SPDX-License-Identifier: Apache-2.0 */
/* open_file.c - a hash table by file id. Objects are opened outside the lock; of two that raced,
 * one is kept. */
#include "fs/mount/open_file.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "keystore/base/bytes.h"

#define BUCKETS 4096

struct open_file {
	uint8_t file_id[ID_SIZE];
	struct object_reader *reader;
	unsigned references; /* guarded by the table's mutex */
	struct open_file *next;
};

struct open_file_table {
	struct backend backend;
	pthread_mutex_t mutex; /* guards the chains and reference counts; a leaf lock */
	struct open_file *buckets[BUCKETS];
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

/* With the mutex held: the open file of this id with one more reference, or NULL. */
static struct open_file *find(struct open_file_table *table, const uint8_t *file_id)
{
	struct open_file *file = *bucket_of(table, file_id);

	while (file && memcmp(file->file_id, file_id, ID_SIZE) != 0)
		file = file->next;
	if (file)
		file->references++;
	return file;
}

static int open_reader(const struct backend *backend, const struct entry_info *info,
	struct object_reader **ret_reader, struct damage_report *ret_report)
{
	struct object_identity identity = {
		.suite = (enum aead_suite)info->suite,
		.chunk_log2 = info->chunk_log2,
	};
	struct object_version version = {.size = info->size, .generation = info->generation};
	scope(secret_free) struct secret *dek = NULL;
	scope_fd int fd = -1;
	bool direct;
	int r;

	memcpy(identity.vault_id, keystore_vault_id(backend->keystore), ID_SIZE);
	memcpy(identity.file_id, info->file_id, ID_SIZE);
	memcpy(version.root, info->root, DIGEST_SIZE);
	r = keystore_file_key(backend->keystore, info->ino, &dek);
	if (r < 0)
		return r;
	fd = object_store_open_object(backend->objects, info->file_id, true, &direct);
	if (fd < 0) {
		bool missing = fd == -ENOENT || fd == -EUCLEAN || fd == -ELOOP || fd == -EXDEV;

		if (fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
			return fd;
		*ret_report = (struct damage_report){
			.cause = missing ? DAMAGE_MISSING : DAMAGE_IO, .chunk = DAMAGE_NO_CHUNK};
		return missing ? -EBADMSG : -EIO;
	}
	r = object_reader_new(fd, &identity, dek, &version, ret_reader, ret_report);
	if (r == 0)
		fd = -1;
	return r;
}

int open_file_get(struct open_file_table *table, const struct entry_info *info,
	struct open_file **ret_file, struct damage_report *ret_report)
{
	struct open_file *file, *made;
	int r;

	*ret_report = (struct damage_report){.cause = DAMAGE_NONE, .chunk = DAMAGE_NO_CHUNK};
	pthread_mutex_lock(&table->mutex);
	file = find(table, info->file_id);
	pthread_mutex_unlock(&table->mutex);
	if (file) {
		*ret_file = file;
		return 0;
	}
	made = calloc(1, sizeof(*made));
	if (!made)
		return -ENOMEM;
	memcpy(made->file_id, info->file_id, ID_SIZE);
	made->references = 1;
	r = open_reader(&table->backend, info, &made->reader, ret_report);
	if (r < 0) {
		free(made);
		return r;
	}
	pthread_mutex_lock(&table->mutex);
	file = find(table, info->file_id);
	if (!file) {
		struct open_file **head = bucket_of(table, info->file_id);

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
	struct open_file **at;
	bool last;

	if (!file)
		return;
	pthread_mutex_lock(&table->mutex);
	last = --file->references == 0;
	if (last) {
		at = bucket_of(table, file->file_id);
		while (*at != file)
			at = &(*at)->next;
		*at = file->next;
	}
	pthread_mutex_unlock(&table->mutex);
	if (last)
		file_free(file);
}

struct object_reader *open_file_reader(const struct open_file *file)
{
	return file->reader;
}
