/* SPDX-License-Identifier: Apache-2.0 */
/* usage_store.c - counts to rows and back; nothing in a row is taken on trust. */
#include "policy/usage_store.h"

#include <errno.h>
#include <stdlib.h>

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

/* Rows of rules that are gone, as they are found. */
struct gone {
	const struct ruleset *kept;
	uint64_t end;
	struct db_value (*keys)[2];
	size_t count, capacity;
};

static int gather_gone(
	void *arg, uint64_t rule, uint32_t uid, const struct usage_count *unused_count)
{
	struct gone *gone = arg;

	(void)unused_count;
	if (rule >= gone->end || ruleset_find(gone->kept, rule))
		return 0;
	if (gone->count == gone->capacity) {
		size_t capacity = gone->capacity * 2 + 16;
		void *grown = reallocarray(gone->keys, capacity, sizeof(*gone->keys));

		if (!grown)
			return -ENOMEM;
		gone->keys = grown;
		gone->capacity = capacity;
	}
	gone->keys[gone->count][0] = db_integer((int64_t)rule);
	gone->keys[gone->count++][1] = db_integer(uid);
	return 0;
}

int usage_store_keep(struct sealed_rows *rows, const struct ruleset *kept, uint64_t end)
{
	struct gone gone = {.kept = kept, .end = end};
	int r;

	/* None is deleted under the walk. */
	r = usage_store_load(rows, gather_gone, &gone);
	for (size_t i = 0; i < gone.count && r == 0; i++)
		r = sealed_rows_delete(rows, "usage", gone.keys[i]);
	free(gone.keys);
	return r;
}
