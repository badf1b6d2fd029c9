/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_writer.h - streams plaintext into a new object: chunk by chunk, tag pages, seal, header.
 * Each chunk gets a fresh random nonce. One thread at a time; several writers in parallel.
 */
#ifndef FS_FORMAT_OBJECT_WRITER_H
#define FS_FORMAT_OBJECT_WRITER_H

#include "fs/format/object.h"

struct object_writer;

/* Writes to fd (an empty file, position not used; stays the caller's). generation is that of the
 * session. */
int object_writer_new(int fd, const struct object_identity *identity, const struct secret *dek,
	uint32_t generation, struct object_writer **ret_writer);
struct object_writer *object_writer_free(struct object_writer *writer);
/* Appends plaintext. After an error only object_writer_free may follow. */
int object_writer_add(struct object_writer *writer, const void *bytes, size_t len);
/* Writes what is left: last chunk, seal pages, index, header. Does not fsync. */
int object_writer_finish(struct object_writer *writer, struct object_version *ret_version);

SCOPE_FUNCTION(struct object_writer *, object_writer_free);

#endif
