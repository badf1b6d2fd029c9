/* SPDX-License-Identifier: Apache-2.0 */
/*
 * geometry.h - where everything of an object stands: pure arithmetic over the plaintext size and
 * the chunk size (contrib/docs/format.md has the table and worked sizes).
 *
 *   [ header page ][ group 0 ] ... [ group g-1 ] (data padded to 4 KiB) [ seal pages ][ seal index
 * ] group = [ tag page: 128 entries of 32 bytes ][ up to 128 chunks ]
 */
#ifndef FS_FORMAT_GEOMETRY_H
#define FS_FORMAT_GEOMETRY_H

#include "keystore/base/limits.h"

#include <stdbool.h>
#include <stdint.h>

#define GROUP_CHUNKS	   128 /* chunks in a group, entries in a tag page, leaves in a seal page */
#define TAG_ENTRY_SIZE	   32
#define CHUNK_LOG2_MIN	   12
#define CHUNK_LOG2_MAX	   20
#define CHUNK_LOG2_DEFAULT 14

struct geometry {
	uint64_t size; /* plaintext bytes */
	uint32_t chunk_log2;
	uint32_t chunk;	       /* bytes: 1 << chunk_log2 */
	uint64_t chunks;       /* ceil(size / chunk) */
	uint64_t groups;       /* ceil(chunks / 128) */
	uint64_t seal_pages;   /* ceil(groups / 128) */
	uint64_t data_end;     /* end of the last chunk's padding = offset of the first seal page */
	uint64_t index_offset; /* of the seal index */
	uint64_t object_size;  /* exact length of a rooted object */
};

/* -EINVAL: chunk_log2 out of bounds or size beyond LIMIT_FILE_SIZE. */
int geometry_init(uint64_t size, uint32_t chunk_log2, struct geometry *ret_geometry);

uint64_t geometry_tag_page_offset(const struct geometry *geometry, uint64_t group);
uint64_t geometry_chunk_offset(const struct geometry *geometry, uint64_t chunk);
/* Plaintext bytes in this chunk: all but the last are full. */
uint32_t geometry_chunk_len(const struct geometry *geometry, uint64_t chunk);
/* Chunks in this group: all but the last have 128. */
uint32_t geometry_group_chunks(const struct geometry *geometry, uint64_t group);
uint64_t geometry_seal_page_offset(const struct geometry *geometry, uint64_t seal_page);
/* Leaves in this seal page: groups that it covers. */
uint32_t geometry_seal_page_leaves(const struct geometry *geometry, uint64_t seal_page);
/* Bytes of the seal index: 32 a seal page. */
uint64_t geometry_index_size(const struct geometry *geometry);

#endif
