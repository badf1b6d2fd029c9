/* SPDX-License-Identifier: Apache-2.0 */
/* key_slot_store.c - reads slots from rows that nothing vouches for yet, and puts them. */
#include <errno.h>
#include <string.h>

#include "keystore/key_slot.h"

static bool parse_slot(const struct db_query *query, struct key_slot *ret_slot)
{
	struct db_value number = db_column(query, 0), kind = db_column(query, 1);
	struct db_value params = db_column(query, 2), wrapped = db_column(query, 3);

	if (number.type != DB_INTEGER || number.integer < 1 || number.integer > UINT32_MAX)
		return false;
	if (kind.type != DB_TEXT || kind.len == 0 || kind.len >= SLOT_KIND_SIZE ||
		memchr(kind.data, '\0', kind.len))
		return false;
	if (params.type != DB_BLOB || params.len < SLOT_SALT_SIZE || params.len > SLOT_PARAMS_SIZE)
		return false;
	if (wrapped.type != DB_BLOB || wrapped.len != MASTER_KEY_WRAPPED_SIZE)
		return false;
	*ret_slot = (struct key_slot){
		.number = (uint32_t)number.integer,
		.created_ns = db_column_integer(query, 4),
		.params_len = params.len,
	};
	memcpy(ret_slot->kind, kind.data, kind.len);
	memcpy(ret_slot->params, params.data, params.len);
	memcpy(ret_slot->wrapped, wrapped.data, wrapped.len);
	return true;
}

int key_slots_read(struct db *db, struct key_slot **ret_slots, size_t *ret_count)
{
	scope(db_done) struct db_query *query = NULL;
	scope_free struct key_slot *slots = NULL;
	size_t count = 0;
	int r;

	slots = calloc(LIMIT_SLOTS, sizeof(*slots));
	if (!slots)
		return -ENOMEM;
	r = db_prepare(db,
		"SELECT number, kind, params, wrapped, created_ns FROM slot ORDER BY number",
		&query);
	if (r < 0)
		return r;
	while (count < LIMIT_SLOTS && (r = db_step(query)) > 0)
		if (parse_slot(query, &slots[count]))
			count++;
	if (r < 0)
		return r;
	*ret_slots = count ? take(&slots) : NULL;
	*ret_count = count;
	return 0;
}

int key_slot_put(struct sealed_rows *rows, const struct key_slot *slot)
{
	const struct db_value values[] = {
		db_integer(slot->number),
		db_text(slot->kind),
		db_blob(slot->params, slot->params_len),
		db_blob(slot->wrapped, sizeof(slot->wrapped)),
		db_integer(slot->created_ns),
	};

	return sealed_rows_put(rows, "slot", values);
}

int key_slot_delete(struct sealed_rows *rows, uint32_t number)
{
	const struct db_value key = db_integer(number);

	return sealed_rows_delete(rows, "slot", &key);
}
