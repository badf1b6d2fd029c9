/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_writer.c - encrypts a stream chunk by chunk. Full chunks go from the caller's memory
 * straight into a buffer of 1 MiB that is written when it is full or its group ends; a group's tag
 * page follows, when all its entries are known. The header comes last: until then the object has
 * no magic.
 */
#include "fs/format/object_writer.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "fs/format/chunk.h"
#include "fs/format/header.h"
#include "fs/format/object_seal.h"
#include "keystore/base/file.h"

#define BUFFER_SIZE (1U << 20)
static_assert(BUFFER_SIZE >= 1U << CHUNK_LOG2_MAX, "the buffer holds a whole chunk");

struct object_writer {
	int fd;
	struct object_identity identity;
	uint32_t generation;
	uint32_t chunk; /* bytes of a full chunk */
	struct object_keys keys;
	struct aead *aead;
	uint64_t chunks;  /* sealed so far */
	uint64_t written; /* of these, already written to fd */
	size_t pending;	  /* plaintext of the chunk that is not full yet */
	uint8_t *
		buffer; /* ciphertext of chunks [written, chunks), then `pending` plaintext bytes */
	uint8_t *leaves; /* one a group; as they stand, zero-padded, they are the seal pages */
	uint64_t leaf_capacity; /* a multiple of GROUP_CHUNKS */
	uint8_t tag_page[PAGE_BYTES];
};

int object_writer_new(int fd, const struct object_identity *identity, const struct secret *dek,
	uint32_t generation, struct object_writer **ret_writer)
{
	scope(object_writer_free) struct object_writer *writer = NULL;
	int r;

	if (identity->chunk_log2 < CHUNK_LOG2_MIN || identity->chunk_log2 > CHUNK_LOG2_MAX)
		return -EINVAL;
	writer = calloc(1, sizeof(*writer));
	if (!writer)
		return -ENOMEM;
	writer->fd = fd;
	writer->identity = *identity;
	writer->generation = generation;
	writer->chunk = 1U << identity->chunk_log2;
	writer->buffer = malloc(BUFFER_SIZE);
	if (!writer->buffer)
		return -ENOMEM;
	r = object_keys_derive(identity, dek, &writer->keys);
	if (r < 0)
		return r;
	r = aead_new(identity->suite, writer->keys.chunk, &writer->aead);
	if (r < 0)
		return r;
	*ret_writer = take(&writer);
	return 0;
}

struct object_writer *object_writer_free(struct object_writer *writer)
{
	if (!writer)
		return NULL;
	if (writer->buffer)
		secret_wipe(writer->buffer, BUFFER_SIZE);
	free(writer->buffer);
	free(writer->leaves);
	aead_free(writer->aead);
	object_keys_done(&writer->keys);
	free(writer);
	return NULL;
}

static uint8_t *chunk_in_buffer(struct object_writer *writer)
{
	return writer->buffer + (size_t)(writer->chunks - writer->written) * writer->chunk;
}

static int reserve_leaf(struct object_writer *writer, uint64_t group)
{
	uint64_t capacity = writer->leaf_capacity ? 2 * writer->leaf_capacity : GROUP_CHUNKS;
	uint8_t *leaves;

	if (group < writer->leaf_capacity)
		return 0;
	leaves = realloc(writer->leaves, capacity * DIGEST_SIZE);
	if (!leaves)
		return -ENOMEM;
	memset(leaves + writer->leaf_capacity * DIGEST_SIZE, 0,
		(capacity - writer->leaf_capacity) * DIGEST_SIZE);
	writer->leaves = leaves;
	writer->leaf_capacity = capacity;
	return 0;
}

/* Writes the chunks in the buffer; len is their bytes, the last one's padding included. */
static int flush_chunks(struct object_writer *writer, size_t len)
{
	uint64_t offset;
	int r;

	offset = PAGE_BYTES + (writer->written / GROUP_CHUNKS + 1) * PAGE_BYTES +
		 (writer->written << writer->identity.chunk_log2);
	r = file_write_at(writer->fd, writer->buffer, len, offset);
	if (r < 0)
		return r;
	writer->written = writer->chunks;
	return 0;
}

/* Writes the tag page of the group that holds the last chunk, and keeps its leaf. */
static int end_group(struct object_writer *writer)
{
	uint64_t group = (writer->chunks - 1) / GROUP_CHUNKS;
	uint64_t offset =
		PAGE_BYTES + group * (PAGE_BYTES + (uint64_t)GROUP_CHUNKS * writer->chunk);
	int r;

	r = reserve_leaf(writer, group);
	if (r < 0)
		return r;
	r = object_seal_leaf(
		&writer->identity, group, writer->tag_page, writer->leaves + group * DIGEST_SIZE);
	if (r < 0)
		return r;
	r = file_write_at(writer->fd, writer->tag_page, PAGE_BYTES, offset);
	if (r < 0)
		return r;
	memset(writer->tag_page, 0, PAGE_BYTES);
	return 0;
}

/* Seals len bytes as the next chunk into the buffer; plain may be where it goes. */
static int add_chunk(struct object_writer *writer, const void *plain, size_t len)
{
	size_t slot = writer->chunks % GROUP_CHUNKS;
	int r;

	r = chunk_seal(writer->aead, &writer->identity, writer->chunks, writer->generation, plain,
		len, chunk_in_buffer(writer), writer->tag_page + slot * TAG_ENTRY_SIZE);
	if (r < 0)
		return r;
	writer->chunks++;
	return 0;
}

static int add_full_chunk(struct object_writer *writer, const void *plain)
{
	bool group_ends;
	size_t used;
	int r;

	r = add_chunk(writer, plain, writer->chunk);
	if (r < 0)
		return r;
	group_ends = writer->chunks % GROUP_CHUNKS == 0;
	used = (size_t)(writer->chunks - writer->written) * writer->chunk;
	if (used == BUFFER_SIZE || group_ends) {
		r = flush_chunks(writer, used);
		if (r < 0)
			return r;
	}
	return group_ends ? end_group(writer) : 0;
}

int object_writer_add(struct object_writer *writer, const void *bytes, size_t len)
{
	uint64_t so_far = (writer->chunks << writer->identity.chunk_log2) + writer->pending;
	const uint8_t *from = bytes;
	int r;

	if (len > (uint64_t)LIMIT_FILE_SIZE - so_far)
		return -EFBIG;
	while (len > 0) {
		size_t part = writer->chunk - writer->pending;

		if (writer->pending == 0 && len >= writer->chunk) {
			r = add_full_chunk(writer, from);
		} else {
			part = len < part ? len : part;
			memcpy(chunk_in_buffer(writer) + writer->pending, from, part);
			writer->pending += part;
			r = 0;
			if (writer->pending == writer->chunk) {
				writer->pending = 0;
				r = add_full_chunk(writer, chunk_in_buffer(writer));
			}
		}
		if (r < 0)
			return r;
		from += part;
		len -= part;
	}
	return 0;
}

/* The last chunk, padded, and the tag page of the group that it leaves open. */
static int end_data(struct object_writer *writer)
{
	uint8_t *last = chunk_in_buffer(writer);
	size_t padded = (writer->pending + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
	int r;

	if (writer->pending > 0) {
		r = add_chunk(writer, last, writer->pending);
		if (r < 0)
			return r;
		memset(last + writer->pending, 0, padded - writer->pending);
	}
	if (writer->chunks > writer->written) {
		r = flush_chunks(writer, (size_t)(last - writer->buffer) + padded);
		if (r < 0)
			return r;
	}
	/* A full group was ended by its last chunk, unless this is the chunk just added. */
	if (writer->chunks % GROUP_CHUNKS != 0 || writer->pending > 0)
		return end_group(writer);
	return 0;
}

/* Seal pages and index; the index is wanted for the root. */
static int write_seal(
	struct object_writer *writer, const struct geometry *geometry, const uint8_t *index)
{
	int r;

	r = file_write_at(
		writer->fd, writer->leaves, geometry->seal_pages * PAGE_BYTES, geometry->data_end);
	if (r < 0)
		return r;
	return file_write_at(
		writer->fd, index, geometry_index_size(geometry), geometry->index_offset);
}

static int make_index(
	struct object_writer *writer, const struct geometry *geometry, uint8_t **ret_index)
{
	scope_free uint8_t *index = NULL;
	int r;

	index = calloc(geometry->seal_pages + 1, DIGEST_SIZE);
	if (!index)
		return -ENOMEM;
	for (uint64_t i = 0; i < geometry->seal_pages; i++) {
		r = object_seal_page_digest(
			writer->leaves + i * PAGE_BYTES, index + i * DIGEST_SIZE);
		if (r < 0)
			return r;
	}
	*ret_index = take(&index);
	return 0;
}

int object_writer_finish(struct object_writer *writer, struct object_version *ret_version)
{
	struct object_version version = {.generation = writer->generation};
	uint8_t page[HEADER_SIZE];
	scope_free uint8_t *index = NULL;
	struct geometry geometry;
	int r;

	version.size = (writer->chunks << writer->identity.chunk_log2) + writer->pending;
	r = geometry_init(version.size, writer->identity.chunk_log2, &geometry);
	if (r < 0)
		return r;
	r = end_data(writer);
	if (r < 0)
		return r;
	r = make_index(writer, &geometry, &index);
	if (r < 0)
		return r;
	r = write_seal(writer, &geometry, index);
	if (r < 0)
		return r;
	r = object_seal_root(&writer->identity, writer->keys.root, version.size, version.generation,
		index, geometry_index_size(&geometry), version.root);
	if (r < 0)
		return r;
	r = header_pack(&writer->identity, &version, writer->keys.header, page);
	if (r < 0)
		return r;
	r = file_write_at(writer->fd, page, sizeof(page), 0);
	if (r < 0)
		return r;
	*ret_version = version;
	return 0;
}
