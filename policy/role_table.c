/* SPDX-License-Identifier: Apache-2.0 */
/* role_table.c - spans of the sorted list of members, and two tables from numbers to spans. */
#include "policy/role_table.h"

#include <errno.h>

#include "policy/path_prefix.h"

uint32_t role_hash(const char *name)
{
	uint32_t hash = PREFIX_SEED;

	for (; *name; name++)
		hash = prefix_add_byte(hash, (unsigned char)*name);
	return hash;
}

static int find_spans(struct role_table *table)
{
	const struct role_member *list = table->members.list;

	table->roles = calloc(table->members.count + 1, sizeof(*table->roles));
	if (!table->roles)
		return -ENOMEM;
	for (size_t i = 0; i < table->members.count; i++) {
		if (i == 0 || strcmp(list[i].role, list[i - 1].role) != 0)
			table->roles[table->role_count++] = (struct role_span){.name = list[i].role,
				.hash = role_hash(list[i].role),
				.first = (uint32_t)i};
		table->roles[table->role_count - 1].count++;
	}
	return 0;
}

static int index_members(
	struct role_table *table, enum subject_word_kind kind, struct id_table *index)
{
	scope_free struct id_pair *pairs = calloc(table->members.count + 1, sizeof(*pairs));
	size_t count = 0;

	if (!pairs)
		return -ENOMEM;
	for (size_t role = 0; role < table->role_count; role++) {
		const struct role_span *span = &table->roles[role];

		for (uint32_t i = span->first; i < span->first + span->count; i++)
			if (table->members.list[i].kind == kind)
				pairs[count++] = (struct id_pair){
					table->members.list[i].number, (uint32_t)role};
	}
	return id_table_init(index, pairs, count);
}

int role_table_new(const struct role_members *members, struct role_table **ret_table)
{
	scope(role_table_unref) struct role_table *table = calloc(1, sizeof(*table));
	int r;

	if (!table)
		return -ENOMEM;
	table->references = 1;
	r = role_members_copy(members, &table->members);
	if (r == 0)
		r = find_spans(table);
	if (r == 0)
		r = index_members(table, WORD_USER, &table->users);
	if (r == 0)
		r = index_members(table, WORD_GROUP, &table->groups);
	if (r < 0)
		return r;
	*ret_table = take(&table);
	return 0;
}

struct role_table *role_table_ref(struct role_table *table)
{
	atomic_fetch_add_explicit(&table->references, 1, memory_order_relaxed);
	return table;
}

struct role_table *role_table_unref(struct role_table *table)
{
	if (!table || atomic_fetch_sub_explicit(&table->references, 1, memory_order_acq_rel) != 1)
		return NULL;
	id_table_done(&table->users);
	id_table_done(&table->groups);
	free(table->roles);
	role_members_done(&table->members);
	free(table);
	return NULL;
}

bool role_table_holds(
	const struct role_table *table, const char *role, const struct subject *subject)
{
	return role_members_hold(&table->members, role, subject);
}
