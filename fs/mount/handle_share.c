/* SPDX-License-Identifier: Apache-2.0 */
/* handle_share.c - how many handles each user has, so that one user cannot take all there are. */
#include <errno.h>
#include <stdlib.h>

#include "fs/mount/handle_private.h"

struct handle_share {
	struct handle_share *next;
	uint32_t uid;
	uint64_t count;
};

/* Where the share of this user hangs, or would. */
static struct handle_share *const *find(const struct handle_shares *shares, uint32_t uid)
{
	struct handle_share *const *at = &shares->buckets[uid % SHARE_BUCKETS];

	while (*at && (*at)->uid != uid)
		at = &(*at)->next;
	return at;
}

bool handle_share_is_used_up(const struct handle_shares *shares, uint32_t uid)
{
	const struct handle_share *share = *find(shares, uid);

	return share && share->count >= LIMIT_HANDLES_OF_USER;
}

int handle_share_add(struct handle_shares *shares, uint32_t uid)
{
	struct handle_share **at = (struct handle_share **)find(shares, uid);

	if (!*at) {
		*at = calloc(1, sizeof(**at));
		if (!*at)
			return -ENOMEM;
		(*at)->uid = uid;
	}
	(*at)->count++;
	return 0;
}

void handle_share_remove(struct handle_shares *shares, uint32_t uid)
{
	struct handle_share **at = (struct handle_share **)find(shares, uid), *share = *at;

	if (!share || --share->count)
		return;
	*at = share->next;
	free(share);
}

void handle_shares_done(struct handle_shares *shares)
{
	for (size_t i = 0; i < SHARE_BUCKETS; i++) {
		while (shares->buckets[i]) {
			struct handle_share *share = shares->buckets[i];

			shares->buckets[i] = share->next;
			free(share);
		}
	}
}
