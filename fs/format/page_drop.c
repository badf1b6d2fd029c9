/* SPDX-License-Identifier: Apache-2.0 */
/* page_drop.c - POSIX_FADV_DONTNEED for many ranges at once. It is advice: what the file system
 * answers changes nothing. */
#include "fs/format/page_drop.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

int page_drop_init(struct page_drop *drop, int fd)
{
	*drop = (struct page_drop){.fd = fd};
	return -pthread_mutex_init(&drop->lock, NULL);
}

#define SCATTERED 8 /* more ranges than some readers in sequence make */

/* The largest folio; each lies at a multiple of its size. */
#define FOLIO_MAX (2u << 20)

/* From the beginning of the folio in which the range begins: the kernel leaves those alone that
 * reach out of what it is told, and the one at the end goes with the range that follows. */
static void drop_range(int fd, const struct page_range *range)
{
	uint64_t from = range->offset / FOLIO_MAX * FOLIO_MAX;

	(void)posix_fadvise(
		fd, (off_t)from, (off_t)(range->offset + range->len - from), POSIX_FADV_DONTNEED);
}

static int compare(const void *a, const void *b)
{
	const struct page_range *first = a, *second = b;

	return (first->offset > second->offset) - (first->offset < second->offset);
}

/* Parallel readers come in any order: what belongs together goes together. The new count. */
static size_t merge_ranges(struct page_range *ranges, size_t count)
{
	size_t merged = 0;

	qsort(ranges, count, sizeof(*ranges), compare);
	for (size_t i = 1; i < count; i++) {
		struct page_range *last = &ranges[merged];
		uint64_t end = ranges[i].offset + ranges[i].len;

		if (ranges[i].offset > last->offset + last->len)
			ranges[++merged] = ranges[i];
		else if (end > last->offset + last->len)
			last->len = end - last->offset;
	}
	return merged + 1;
}

static void drop_ranges(int fd, struct page_range *ranges, size_t count)
{
	size_t merged = merge_ranges(ranges, count);

	/* Reads at random: the kernel is quicker told of all that lies between them. */
	if (merged > SCATTERED) {
		const struct page_range *last = &ranges[merged - 1];

		ranges[0].len = last->offset + last->len - ranges[0].offset;
		merged = 1;
	}
	for (size_t i = 0; i < merged; i++)
		drop_range(fd, &ranges[i]);
}

void page_drop_add(struct page_drop *drop, uint64_t offset, uint64_t len)
{
	struct page_range ranges[PAGE_DROP_RANGES];
	size_t count = 0;

	pthread_mutex_lock(&drop->lock);
	drop->ranges[drop->count++] = (struct page_range){offset, len};
	drop->bytes += len;
	drop->any = true;
	if (drop->count == PAGE_DROP_RANGES || drop->bytes >= PAGE_DROP_BYTES) {
		count = drop->count;
		memcpy(ranges, drop->ranges, count * sizeof(*ranges));
		drop->count = 0;
		drop->bytes = 0;
	}
	pthread_mutex_unlock(&drop->lock);
	if (count)
		drop_ranges(drop->fd, ranges, count);
}

void page_drop_done(struct page_drop *drop, uint64_t from, uint64_t to)
{
	if (drop->any && from < to)
		drop_range(drop->fd, &(struct page_range){from, to - from});
	pthread_mutex_destroy(&drop->lock);
}
