/* SPDX-License-Identifier: Apache-2.0 */
/* rule_store.c - rows to rules and members, and back; nothing in a row is taken on trust. */
#include "policy/rule_store.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

#include "policy/rule_text.h"

static const char next_rule_setting[] = "next_rule";
static const char private_setting[] = "private", private_value[] = "yes", public_value[] = "no";
static const char clock_setting[] = "clock", distrusted_value[] = "distrusted",
		  trusted_value[] = "trusted";

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
		values[1].type != DB_INTEGER || values[1].integer < 1 ||
		values[1].integer > RULE_TEXT_VERSION || values[2].type != DB_TEXT ||
		values[3].type != DB_INTEGER || !value_is_id(&values[4]))
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

static bool value_is(const struct db_value *value, const char *text)
{
	return value->len == strlen(text) && memcmp(value->data, text, value->len) == 0;
}

static int number_of_digits(const struct db_value *value, uint64_t *ret_number)
{
	const char *digits = value->data;
	uint64_t number = 0;

	for (size_t i = 0; i < value->len; i++) {
		if (digits[i] < '0' || digits[i] > '9' || number > INT64_MAX / 20)
			return -EUCLEAN;
		number = number * 10 + (uint64_t)(digits[i] - '0');
	}
	*ret_number = number;
	return 0;
}

/* One of two words. */
static int choice_of(const struct db_value *value, const char *yes, const char *no, bool *ret_yes)
{
	*ret_yes = value_is(value, yes);
	return *ret_yes || value_is(value, no) ? 0 : -EUCLEAN;
}

static int load_setting(void *arg, const struct db_value *values, bool intact)
{
	struct stored_rules *stored = arg;
	uint64_t number = 0;
	int r = 0;

	if (!intact || values[0].type != DB_TEXT || values[1].type != DB_TEXT)
		return -EUCLEAN;
	if (value_is(&values[0], next_rule_setting))
		r = number_of_digits(&values[1], &number);
	else if (value_is(&values[0], private_setting))
		r = choice_of(&values[1], private_value, public_value, &stored->is_private);
	else if (value_is(&values[0], clock_setting))
		r = choice_of(
			&values[1], distrusted_value, trusted_value, &stored->clock_distrusted);
	if (number > stored->next_number)
		stored->next_number = number;
	return r;
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
	r = sealed_rows_each(rows, "setting", load_setting, &loading.stored);
	if (r < 0)
		return r;
	*ret_stored = loading.stored;
	loading.stored = (struct stored_rules){0};
	return 0;
}

static int look_for_public(void *arg, const struct db_value *values, bool intact)
{
	bool *is_public = arg;

	if (intact && values[0].type == DB_TEXT && values[1].type == DB_TEXT &&
		value_is(&values[0], private_setting) && value_is(&values[1], public_value))
		*is_public = true;
	return 0;
}

bool rule_store_may_be_private(struct sealed_rows *rows)
{
	bool is_public = false;

	return sealed_rows_each(rows, "setting", look_for_public, &is_public) < 0 || !is_public;
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

static int put_setting(struct sealed_rows *rows, const char *name, const char *value)
{
	const struct db_value values[] = {db_text(name), db_text(value)};

	return sealed_rows_put(rows, "setting", values);
}

int rule_store_put_next_number(struct sealed_rows *rows, uint64_t number)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	return put_setting(rows, next_rule_setting, text);
}

int rule_store_put_private(struct sealed_rows *rows, bool is_private)
{
	return put_setting(rows, private_setting, is_private ? private_value : public_value);
}

int rule_store_put_clock(struct sealed_rows *rows, bool distrusted)
{
	return put_setting(rows, clock_setting, distrusted ? distrusted_value : trusted_value);
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
	int r;

	if (!intact || values[0].type != DB_TEXT || values[1].type != DB_TEXT ||
		!value_is_id(&values[2]) || values[3].type != DB_TEXT)
		return -EUCLEAN;
	role = strndup(values[0].data, values[0].len);
	name = strndup(values[3].data, values[3].len);
	if (!role || !name)
		return -ENOMEM;
	if (!role_name_is_valid(role) || kind_of_member(&values[1], &member.kind) < 0)
		return -EUCLEAN;
	member.role = role;
	member.number = (uint32_t)values[2].integer;
	member.name = name;
	r = role_members_add(arg, &member);
	return r == -EEXIST ? -EUCLEAN : r;
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
		db_text(member->role),
		db_text(subject_word_prefix(member->kind)),
		db_integer(member->number),
		db_text(member->name),
	};

	return sealed_rows_put(rows, "role", values);
}

int role_store_delete(struct sealed_rows *rows, const struct role_member *member)
{
	const struct db_value key[] = {
		db_text(member->role),
		db_text(subject_word_prefix(member->kind)),
		db_integer(member->number),
	};

	return sealed_rows_delete(rows, "role", key);
}

static bool members_have(const struct role_members *members, const struct role_member *member)
{
	bool has = false;

	role_members_find(members, member, &has);
	return has;
}

int role_store_put_changes(struct sealed_rows *rows, const struct role_members *before,
	const struct role_members *after)
{
	int r = 0;

	for (size_t i = 0; i < before->count && r == 0; i++)
		if (!members_have(after, &before->list[i]))
			r = role_store_delete(rows, &before->list[i]);
	for (size_t i = 0; i < after->count && r == 0; i++)
		if (!members_have(before, &after->list[i]))
			r = role_store_put(rows, &after->list[i]);
	return r;
}
