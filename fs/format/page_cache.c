/* SPDX-License-Identifier: Apache-2.0 */
/* page_cache.c - the direct-mapped cache of checked pages. */
#include "fs/format/page_cache.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

/* Slots that have memory, of all caches of the process: a bound for any number of open objects. */
static _Atomic size_t slots_used;
#define SLOTS_MAX 16384 /* 64 MiB of tag pages: 32 GiB of plaintext at the default chunk size */

int page_cache_init(struct page_cache *cache, size_t count)
{
	struct page_slot **slots = calloc(count, sizeof(struct page_slot *));
	int r;

	if (!slots)
		return -ENOMEM;
	r = pthread_mutex_init(&cache->lock, NULL);
	if (r != 0) {
		free(slots);
		return -r;
	}
	cache->count = count;
	cache->slots = slots;
	return 0;
}

void page_cache_done(struct page_cache *cache)
{
	if (!cache->slots)
		return;
	for (size_t i = 0; i < cache->count; i++) {
		if (cache->slots[i])
			atomic_fetch_sub(&slots_used, 1);
		free(cache->slots[i]);
	}
	free(cache->slots);
	cache->slots = NULL;
	pthread_mutex_destroy(&cache->lock);
}

bool page_cache_get(struct page_cache *cache, uint64_t number, size_t offset, size_t len, void *to)
{
	const struct page_slot *slot;
	bool found;

	pthread_mutex_lock(&cache->lock);
	slot = cache->slots[number % cache->count];
	found = slot && slot->number == number;
	if (found)
		memcpy(to, slot->bytes + offset, len);
	pthread_mutex_unlock(&cache->lock);
	return found;
}

static struct page_slot *slot_new(void)
{
	struct page_slot *slot = NULL;

	if (atomic_fetch_add(&slots_used, 1) < SLOTS_MAX)
		slot = malloc(sizeof(*slot));
	if (!slot)
		atomic_fetch_sub(&slots_used, 1);
	return slot;
}

void page_cache_put(struct page_cache *cache, uint64_t number, const uint8_t page[PAGE_BYTES])
{
	struct page_slot **slot = &cache->slots[number % cache->count];

	pthread_mutex_lock(&cache->lock);
	if (!*slot)
		*slot = slot_new();
	if (*slot) {
		(*slot)->number = number;
		memcpy((*slot)->bytes, page, PAGE_BYTES);
	}
	pthread_mutex_unlock(&cache->lock);
}
