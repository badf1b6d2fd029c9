/* SPDX-License-Identifier: Apache-2.0 */
/* known_users.c - the database first, then numbers without an entry, each once. */
#include "fs/cmd/known_users.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "policy/user_database.h"

void known_users_done(struct known_users *users)
{
	for (size_t i = 0; i < users->count; i++) {
		free(users->list[i].name);
		subject_done(&users->list[i].subject);
	}
	free(users->list);
	*users = (struct known_users){0};
}

/* Room for one more: a power of two. Not by realloc, which gcc -fanalyzer loses its way in. */
static int reserve(struct known_users *users)
{
	struct known_user *grown;

	if (users->count & (users->count - 1))
		return 0;
	grown = calloc(users->count ? 2 * users->count : 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	if (users->count)
		memcpy(grown, users->list, users->count * sizeof(*grown));
	free(users->list);
	users->list = grown;
	return 0;
}

static int add(struct known_users *users, const char *name, uint32_t uid, uint32_t gid)
{
	struct known_user user = {
		.subject = {.uid = uid, .gid = gid, .loginuid = uid, .initial_userns = true}};

	if (name) {
		user.name = strdup(name);
		if (!user.name)
			return -ENOMEM;
	}
	if (reserve(users) < 0) {
		free(user.name);
		return -ENOMEM;
	}
	users->list[users->count++] = user;
	return 0;
}

static int add_entry(void *arg, const char *name, uint32_t uid, uint32_t gid)
{
	struct known_users *users = arg;

	if (users->count == KNOWN_USERS_MAX) {
		users->whole = false;
		return 1;
	}
	return add(users, name, uid, gid);
}

static int add_numbers_of_rules(struct known_users *users, const struct ruleset *ruleset)
{
	int r = 0;

	for (size_t i = 0; i < ruleset_count(ruleset); i++) {
		const struct rule *rule = ruleset_at(ruleset, i);

		for (size_t j = 0; j < rule->word_count && r == 0; j++) {
			const struct subject_word *word = &rule->words[j];

			if (word->kind == WORD_USER || word->kind == WORD_LOGINUID)
				r = add(users, NULL, word->number, SUBJECT_ID_UNKNOWN);
		}
	}
	return r;
}

static int add_numbers_of_roles(struct known_users *users, const struct role_members *members)
{
	int r = 0;

	for (size_t i = 0; i < members->count && r == 0; i++)
		if (members->list[i].kind == WORD_USER)
			r = add(users, NULL, members->list[i].number, SUBJECT_ID_UNKNOWN);
	return r;
}

/* By number; of several with one number those of the database come first. */
static int compare_users(const void *a, const void *b)
{
	const struct known_user *first = a, *second = b;
	uint32_t x = first->subject.uid, y = second->subject.uid;

	if (x != y)
		return x < y ? -1 : 1;
	return (first->name == NULL) - (second->name == NULL);
}

static void drop_doubles(struct known_users *users)
{
	size_t kept = 0;

	qsort(users->list, users->count, sizeof(*users->list), compare_users);
	for (size_t i = 0; i < users->count; i++) {
		if (kept && users->list[kept - 1].subject.uid == users->list[i].subject.uid)
			free(users->list[i].name);
		else
			users->list[kept++] = users->list[i];
	}
	users->count = kept;
}

static int look_up(struct known_user *user)
{
	char number[16];
	int r;

	if (user->name) {
		r = subject_of_entry(
			user->name, user->subject.uid, user->subject.gid, &user->subject);
	} else {
		snprintf(number, sizeof(number), "%u", user->subject.uid);
		r = subject_of_user(number, &user->subject);
	}
	user->subject.loginuid = user->subject.uid;
	return r;
}

/* The highest number that nobody of the list has. */
static int add_anybody(struct known_users *users)
{
	uint32_t uid = SUBJECT_ID_UNKNOWN - 1;
	int r;

	for (size_t i = users->count; i-- > 0 && users->list[i].subject.uid == uid;)
		uid--;
	r = add(users, NULL, uid, SUBJECT_ID_UNKNOWN);
	if (r == 0)
		users->list[users->count - 1].is_anybody = true;
	return r;
}

static int collect(
	const struct ruleset *before, const struct ruleset *after, struct known_users *users)
{
	const struct ruleset *const sets[] = {before, after};
	int r;

	r = users_each(KNOWN_USERS_MAX + 1, add_entry, users);
	for (size_t i = 0; i < ARRAY_SIZE(sets) && r >= 0; i++) {
		r = add_numbers_of_rules(users, sets[i]);
		if (r == 0)
			r = add_numbers_of_roles(users, ruleset_members(sets[i]));
	}
	if (r < 0)
		return r;
	drop_doubles(users);
	for (size_t i = 0; i < users->count && r == 0; i++)
		r = look_up(&users->list[i]);
	return r < 0 ? r : add_anybody(users);
}

int known_users_collect(
	const struct ruleset *before, const struct ruleset *after, struct known_users *ret_users)
{
	int r;

	*ret_users = (struct known_users){.whole = true};
	r = collect(before, after, ret_users);
	if (r < 0)
		known_users_done(ret_users);
	return r;
}
