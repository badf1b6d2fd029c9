/* SPDX-License-Identifier: Apache-2.0 */
/* surroundings_private.h - what the files of the surroundings share. */
#ifndef POLICY_SURROUNDINGS_PRIVATE_H
#define POLICY_SURROUNDINGS_PRIVATE_H

#include "policy/surroundings.h"

/* exe_path.c */

/*
 * Which file a path names, by what the kernel has in memory and without a look at who could change
 * it: a fraction of the cost. 0, -ENOENT; -EAGAIN: it cannot be told that way.
 */
int exe_path_glance(const char *path, struct exe_file *ret_file);
/* exe_path_resolve, and the path without links; malloc'ed, NULL when it cannot be had. */
int exe_path_real(const char *path, struct exe_file *ret_file, char **ret_real);

/* unit_trust.c: the root directory of a hierarchy (O_PATH), kept once it is found; or -1. */
int unit_hierarchy_fd(enum unit_hierarchy hierarchy);

#endif
