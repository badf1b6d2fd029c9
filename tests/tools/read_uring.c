/* SPDX-License-Identifier: Apache-2.0 */
/*
 * read_uring.c - opens and reads a file through io_uring and compares it with another file:
 * read_uring plain|worker|sqpoll FILE PLAIN. worker: the kernel's worker threads do it (iou-wrk);
 * sqpoll: the kernel's polling thread. Exit 0: the same bytes; 1: not; 3: EACCES.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/io_uring.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define BLOCK 200000

struct ring {
	int fd;
	unsigned flags;
	uint8_t *queue;
	struct io_uring_sqe *entries;
	struct io_uring_params params;
};

static int ring_open(struct ring *ring, unsigned flags)
{
	size_t sq, cq;

	ring->params = (struct io_uring_params){.flags = flags, .sq_thread_idle = 1000};
	ring->fd = (int)syscall(SYS_io_uring_setup, 4, &ring->params);
	if (ring->fd < 0 || !(ring->params.features & IORING_FEAT_SINGLE_MMAP))
		return -1;
	sq = ring->params.sq_off.array + ring->params.sq_entries * sizeof(unsigned);
	cq = ring->params.cq_off.cqes + ring->params.cq_entries * sizeof(struct io_uring_cqe);
	ring->queue = mmap(NULL, sq > cq ? sq : cq, PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd,
		IORING_OFF_SQ_RING);
	ring->entries = mmap(NULL, ring->params.sq_entries * sizeof(struct io_uring_sqe),
		PROT_READ | PROT_WRITE, MAP_SHARED, ring->fd, IORING_OFF_SQES);
	return ring->queue == MAP_FAILED || ring->entries == MAP_FAILED ? -1 : 0;
}

static unsigned *field(struct ring *ring, unsigned offset)
{
	return (unsigned *)(void *)(ring->queue + offset);
}

/* One request at a time: its result. */
static int ring_do(struct ring *ring, const struct io_uring_sqe *entry)
{
	unsigned *sq_tail = field(ring, ring->params.sq_off.tail);
	unsigned *cq_head = field(ring, ring->params.cq_off.head);
	unsigned *cq_tail = field(ring, ring->params.cq_off.tail);
	unsigned index = *sq_tail & (ring->params.sq_entries - 1);
	struct io_uring_cqe *done;
	int result;

	ring->entries[index] = *entry;
	field(ring, ring->params.sq_off.array)[index] = index;
	__atomic_store_n(sq_tail, *sq_tail + 1, __ATOMIC_RELEASE);
	while (__atomic_load_n(cq_tail, __ATOMIC_ACQUIRE) == *cq_head) {
		if (syscall(SYS_io_uring_enter, ring->fd, 1, 1,
			    IORING_ENTER_GETEVENTS | ring->flags, NULL, 0) < 0 &&
			errno != EINTR && errno != EBUSY)
			return -errno;
	}
	done = (struct io_uring_cqe *)(void *)(ring->queue + ring->params.cq_off.cqes) +
	       (*cq_head & (ring->params.cq_entries - 1));
	result = done->res;
	__atomic_store_n(cq_head, *cq_head + 1, __ATOMIC_RELEASE);
	return result;
}

static int fail(const char *what, int result)
{
	fprintf(stderr, "%s: %s\n", what, strerror(-result));
	return result == -EACCES ? 3 : 1;
}

static int compare(struct ring *ring, unsigned flags, int fd, int plain)
{
	uint8_t *got = malloc(BLOCK), *want = malloc(BLOCK);
	off_t at = 0;
	int r = 1;

	while (r > 0) {
		ssize_t len = pread(plain, want, BLOCK, at);
		struct io_uring_sqe entry = {.opcode = IORING_OP_READ,
			.flags = (uint8_t)flags,
			.fd = fd,
			.addr = (uintptr_t)got,
			.len = BLOCK,
			.off = (uint64_t)at};

		r = ring_do(ring, &entry);
		if (r < 0)
			return fail("read", r);
		if (r != len || memcmp(got, want, (size_t)r) != 0)
			return fail("other bytes", -EIO);
		at += r;
	}
	free(got);
	free(want);
	return 0;
}

int main(int argc, char **argv)
{
	struct io_uring_sqe entry = {.opcode = IORING_OP_OPENAT, .fd = AT_FDCWD};
	struct ring ring = {0};
	unsigned flags = 0;
	int fd, plain, r;

	if (argc != 4)
		return 2;
	plain = open(argv[3], O_RDONLY | O_CLOEXEC);
	if (strcmp(argv[1], "worker") == 0)
		flags = IOSQE_ASYNC;
	if (strcmp(argv[1], "sqpoll") == 0)
		ring.flags = IORING_ENTER_SQ_WAKEUP;
	if (plain < 0 || ring_open(&ring, ring.flags ? IORING_SETUP_SQPOLL : 0) < 0) {
		perror("io_uring");
		return 1;
	}
	entry.flags = (uint8_t)flags;
	entry.addr = (uintptr_t)argv[2];
	entry.open_flags = O_RDONLY | O_CLOEXEC;
	fd = ring_do(&ring, &entry);
	if (fd < 0)
		return fail("open", fd);
	posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	r = compare(&ring, flags, fd, plain);
	close(fd);
	return r;
}
