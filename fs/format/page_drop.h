/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_drop.h - ranges of one file whose pages the kernel need not cache any more. They are named
 * to the kernel some time after they were read and many at once: a page just read may still be in a
 * processor's own list, and to get it from there the kernel interrupts all processors, for every
 * single range (14 % of the time of random 4 KiB reads).
 */
#ifndef FS_FORMAT_PAGE_DROP_H
#define FS_FORMAT_PAGE_DROP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PAGE_DROP_RANGES 32
#define PAGE_DROP_BYTES	 (4u << 20) /* at most so many wait */

struct page_range {
	uint64_t offset, len;
};

struct page_drop {
	int fd;
	pthread_mutex_t lock; /* guards what follows; a leaf lock */
	size_t count;
	uint64_t bytes;
	bool any; /* something was ever added */
	struct page_range ranges[PAGE_DROP_RANGES];
};

/* Does not own fd. */
int page_drop_init(struct page_drop *drop, int fd);
/* The range was read; drops all that wait when they have become many. Thread-safe. */
void page_drop_add(struct page_drop *drop, uint64_t offset, uint64_t len);
/*
 * Drops what waits, and once more the whole file from `from` to `to`, since a large folio that
 * reaches out of its range is left alone; while fd is still open. Zeroed memory is accepted.
 */
void page_drop_done(struct page_drop *drop, uint64_t from, uint64_t to);

#endif
