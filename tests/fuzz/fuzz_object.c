/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_object.c - a whole object, edited, cut or made longer, through the reader that serves the
 * mount: what it answers is the plaintext of that range or an error, and a full check accepts the
 * untouched object only.
 * libFuzzer: -max_len=512 -max_total_time=4
 */
#include <errno.h>
#include <sys/mman.h>

#include "fs/format/object_reader.h"
#include "fs/format/object_writer.h"
#include "tests/fuzz/fuzz.h"

#define PLAIN_SIZE  (3 * 4096 + 1000)
#define OBJECT_ROOM 65536
#define READ_MAX    16384

static const struct object_identity identity = {
	.vault_id = "vault id of 16 b",
	.file_id = "file id of 16 by",
	.suite = AEAD_AES_256_GCM,
	.chunk_log2 = CHUNK_LOG2_MIN,
};
static struct secret *dek;
static struct object_version version;
static struct object_scratch *scratch;
static uint8_t plain[PLAIN_SIZE], genuine[OBJECT_ROOM];
static size_t genuine_size;

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	scope(object_writer_free) struct object_writer *writer = NULL;
	scope_fd int fd = memfd_create("object", MFD_CLOEXEC);
	ssize_t n;

	(void)argc;
	(void)argv;
	dek = fuzz_key("the data key of one file, 32 byt");
	for (size_t i = 0; i < PLAIN_SIZE; i++)
		plain[i] = (uint8_t)(i * 7 + i / 256);
	holds(object_writer_new(fd, &identity, dek, 5, &writer) == 0);
	holds(object_writer_add(writer, plain, PLAIN_SIZE) == 0);
	holds(object_writer_finish(writer, &version) == 0);
	n = pread(fd, genuine, OBJECT_ROOM, 0);
	holds(n > PLAIN_SIZE && n < OBJECT_ROOM);
	genuine_size = (size_t)n;
	holds(object_scratch_new(READ_MAX, &scratch) == 0);
	return 0;
}

static void check_reads(struct object_reader *reader, struct cursor *input)
{
	for (int i = 0; i < 3; i++) {
		size_t offset = cursor_u16(input), len = cursor_u16(input) % READ_MAX, expected;
		struct damage_report report = {.cause = DAMAGE_NONE};
		const uint8_t *bytes;
		ssize_t n;

		expected = offset < PLAIN_SIZE ? PLAIN_SIZE - offset : 0;
		expected = len < expected ? len : expected;
		n = object_reader_read(reader, scratch, offset, len, &bytes, &report);
		if (n < 0) {
			holds(n == -EBADMSG || n == -EIO);
			holds(report.cause != DAMAGE_NONE);
			continue;
		}
		holds((size_t)n == expected);
		holds(n == 0 || memcmp(bytes, plain + offset, expected) == 0);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	scope(object_reader_free) struct object_reader *reader = NULL;
	struct damage_report report = {.cause = DAMAGE_NONE};
	static uint8_t object[OBJECT_ROOM];
	struct cursor reads, edits;
	size_t len;
	bool same;
	int fd, r;

	cursor_init(&reads, input, size < 12 ? size : 12);
	cursor_init(&edits, input + reads.left, size - reads.left);
	memset(object, 0, sizeof(object));
	memcpy(object, genuine, genuine_size);
	len = (genuine_size + cursor_u16(&edits)) % OBJECT_ROOM;
	fuzz_edit(&edits, object, len ? len : 1);
	same = len == genuine_size && memcmp(object, genuine, len) == 0;
	fd = memfd_create("object", MFD_CLOEXEC);
	holds(fd >= 0 && pwrite(fd, object, len, 0) == (ssize_t)len);
	r = object_reader_new(fd, &identity, dek, &version, &reader, &report);
	if (r < 0) {
		holds(!same && (r == -EBADMSG || r == -EIO) && report.cause != DAMAGE_NONE);
		close(fd);
		return 0;
	}
	check_reads(reader, &reads);
	r = object_reader_verify(reader, scratch, NULL, NULL, &report);
	holds(r == 0 || r == -EBADMSG || r == -EIO);
	holds((r == 0) == same);
	return 0;
}
