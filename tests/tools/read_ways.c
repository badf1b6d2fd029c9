/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_ways.c - reads a file in one of the ways that programs use and compares every byte with
 * another file: read_ways WAY FILE PLAIN. Exit 0: the same; 1: not, with the place on stderr.
 * Before each way the kernel's pages of FILE are dropped, so that the mount is asked.
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
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#define RANDOM_READS 400
#define BLOCK_MAX    (300 * 1024)
#define WORKERS	     6

static char *path;
static uint8_t *plain;
static size_t plain_size;

static int wrong(const char *what, size_t offset)
{
	fprintf(stderr, "%s: %s at %zu of %zu (%s)\n", path, what, offset, plain_size,
		strerror(errno));
	return -1;
}

static int open_cold(int flags)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | flags);

	if (fd < 0) {
		perror(path);
		exit(1);
	}
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return fd;
}

/* What a read of len bytes at offset must return. */
static size_t expected(size_t offset, size_t len)
{
	if (offset >= plain_size)
		return 0;
	return len < plain_size - offset ? len : plain_size - offset;
}

static int check(const uint8_t *bytes, ssize_t got, size_t offset, size_t len)
{
	if (got < 0 || (size_t)got != expected(offset, len))
		return wrong("a read of another length", offset);
	if (got && memcmp(bytes, plain + offset, (size_t)got) != 0)
		return wrong("other bytes", offset);
	return 0;
}

static size_t random_below(unsigned *seed, size_t limit)
{
	return (((size_t)(unsigned)rand_r(seed) << 16) ^ (size_t)(unsigned)rand_r(seed)) % limit;
}

static int way_read(void)
{
	static const size_t sizes[] = {1, 511, 4096, 16385, 131072, 1000003};
	uint8_t *buffer = malloc(1000003);
	int r = 0;

	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]) && r == 0; i++) {
		size_t limit = sizes[i] < 512 ? sizes[i] * 20000 : plain_size;
		int fd = open_cold(0);
		size_t at = 0;
		ssize_t got;

		do {
			got = read(fd, buffer, sizes[i]);
			r = check(buffer, got, at, sizes[i]);
			at += sizes[i];
		} while (r == 0 && got > 0 && at < limit);
		close(fd);
	}
	free(buffer);
	return r;
}

static int random_reads(int fd, unsigned seed)
{
	uint8_t *buffer = malloc(BLOCK_MAX);
	int r = 0;

	for (int i = 0; i < RANDOM_READS && r == 0; i++) {
		/* Small ones, large ones, and some that begin or end behind the file. */
		size_t len = 1 + random_below(&seed, i % 4 ? 20000 : BLOCK_MAX);
		size_t offset = random_below(&seed, plain_size + 5000);

		r = check(buffer, pread(fd, buffer, len, (off_t)offset), offset, len);
	}
	free(buffer);
	return r;
}

static int way_pread(void)
{
	int fd = open_cold(0);
	int r = random_reads(fd, 1);

	close(fd);
	return r;
}

static int way_readv(void)
{
	static uint8_t a[1], b[5000], c[70000];
	struct iovec parts[] = {{a, sizeof(a)}, {b, sizeof(b)}, {c, sizeof(c)}};
	const size_t len = sizeof(a) + sizeof(b) + sizeof(c);
	uint8_t *whole = malloc(len);
	int fd = open_cold(0), r = 0;
	ssize_t got;

	for (size_t at = 0; r == 0; at += len) {
		got = at % 2 ? preadv(fd, parts, 3, (off_t)at)
			     : (lseek(fd, (off_t)at, SEEK_SET), readv(fd, parts, 3));
		memcpy(whole, a, sizeof(a));
		memcpy(whole + sizeof(a), b, sizeof(b));
		memcpy(whole + sizeof(a) + sizeof(b), c, sizeof(c));
		r = check(whole, got, at, len);
		if (got <= 0)
			break;
	}
	close(fd);
	free(whole);
	return r;
}

/* NULL: the file is empty, and there is nothing to map. */
static uint8_t *map_cold(int protection, int flags)
{
	int fd = open_cold(0);
	uint8_t *map = plain_size ? mmap(NULL, plain_size, protection, flags, fd, 0) : NULL;

	close(fd);
	if (map == MAP_FAILED) {
		perror("mmap");
		exit(1);
	}
	return map;
}

/* The whole mapping equals the file, and the rest of the last page is zero. */
static int check_mapping(int protection, int flags)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);
	uint8_t *map = map_cold(protection, flags);
	int r = 0;

	if (!map)
		return 0;
	if (memcmp(map, plain, plain_size) != 0)
		r = wrong("other bytes in a mapping", 0);
	for (size_t at = plain_size; r == 0 && at % page; at++) {
		if (map[at])
			r = wrong("no zero behind the end in a mapping", at);
	}
	if (r == 0 && (protection & PROT_WRITE)) {
		/* As onnxruntime does: a private page may be written and stays private. */
		map[0] ^= 0xff;
		if (map[0] == plain[0])
			r = wrong("a private page could not be written", 0);
	}
	munmap(map, plain_size);
	return r;
}

static int way_mmap_shared(void)
{
	return check_mapping(PROT_READ, MAP_SHARED);
}

static int way_mmap_private(void)
{
	int r = check_mapping(PROT_READ | PROT_WRITE, MAP_PRIVATE);

	return r < 0 ? r : check_mapping(PROT_READ, MAP_SHARED);
}

static int way_mmap_populate(void)
{
	return check_mapping(PROT_READ, MAP_SHARED | MAP_POPULATE);
}

static int way_mmap_random(void)
{
	uint8_t *map = map_cold(PROT_READ, MAP_SHARED);
	unsigned seed = 2;
	int r = 0;

	if (!map)
		return 0;
	madvise(map, plain_size, MADV_RANDOM);
	for (int i = 0; i < RANDOM_READS && r == 0; i++) {
		size_t at = random_below(&seed, plain_size);

		if (map[at] != plain[at])
			r = wrong("another byte in a mapping", at);
	}
	munmap(map, plain_size);
	return r;
}

/* Bytes go through the kernel only, into a file without a name, which is then compared. */
static int check_moved(int to)
{
	uint8_t *bytes = malloc(plain_size + 1);
	ssize_t got = pread(to, bytes, plain_size + 1, 0);
	int r = check(bytes, got, 0, plain_size + 1);

	free(bytes);
	return r;
}

static int way_sendfile(void)
{
	int to = memfd_create("moved", MFD_CLOEXEC), fd = open_cold(0), r;
	ssize_t got;

	do
		got = sendfile(to, fd, NULL, 700001);
	while (got > 0);
	r = got < 0 ? wrong("sendfile fails", 0) : check_moved(to);
	close(fd);
	close(to);
	return r;
}

static int way_splice(void)
{
	int to = memfd_create("moved", MFD_CLOEXEC), fd = open_cold(0), fds[2], r = 0;
	ssize_t got, put;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return wrong("no pipe", 0);
	while (r == 0 && (got = splice(fd, NULL, fds[1], NULL, 50000, 0)) != 0) {
		if (got < 0)
			r = wrong("splice from the file fails", 0);
		for (; r == 0 && got > 0; got -= put) {
			put = splice(fds[0], NULL, to, NULL, (size_t)got, 0);
			if (put <= 0)
				r = wrong("splice from the pipe fails", 0);
		}
	}
	if (r == 0)
		r = check_moved(to);
	close(fds[0]);
	close(fds[1]);
	close(fd);
	close(to);
	return r;
}

static int way_direct(void)
{
	const size_t len = 1 << 20;
	uint8_t *buffer = aligned_alloc(4096, len);
	int fd = open_cold(O_DIRECT), r = 0;
	ssize_t got = 1;

	for (size_t at = 0; r == 0 && got > 0; at += len) {
		got = pread(fd, buffer, len, (off_t)at);
		r = check(buffer, got, at, len);
	}
	for (unsigned i = 0, seed = 3; r == 0 && i < 100; i++) {
		size_t at = random_below(&seed, plain_size / 4096 + 2) * 4096;

		r = check(buffer, pread(fd, buffer, 8192, (off_t)at), at, 8192);
	}
	close(fd);
	free(buffer);
	return r;
}

static void *thread_reads(void *arg)
{
	unsigned seed = (unsigned)(uintptr_t)arg;
	int fd = open_cold(0);
	int r = random_reads(fd, seed);

	close(fd);
	return r < 0 ? path : NULL;
}

static void *thread_reads_shared(void *arg)
{
	return random_reads(*(int *)arg, (unsigned)(uintptr_t)pthread_self()) < 0 ? path : NULL;
}

static int way_threads(void)
{
	pthread_t threads[2 * WORKERS];
	int fd = open_cold(0), r = 0;
	void *failed;

	for (uintptr_t i = 0; i < WORKERS; i++) {
		pthread_create(&threads[2 * i], NULL, thread_reads, (void *)(i + 10));
		pthread_create(&threads[2 * i + 1], NULL, thread_reads_shared, &fd);
	}
	for (int i = 0; i < 2 * WORKERS; i++) {
		pthread_join(threads[i], &failed);
		if (failed)
			r = -1;
	}
	close(fd);
	return r;
}

/* Workers of a loader: half of them share the parent's descriptor. */
static int way_processes(void)
{
	int fd = open_cold(0), r = 0, status;

	for (unsigned i = 0; i < WORKERS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(random_reads(i % 2 ? fd : open_cold(0), i + 20) < 0);
		if (pid < 0)
			r = wrong("no fork", 0);
	}
	while (wait(&status) > 0) {
		if (status != 0)
			r = -1;
	}
	close(fd);
	return r;
}

static int check_seek(int fd, off_t offset, int whence, off_t want)
{
	off_t got = lseek(fd, offset, whence);

	if (got != want || (got < 0 && errno != ENXIO))
		return wrong("lseek answers otherwise", (size_t)offset);
	return 0;
}

/* No holes: data to the end, where the one hole begins; behind it ENXIO. */
static int way_seek(void)
{
	off_t size = (off_t)plain_size;
	int fd = open_cold(0), r;

	r = check_seek(fd, size, SEEK_DATA, -1);
	if (r == 0)
		r = check_seek(fd, size + 10, SEEK_HOLE, -1);
	if (r == 0 && size)
		r = check_seek(fd, 0, SEEK_DATA, 0);
	if (r == 0 && size)
		r = check_seek(fd, 0, SEEK_HOLE, size);
	if (r == 0 && size)
		r = check_seek(fd, size - 1, SEEK_DATA, size - 1);
	if (r == 0)
		r = check_seek(fd, 0, SEEK_END, size);
	close(fd);
	return r;
}

static const struct {
	const char *name;
	int (*read)(void);
} ways[] = {
	{"read", way_read},
	{"pread", way_pread},
	{"readv", way_readv},
	{"mmap-shared", way_mmap_shared},
	{"mmap-private", way_mmap_private},
	{"mmap-populate", way_mmap_populate},
	{"mmap-random", way_mmap_random},
	{"sendfile", way_sendfile},
	{"splice", way_splice},
	{"direct", way_direct},
	{"threads", way_threads},
	{"processes", way_processes},
	{"seek", way_seek},
};

static void load_plain(const char *name)
{
	int fd = open(name, O_RDONLY | O_CLOEXEC);
	struct stat attr;

	if (fd < 0 || fstat(fd, &attr) < 0) {
		perror(name);
		exit(2);
	}
	plain_size = (size_t)attr.st_size;
	plain = malloc(plain_size + 1);
	for (size_t at = 0; at < plain_size;) {
		ssize_t got = read(fd, plain + at, plain_size - at);

		if (got <= 0) {
			perror(name);
			exit(2);
		}
		at += (size_t)got;
	}
	close(fd);
}

int main(int argc, char **argv)
{
	bool known = false;

	if (argc != 4) {
		fputs("usage: read_ways WAY|all FILE PLAIN\n", stderr);
		return 2;
	}
	path = argv[2];
	load_plain(argv[3]);
	for (size_t i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		if (strcmp(argv[1], "all") != 0 && strcmp(argv[1], ways[i].name) != 0)
			continue;
		known = true;
		errno = 0;
		if (ways[i].read() < 0) {
			fprintf(stderr, "%s: way %s\n", path, ways[i].name);
			return 1;
		}
	}
	return known ? 0 : 2;
}
