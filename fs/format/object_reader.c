/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_reader.c - reads, checks and decrypts ranges of a rooted object.
 *
 * A read is one preadv: chunks go to scratch->data, contiguous, tag pages between them to
 * scratch->tag_pages; then each chunk is decrypted in place. Tag pages are believed after
 *   root (catalogue) -> seal index (checked at open) -> seal page -> leaf -> tag page
 * and a chunk after its tag. Nothing is allocated once caches and contexts are warm.
 */
#include "fs/format/object_reader.h"

#include <assert.h>
#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/format/chunk.h"
#include "fs/format/header.h"
#include "fs/format/object_file.h"
#include "fs/format/object_scratch.h"
#include "fs/format/object_seal.h"
#include "fs/format/page_cache.h"

#define TAG_PAGES_KEPT	512 /* 2 MiB, 1 GiB of plaintext at the default chunk size */
#define SEAL_PAGES_KEPT 4

/* One cipher context; a thread that decrypts has one to itself. */
struct context {
	struct context *next;
	struct aead *aead;
};

struct object_reader {
	struct object_file file;
	struct object_identity identity;
	struct object_version version;
	struct geometry geometry;
	struct object_keys keys;
	uint8_t *index; /* the seal index, checked */
	struct page_cache tag_pages;
	struct page_cache seal_pages;
	pthread_mutex_t contexts_lock; /* guards contexts; a leaf lock */
	struct context *contexts;      /* those not in use, last used first */
	struct stat opened;	       /* of the object, before the first byte of it was read */
};

/* One read: chunks first..last, and whether caches may answer. */
struct range {
	uint64_t first;
	uint64_t last;
	bool fresh; /* everything from the backing file */
};

static int context_get(struct object_reader *reader, struct context **ret_context)
{
	struct context *context;
	int r;

	pthread_mutex_lock(&reader->contexts_lock);
	context = reader->contexts;
	if (context)
		reader->contexts = context->next;
	pthread_mutex_unlock(&reader->contexts_lock);
	if (!context) {
		context = calloc(1, sizeof(*context));
		if (!context)
			return -ENOMEM;
		r = aead_new(reader->identity.suite, reader->keys.chunk, &context->aead);
		if (r < 0) {
			free(context);
			return r;
		}
	}
	*ret_context = context;
	return 0;
}

static void context_put(struct object_reader *reader, struct context *context)
{
	pthread_mutex_lock(&reader->contexts_lock);
	context->next = reader->contexts;
	reader->contexts = context;
	pthread_mutex_unlock(&reader->contexts_lock);
}

/* Header, exact length: in this order, so that an older whole object pasted back says so. */
static int check_header_and_size(struct object_reader *reader, struct damage_report *ret_report)
{
	scope_free uint8_t *page = aligned_alloc(PAGE_BYTES, HEADER_SIZE);
	int r;

	if (!page)
		return -ENOMEM;
	r = object_file_read_kept(&reader->file, page, HEADER_SIZE, 0, ret_report);
	if (r < 0)
		return r;
	r = header_check(
		page, &reader->identity, reader->keys.header, &reader->version, ret_report);
	if (r < 0)
		return r;
	return object_file_check_size(&reader->file, ret_report);
}

/* Reads the seal index and checks it against the root. The caller frees it. */
static int load_index(
	struct object_reader *reader, uint8_t **ret_index, struct damage_report *ret_report)
{
	size_t size = geometry_index_size(&reader->geometry);
	size_t room = (size / PAGE_BYTES + 1) * PAGE_BYTES;
	scope_free uint8_t *index = aligned_alloc(PAGE_BYTES, room);
	int r;

	if (!index)
		return -ENOMEM;
	r = object_file_read_kept(
		&reader->file, index, size, reader->geometry.index_offset, ret_report);
	if (r < 0)
		return r;
	r = object_seal_check_index(
		&reader->identity, reader->keys.root, &reader->version, index, size);
	if (r == -EBADMSG)
		return damage_found(ret_report, DAMAGE_SEAL, DAMAGE_NO_CHUNK);
	if (r < 0)
		return r;
	*ret_index = take(&index);
	return 0;
}

/* Keeps only the index's bytes: pages are for reading, and thousands of objects are open. */
static int open_index(struct object_reader *reader, struct damage_report *ret_report)
{
	size_t size = geometry_index_size(&reader->geometry);
	scope_free uint8_t *index = NULL;
	int r;

	r = load_index(reader, &index, ret_report);
	if (r < 0)
		return r;
	reader->index = malloc(size + 1);
	if (!reader->index)
		return -ENOMEM;
	memcpy(reader->index, index, size);
	return 0;
}

static int reader_init(struct object_reader *reader, int fd, const struct secret *dek)
{
	int r;

	r = pthread_mutex_init(&reader->contexts_lock, NULL);
	if (r != 0)
		return -r;
	r = geometry_init(reader->version.size, reader->identity.chunk_log2, &reader->geometry);
	if (r < 0)
		return r;
	r = object_file_init(&reader->file, fd, reader->geometry.object_size);
	if (r < 0)
		return r;
	r = page_cache_init(&reader->tag_pages, TAG_PAGES_KEPT);
	if (r < 0)
		return r;
	r = page_cache_init(&reader->seal_pages, SEAL_PAGES_KEPT);
	if (r < 0)
		return r;
	return object_keys_derive(&reader->identity, dek, &reader->keys);
}

void object_reader_wipe_keys(struct object_reader *reader)
{
	while (reader->contexts) {
		struct context *context = reader->contexts;

		reader->contexts = context->next;
		aead_free(context->aead);
		free(context);
	}
	object_keys_done(&reader->keys);
}

/* All but the descriptor. Header and index stay in the kernel's cache: they are what opens read. */
static void reader_done(struct object_reader *reader)
{
	object_reader_wipe_keys(reader);
	page_cache_done(&reader->tag_pages);
	page_cache_done(&reader->seal_pages);
	object_file_done(&reader->file, HEADER_SIZE, reader->geometry.index_offset);
	pthread_mutex_destroy(&reader->contexts_lock);
	free(reader->index);
	free(reader);
}

/* An OpenSSL that fails is an I/O failure to whoever asked for the bytes. */
static int with_cause(int r, struct damage_report *ret_report)
{
	if (r == -EIO && ret_report->cause == DAMAGE_NONE)
		return damage_found(ret_report, DAMAGE_IO, DAMAGE_NO_CHUNK);
	return r;
}

int object_reader_new(int fd, const struct object_identity *identity, const struct secret *dek,
	const struct object_version *version, struct object_reader **ret_reader,
	struct damage_report *ret_report)
{
	struct object_reader *reader = calloc(1, sizeof(*reader));
	int r;

	*ret_report = (struct damage_report){DAMAGE_NONE, DAMAGE_NO_CHUNK};
	if (!reader)
		return -ENOMEM;
	reader->identity = *identity;
	reader->version = *version;
	r = reader_init(reader, fd, dek);
	if (r == 0 && fstat(fd, &reader->opened) < 0)
		r = -EIO;
	if (r == 0)
		r = check_header_and_size(reader, ret_report);
	if (r == 0)
		r = open_index(reader, ret_report);
	if (r < 0) {
		reader_done(reader);
		return with_cause(r, ret_report);
	}
	*ret_reader = reader;
	return 0;
}

struct object_reader *object_reader_free(struct object_reader *reader)
{
	int fd;

	if (!reader)
		return NULL;
	fd = reader->file.fd;
	reader_done(reader);
	close(fd);
	return NULL;
}

uint64_t object_reader_size(const struct object_reader *reader)
{
	return reader->version.size;
}

bool object_reader_is_fresh(const struct object_reader *reader)
{
	const struct stat *then = &reader->opened;
	struct stat now;

	return fstat(reader->file.fd, &now) == 0 && now.st_size == then->st_size &&
	       now.st_nlink == then->st_nlink && now.st_mtim.tv_sec == then->st_mtim.tv_sec &&
	       now.st_mtim.tv_nsec == then->st_mtim.tv_nsec &&
	       now.st_ctim.tv_sec == then->st_ctim.tv_sec &&
	       now.st_ctim.tv_nsec == then->st_ctim.tv_nsec;
}

/* The leaf of a group, from a seal page that the index vouches for. */
static int get_leaf(struct object_reader *reader, uint64_t group, bool fresh, uint8_t *page,
	uint8_t ret_leaf[DIGEST_SIZE], struct damage_report *ret_report)
{
	const struct geometry *geometry = &reader->geometry;
	uint64_t number = group / GROUP_CHUNKS;
	size_t offset = group % GROUP_CHUNKS * DIGEST_SIZE;
	int r;

	if (!fresh && page_cache_get(&reader->seal_pages, number, offset, DIGEST_SIZE, ret_leaf))
		return 0;
	r = object_file_read_pages(&reader->file, page, PAGE_BYTES,
		geometry_seal_page_offset(geometry, number), ret_report);
	if (r < 0)
		return r;
	r = object_seal_check_page(geometry, number, page, reader->index + number * DIGEST_SIZE);
	if (r == -EBADMSG)
		return damage_found(ret_report, DAMAGE_SEAL, group * GROUP_CHUNKS);
	if (r < 0)
		return r;
	page_cache_put(&reader->seal_pages, number, page);
	memcpy(ret_leaf, page + offset, DIGEST_SIZE);
	return 0;
}

static int check_tag_page(struct object_reader *reader, struct object_scratch *scratch,
	uint64_t group, bool fresh, const uint8_t *page, struct damage_report *ret_report)
{
	uint8_t leaf[DIGEST_SIZE];
	int r;

	r = get_leaf(reader, group, fresh, scratch->seal_page, leaf, ret_report);
	if (r < 0)
		return r;
	r = object_seal_check_tag_page(&reader->identity, &reader->geometry,
		reader->version.generation, group, page, leaf);
	if (r == -EBADMSG)
		return damage_found(ret_report, DAMAGE_TAG_PAGE, group * GROUP_CHUNKS);
	if (r < 0)
		return r;
	page_cache_put(&reader->tag_pages, group, page);
	return 0;
}

/* Copies the entries of the range's chunks in this group over `page`, from the cache. */
static bool cached_entries(
	struct object_reader *reader, const struct range *range, uint64_t group, uint8_t *page)
{
	uint64_t start = group * GROUP_CHUNKS;
	size_t from = range->first > start ? (size_t)(range->first - start) : 0;
	size_t to = range->last - start < GROUP_CHUNKS ? (size_t)(range->last - start) + 1
						       : GROUP_CHUNKS;

	return !range->fresh && page_cache_get(&reader->tag_pages, group, from * TAG_ENTRY_SIZE,
					(to - from) * TAG_ENTRY_SIZE, page + from * TAG_ENTRY_SIZE);
}

/* Bytes that the chunks first..last take in the object, without tag pages, padding included. */
static size_t stored_len(const struct geometry *geometry, uint64_t first, uint64_t last)
{
	size_t len = (size_t)(last - first) << geometry->chunk_log2;

	len += geometry_chunk_len(geometry, last);
	return (len + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES;
}

/*
 * One preadv over chunks first..last. with_tag_page: the first group's tag page stands directly
 * before chunk `first` and is read too. Those of later groups always are.
 */
static int read_chunks(struct object_reader *reader, struct object_scratch *scratch,
	const struct range *range, bool with_tag_page, struct damage_report *ret_report)
{
	const struct geometry *geometry = &reader->geometry;
	uint64_t first_group = range->first / GROUP_CHUNKS;
	uint64_t offset = geometry_chunk_offset(geometry, range->first);
	uint8_t *to = scratch->data;
	size_t count = 0, total = 0;

	if (with_tag_page)
		offset -= PAGE_BYTES;
	for (uint64_t chunk = range->first; chunk <= range->last;) {
		uint64_t group = chunk / GROUP_CHUNKS;
		uint64_t end = (group + 1) * GROUP_CHUNKS - 1;
		uint64_t last = end < range->last ? end : range->last;
		size_t len = stored_len(geometry, chunk, last);

		if (group > first_group || with_tag_page) {
			scratch->parts[count++] = (struct iovec){
				scratch->tag_pages + (group - first_group) * PAGE_BYTES,
				PAGE_BYTES};
			total += PAGE_BYTES;
		}
		scratch->parts[count++] = (struct iovec){to, len};
		total += len;
		to += len;
		chunk = last + 1;
	}
	if (scratch->used < (size_t)(to - scratch->data))
		scratch->used = (size_t)(to - scratch->data);
	return object_file_read(&reader->file, scratch->parts, count, total, offset, ret_report);
}

/* Chunks into data, checked tag entries into tag_pages. */
static int load_range(struct object_reader *reader, struct object_scratch *scratch,
	const struct range *range, struct damage_report *ret_report)
{
	uint64_t first_group = range->first / GROUP_CHUNKS;
	uint64_t last_group = range->last / GROUP_CHUNKS;
	bool known = cached_entries(reader, range, first_group, scratch->tag_pages);
	bool adjacent = range->first % GROUP_CHUNKS == 0;
	int r;

	if (!known && !adjacent) {
		/* The disk fetches the chunks while their tag page is read. */
		object_file_announce(&reader->file,
			geometry_chunk_offset(&reader->geometry, range->first),
			stored_len(&reader->geometry, range->first, range->last));
		r = object_file_read_pages(&reader->file, scratch->tag_pages, PAGE_BYTES,
			geometry_tag_page_offset(&reader->geometry, first_group), ret_report);
		if (r < 0)
			return r;
	}
	r = read_chunks(reader, scratch, range, !known && adjacent, ret_report);
	if (r < 0)
		return r;
	for (uint64_t group = first_group; group <= last_group; group++) {
		uint8_t *page = scratch->tag_pages + (group - first_group) * PAGE_BYTES;

		if (group == first_group ? known : cached_entries(reader, range, group, page))
			continue;
		r = check_tag_page(reader, scratch, group, range->fresh, page, ret_report);
		if (r < 0)
			return r;
	}
	return 0;
}

/* The last chunk is followed by zeros up to the page's end. */
static int check_padding(const struct object_reader *reader, const struct object_scratch *scratch,
	const struct range *range, struct damage_report *ret_report)
{
	const struct geometry *geometry = &reader->geometry;
	size_t start = (size_t)(range->last - range->first) << geometry->chunk_log2;
	size_t stored = stored_len(geometry, range->first, range->last);

	if (range->last != geometry->chunks - 1)
		return 0;
	for (size_t i = start + geometry_chunk_len(geometry, range->last); i < stored; i++)
		if (scratch->data[i] != 0)
			return damage_found(ret_report, DAMAGE_CHUNK_TAG, range->last);
	return 0;
}

static int decrypt_chunks(struct object_reader *reader, struct object_scratch *scratch,
	const struct range *range, struct damage_report *ret_report)
{
	const struct geometry *geometry = &reader->geometry;
	uint64_t first_entry = range->first / GROUP_CHUNKS * GROUP_CHUNKS;
	struct context *context;
	int r;

	r = context_get(reader, &context);
	if (r < 0)
		return r;
	for (uint64_t chunk = range->first; chunk <= range->last; chunk++) {
		const uint8_t *entry = scratch->tag_pages + (chunk - first_entry) * TAG_ENTRY_SIZE;
		uint8_t *bytes =
			scratch->data + ((size_t)(chunk - range->first) << geometry->chunk_log2);

		r = chunk_open(context->aead, &reader->identity, chunk, entry, bytes,
			geometry_chunk_len(geometry, chunk));
		if (r == -EBADMSG)
			r = damage_found(ret_report, DAMAGE_CHUNK_TAG, chunk);
		if (r < 0)
			break;
	}
	context_put(reader, context);
	return r;
}

static int read_range(struct object_reader *reader, struct object_scratch *scratch,
	const struct range *range, struct damage_report *ret_report)
{
	int r;

	r = load_range(reader, scratch, range, ret_report);
	if (r == 0)
		r = check_padding(reader, scratch, range, ret_report);
	if (r == 0)
		r = decrypt_chunks(reader, scratch, range, ret_report);
	return with_cause(r, ret_report);
}

ssize_t object_reader_read(struct object_reader *reader, struct object_scratch *scratch,
	uint64_t offset, size_t len, const uint8_t **ret_bytes, struct damage_report *ret_report)
{
	const struct geometry *geometry = &reader->geometry;
	struct range range = {.fresh = false};
	int r;

	*ret_report = (struct damage_report){DAMAGE_NONE, DAMAGE_NO_CHUNK};
	if (len > scratch->max_len)
		return -EINVAL;
	*ret_bytes = scratch->data;
	if (offset >= geometry->size || len == 0)
		return 0;
	if (len > geometry->size - offset)
		len = (size_t)(geometry->size - offset);
	range.first = offset >> geometry->chunk_log2;
	range.last = (offset + len - 1) >> geometry->chunk_log2;
	r = read_range(reader, scratch, &range, ret_report);
	if (r < 0)
		return r;
	*ret_bytes = scratch->data + (offset - (range.first << geometry->chunk_log2));
	return (ssize_t)len;
}

static uint64_t plain_len(const struct geometry *geometry, const struct range *range)
{
	return ((range->last - range->first) << geometry->chunk_log2) +
	       geometry_chunk_len(geometry, range->last);
}

int object_reader_verify(struct object_reader *reader, struct object_scratch *scratch,
	void (*progress)(void *arg, uint64_t bytes), void *arg, struct damage_report *ret_report)
{
	const struct geometry *geometry = &reader->geometry;
	uint64_t step = scratch->max_len >> geometry->chunk_log2;
	scope_free uint8_t *index = NULL;
	int r;

	*ret_report = (struct damage_report){DAMAGE_NONE, DAMAGE_NO_CHUNK};
	r = check_header_and_size(reader, ret_report);
	if (r == 0)
		r = load_index(reader, &index, ret_report);
	if (r < 0)
		return with_cause(r, ret_report);
	step = step ? step : 1;
	for (uint64_t chunk = 0; chunk < geometry->chunks; chunk += step) {
		struct range range = {.first = chunk, .last = chunk + step - 1, .fresh = true};

		if (range.last >= geometry->chunks)
			range.last = geometry->chunks - 1;
		r = read_range(reader, scratch, &range, ret_report);
		object_scratch_wipe(scratch);
		if (r < 0)
			return r;
		if (progress)
			progress(arg, plain_len(geometry, &range));
	}
	return 0;
}
