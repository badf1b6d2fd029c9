/* SPDX-License-Identifier: Apache-2.0 */
/* role.c - names of roles and their members. */
#include "policy/role.h"

#include <assert.h>
#include <errno.h>

static const char *const role_names[] = {
	[ROLE_ADMIN] = "admin", [ROLE_AUDITOR] = "auditor", [ROLE_CUSTODIAN] = "custodian"};
static_assert(ARRAY_SIZE(role_names) == ROLE_COUNT, "a name for every role");

const char *role_name(enum role role)
{
	return role_names[role];
}

int role_from_name(const char *name, enum role *ret_role)
{
	for (int role = 0; role < ROLE_COUNT; role++) {
		if (strcmp(role_names[role], name) == 0) {
			*ret_role = role;
			return 0;
		}
	}
	return -EINVAL;
}

bool role_name_is_valid(const char *name)
{
	static const char first[] = "abcdefghijklmnopqrstuvwxyz0123456789";
	static const char later[] = "abcdefghijklmnopqrstuvwxyz0123456789-_";
	size_t len = strlen(name);

	return len > 0 && len <= ROLE_NAME_MAX && strchr(first, *name) &&
	       strspn(name, later) == len;
}

static void member_done(struct role_member *member)
{
	free(member->role);
	free(member->name);
}

void role_members_done(struct role_members *members)
{
	for (size_t i = 0; i < members->count; i++)
		member_done(&members->list[i]);
	free(members->list);
	*members = (struct role_members){0};
}

static int compare_members(const struct role_member *a, const struct role_member *b)
{
	int r = strcmp(a->role, b->role);

	if (r == 0)
		r = (a->kind > b->kind) - (a->kind < b->kind);
	return r ? r : (a->number > b->number) - (a->number < b->number);
}

size_t role_members_find(
	const struct role_members *members, const struct role_member *member, bool *ret_found)
{
	size_t low = 0, high = members->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_members(&members->list[middle], member) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	*ret_found = low < members->count && compare_members(&members->list[low], member) == 0;
	return low;
}

int role_members_add(struct role_members *members, const struct role_member *member)
{
	struct role_member copy = *member, *list;
	bool found;
	size_t at = role_members_find(members, member, &found);

	if (found)
		return -EEXIST;
	copy.role = strdup(member->role);
	copy.name = strdup(member->name);
	/* Room for a power of two: the list of a large vault is loaded one by one. */
	list = members->list;
	if ((members->count & (members->count - 1)) == 0)
		list = reallocarray(list, members->count ? 2 * members->count : 1, sizeof(*list));
	if (list)
		members->list = list;
	if (!copy.role || !copy.name || !list) {
		member_done(&copy);
		return -ENOMEM;
	}
	memmove(&list[at + 1], &list[at], (members->count - at) * sizeof(*list));
	list[at] = copy;
	members->count++;
	return 0;
}

int role_members_remove(struct role_members *members, const struct role_member *member)
{
	struct role_members kept = {0};
	bool found;
	size_t at = role_members_find(members, member, &found);
	int r = 0;

	if (!found)
		return -ENOENT;
	/* Made anew, so that the room stays a power of two. */
	for (size_t i = 0; i < members->count && r == 0; i++)
		if (i != at)
			r = role_members_add(&kept, &members->list[i]);
	if (r < 0) {
		role_members_done(&kept);
		return r;
	}
	role_members_done(members);
	*members = kept;
	return 0;
}

int role_members_copy(const struct role_members *members, struct role_members *ret_copy)
{
	struct role_members copy = {0};
	int r = 0;

	for (size_t i = 0; i < members->count && r == 0; i++)
		r = role_members_add(&copy, &members->list[i]);
	if (r < 0) {
		role_members_done(&copy);
		return r;
	}
	*ret_copy = copy;
	return 0;
}

static bool member_is(const struct role_member *member, const struct subject *subject)
{
	if (member->kind == WORD_USER)
		return member->number == subject->uid;
	return member->kind == WORD_GROUP && subject_in_group(subject, member->number);
}

/* The members of a role stand together. */
static size_t first_of_role(const struct role_members *members, const char *role)
{
	const struct role_member first = {.role = (char *)(uintptr_t)role, .kind = WORD_ANY};
	bool found;

	return role_members_find(members, &first, &found);
}

bool role_members_hold(
	const struct role_members *members, const char *role, const struct subject *subject)
{
	if (subject->uid == SUBJECT_ID_UNKNOWN || !subject->initial_userns)
		return false;
	for (size_t i = first_of_role(members, role);
		i < members->count && strcmp(members->list[i].role, role) == 0; i++)
		if (member_is(&members->list[i], subject))
			return true;
	return false;
}

bool role_has_members(const struct role_members *members, const char *role)
{
	size_t at = first_of_role(members, role);

	return at < members->count && strcmp(members->list[at].role, role) == 0;
}
