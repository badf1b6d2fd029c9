/* SPDX-License-Identifier: Apache-2.0 */
/*
 * user_database.h - names and numbers of users and groups, as the system's databases have them now.
 * Never on the open path: a lookup may ask the network. Thread-safe.
 */
#ifndef POLICY_USER_DATABASE_H
#define POLICY_USER_DATABASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Digits only, without leading zeros, at most UINT32_MAX - 1 (-1 is nobody's); else -EINVAL. */
int id_from_text(const char *text, uint32_t *ret_id);

/* -ENOENT: no such user or group. ret_gid (may be NULL): the user's primary group. */
int user_by_name(const char *name, uint32_t *ret_uid, uint32_t *ret_gid);
int group_by_name(const char *name, uint32_t *ret_gid);
/* The name is malloc'ed; the caller frees it. */
int user_by_number(uint32_t uid, char **ret_name, uint32_t *ret_gid);
/*
 * All users that the database will tell of, at most max: a directory service may tell of none. A
 * non-zero result of each ends and is returned. each must ask the database for no users.
 */
int users_each(size_t max, int (*each)(void *arg, const char *name, uint32_t uid, uint32_t gid),
	void *arg);
/* Does the group have a member, as far as the database will tell? */
bool group_has_anybody(uint32_t gid);

#endif
