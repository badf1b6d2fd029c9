/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_seal.h - the tree of hashes that ties every tag page to the root: pure functions over
 * bytes that somebody else reads and writes.
 *
 *   leaf       = SHA-256("mv1 tags", file id, group u64, tag page)         one a group
 *   seal page  = 128 leaves, zeros after the last
 *   seal index = SHA-256(seal page) of each seal page
 *   root       = HMAC-SHA-256(root key, "modelvault/1/root", vault id, file id, size u64,
 *                generation u32, SHA-256(seal index))
 */
#ifndef FS_FORMAT_OBJECT_SEAL_H
#define FS_FORMAT_OBJECT_SEAL_H

#include "fs/format/object.h"

/* All of these: 0, or -EIO when OpenSSL fails. */
int object_seal_leaf(const struct object_identity *identity, uint64_t group,
	const uint8_t tag_page[PAGE_BYTES], uint8_t ret_leaf[DIGEST_SIZE]);
/* The digest of a seal page for the index. */
int object_seal_page_digest(const uint8_t seal_page[PAGE_BYTES], uint8_t ret_digest[DIGEST_SIZE]);
int object_seal_root(const struct object_identity *identity, const struct secret *root_key,
	uint64_t size, uint32_t generation, const uint8_t *index, size_t index_size,
	uint8_t ret_root[DIGEST_SIZE]);

/* The checks of one page: 0, -EBADMSG (not what was sealed), -EIO. */
int object_seal_check_index(const struct object_identity *identity, const struct secret *root_key,
	const struct object_version *version, const uint8_t *index, size_t index_size);
/* Its digest is the index's, and what follows the last leaf is zero. */
int object_seal_check_page(const struct geometry *geometry, uint64_t number,
	const uint8_t seal_page[PAGE_BYTES], const uint8_t digest[DIGEST_SIZE]);
/*
 * Its leaf fits, entries beyond the group's chunks are zero, no entry is of a later generation
 * than the object.
 */
int object_seal_check_tag_page(const struct object_identity *identity,
	const struct geometry *geometry, uint32_t generation, uint64_t group,
	const uint8_t tag_page[PAGE_BYTES], const uint8_t leaf[DIGEST_SIZE]);

#endif
