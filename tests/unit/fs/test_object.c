/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_object.c - writer and reader together: round trips at every edge, and every part of an
 * object tampered with, each time with the cause that the record will name.
 */
#include "fs/format/object.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "fs/format/header.h"
#include "fs/format/object_reader.h"
#include "fs/format/object_writer.h"
#include "keystore/base/file.h"
#include "keystore/base/limits.h"

#define MAX_READ (1U << 20)

struct fixture {
	int fd;
	struct object_identity identity;
	struct object_version version;
	struct geometry geometry;
	struct secret *dek;
	uint8_t *plain;
};

static struct object_scratch *scratch;

static uint8_t *random_plain(size_t size)
{
	uint8_t *plain = malloc(size + 1);

	assert_non_null(plain);
	if (size > 0)
		assert_int_equal(random_fill(plain, size), 0);
	return plain;
}

/* Writes the fixture's plaintext in pieces of `piece` bytes to a new anonymous file. */
static void write_object(struct fixture *f, size_t size, uint32_t generation, size_t piece)
{
	struct object_writer *writer;
	struct stat st;

	f->fd = memfd_create("object", MFD_CLOEXEC);
	assert_true(f->fd >= 0);
	assert_int_equal(object_writer_new(f->fd, &f->identity, f->dek, generation, &writer), 0);
	for (size_t at = 0; at < size; at += piece) {
		size_t len = size - at < piece ? size - at : piece;

		assert_int_equal(object_writer_add(writer, f->plain + at, len), 0);
	}
	assert_int_equal(object_writer_finish(writer, &f->version), 0);
	object_writer_free(writer);
	assert_int_equal(f->version.size, size);
	assert_int_equal(f->version.generation, generation);
	assert_int_equal(geometry_init(size, f->identity.chunk_log2, &f->geometry), 0);
	assert_int_equal(fstat(f->fd, &st), 0);
	assert_int_equal(st.st_size, f->geometry.object_size);
}

static void make(struct fixture *f, size_t size, uint32_t chunk_log2, enum aead_suite suite)
{
	*f = (struct fixture){.identity = {.suite = suite, .chunk_log2 = chunk_log2}};
	assert_int_equal(random_fill(f->identity.vault_id, ID_SIZE), 0);
	assert_int_equal(random_fill(f->identity.file_id, ID_SIZE), 0);
	assert_int_equal(secret_random(KEY_SIZE, &f->dek), 0);
	f->plain = random_plain(size);
	write_object(f, size, 3, 100000);
}

static void done(struct fixture *f)
{
	close(f->fd);
	secret_free(f->dek);
	free(f->plain);
}

static struct object_reader *open_reader(const struct fixture *f)
{
	struct object_reader *reader;
	struct damage_report report;
	int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(
		object_reader_new(fd, &f->identity, f->dek, &f->version, &reader, &report), 0);
	assert_int_equal(report.cause, DAMAGE_NONE);
	return reader;
}

static void check_read(
	struct object_reader *reader, const struct fixture *f, uint64_t offset, size_t len)
{
	size_t size = f->version.size;
	size_t expected = offset >= size ? 0 : size - offset < len ? size - offset : len;
	struct damage_report report;
	const uint8_t *bytes;

	assert_int_equal(
		object_reader_read(reader, scratch, offset, len, &bytes, &report), expected);
	assert_int_equal(report.cause, DAMAGE_NONE);
	if (expected > 0)
		assert_memory_equal(bytes, f->plain + offset, expected);
}

static void check_all_ranges(const struct fixture *f)
{
	struct object_reader *reader = open_reader(f);
	size_t size = f->version.size, chunk = f->geometry.chunk;
	const uint64_t starts[] = {0, 1, chunk - 1, chunk, 128 * chunk - 1, 128 * chunk,
		128 * chunk + 1, size - 1, size, size + 1, size / 2, UINT64_MAX};
	const size_t lengths[] = {0, 1, 2, 4096, chunk, chunk + 1, 3 * chunk, MAX_READ};
	struct damage_report report;

	assert_int_equal(object_reader_size(reader), size);
	for (int again = 0; again < 2; again++)
		for (size_t i = 0; i < ARRAY_SIZE(starts); i++)
			for (size_t j = 0; j < ARRAY_SIZE(lengths); j++)
				if (lengths[j] <= MAX_READ)
					check_read(reader, f, starts[i], lengths[j]);
	for (uint64_t at = 0; at < size; at += MAX_READ)
		check_read(reader, f, at, MAX_READ);
	assert_int_equal(object_reader_verify(reader, scratch, NULL, NULL, &report), 0);
	object_reader_free(reader);
}

static void test_round_trips(void **state)
{
	static const size_t sizes_4k[] = {0, 1, 4095, 4096, 4097, 128 * 4096 - 1, 128 * 4096,
		128 * 4096 + 1, 3 * 128 * 4096 + 5000, 129 * 128 * 4096 + 17};
	static const size_t sizes_1m[] = {1, (1 << 20) - 1, 1 << 20, (1 << 20) + 1, 5000001};
	struct fixture f;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(sizes_4k); i++) {
		make(&f, sizes_4k[i], 12, AEAD_AES_256_GCM);
		check_all_ranges(&f);
		done(&f);
	}
	for (size_t i = 0; i < ARRAY_SIZE(sizes_1m); i++) {
		make(&f, sizes_1m[i], 20, AEAD_AES_256_GCM);
		check_all_ranges(&f);
		done(&f);
	}
	for (unsigned suite = 1; suite <= 3; suite++) {
		make(&f, 3000001, 14, (enum aead_suite)suite);
		check_all_ranges(&f);
		done(&f);
	}
}

/* How the bytes come in pieces does not matter. */
static void test_pieces(void **state)
{
	static const size_t pieces[] = {1, 4095, 4096, 4097, 1 << 20};
	struct fixture f;

	(void)state;
	make(&f, 20000, 12, AEAD_AES_256_GCM);
	for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
		close(f.fd);
		write_object(&f, 20000, 3, pieces[i]);
		check_all_ranges(&f);
	}
	done(&f);
}

static uint8_t get_byte(const struct fixture *f, uint64_t at)
{
	uint8_t byte;

	assert_int_equal(file_read_at(f->fd, &byte, 1, at), 1);
	return byte;
}

static void flip(const struct fixture *f, uint64_t at)
{
	uint8_t byte = get_byte(f, at) ^ 0x10;

	assert_int_equal(file_write_at(f->fd, &byte, 1, at), 0);
}

/* Opens, reads everything in pieces, verifies: the first cause met by each way must be `cause`. */
static void expect_cause(const struct fixture *f, enum damage cause, uint64_t chunk)
{
	struct object_reader *reader = NULL;
	struct damage_report report;
	const uint8_t *bytes;
	int fd = fcntl(f->fd, F_DUPFD_CLOEXEC, 0);
	ssize_t n = 0;
	int r;

	assert_true(fd >= 0);
	r = object_reader_new(fd, &f->identity, f->dek, &f->version, &reader, &report);
	if (r < 0) {
		close(fd);
		assert_int_equal(r, cause == DAMAGE_IO ? -EIO : -EBADMSG);
		assert_string_equal(damage_text(report.cause), damage_text(cause));
		assert_true(report.chunk == chunk);
		return;
	}
	for (uint64_t at = 0; at < f->version.size && n >= 0; at += 65536) {
		n = object_reader_read(reader, scratch, at, 65536, &bytes, &report);
		if (n >= 0)
			assert_memory_equal(bytes, f->plain + at, n);
	}
	assert_int_equal(n, cause == DAMAGE_IO ? -EIO : -EBADMSG);
	assert_string_equal(damage_text(report.cause), damage_text(cause));
	assert_true(report.chunk == chunk);
	assert_int_equal(object_reader_verify(reader, scratch, NULL, NULL, &report), (int)n);
	assert_string_equal(damage_text(report.cause), damage_text(cause));
	assert_true(report.chunk == chunk);
	object_reader_free(reader);
}

static void expect_flip(const struct fixture *f, uint64_t at, enum damage cause, uint64_t chunk)
{
	flip(f, at);
	expect_cause(f, cause, chunk);
	flip(f, at);
}

#define SIZE (3 * 128 * 4096 + 5000)

static void test_flips(void **state)
{
	struct geometry *g;
	struct fixture f;

	(void)state;
	make(&f, SIZE, 12, AEAD_AES_256_GCM);
	g = &f.geometry;
	for (uint64_t at = 0; at < 128; at++)
		expect_flip(&f, at,
			at >= 16 && at < 32   ? DAMAGE_FOREIGN
			: at >= 32 && at < 48 ? DAMAGE_MISPLACED
					      : DAMAGE_HEADER,
			DAMAGE_NO_CHUNK);
	expect_flip(&f, 128, DAMAGE_HEADER, DAMAGE_NO_CHUNK);
	expect_flip(&f, 4095, DAMAGE_HEADER, DAMAGE_NO_CHUNK);
	for (uint64_t group = 0; group < 4; group++) {
		uint64_t at = geometry_tag_page_offset(g, group);

		expect_flip(&f, at, DAMAGE_TAG_PAGE, 128 * group);
		expect_flip(&f, at + 31, DAMAGE_TAG_PAGE, 128 * group);
		expect_flip(&f, at + 4095, DAMAGE_TAG_PAGE, 128 * group);
	}
	for (uint64_t chunk = 0; chunk < g->chunks; chunk += 43)
		expect_flip(&f, geometry_chunk_offset(g, chunk) + 17, DAMAGE_CHUNK_TAG, chunk);
	expect_flip(&f, geometry_chunk_offset(g, g->chunks - 1), DAMAGE_CHUNK_TAG, g->chunks - 1);
	/* The last byte of padding. */
	expect_flip(&f, g->data_end - 1, DAMAGE_CHUNK_TAG, g->chunks - 1);
	expect_flip(&f, g->data_end, DAMAGE_SEAL, 0);
	expect_flip(&f, g->data_end + 4095, DAMAGE_SEAL, 0);
	expect_flip(&f, g->index_offset, DAMAGE_SEAL, DAMAGE_NO_CHUNK);
	expect_flip(&f, g->object_size - 1, DAMAGE_SEAL, DAMAGE_NO_CHUNK);
	check_all_ranges(&f);
	done(&f);
}

static void test_lengths(void **state)
{
	struct fixture f;
	uint64_t size;

	(void)state;
	make(&f, SIZE, 12, AEAD_AES_256_GCM);
	size = f.geometry.object_size;
	assert_int_equal(ftruncate(f.fd, (off_t)size + 1), 0);
	expect_cause(&f, DAMAGE_SIZE, DAMAGE_NO_CHUNK);
	assert_int_equal(ftruncate(f.fd, (off_t)size - 1), 0);
	expect_cause(&f, DAMAGE_SIZE, DAMAGE_NO_CHUNK);
	assert_int_equal(ftruncate(f.fd, 4096), 0);
	expect_cause(&f, DAMAGE_SIZE, DAMAGE_NO_CHUNK);
	assert_int_equal(ftruncate(f.fd, 100), 0);
	expect_cause(&f, DAMAGE_SIZE, DAMAGE_NO_CHUNK);
	assert_int_equal(ftruncate(f.fd, 0), 0);
	expect_cause(&f, DAMAGE_SIZE, DAMAGE_NO_CHUNK);
	done(&f);
	make(&f, 0, 14, AEAD_AES_256_GCM);
	assert_int_equal(ftruncate(f.fd, 4097), 0);
	expect_cause(&f, DAMAGE_SIZE, DAMAGE_NO_CHUNK);
	done(&f);
}

/* Cut while a reader is open. */
static void test_cut_while_open(void **state)
{
	struct object_reader *reader;
	struct damage_report report;
	const uint8_t *bytes;
	struct fixture f;

	(void)state;
	make(&f, SIZE, 12, AEAD_AES_256_GCM);
	reader = open_reader(&f);
	assert_int_equal(ftruncate(f.fd, 20000), 0);
	assert_int_equal(object_reader_read(reader, scratch, 0, 65536, &bytes, &report), -EBADMSG);
	assert_int_equal(report.cause, DAMAGE_SIZE);
	assert_int_equal(
		object_reader_read(reader, scratch, 0, MAX_READ + 1, &bytes, &report), -EINVAL);
	object_reader_free(reader);
	done(&f);
}

static void copy_range(const struct fixture *from, const struct fixture *to, uint64_t from_at,
	uint64_t to_at, size_t len)
{
	scope_free uint8_t *bytes = malloc(len);

	assert_non_null(bytes);
	assert_int_equal(file_read_at(from->fd, bytes, len, from_at), (ssize_t)len);
	assert_int_equal(file_write_at(to->fd, bytes, len, to_at), 0);
}

/* Chunks and entries that are authentic, but elsewhere. */
static void test_swaps(void **state)
{
	struct fixture f, copy;
	struct geometry *g;

	(void)state;
	make(&f, SIZE, 12, AEAD_AES_256_GCM);
	g = &f.geometry;
	copy = f;
	copy.fd = memfd_create("copy", MFD_CLOEXEC);
	copy_range(&f, &copy, 0, 0, g->object_size);
	copy_range(&copy, &f, geometry_chunk_offset(g, 5), geometry_chunk_offset(g, 6), 4096);
	expect_cause(&f, DAMAGE_CHUNK_TAG, 6);
	copy_range(&copy, &f, geometry_tag_page_offset(g, 0) + 5 * 32,
		geometry_tag_page_offset(g, 0) + 6 * 32, 32);
	expect_cause(&f, DAMAGE_TAG_PAGE, 0);
	copy_range(&copy, &f, 0, 0, g->object_size);
	/* A whole group over another. */
	copy_range(&copy, &f, geometry_tag_page_offset(g, 0), geometry_tag_page_offset(g, 1),
		4096 + 128 * 4096);
	expect_cause(&f, DAMAGE_TAG_PAGE, 128);
	copy_range(&copy, &f, 0, 0, g->object_size);
	/* A hole. */
	assert_int_equal(fallocate(f.fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
				 (off_t)geometry_tag_page_offset(g, 2), 8192),
		0);
	expect_cause(&f, DAMAGE_TAG_PAGE, 256);
	close(copy.fd);
	done(&f);
}

/* Older states of the same object, whole: another length, then the same one. */
static void test_rolled_back(void **state)
{
	static const size_t old_sizes[] = {1000, SIZE - 1, SIZE};
	struct fixture f, old;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(old_sizes); i++) {
		make(&f, SIZE, 12, AEAD_AES_256_GCM);
		old = f;
		write_object(&old, old_sizes[i], 2, 65536);
		old.version = f.version;
		expect_cause(&old, DAMAGE_ROLLED_BACK, DAMAGE_NO_CHUNK);
		close(old.fd);
		/* The same generation, written twice: only the root tells. */
		old = f;
		write_object(&old, old_sizes[i], 3, 65536);
		old.version = f.version;
		expect_cause(&old, DAMAGE_ROLLED_BACK, DAMAGE_NO_CHUNK);
		/* The present header before older data. */
		if (old_sizes[i] == SIZE) {
			copy_range(&f, &old, 0, 0, 4096);
			expect_cause(&old, DAMAGE_SEAL, DAMAGE_NO_CHUNK);
		}
		close(old.fd);
		done(&f);
	}
}

static void test_wrong_object(void **state)
{
	struct fixture f, other;

	(void)state;
	make(&f, 5000, 12, AEAD_AES_256_GCM);
	other = f;
	other.identity.file_id[15] ^= 1;
	expect_cause(&other, DAMAGE_MISPLACED, DAMAGE_NO_CHUNK);
	other = f;
	other.identity.vault_id[0] ^= 1;
	expect_cause(&other, DAMAGE_FOREIGN, DAMAGE_NO_CHUNK);
	other = f;
	other.identity.suite = AEAD_AES_256_OCB;
	expect_cause(&other, DAMAGE_HEADER, DAMAGE_NO_CHUNK);
	other = f;
	other.version.generation = 2;
	expect_cause(&other, DAMAGE_HEADER, DAMAGE_NO_CHUNK);
	other = f;
	assert_int_equal(secret_random(KEY_SIZE, &other.dek), 0);
	expect_cause(&other, DAMAGE_HEADER, DAMAGE_NO_CHUNK);
	secret_free(other.dek);
	done(&f);
}

/* An O_DIRECT descriptor where the file system has it: the tail of the object is not aligned. */
static void test_direct(void **state)
{
	char path[] = "/var/tmp/test_object.XXXXXX";
	struct object_reader *reader;
	struct damage_report report;
	struct fixture f;
	int fd, direct;

	(void)state;
	make(&f, SIZE, 12, AEAD_AES_256_GCM);
	fd = mkostemp(path, O_CLOEXEC);
	assert_true(fd >= 0);
	direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);
	unlink(path);
	if (direct < 0) {
		close(fd);
		done(&f);
		skip();
	}
	close(f.fd);
	f.fd = fd;
	{
		int made = f.fd;

		write_object(&f, SIZE, 3, 65536);
		copy_range(&f, &(struct fixture){.fd = made}, 0, 0, f.geometry.object_size);
		close(made);
	}
	assert_int_equal(
		object_reader_new(direct, &f.identity, f.dek, &f.version, &reader, &report), 0);
	for (uint64_t at = 0; at < SIZE; at += 70001)
		check_read(reader, &f, at, 300000);
	assert_int_equal(object_reader_verify(reader, scratch, NULL, NULL, &report), 0);
	object_reader_free(reader);
	done(&f);
}

struct reading {
	struct object_reader *reader;
	const struct fixture *f;
	unsigned seed;
	bool failed;
};

static void *read_much(void *arg)
{
	struct reading *reading = arg;
	struct object_scratch *own;
	struct damage_report report;
	const uint8_t *bytes;

	if (object_scratch_new(65536, &own) < 0) {
		reading->failed = true;
		return NULL;
	}
	for (int i = 0; i < 300; i++) {
		uint64_t at = (uint64_t)rand_r(&reading->seed) % (reading->f->version.size - 65536);
		ssize_t n = object_reader_read(reading->reader, own, at, 65536, &bytes, &report);

		if (n != 65536 || memcmp(bytes, reading->f->plain + at, 65536) != 0)
			reading->failed = true;
	}
	object_scratch_free(own);
	return NULL;
}

static void test_threads(void **state)
{
	struct reading readings[4];
	pthread_t threads[ARRAY_SIZE(readings)];
	struct object_reader *reader;
	struct fixture f;

	(void)state;
	/* More groups than the cache keeps tag pages, so that slots are fought over. */
	make(&f, 70 * 128 * 4096, 12, AEAD_AES_256_GCM);
	reader = open_reader(&f);
	for (unsigned i = 0; i < ARRAY_SIZE(readings); i++) {
		readings[i] = (struct reading){.reader = reader, .f = &f, .seed = i};
		assert_int_equal(pthread_create(&threads[i], NULL, read_much, &readings[i]), 0);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(readings); i++) {
		assert_int_equal(pthread_join(threads[i], NULL), 0);
		assert_false(readings[i].failed);
	}
	object_reader_free(reader);
	done(&f);
}

static void add_progress(void *arg, uint64_t bytes)
{
	*(uint64_t *)arg += bytes;
}

static void test_progress(void **state)
{
	struct object_reader *reader;
	struct damage_report report;
	uint64_t bytes = 0;
	struct fixture f;

	(void)state;
	make(&f, SIZE, 12, AEAD_AES_256_GCM);
	reader = open_reader(&f);
	assert_int_equal(object_reader_verify(reader, scratch, add_progress, &bytes, &report), 0);
	assert_int_equal(bytes, SIZE);
	/* What is cached must not hide what has changed since. */
	flip(&f, geometry_tag_page_offset(&f.geometry, 1));
	check_read(reader, &f, 130 * 4096, 4096);
	assert_int_equal(object_reader_verify(reader, scratch, NULL, NULL, &report), -EBADMSG);
	assert_int_equal(report.cause, DAMAGE_TAG_PAGE);
	object_reader_free(reader);
	done(&f);
}

static void test_words(void **state)
{
	(void)state;
	assert_string_equal(damage_text(DAMAGE_CHUNK_TAG), "chunk-tag");
	assert_string_equal(damage_text(DAMAGE_TAG_PAGE), "tag-page");
	assert_string_equal(damage_text(DAMAGE_SEAL), "seal");
	assert_string_equal(damage_text(DAMAGE_HEADER), "header");
	assert_string_equal(damage_text(DAMAGE_SIZE), "size");
	assert_string_equal(damage_text(DAMAGE_MISPLACED), "misplaced");
	assert_string_equal(damage_text(DAMAGE_FOREIGN), "foreign");
	assert_string_equal(damage_text(DAMAGE_ROLLED_BACK), "rolled-back");
	assert_string_equal(damage_text(DAMAGE_MISSING), "missing");
	assert_string_equal(damage_text(DAMAGE_IO), "io");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trips),
		cmocka_unit_test(test_pieces),
		cmocka_unit_test(test_flips),
		cmocka_unit_test(test_lengths),
		cmocka_unit_test(test_cut_while_open),
		cmocka_unit_test(test_swaps),
		cmocka_unit_test(test_rolled_back),
		cmocka_unit_test(test_wrong_object),
		cmocka_unit_test(test_direct),
		cmocka_unit_test(test_threads),
		cmocka_unit_test(test_progress),
		cmocka_unit_test(test_words),
	};
	int failed;

	if (secret_init() < 0 || object_scratch_new(MAX_READ, &scratch) < 0)
		return 1;
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	object_scratch_free(scratch);
	return failed;
}
