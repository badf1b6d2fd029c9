/* SPDX-License-Identifier: Apache-2.0 */
/* rule_store.c - rows to rules and members, and back; nothing in a row is taken on trust. */
#include "policy/rule_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "policy/rule_text.h"

static const char next_rule_setting[] = "next_rule";

void stored_rules_done(struct stored_rules *stored)
{
	for (size_t i = 0; i < stored->count; i++)
		rule_done(&stored->rules[i]);
	free(stored->rules);
	*stored = (struct stored_rules){0};
}

/* The rules of the walk; room grows by doubling. */
struct loading {
	struct stored_rules stored;
	size_t room;
};

static bool value_is_id(const struct db_value *value)
{
	return value->type == DB_INTEGER && value->integer >= 0 && value->integer < UINT32_MAX;
}

static int loading_reserve(struct loading *loading)
{
	size_t room = loading->room ? 2 * loading->room : 16;
	struct rule *rules;

	if (loading->stored.count < loading->room)
		return 0;
	rules = reallocarray(loading->stored.rules, room, sizeof(*rules));
	if (!rules)
		return -ENOMEM;
	loading->stored.rules = rules;
	loading->room = room;
	return 0;
}

static int load_rule(void *arg, const struct db_value *values, bool intact)
{
	struct loading *loading = arg;
	struct rule *rule;
	int r;

	if (!intact || values[0].type != DB_INTEGER || values[0].integer <= 0 ||
		values[1].type != DB_INTEGER || values[1].integer != RULE_TEXT_VERSION ||
		values[2].type != DB_TEXT || values[3].type != DB_INTEGER ||
		!value_is_id(&values[4]))
		return -EUCLEAN;
	r = loading_reserve(loading);
	if (r < 0)
		return r;
	rule = &loading->stored.rules[loading->stored.count];
	r = rule_from_text(values[2].data, values[2].len, rule);
	if (r < 0)
		return r;
	loading->stored.count++;
	rule->number = (uint64_t)values[0].integer;
	rule->created_ns = values[3].integer;
	rule->created_by = (uint32_t)values[4].integer;
	if (rule->number >= loading->stored.next_number)
		loading->stored.next_number = rule->number + 1;
	return 0;
}

static int load_next_number(void *arg, const struct db_value *values, bool intact)
{
	struct stored_rules *stored = arg;
	uint64_t number = 0;
	const char *digits;

	if (!intact || values[0].type != DB_TEXT || values[1].type != DB_TEXT)
		return -EUCLEAN;
	if (values[0].len != strlen(next_rule_setting) ||
		memcmp(values[0].data, next_rule_setting, values[0].len) != 0)
		return 0;
	digits = values[1].data;
	for (size_t i = 0; i < values[1].len; i++) {
		if (digits[i] < '0' || digits[i] > '9' || number > INT64_MAX / 20)
			return -EUCLEAN;
		number = number * 10 + (uint64_t)(digits[i] - '0');
	}
	if (number > stored->next_number)
		stored->next_number = number;
	return 0;
}

static void loading_done(struct loading *loading)
{
	stored_rules_done(&loading->stored);
}

int rule_store_load(struct sealed_rows *rows, struct stored_rules *ret_stored)
{
	__attribute__((cleanup(loading_done))) struct loading loading = {.stored.next_number = 1};
	int r;

	r = sealed_rows_each(rows, "rule", load_rule, &loading);
	if (r < 0)
		return r;
	r = sealed_rows_each(rows, "setting", load_next_number, &loading.stored);
	if (r < 0)
		return r;
	*ret_stored = loading.stored;
	loading.stored = (struct stored_rules){0};
	return 0;
}

int rule_store_put(struct sealed_rows *rows, const struct rule *rule)
{
	scope_buffer struct buffer words = {0};
	struct db_value values[5];
	int r;

	r = rule_to_text(rule, &words);
	if (r < 0)
		return r;
	values[0] = db_integer((int64_t)rule->number);
	values[1] = db_integer(RULE_TEXT_VERSION);
	values[2] = db_text(buffer_text(&words));
	values[3] = db_integer(rule->created_ns);
	values[4] = db_integer(rule->created_by);
	return sealed_rows_put(rows, "rule", values);
}

int rule_store_delete(struct sealed_rows *rows, uint64_t number)
{
	struct db_value key = db_integer((int64_t)number);

	return sealed_rows_delete(rows, "rule", &key);
}

int rule_store_put_next_number(struct sealed_rows *rows, uint64_t number)
{
	char text[24];
	struct db_value values[2];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	values[0] = db_text(next_rule_setting);
	values[1] = db_text(text);
	return sealed_rows_put(rows, "setting", values);
}

static int kind_of_member(const struct db_value *value, enum subject_word_kind *ret_kind)
{
	for (int kind = WORD_USER; kind <= WORD_GROUP; kind++) {
		const char *prefix = subject_word_prefix(kind);

		if (value->len == strlen(prefix) && memcmp(value->data, prefix, value->len) == 0) {
			*ret_kind = kind;
			return 0;
		}
	}
	return -EUCLEAN;
}

static int load_member(void *arg, const struct db_value *values, bool intact)
{
	scope_free char *role = NULL;
	scope_free char *name = NULL;
	struct role_member member = {0};

	if (!intact || values[0].type != DB_TEXT || values[1].type != DB_TEXT ||
		!value_is_id(&values[2]) || values[3].type != DB_TEXT)
		return -EUCLEAN;
	role = strndup(values[0].data, values[0].len);
	name = strndup(values[3].data, values[3].len);
	if (!role || !name)
		return -ENOMEM;
	if (role_from_name(role, &member.role) < 0 || kind_of_member(&values[1], &member.kind) < 0)
		return -EUCLEAN;
	member.number = (uint32_t)values[2].integer;
	member.name = name;
	return role_members_add(arg, &member);
}

int role_store_load(struct sealed_rows *rows, struct role_members *ret_members)
{
	struct role_members members = {0};
	int r;

	r = sealed_rows_each(rows, "role", load_member, &members);
	if (r < 0) {
		role_members_done(&members);
		return r;
	}
	*ret_members = members;
	return 0;
}

int role_store_put(struct sealed_rows *rows, const struct role_member *member)
{
	const struct db_value values[] = {
		db_text(role_name(member->role)),
		db_text(subject_word_prefix(member->kind)),
		db_integer(member->number),
		db_text(member->name),
	};

	return sealed_rows_put(rows, "role", values);
}
