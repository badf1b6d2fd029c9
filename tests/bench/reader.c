/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The timed workloads of tests/bench/run. Files are made by `make`, so that every word of them is
 * known from its place (or is one constant, for the null server): each workload checks what it
 * read, fails when it is wrong, and prints "nanoseconds amount" (bytes, reads or opens).
 *
 *   make FILE BYTES              seq FILE             two FILE FILE        mmap FILE
 *   random FILE READS            opens THREADS TOTAL FILE...
 *   -c before the command: every word must be the null server's constant
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "tests/bench/pattern.h"

enum { READ_SIZE = 1 << 20, PAGE = 4096, WORD = sizeof(uint64_t), MAX_THREADS = 64 };

static bool constant;

static _Noreturn void fail(const char *what, const char *path)
{
	fprintf(stderr, "reader: %s: %s: %s\n", path, what,
		errno ? strerror(errno) : "wrong bytes");
	exit(1);
}

/* The word number `index` of every file; splitmix64, so that nothing compresses. */
static uint64_t word_at(uint64_t index)
{
	uint64_t z = (index + 1) * 0x9e3779b97f4a7c15;

	if (constant)
		return BENCH_WORD;
	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
	z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
	return z ^ (z >> 31);
}

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static int open_file(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		fail("open", path);
	return fd;
}

static size_t size_of(int fd, const char *path)
{
	struct stat st;

	if (fstat(fd, &st) < 0 || st.st_size < READ_SIZE || st.st_size % READ_SIZE != 0)
		fail("must be a multiple of 1 MiB", path);
	return (size_t)st.st_size;
}

static void make_file(const char *path, size_t size)
{
	static uint64_t words[READ_SIZE / WORD];
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);

	if (fd < 0)
		fail("open", path);
	for (size_t at = 0; at < size; at += READ_SIZE) {
		size_t len = size - at < READ_SIZE ? size - at : READ_SIZE;

		for (size_t i = 0; i < READ_SIZE / WORD; i++)
			words[i] = word_at(at / WORD + i);
		if (write(fd, words, len) != (ssize_t)len)
			fail("write", path);
	}
	if (fsync(fd) < 0 || close(fd) < 0)
		fail("fsync", path);
}

/* One sum over a file says that all of it came, and the words at the ends of each read where from.
 */
static uint64_t expected_sum(size_t size)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < size / WORD; i++)
		sum += word_at(i);
	return sum;
}

struct pass {
	pthread_t thread;
	const char *path;
	uint64_t sum;
	size_t bytes;
};

static void *read_through(void *argument)
{
	struct pass *pass = argument;
	uint64_t *words = aligned_alloc(PAGE, READ_SIZE);
	int fd = open_file(pass->path);
	ssize_t n;

	if (!words)
		fail("memory", pass->path);
	while ((n = read(fd, words, READ_SIZE)) > 0) {
		size_t count = (size_t)n / WORD;
		uint64_t sum = 0;

		if (words[0] != word_at(pass->bytes / WORD) || n % WORD != 0 ||
			words[count - 1] != word_at(pass->bytes / WORD + count - 1))
			errno = 0, fail("read", pass->path);
		for (size_t i = 0; i < count; i++)
			sum += words[i];
		pass->sum += sum;
		pass->bytes += (size_t)n;
	}
	if (n < 0)
		fail("read", pass->path);
	close(fd);
	free(words);
	return NULL;
}

/* seq and two: each file read once from its beginning, all at the same time. */
static void sequential(char **paths, size_t count)
{
	struct pass passes[2] = {0};
	uint64_t start = now_ns(), end;
	size_t bytes = 0;

	for (size_t i = 0; i < count; i++) {
		passes[i].path = paths[i];
		if (pthread_create(&passes[i].thread, NULL, read_through, &passes[i]) != 0)
			fail("thread", paths[i]);
	}
	for (size_t i = 0; i < count; i++)
		pthread_join(passes[i].thread, NULL);
	end = now_ns();
	for (size_t i = 0; i < count; i++) {
		struct stat st;

		if (stat(paths[i], &st) < 0)
			fail("stat", paths[i]);
		errno = 0;
		if (passes[i].bytes != (size_t)st.st_size ||
			passes[i].sum != expected_sum(passes[i].bytes))
			fail("the sum over the file", paths[i]);
		bytes += passes[i].bytes;
	}
	printf("%llu %zu\n", (unsigned long long)(end - start), bytes);
}

static void mapped(const char *path)
{
	uint64_t start = now_ns();
	int fd = open_file(path);
	size_t size = size_of(fd, path);
	const uint64_t *words = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);

	if (words == MAP_FAILED)
		fail("mmap", path);
	errno = 0;
	for (size_t i = 0; i < size / WORD; i += PAGE / WORD) {
		if (words[i] != word_at(i))
			fail("mmap", path);
	}
	printf("%llu %zu\n", (unsigned long long)(now_ns() - start), size);
}

static void random_reads(const char *path, size_t reads)
{
	uint64_t words[PAGE / WORD], random = 88172645463325252, start;
	int fd = open_file(path);
	size_t pages = size_of(fd, path) / PAGE;

	start = now_ns();
	for (size_t i = 0; i < reads; i++) {
		size_t first;

		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		first = random % pages * (PAGE / WORD);
		if (pread(fd, words, PAGE, (off_t)(first * WORD)) != PAGE)
			fail("pread", path);
		if (words[0] != word_at(first) ||
			words[PAGE / WORD - 1] != word_at(first + PAGE / WORD - 1))
			errno = 0, fail("pread", path);
	}
	printf("%llu %zu\n", (unsigned long long)(now_ns() - start), reads);
}

struct opener {
	pthread_t thread;
	char **paths;
	size_t count, opens, first;
};

static void *open_many(void *argument)
{
	struct opener *opener = argument;

	for (size_t i = 0; i < opener->opens; i++)
		close(open_file(opener->paths[(opener->first + i) % opener->count]));
	return NULL;
}

static void opens(size_t threads, size_t total, char **paths, size_t count)
{
	struct opener openers[MAX_THREADS];
	uint64_t start = now_ns();

	if (threads == 0 || threads > MAX_THREADS || count == 0)
		fail("threads", "opens");
	for (size_t i = 0; i < threads; i++) {
		openers[i] = (struct opener){
			.paths = paths, .count = count, .opens = total / threads, .first = i * 17};
		if (pthread_create(&openers[i].thread, NULL, open_many, &openers[i]) != 0)
			fail("thread", "opens");
	}
	for (size_t i = 0; i < threads; i++)
		pthread_join(openers[i].thread, NULL);
	printf("%llu %zu\n", (unsigned long long)(now_ns() - start), total / threads * threads);
}

int main(int argc, char **argv)
{
	if (argc > 1 && strcmp(argv[1], "-c") == 0) {
		constant = true;
		argc--;
		argv++;
	}
	if (argc == 4 && strcmp(argv[1], "make") == 0)
		make_file(argv[2], strtoull(argv[3], NULL, 10));
	else if (argc == 3 && strcmp(argv[1], "seq") == 0)
		sequential(argv + 2, 1);
	else if (argc == 4 && strcmp(argv[1], "two") == 0)
		sequential(argv + 2, 2);
	else if (argc == 3 && strcmp(argv[1], "mmap") == 0)
		mapped(argv[2]);
	else if (argc == 4 && strcmp(argv[1], "random") == 0)
		random_reads(argv[2], strtoull(argv[3], NULL, 10));
	else if (argc >= 5 && strcmp(argv[1], "opens") == 0)
		opens(strtoull(argv[2], NULL, 10), strtoull(argv[3], NULL, 10), argv + 4,
			(size_t)argc - 4);
	else
		return 2;
	return 0;
}
