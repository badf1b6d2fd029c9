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

void role_members_done(struct role_members *members)
{
	for (size_t i = 0; i < members->count; i++)
		free(members->list[i].name);
	free(members->list);
	*members = (struct role_members){0};
}

int role_members_add(struct role_members *members, const struct role_member *member)
{
	scope_free char *name = strdup(member->name);
	struct role_member *list;

	if (!name)
		return -ENOMEM;
	list = reallocarray(members->list, members->count + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	members->list = list;
	list[members->count] = *member;
	list[members->count++].name = take(&name);
	return 0;
}

static bool member_is(const struct role_member *member, const struct subject *subject)
{
	if (member->kind == WORD_USER)
		return member->number == subject->uid;
	return member->kind == WORD_GROUP && subject_in_group(subject, member->number);
}

bool role_members_hold(
	const struct role_members *members, enum role role, const struct subject *subject)
{
	if (subject->uid == SUBJECT_ID_UNKNOWN || !subject->initial_userns)
		return false;
	for (size_t i = 0; i < members->count; i++)
		if (members->list[i].role == role && member_is(&members->list[i], subject))
			return true;
	return false;
}
