/* SPDX-License-Identifier: Apache-2.0 */
/* usage_store.c - counts to rows and back; nothing in a row is taken on trust. */
#include "policy/usage_store.h"

#include <errno.h>

struct load {
	int (*each)(void *arg, uint64_t rule, uint32_t uid, const struct usage_count *count);
	void *arg;
};

static bool is_amount(const struct db_value *value)
{
	return value->type == DB_INTEGER && value->integer >= 0 && value->integer <= LIMIT_BUDGET;
}

static int load_row(void *arg, const struct db_value *values, bool intact)
{
	const struct load *load = arg;
	struct usage_count count;

	if (!intact || values[0].type != DB_INTEGER || values[0].integer <= 0 ||
		values[1].type != DB_INTEGER || values[1].integer < 0 ||
		values[1].integer >= UINT32_MAX || values[2].type != DB_INTEGER ||
		!is_amount(&values[3]) || values[4].type != DB_INTEGER || !is_amount(&values[5]))
		return -EUCLEAN;
	count = (struct usage_count){.opens_period = values[2].integer,
		.opens = values[3].integer,
		.bytes_period = values[4].integer,
		.bytes = values[5].integer};
	return load->each(load->arg, values[0].integer, values[1].integer, &count);
}

int usage_store_load(struct sealed_rows *rows,
	int (*each)(void *arg, uint64_t rule, uint32_t uid, const struct usage_count *count),
	void *arg)
{
	struct load load = {each, arg};

	return sealed_rows_each(rows, "usage", load_row, &load);
}

int usage_store_put(
	struct sealed_rows *rows, uint64_t rule, uint32_t uid, const struct usage_count *count)
{
	const struct db_value values[] = {
		db_integer(rule),
		db_integer(uid),
		db_integer(count->opens_period),
		db_integer(count->opens),
		db_integer(count->bytes_period),
		db_integer(count->bytes),
	};

	return sealed_rows_put(rows, "usage", values);
}

int usage_store_delete(struct sealed_rows *rows, uint64_t rule, uint32_t uid)
{
	const struct db_value key[] = {db_integer(rule), db_integer(uid)};

	return sealed_rows_delete(rows, "usage", key);
}
