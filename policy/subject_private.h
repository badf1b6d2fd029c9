/* SPDX-License-Identifier: Apache-2.0 */
/* subject_private.h - what the files of the subject share. */
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

/*
 * subject_proc.c: the directory in /proc of a process that lives and has this start time.
 * -ESRCH: it is gone.
 */
int subject_open_process(pid_t pid, uint64_t start_time);

/* subject_userns.c */
int subject_userns_init(int proc_fd);
/* Fills initial_userns and contained_userns from the directory of a thread in /proc. */
int subject_read_userns(int thread_fd, struct subject *subject);

/*
 * unit_trust.c: the unit's path in the text of /proc/PID/cgroup, not terminated, or NULL: that of
 * systemd's own hierarchy, else of the unified one.
 */
const char *cgroup_unit(const char *text, size_t *ret_len, enum unit_hierarchy *ret_hierarchy);

#endif
