/* SPDX-License-Identifier: Apache-2.0 */
/* subject.c - subjects as plain data, and subjects for questions made from the user database. */
#include "policy/subject.h"

#include <assert.h>
#include <errno.h>
#include <grp.h>
#include <string.h>

#include "keystore/base/limits.h"
#include "keystore/base/scope.h"
#include "policy/subject_private.h"
#include "policy/user_database.h"

void subject_done(struct subject *subject)
{
	free(subject->groups);
	free(subject->exe);
	free(subject->unit);
	*subject = (struct subject)SUBJECT_NOBODY;
}

static int copy_text(const char *text, char **ret_copy)
{
	char *copy = NULL;

	if (text) {
		copy = strdup(text);
		if (!copy)
			return -ENOMEM;
	}
	*ret_copy = copy;
	return 0;
}

int subject_copy(const struct subject *subject, struct subject *ret_subject)
{
	__attribute__((cleanup(subject_done))) struct subject copy = *subject;

	copy.groups = NULL;
	copy.exe = copy.unit = NULL;
	if (copy_text(subject->exe, &copy.exe) < 0 || copy_text(subject->unit, &copy.unit) < 0)
		return -ENOMEM;
	if (subject->group_count) {
		copy.groups = malloc(subject->group_count * sizeof(*copy.groups));
		if (!copy.groups)
			return -ENOMEM;
		memcpy(copy.groups, subject->groups, subject->group_count * sizeof(*copy.groups));
	}
	*ret_subject = copy;
	copy = (struct subject)SUBJECT_NOBODY;
	return 0;
}

static int compare_ids(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a, second = *(const uint32_t *)b;

	return (first > second) - (first < second);
}

void subject_sort_groups(struct subject *subject)
{
	for (size_t i = 1; i < subject->group_count; i++) {
		if (subject->groups[i - 1] > subject->groups[i]) {
			qsort(subject->groups, subject->group_count, sizeof(*subject->groups),
				compare_ids);
			return;
		}
	}
}

bool subject_in_group(const struct subject *subject, uint32_t gid)
{
	if (gid == SUBJECT_ID_UNKNOWN)
		return false;
	if (subject->gid == gid)
		return true;
	return subject->group_count &&
	       bsearch(&gid, subject->groups, subject->group_count, sizeof(gid), compare_ids);
}

uint32_t subject_account(const struct subject *subject)
{
	return subject->initial_userns ? subject->uid : 0;
}

/* What login would give this user. */
static int load_groups(const char *name, struct subject *subject)
{
	static_assert(sizeof(gid_t) == sizeof(*subject->groups), "getgrouplist fills it");

	for (int room = 32; room <= LIMIT_GROUPS; room *= 2) {
		uint32_t *groups = malloc((size_t)room * sizeof(*groups));
		int count = room;

		if (!groups)
			return -ENOMEM;
		if (getgrouplist(name, subject->gid, groups, &count) >= 0) {
			subject->groups = groups;
			subject->group_count = (size_t)count;
			subject_sort_groups(subject);
			return 0;
		}
		free(groups);
	}
	return -E2BIG;
}

int subject_of_entry(const char *name, uint32_t uid, uint32_t gid, struct subject *ret_subject)
{
	struct subject subject = SUBJECT_NOBODY;
	int r;

	subject.initial_userns = true;
	subject.uid = uid;
	subject.gid = gid;
	r = load_groups(name, &subject);
	if (r == 0)
		*ret_subject = subject;
	return r;
}

int subject_of_user(const char *name_or_number, struct subject *ret_subject)
{
	__attribute__((cleanup(subject_done))) struct subject subject = SUBJECT_NOBODY;
	scope_free char *name = NULL;
	int r;

	subject.initial_userns = true;
	if (id_from_text(name_or_number, &subject.uid) == 0) {
		r = user_by_number(subject.uid, &name, &subject.gid);
		if (r < 0 && r != -ENOENT)
			return r;
	} else {
		r = user_by_name(name_or_number, &subject.uid, &subject.gid);
		if (r < 0)
			return r;
		r = copy_text(name_or_number, &name);
		if (r < 0)
			return r;
	}
	r = name ? load_groups(name, &subject) : 0;
	if (r < 0)
		return r;
	*ret_subject = subject;
	subject = (struct subject)SUBJECT_NOBODY;
	return 0;
}
