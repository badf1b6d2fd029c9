/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider_key_file.c - a slot opened by the bytes of a key file. Parameters: salt 32. The material
 * is the file's bytes themselves: at least 256 bits that nobody chose need no stretching.
 */
#include <errno.h>

#include "keystore/keystore.h"
#include "keystore/master_key.h"
#include "keystore/provider_private.h"

int key_file_parse(const void *bytes, size_t len, struct secret **ret_key)
{
	if (len > LIMIT_KEY_FILE)
		return -EINVAL;
	/* A raw 32-byte key may end in that byte by chance. */
	if (len > LIMIT_KEY_FILE_MIN && ((const char *)bytes)[len - 1] == '\n')
		len--;
	if (len < LIMIT_KEY_FILE_MIN)
		return -EINVAL;
	return secret_from(bytes, len, ret_key);
}

static bool applies(const struct unlock_secrets *secrets)
{
	return secrets->key_file;
}

static int enroll(struct buffer *ret_params)
{
	uint8_t salt[SLOT_SALT_SIZE];
	int r;

	r = random_fill(salt, sizeof(salt));
	if (r < 0)
		return r;
	buffer_add(ret_params, salt, sizeof(salt));
	return ret_params->failed ? -ENOMEM : 0;
}

static int material(const struct unlock_secrets *secrets, const void *params, size_t params_len,
	struct secret **ret_material)
{
	(void)params;
	if (params_len != SLOT_SALT_SIZE)
		return -EUCLEAN;
	return secret_copy(secrets->key_file, ret_material);
}

const struct provider provider_key_file = {
	.name = "key-file",
	.applies = applies,
	.enroll = enroll,
	.material = material,
};
