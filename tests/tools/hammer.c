/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hammer.c - reads a file without end while rules change around it: hammer FILE PLAIN. Threads
 * pread at random, touch a shared mapping at random, and open anew; every byte is compared with
 * PLAIN. It says "ready" once all of the file has been read through both, and ends with its stdin,
 * on which two commands may come:
 *
 * - mark: what begins from now on counts as a new phase; answered with "marked".
 * - stats: answered with one line of counts for the present phase.
 *
 * In the counts, ok are answers with the right bytes, denied are EACCES and SIGBUS, failed are
 * other errors and fewer bytes, wrong are other bytes.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PHASES 16
#define BLOCK  4096
#define EACH   2 /* threads of each kind */

enum kind { READS, TOUCHES, OPENS, KINDS };
enum outcome { OK, DENIED, FAILED, WRONG, OUTCOMES };

static const char *path;
static uint8_t *plain, *map;
static size_t size;
static int fd;
static _Atomic unsigned phase;
static _Atomic unsigned long counts[PHASES][KINDS][OUTCOMES];
static __thread sigjmp_buf fault;
static __thread bool touching;

static void on_sigbus(int signal)
{
	if (!touching)
		_exit(128 + signal);
	siglongjmp(fault, 1);
}

static enum outcome read_block(int from, size_t at)
{
	uint8_t bytes[BLOCK];
	size_t len = size - at < BLOCK ? size - at : BLOCK;
	ssize_t got = pread(from, bytes, len, (off_t)at);

	if (got < 0)
		return errno == EACCES ? DENIED : FAILED;
	if (memcmp(bytes, plain + at, (size_t)got) != 0)
		return WRONG;
	return (size_t)got == len ? OK : FAILED;
}

static enum outcome touch(size_t at)
{
	enum outcome outcome = DENIED;

	touching = true;
	if (sigsetjmp(fault, 1) == 0)
		outcome = *(volatile uint8_t *)(map + at) == plain[at] ? OK : WRONG;
	touching = false;
	return outcome;
}

static enum outcome open_anew(size_t at)
{
	int new_fd = open(path, O_RDONLY | O_CLOEXEC);
	enum outcome outcome;

	if (new_fd < 0)
		return errno == EACCES ? DENIED : FAILED;
	outcome = read_block(new_fd, at);
	close(new_fd);
	return outcome;
}

static void *work(void *arg)
{
	enum kind kind = (enum kind)((uintptr_t)arg % KINDS);
	unsigned seed = (unsigned)(uintptr_t)arg + 1;

	for (;;) {
		size_t at = ((size_t)rand_r(&seed) * 1021) % size;
		unsigned now = atomic_load(&phase);
		enum outcome outcome = kind == READS	 ? read_block(fd, at)
				       : kind == TOUCHES ? touch(at)
							 : open_anew(at);

		atomic_fetch_add(&counts[now][kind][outcome], 1);
		/* Two processors: leave something to the server and to the others. */
		usleep(kind == OPENS ? 2000 : 100);
	}
	return NULL;
}

static void print_stats(void)
{
	static const char *const kinds[KINDS] = {"read", "touch", "open"};
	static const char *const outcomes[OUTCOMES] = {"ok", "denied", "failed", "wrong"};
	unsigned now = atomic_load(&phase);

	for (int kind = 0; kind < KINDS; kind++) {
		for (int outcome = 0; outcome < OUTCOMES; outcome++)
			printf("%s_%s=%lu ", kinds[kind], outcomes[outcome],
				atomic_load(&counts[now][kind][outcome]));
	}
	puts("");
}

static int load(const char *plain_path)
{
	int plain_fd = open(plain_path, O_RDONLY | O_CLOEXEC);
	struct stat attr;

	if (plain_fd < 0 || fstat(plain_fd, &attr) < 0 || attr.st_size == 0)
		return -1;
	size = (size_t)attr.st_size;
	plain = mmap(NULL, size, PROT_READ, MAP_PRIVATE, plain_fd, 0);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	map = mmap(NULL, size, PROT_READ, MAP_SHARED, fd, 0);
	if (plain == MAP_FAILED || map == MAP_FAILED)
		return -1;
	for (size_t at = 0; at < size; at += BLOCK) {
		if (read_block(fd, at) != OK || touch(at) != OK)
			return -1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	struct sigaction action = {.sa_handler = on_sigbus};
	char line[64];
	pthread_t thread;

	if (argc != 3)
		return 2;
	path = argv[1];
	setvbuf(stdout, NULL, _IOLBF, 0);
	sigaction(SIGBUS, &action, NULL);
	if (load(argv[2]) < 0) {
		perror(path);
		return 1;
	}
	for (uintptr_t i = 0; i < KINDS * EACH; i++) {
		if (pthread_create(&thread, NULL, work, (void *)i) != 0)
			return 1;
	}
	puts("ready");
	while (fgets(line, sizeof(line), stdin)) {
		if (strcmp(line, "mark\n") == 0 && atomic_load(&phase) + 1 < PHASES) {
			atomic_fetch_add(&phase, 1);
			puts("marked");
		} else if (strcmp(line, "stats\n") == 0) {
			print_stats();
		}
	}
	fflush(stdout);
	_exit(0);
}
