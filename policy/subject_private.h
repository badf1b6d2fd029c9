/* SPDX-License-Identifier: Apache-2.0 */
/* subject_private.h - what the two files of the subject share. */
#ifndef POLICY_SUBJECT_PRIVATE_H
#define POLICY_SUBJECT_PRIVATE_H

#include "policy/subject.h"

/* Nothing is known; matches no user and no group. */
#define SUBJECT_NOBODY                                                \
	{                                                             \
		.uid = SUBJECT_ID_UNKNOWN, .gid = SUBJECT_ID_UNKNOWN, \
		.loginuid = SUBJECT_ID_UNKNOWN                        \
	}

/* subject.c */
void subject_sort_groups(struct subject *subject);

/* subject_proc.c: the unit's path in the text of /proc/PID/cgroup, not terminated, or NULL. */
const char *cgroup_unit(const char *text, size_t *ret_len);

#endif
