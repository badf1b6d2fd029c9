/* SPDX-License-Identifier: Apache-2.0 */
/*
 * master_key.c - wraps and unwraps the master key of a vault for one slot:
 *   wrapping key = HKDF(material; DERIVE_SLOT, vault id | number u32 | salt)
 *   AAD          = "modelvault/1/slot" | vault id | number u32 | kind
 */
#include "keystore/master_key.h"

#include <errno.h>

#include "keystore/base/bytes.h"

int master_key_generate(struct secret **ret_master)
{
	return secret_random(KEY_SIZE, ret_master);
}

static int wrapping_key(
	const struct secret *material, const struct slot_binding *binding, struct secret **ret_key)
{
	uint8_t context[ID_SIZE + 4 + SLOT_SALT_SIZE];

	memcpy(context, binding->vault_id, ID_SIZE);
	store_u32(context + ID_SIZE, binding->number);
	memcpy(context + ID_SIZE + 4, binding->salt, SLOT_SALT_SIZE);
	return derive_key(material, DERIVE_SLOT, context, sizeof(context), ret_key);
}

static void add_aad(struct buffer *aad, const struct slot_binding *binding)
{
	buffer_add_text(aad, "modelvault/1/slot");
	buffer_add(aad, binding->vault_id, ID_SIZE);
	buffer_add_u32(aad, binding->number);
	buffer_add_text(aad, binding->kind);
}

int master_key_wrap(const struct secret *master, const struct secret *material,
	const struct slot_binding *binding, uint8_t ret_wrapped[MASTER_KEY_WRAPPED_SIZE])
{
	scope(secret_free) struct secret *key = NULL;
	scope_buffer struct buffer aad = {0};
	int r;

	if (secret_len(master) != KEY_SIZE)
		return -EINVAL;
	add_aad(&aad, binding);
	if (aad.failed)
		return -ENOMEM;
	r = wrapping_key(material, binding, &key);
	if (r < 0)
		return r;
	return key_wrap(key, aad.data, aad.len, master, ret_wrapped);
}

int master_key_unwrap(const uint8_t wrapped[MASTER_KEY_WRAPPED_SIZE], const struct secret *material,
	const struct slot_binding *binding, struct secret **ret_master)
{
	scope(secret_free) struct secret *key = NULL;
	scope_buffer struct buffer aad = {0};
	int r;

	add_aad(&aad, binding);
	if (aad.failed)
		return -ENOMEM;
	r = wrapping_key(material, binding, &key);
	if (r < 0)
		return r;
	r = key_unwrap(key, aad.data, aad.len, wrapped, MASTER_KEY_WRAPPED_SIZE, ret_master);
	return r == -EBADMSG ? -EKEYREJECTED : r;
}

int master_key_derive(const struct secret *master, enum derive_purpose purpose,
	const uint8_t vault_id[ID_SIZE], struct secret **ret_key)
{
	return derive_key(master, purpose, vault_id, ID_SIZE, ret_key);
}
