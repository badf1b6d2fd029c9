/* SPDX-License-Identifier: Apache-2.0 */
/* keystore_slots.c - lists, adds and removes the ways to unlock. */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "keystore/key_slot.h"
#include "keystore/keystore_private.h"

static_assert(MASTER_KEY_WRAPPED_SIZE == DEK_WRAPPED_SIZE, "both go to keystore_unsettle");

int keystore_slots(
	struct keystore *keystore, int (*each)(void *arg, const struct slot_info *slot), void *arg)
{
	scope_free struct key_slot *slots = NULL;
	struct slot_info info = {0};
	size_t count = 0;
	int r;

	keystore_lock_rows(keystore);
	r = key_slots_read(keystore->db, &slots, &count);
	keystore_unlock_rows(keystore);
	for (size_t i = 0; i < count && r == 0; i++) {
		info.number = slots[i].number;
		info.created_ns = slots[i].created_ns;
		memcpy(info.kind, slots[i].kind, sizeof(info.kind));
		r = each(arg, &info);
	}
	return r;
}

static int commit(struct keystore *keystore, int r)
{
	if (r == 0)
		r = sealed_rows_commit(keystore->rows);
	else
		sealed_rows_abort(keystore->rows);
	return r;
}

static int add_locked(
	struct keystore *keystore, const struct unlock_secrets *secrets, uint32_t *ret_number)
{
	const struct provider *provider = key_slot_provider(secrets);
	scope_free struct key_slot *slots = NULL;
	struct key_slot slot;
	size_t count = 0;
	uint32_t number;
	int r;

	if (!provider)
		return -ENOKEY;
	r = key_slots_read(keystore->db, &slots, &count);
	if (r < 0)
		return r;
	number = count ? slots[count - 1].number : 0;
	if (count >= LIMIT_SLOTS || number == UINT32_MAX)
		return -ENOSPC;
	r = key_slot_make(
		provider, secrets, keystore->master, keystore->vault_id, number + 1, &slot);
	if (r < 0)
		return r;
	r = sealed_rows_begin(keystore->rows);
	if (r < 0)
		return r;
	r = commit(keystore, key_slot_put(keystore->rows, &slot));
	if (r == 0)
		*ret_number = slot.number;
	return r;
}

int keystore_add_slot(
	struct keystore *keystore, const struct unlock_secrets *secrets, uint32_t *ret_number)
{
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	keystore_lock_rows(keystore);
	r = add_locked(keystore, secrets, ret_number);
	keystore_unlock_rows(keystore);
	return r;
}

static int remove_locked(struct keystore *keystore, uint32_t number)
{
	scope_free struct key_slot *slots = NULL;
	size_t count = 0, i = 0;
	int r;

	r = key_slots_read(keystore->db, &slots, &count);
	if (r < 0)
		return r;
	while (i < count && slots[i].number != number)
		i++;
	if (i == count)
		return -ENOENT;
	if (count == 1)
		return -EPERM;
	r = sealed_rows_begin(keystore->rows);
	if (r < 0)
		return r;
	r = commit(keystore, key_slot_delete(keystore->rows, number));
	if (r < 0)
		return r;
	keystore_unsettle(keystore, slots[i].wrapped);
	return 0;
}

int keystore_remove_slot(struct keystore *keystore, uint32_t number)
{
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	keystore_lock_rows(keystore);
	r = remove_locked(keystore, number);
	keystore_unlock_rows(keystore);
	return r;
}
