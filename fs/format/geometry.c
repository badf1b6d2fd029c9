/* SPDX-License-Identifier: Apache-2.0 */
/* geometry.c - the arithmetic of an object. LIMIT_FILE_SIZE keeps every sum below 2^52. */
#include "fs/format/geometry.h"

#include <errno.h>

static uint64_t divide_up(uint64_t value, uint64_t by)
{
	return value / by + (value % by != 0);
}

int geometry_init(uint64_t size, uint32_t chunk_log2, struct geometry *ret_geometry)
{
	struct geometry geometry = {.size = size, .chunk_log2 = chunk_log2};

	if (chunk_log2 < CHUNK_LOG2_MIN || chunk_log2 > CHUNK_LOG2_MAX)
		return -EINVAL;
	if (size > (uint64_t)LIMIT_FILE_SIZE)
		return -EINVAL;
	geometry.chunk = 1U << chunk_log2;
	geometry.chunks = divide_up(size, geometry.chunk);
	geometry.groups = divide_up(geometry.chunks, GROUP_CHUNKS);
	geometry.seal_pages = divide_up(geometry.groups, GROUP_CHUNKS);
	geometry.data_end = PAGE_BYTES + geometry.groups * PAGE_BYTES +
			    divide_up(size, PAGE_BYTES) * PAGE_BYTES;
	geometry.index_offset = geometry.data_end + geometry.seal_pages * PAGE_BYTES;
	geometry.object_size = geometry.index_offset + geometry.seal_pages * DIGEST_SIZE;
	*ret_geometry = geometry;
	return 0;
}

uint64_t geometry_tag_page_offset(const struct geometry *geometry, uint64_t group)
{
	return PAGE_BYTES + group * (PAGE_BYTES + ((uint64_t)GROUP_CHUNKS << geometry->chunk_log2));
}

uint64_t geometry_chunk_offset(const struct geometry *geometry, uint64_t chunk)
{
	uint64_t group = chunk / GROUP_CHUNKS;

	return PAGE_BYTES + (group + 1) * PAGE_BYTES + (chunk << geometry->chunk_log2);
}

uint32_t geometry_chunk_len(const struct geometry *geometry, uint64_t chunk)
{
	uint64_t start = chunk << geometry->chunk_log2;

	if (chunk >= geometry->chunks)
		return 0;
	if (geometry->size - start < geometry->chunk)
		return (uint32_t)(geometry->size - start);
	return geometry->chunk;
}

/* How many of `count` things fall on page `page` of 128 each. */
static uint32_t share_of_page(uint64_t count, uint64_t page)
{
	uint64_t before = page * GROUP_CHUNKS;

	if (before >= count)
		return 0;
	return count - before < GROUP_CHUNKS ? (uint32_t)(count - before) : GROUP_CHUNKS;
}

uint32_t geometry_group_chunks(const struct geometry *geometry, uint64_t group)
{
	return share_of_page(geometry->chunks, group);
}

uint64_t geometry_seal_page_offset(const struct geometry *geometry, uint64_t seal_page)
{
	return geometry->data_end + seal_page * PAGE_BYTES;
}

uint32_t geometry_seal_page_leaves(const struct geometry *geometry, uint64_t seal_page)
{
	return share_of_page(geometry->groups, seal_page);
}

uint64_t geometry_index_size(const struct geometry *geometry)
{
	return geometry->seal_pages * DIGEST_SIZE;
}
