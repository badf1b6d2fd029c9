/* SPDX-License-Identifier: Apache-2.0 */
/* near_word.c - distances between words, by insertions, removals, replacements and swaps. */
#include "policy/near_word.h"

#include <string.h>

#define NEAR_WORD_MAX 15 /* longer words are not compared */

static unsigned smaller(unsigned a, unsigned b)
{
	return a < b ? a : b;
}

/* Edits (insert, remove, replace, swap of neighbours) from one word to the other. */
static unsigned word_distance(const char *a, size_t a_len, const char *b)
{
	unsigned cost[NEAR_WORD_MAX + 1][NEAR_WORD_MAX + 1];
	size_t b_len = strlen(b);

	if (a_len > NEAR_WORD_MAX || b_len > NEAR_WORD_MAX)
		return NEAR_WORD_MAX;
	for (size_t i = 0; i <= a_len; i++) {
		for (size_t j = 0; j <= b_len; j++) {
			if (i == 0 || j == 0) {
				cost[i][j] = i + j;
				continue;
			}
			cost[i][j] = smaller(cost[i - 1][j - 1] + (a[i - 1] != b[j - 1]),
				smaller(cost[i - 1][j], cost[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
				cost[i][j] = smaller(cost[i][j], cost[i - 2][j - 2] + 1);
		}
	}
	return cost[a_len][b_len];
}

const char *nearest_word(const char *word, size_t len, const char *const *table, size_t count)
{
	const char *nearest = NULL;
	unsigned least = 3;

	for (size_t i = 0; i < count; i++) {
		unsigned distance = word_distance(word, len, table[i]);

		if (distance < least && distance < len) {
			least = distance;
			nearest = table[i];
		}
	}
	return nearest;
}

bool word_in(const char *word, size_t len, const char *const *table, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(table[i]) == len && memcmp(table[i], word, len) == 0)
			return true;
	return false;
}
