/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider.h - the kinds of slot. A provider turns what the user has (a passphrase, a key file)
 * into key material for one slot; it never prompts: whoever calls has asked already. A kind is one
 * file, provider_KIND.c, and one line in the table of provider.c.
 */
#ifndef KEYSTORE_PROVIDER_H
#define KEYSTORE_PROVIDER_H

#include "keystore/base/bytes.h"
#include "keystore/base/secret.h"

/* What the user offers to unlock or to enrol; either may be NULL. */
struct unlock_secrets {
	struct secret *key_file; /* the bytes of a key file, see key_file_parse in keystore.h */
	struct secret *passphrase;
};

struct provider {
	const char *name; /* stored in the slot row and printed: "key-file", "passphrase" */
	/* True when these secrets can be tried on a slot of this kind. */
	bool (*applies)(const struct unlock_secrets *secrets);
	/* Makes parameters for a new slot, stored beside it: a salt of 32 bytes, then its own. */
	int (*enroll)(struct buffer *ret_params);
	/* The key material that wraps the master key in this slot. -EUCLEAN: broken parameters. */
	int (*material)(const struct unlock_secrets *secrets, const void *params, size_t params_len,
		struct secret **ret_material);
};

const struct provider *provider_find(const char *name);
/* The table, for slots listing and tests; ends with NULL. */
extern const struct provider *const providers[];

#endif
