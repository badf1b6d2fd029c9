/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider_passphrase.c - a slot opened by a passphrase, stretched by scrypt.
 *
 * Parameters:  OFFSET  SIZE  MEANING
 *                   0    32  salt
 *                  32     4  log2 N
 *                  36     4  r
 *                  40     4  p
 */
#include <assert.h>
#include <errno.h>

#include "keystore/master_key.h"
#include "keystore/passphrase_kdf.h"
#include "keystore/provider_private.h"

static_assert(PASSPHRASE_SALT_SIZE == SLOT_SALT_SIZE, "one salt serves scrypt and the slot");

static bool applies(const struct unlock_secrets *secrets)
{
	return secrets->passphrase;
}

static int enroll(struct buffer *ret_params)
{
	uint8_t salt[SLOT_SALT_SIZE];
	int r;

	r = random_fill(salt, sizeof(salt));
	if (r < 0)
		return r;
	buffer_add(ret_params, salt, sizeof(salt));
	buffer_add_u32(ret_params, passphrase_cost_default.log2_n);
	buffer_add_u32(ret_params, passphrase_cost_default.r);
	buffer_add_u32(ret_params, passphrase_cost_default.p);
	return ret_params->failed ? -ENOMEM : 0;
}

static int material(const struct unlock_secrets *secrets, const void *params, size_t params_len,
	struct secret **ret_material)
{
	struct passphrase_cost cost;
	struct cursor cursor;
	const uint8_t *salt;
	int r;

	cursor_init(&cursor, params, params_len);
	salt = cursor_bytes(&cursor, SLOT_SALT_SIZE);
	cost.log2_n = cursor_u32(&cursor);
	cost.r = cursor_u32(&cursor);
	cost.p = cursor_u32(&cursor);
	if (!cursor_is_done(&cursor))
		return -EUCLEAN;
	r = passphrase_stretch(secrets->passphrase, salt, SLOT_SALT_SIZE, &cost, ret_material);
	/* The passphrase was checked by whoever asked for it: only the stored costs can be wrong.
	 */
	return r == -EINVAL ? -EUCLEAN : r;
}

const struct provider provider_passphrase = {
	.name = "passphrase",
	.applies = applies,
	.enroll = enroll,
	.material = material,
};
