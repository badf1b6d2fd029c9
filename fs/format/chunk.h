/* SPDX-License-Identifier: Apache-2.0 */
/*
 * chunk.h - one chunk: its associated data, its entry in the tag page, sealing and opening.
 *
 *   tag entry: OFFSET  SIZE  MEANING
 *                   0    12  nonce, random
 *                  12    16  tag
 *                  28     4  generation of the session that wrote the chunk
 *
 *   associated data (47 bytes): "mv1", vault id, file id, chunk index u64, generation u32
 */
#ifndef FS_FORMAT_CHUNK_H
#define FS_FORMAT_CHUNK_H

#include "fs/format/object.h"

/* Encrypts len bytes of plain under a fresh nonce; cipher may be plain. */
int chunk_seal(struct aead *aead, const struct object_identity *identity, uint64_t index,
	uint32_t generation, const void *plain, size_t len, void *cipher,
	uint8_t ret_entry[TAG_ENTRY_SIZE]);
/* Decrypts in place. -EBADMSG: the bytes are then zeros. */
int chunk_open(struct aead *aead, const struct object_identity *identity, uint64_t index,
	const uint8_t entry[TAG_ENTRY_SIZE], void *bytes, size_t len);
uint32_t chunk_entry_generation(const uint8_t entry[TAG_ENTRY_SIZE]);

#endif
