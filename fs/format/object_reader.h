/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_reader.h - the plaintext of a rooted object, any range, verified before a byte of it
 * leaves. One reader per object, shared by all handles; thread-safe. Opening reads header and seal
 * index only; seal pages and tag pages are checked when first touched and kept in a small bounded
 * cache (dropped and checked again).
 */
#ifndef FS_FORMAT_OBJECT_READER_H
#define FS_FORMAT_OBJECT_READER_H

#include "fs/format/object.h"

#include <sys/types.h>

struct object_reader;

/*
 * Takes fd over on success (closed by object_reader_free); on failure it stays the caller's.
 * dek is only read. -EBADMSG with report filled when the object is not the one that version
 * describes; -EIO with DAMAGE_IO when the backing store fails; -ENOMEM.
 */
int object_reader_new(int fd, const struct object_identity *identity, const struct secret *dek,
	const struct object_version *version, struct object_reader **ret_reader,
	struct damage_report *ret_report);
/* Asks nothing of the backing store. Nobody may be reading, and only object_reader_free comes
 * after. */
void object_reader_wipe_keys(struct object_reader *reader);
struct object_reader *object_reader_free(struct object_reader *reader);
uint64_t object_reader_size(const struct object_reader *reader);
/*
 * False when the object was touched (size, times, links) since it was opened: who kept the reader
 * without a handle must then open anew, so that the whole check is made again.
 */
bool object_reader_is_fresh(const struct object_reader *reader);

/*
 * Room for one read, made once per thread: 4 KiB-aligned, enough for max_len plaintext bytes at any
 * offset and chunk size. Plaintext in it is wiped by object_scratch_wipe after the answer was sent.
 */
struct object_scratch;
int object_scratch_new(size_t max_len, struct object_scratch **ret_scratch);
struct object_scratch *object_scratch_free(struct object_scratch *scratch);
void object_scratch_wipe(struct object_scratch *scratch);

/*
 * Reads exactly min(len, size - offset) verified bytes; 0 at or beyond the end. *ret_bytes points
 * into scratch, contiguous, valid until its next use. Never fewer bytes, never unverified ones:
 * -EBADMSG (damage) or -EIO (backing store) with report filled instead. -EINVAL for len > max_len.
 */
ssize_t object_reader_read(struct object_reader *reader, struct object_scratch *scratch,
	uint64_t offset, size_t len, const uint8_t **ret_bytes, struct damage_report *ret_report);

/*
 * Checks everything: all seal pages, tag pages, chunks and padding. 0, -EBADMSG with the first
 * damage, -EIO. progress(arg, bytes) may be NULL.
 */
int object_reader_verify(struct object_reader *reader, struct object_scratch *scratch,
	void (*progress)(void *arg, uint64_t bytes), void *arg, struct damage_report *ret_report);

SCOPE_FUNCTION(struct object_reader *, object_reader_free);
SCOPE_FUNCTION(struct object_scratch *, object_scratch_free);

#endif
