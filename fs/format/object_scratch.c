/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_scratch.c - room for one read. It is sized for the worst chunk size; pages that are never
 * touched cost address space only.
 */
#include "fs/format/object_scratch.h"

#include <errno.h>
#include <sys/mman.h>

#define MAX_READ    (64U << 20) /* parts stay below IOV_MAX */
#define CHUNK_MAX   (1U << CHUNK_LOG2_MAX)
#define SMALL_GROUP ((size_t)GROUP_CHUNKS << CHUNK_LOG2_MIN)

int object_scratch_new(size_t max_len, struct object_scratch **ret_scratch)
{
	scope_free struct object_scratch *scratch = NULL;
	scope_free struct iovec *parts = NULL;
	size_t tag_pages;

	if (max_len == 0 || max_len > MAX_READ)
		return -EINVAL;
	scratch = calloc(1, sizeof(*scratch));
	if (!scratch)
		return -ENOMEM;
	/* A read begins and ends anywhere: at most a chunk more on either side. */
	scratch->max_len = max_len;
	scratch->data_size = (max_len + PAGE_BYTES - 1) / PAGE_BYTES * PAGE_BYTES + 2 * CHUNK_MAX;
	tag_pages = max_len / SMALL_GROUP + 2;
	parts = calloc(2 * tag_pages, sizeof(*parts));
	if (!parts)
		return -ENOMEM;
	scratch->mapped = scratch->data_size + (tag_pages + 1) * PAGE_BYTES;
	scratch->data = mmap(
		NULL, scratch->mapped, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (scratch->data == MAP_FAILED)
		return -ENOMEM;
	if (madvise(scratch->data, scratch->mapped, MADV_DONTDUMP) < 0) {
		munmap(scratch->data, scratch->mapped);
		return -ENOMEM;
	}
	scratch->tag_pages = scratch->data + scratch->data_size;
	scratch->tag_page_count = tag_pages;
	scratch->seal_page = scratch->tag_pages + tag_pages * PAGE_BYTES;
	scratch->parts = take(&parts);
	*ret_scratch = take(&scratch);
	return 0;
}

struct object_scratch *object_scratch_free(struct object_scratch *scratch)
{
	if (!scratch)
		return NULL;
	object_scratch_wipe(scratch);
	munmap(scratch->data, scratch->mapped);
	free(scratch->parts);
	free(scratch);
	return NULL;
}

void object_scratch_wipe(struct object_scratch *scratch)
{
	secret_wipe(scratch->data, scratch->used);
	scratch->used = 0;
}
