/* SPDX-License-Identifier: Apache-2.0 */
/*
 * gone_keys.h - the wrapped keys that went since the keystore was last settled, so that it can be
 * seen whether the database still has bytes of one in a gap that moving rows left.
 */
#ifndef KEYSTORE_GONE_KEYS_H
#define KEYSTORE_GONE_KEYS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "keystore/base/db.h"
#include "keystore/file_key.h"

#define GONE_KEYS_MAX 4096 /* more: building the database anew costs little in proportion */

struct gone_keys {
	uint8_t (*wraps)[DEK_WRAPPED_SIZE];
	size_t count;
	bool unknown; /* others went too */
};

/* wrap NULL, too many of them or no memory: from now on it is not known which. */
void gone_keys_add(struct gone_keys *gone, const uint8_t wrap[DEK_WRAPPED_SIZE]);
/* Forgets them all. */
void gone_keys_clear(struct gone_keys *gone);
/*
 * Are eight bytes in a row of any of them in the database file, whose log is empty? *ret_found is
 * true too when it is not known which keys went.
 */
int gone_keys_find(const struct gone_keys *gone, struct db *db, bool *ret_found);

#endif
