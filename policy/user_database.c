/* SPDX-License-Identifier: Apache-2.0 */
/* user_database.c - getpwnam_r and its like, with the buffers that they need. */
#include "policy/user_database.h"

#include <errno.h>
#include <grp.h>
#include <pthread.h>
#include <pwd.h>
#include <stddef.h>
#include <string.h>

#include "keystore/base/scope.h"

/* A group of a directory service can have very many members; beyond this something is wrong. */
#define ENTRY_MAX (16u << 20)

int id_from_text(const char *text, uint32_t *ret_id)
{
	uint64_t id = 0;

	if (*text == '\0' || (text[0] == '0' && text[1]))
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return -EINVAL;
		id = id * 10 + (uint64_t)(*text - '0');
		if (id >= UINT32_MAX)
			return -EINVAL;
	}
	*ret_id = (uint32_t)id;
	return 0;
}

/* "No such entry" has many spellings: getpwnam_r(3), ERRORS. */
static int lookup_result(int error, const void *found)
{
	if (found)
		return 0;
	if (error == 0 || error == ENOENT || error == ESRCH)
		return -ENOENT;
	return -error;
}

/* Calls look with ever larger buffers. The entry's strings live in *ret_buf. */
static int lookup(int (*look)(const void *key, char *buf, size_t size, void *entry),
	const void *key, void *entry, char **ret_buf)
{
	for (size_t size = 1024; size <= ENTRY_MAX; size *= 4) {
		scope_free char *buf = malloc(size);
		int r;

		if (!buf)
			return -ENOMEM;
		r = look(key, buf, size, entry);
		if (r == -ERANGE)
			continue;
		if (r < 0)
			return r;
		*ret_buf = take(&buf);
		return 0;
	}
	return -ERANGE;
}

static int look_user_name(const void *key, char *buf, size_t size, void *entry)
{
	struct passwd *found = NULL;
	int error = getpwnam_r(key, entry, buf, size, &found);

	return lookup_result(error, found);
}

static int look_user_number(const void *key, char *buf, size_t size, void *entry)
{
	struct passwd *found = NULL;
	int error = getpwuid_r(*(const uint32_t *)key, entry, buf, size, &found);

	return lookup_result(error, found);
}

static int look_group_name(const void *key, char *buf, size_t size, void *entry)
{
	struct group *found = NULL;
	int error = getgrnam_r(key, entry, buf, size, &found);

	return lookup_result(error, found);
}

static int look_group_number(const void *key, char *buf, size_t size, void *entry)
{
	struct group *found = NULL;
	int error = getgrgid_r(*(const uint32_t *)key, entry, buf, size, &found);

	return lookup_result(error, found);
}

int user_by_name(const char *name, uint32_t *ret_uid, uint32_t *ret_gid)
{
	scope_free char *buf = NULL;
	struct passwd user;
	int r;

	r = lookup(look_user_name, name, &user, &buf);
	if (r < 0)
		return r;
	*ret_uid = user.pw_uid;
	if (ret_gid)
		*ret_gid = user.pw_gid;
	return 0;
}

int group_by_name(const char *name, uint32_t *ret_gid)
{
	scope_free char *buf = NULL;
	struct group group;
	int r;

	r = lookup(look_group_name, name, &group, &buf);
	if (r < 0)
		return r;
	*ret_gid = group.gr_gid;
	return 0;
}

int user_by_number(uint32_t uid, char **ret_name, uint32_t *ret_gid)
{
	scope_free char *buf = NULL;
	struct passwd user;
	char *name;
	int r;

	r = lookup(look_user_number, &uid, &user, &buf);
	if (r < 0)
		return r;
	name = strdup(user.pw_name);
	if (!name)
		return -ENOMEM;
	*ret_name = name;
	*ret_gid = user.pw_gid;
	return 0;
}

int users_each(
	size_t max, int (*each)(void *arg, const char *name, uint32_t uid, uint32_t gid), void *arg)
{
	/* The C library has one place in the list for the whole process. */
	static pthread_mutex_t enumerating = PTHREAD_MUTEX_INITIALIZER;
	const struct passwd *user;
	int r = 0;

	pthread_mutex_lock(&enumerating);
	setpwent();
	while (r == 0 && max-- > 0 && (user = getpwent()))
		r = each(arg, user->pw_name, user->pw_uid, user->pw_gid);
	endpwent();
	pthread_mutex_unlock(&enumerating);
	return r;
}

static int is_of_group(void *arg, const char *name, uint32_t uid, uint32_t gid)
{
	(void)name, (void)uid;
	return gid == *(const uint32_t *)arg;
}

bool group_has_anybody(uint32_t gid)
{
	scope_free char *buf = NULL;
	struct group group;

	if (lookup(look_group_number, &gid, &group, &buf) == 0 && group.gr_mem[0])
		return true;
	return users_each(SIZE_MAX, is_of_group, &gid) == 1;
}
