/* SPDX-License-Identifier: Apache-2.0 */
/* file_verify.c - two streams through SHA-256. */
#include "fs/cmd/file_verify.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs/format/object_reader.h"
#include "keystore/base/digest.h"
#include "keystore/base/file.h"

#define BLOCK_BYTES (1U << 20)

static int hash_object(struct object_reader *reader, uint64_t size, uint8_t ret_digest[DIGEST_SIZE])
{
	scope(object_scratch_free) struct object_scratch *scratch = NULL;
	scope(sha256_free) struct sha256 *sha256 = NULL;
	struct damage_report report;
	const uint8_t *bytes;
	ssize_t len;
	int r;

	r = object_scratch_new(BLOCK_BYTES, &scratch);
	if (r == 0)
		r = sha256_new(&sha256);
	for (uint64_t at = 0; r == 0 && at < size; at += (uint64_t)len) {
		len = object_reader_read(reader, scratch, at, BLOCK_BYTES, &bytes, &report);
		if (len <= 0)
			return len < 0 ? (int)len : -EBADMSG;
		r = sha256_add(sha256, bytes, (size_t)len);
		object_scratch_wipe(scratch);
	}
	return r < 0 ? r : sha256_end(sha256, ret_digest);
}

static int hash_source(int fd, uint8_t ret_digest[DIGEST_SIZE])
{
	scope(sha256_free) struct sha256 *sha256 = NULL;
	void *block = malloc(BLOCK_BYTES);
	uint64_t at = 0;
	ssize_t len = 1;
	int r;

	r = block ? sha256_new(&sha256) : -ENOMEM;
	while (r == 0 && len > 0) {
		len = file_read_at(fd, block, BLOCK_BYTES, at);
		if (len > 0)
			r = sha256_add(sha256, block, (size_t)len);
		else
			r = (int)len;
		posix_fadvise(fd, (off_t)at, len > 0 ? len : 0, POSIX_FADV_DONTNEED);
		at += len > 0 ? (uint64_t)len : 0;
	}
	if (block)
		secret_wipe(block, BLOCK_BYTES);
	free(block);
	return r < 0 ? r : sha256_end(sha256, ret_digest);
}

int file_verify(struct vault *vault, uint64_t ino, int source_fd, const uint8_t *taken)
{
	scope(object_reader_free) struct object_reader *reader = NULL;
	uint8_t object[DIGEST_SIZE], source[DIGEST_SIZE];
	struct backend backend = vault_backend(vault);
	struct damage_report report;
	struct entry_info info;
	int r;

	r = keystore_stat(vault->keystore, ino, &info);
	if (r == 0)
		r = backend_open_reader(&backend, &info, true, &reader, &report);
	if (r == 0)
		r = hash_object(reader, info.size, object);
	if (r == 0 && taken && memcmp(object, taken, DIGEST_SIZE) != 0)
		r = -EBADMSG;
	if (r == 0)
		r = hash_source(source_fd, source);
	if (r == 0 && memcmp(object, source, DIGEST_SIZE) != 0)
		r = -EAGAIN;
	return r;
}
