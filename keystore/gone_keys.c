/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gone_keys.c - one pass over the database's bytes for all keys at once: every eight bytes in a row
 * of each key lie in a hash table, with a bit map before it that nearly every place of the file is
 * turned down by. Eight bytes, since a later row may have covered any part of what was left.
 */
#include "keystore/gone_keys.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "keystore/base/secret.h"

#define WINDOW		8
#define WINDOWS_PER_KEY (DEK_WRAPPED_SIZE - WINDOW + 1)
#define BITS_PER_WINDOW 32 /* at least; one place in so many goes on to the table */

struct windows {
	uint64_t *table; /* open addressing; 0: empty, and so never a window */
	uint8_t *bits;
	unsigned table_log2, bits_log2;
};

static void windows_done(struct windows *windows)
{
	free(windows->table);
	free(windows->bits);
}

static uint64_t window_at(const uint8_t *bytes)
{
	uint64_t window;

	memcpy(&window, bytes, sizeof(window));
	return window;
}

static uint64_t hash_of(uint64_t window)
{
	return window * 0x9e3779b97f4a7c15;
}

static uint64_t *slot_of(const struct windows *windows, uint64_t window)
{
	const size_t mask = ((size_t)1 << windows->table_log2) - 1;
	size_t at = (hash_of(window) >> 8) & mask;

	while (windows->table[at] && windows->table[at] != window)
		at = (at + 1) & mask;
	return &windows->table[at];
}

static bool windows_have(const struct windows *windows, uint64_t window)
{
	uint64_t bit = hash_of(window) >> (64 - windows->bits_log2);

	if (!(windows->bits[bit / 8] & 1u << bit % 8))
		return false;
	return window && *slot_of(windows, window) == window;
}

static void windows_add(struct windows *windows, uint64_t window)
{
	uint64_t bit = hash_of(window) >> (64 - windows->bits_log2);

	windows->bits[bit / 8] |= (uint8_t)(1u << bit % 8);
	*slot_of(windows, window) = window;
}

static int windows_init(struct windows *windows, const struct gone_keys *gone)
{
	while ((size_t)1 << windows->table_log2 < gone->count * WINDOWS_PER_KEY * 2)
		windows->table_log2++;
	windows->bits_log2 = windows->table_log2;
	while ((size_t)1 << windows->bits_log2 < gone->count * WINDOWS_PER_KEY * BITS_PER_WINDOW)
		windows->bits_log2++;
	windows->table = calloc((size_t)1 << windows->table_log2, sizeof(*windows->table));
	/* BITS_PER_WINDOW of each of at least one key: some bytes. */
	windows->bits = calloc((((size_t)1 << windows->bits_log2) + 7) / 8, 1);
	if (!windows->table || !windows->bits)
		return -ENOMEM;
	for (size_t i = 0; i < gone->count; i++) {
		for (size_t at = 0; at < WINDOWS_PER_KEY; at++)
			windows_add(windows, window_at(gone->wraps[i] + at));
	}
	return 0;
}

static int look(void *arg, const uint8_t *bytes, size_t len)
{
	const struct windows *windows = arg;

	for (size_t at = 0; at + WINDOW <= len; at++) {
		if (windows_have(windows, window_at(bytes + at)))
			return 1;
	}
	return 0;
}

int gone_keys_find(const struct gone_keys *gone, struct db *db, bool *ret_found)
{
	__attribute__((cleanup(windows_done))) struct windows windows = {0};
	int r;

	if (gone->unknown || !gone->count) {
		*ret_found = true;
		return 0;
	}
	r = windows_init(&windows, gone);
	if (r == 0)
		r = db_each_piece(db, WINDOW - 1, look, &windows);
	if (r < 0)
		return r;
	*ret_found = r == 1;
	return 0;
}

void gone_keys_add(struct gone_keys *gone, const uint8_t wrap[DEK_WRAPPED_SIZE])
{
	uint8_t(*wraps)[DEK_WRAPPED_SIZE] = NULL;

	if (wrap && gone->count < GONE_KEYS_MAX)
		wraps = reallocarray(gone->wraps, gone->count + 1, sizeof(*wraps));
	if (!wraps) {
		gone->unknown = true;
		return;
	}
	memcpy(wraps[gone->count++], wrap, sizeof(*wraps));
	gone->wraps = wraps;
}

void gone_keys_clear(struct gone_keys *gone)
{
	if (gone->wraps)
		secret_wipe(gone->wraps, gone->count * sizeof(*gone->wraps));
	free(gone->wraps);
	*gone = (struct gone_keys){0};
}
