/* SPDX-License-Identifier: Apache-2.0 */
/*
 * page_cache.h - a small direct-mapped cache of checked 4 KiB pages of an object (tag pages, seal
 * pages). A slot's memory comes on its first use, so that thousands of open objects stay small.
 * Thread-safe: parts of a page are copied out under the lock.
 */
#ifndef FS_FORMAT_PAGE_CACHE_H
#define FS_FORMAT_PAGE_CACHE_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keystore/base/limits.h"

struct page_slot {
	uint64_t number;
	uint8_t bytes[PAGE_BYTES];
};

struct page_cache {
	pthread_mutex_t lock; /* guards slots and what they point to; a leaf lock */
	size_t count;
	struct page_slot **slots; /* NULL until used */
};

int page_cache_init(struct page_cache *cache, size_t count);
/* Accepts a zeroed cache. */
void page_cache_done(struct page_cache *cache);
/* Copies len bytes from offset of the page to `to`; false when it is not here. */
bool page_cache_get(struct page_cache *cache, uint64_t number, size_t offset, size_t len, void *to);
/* Keeps a copy of the page. Out of memory is no error: it is a cache. */
void page_cache_put(struct page_cache *cache, uint64_t number, const uint8_t page[PAGE_BYTES]);

#endif
