/* SPDX-License-Identifier: Apache-2.0 */
/* key_slot.c - makes slots and opens them. */
#include "keystore/key_slot.h"

#include <errno.h>

#include "keystore/base/bytes.h"
#include "keystore/base/clock.h"

static struct slot_binding binding_of(const struct key_slot *slot, const uint8_t vault_id[ID_SIZE])
{
	return (struct slot_binding){
		.vault_id = vault_id,
		.number = slot->number,
		.kind = slot->kind,
		.salt = slot->params,
	};
}

const struct provider *key_slot_provider(const struct unlock_secrets *secrets)
{
	for (size_t i = 0; providers[i]; i++)
		if (providers[i]->applies(secrets))
			return providers[i];
	return NULL;
}

int key_slot_make(const struct provider *provider, const struct unlock_secrets *secrets,
	const struct secret *master, const uint8_t vault_id[ID_SIZE], uint32_t number,
	struct key_slot *ret_slot)
{
	struct key_slot slot = {.number = number, .created_ns = clock_now_ns()};
	scope(secret_free) struct secret *material = NULL;
	scope_buffer struct buffer params = {0};
	struct slot_binding binding;
	int r;

	if (!provider->applies(secrets))
		return -ENOKEY;
	r = provider->enroll(&params);
	if (r < 0)
		return r;
	if (params.len < SLOT_SALT_SIZE || params.len > SLOT_PARAMS_SIZE ||
		strlen(provider->name) >= SLOT_KIND_SIZE)
		return -EINVAL;
	strncpy(slot.kind, provider->name, SLOT_KIND_SIZE - 1);
	memcpy(slot.params, params.data, params.len);
	slot.params_len = params.len;
	r = provider->material(secrets, slot.params, slot.params_len, &material);
	if (r < 0)
		return r;
	binding = binding_of(&slot, vault_id);
	r = master_key_wrap(master, material, &binding, slot.wrapped);
	if (r < 0)
		return r;
	*ret_slot = slot;
	return 0;
}

int key_slot_open(const struct key_slot *slot, const uint8_t vault_id[ID_SIZE],
	const struct unlock_secrets *secrets, struct secret **ret_master)
{
	const struct provider *provider = provider_find(slot->kind);
	struct slot_binding binding = binding_of(slot, vault_id);
	scope(secret_free) struct secret *material = NULL;
	int r;

	if (!provider || !provider->applies(secrets))
		return -ENOKEY;
	r = provider->material(secrets, slot->params, slot->params_len, &material);
	if (r < 0)
		return r;
	return master_key_unwrap(slot->wrapped, material, &binding, ret_master);
}

int key_slots_open(struct db *db, const uint8_t vault_id[ID_SIZE],
	const struct unlock_secrets *secrets, struct secret **ret_master, uint32_t *ret_number)
{
	scope_free struct key_slot *slots = NULL;
	size_t count = 0;
	int r, result = -ENOKEY;

	r = key_slots_read(db, &slots, &count);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++) {
		r = key_slot_open(&slots[i], vault_id, secrets, ret_master);
		if (r == 0) {
			*ret_number = slots[i].number;
			return 0;
		}
		/* A slot that somebody broke must not keep the others from being tried. */
		if (r == -EKEYREJECTED || r == -EUCLEAN)
			result = -EKEYREJECTED;
		else if (r != -ENOKEY)
			return r;
	}
	return result;
}
