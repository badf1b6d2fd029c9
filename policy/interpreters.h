/* SPDX-License-Identifier: Apache-2.0 */
/*
 * interpreters.h - programs that do what somebody tells them: of a rule with exe: such a path says
 * who may tell, not what is done. For remarks; nothing is decided by it.
 */
#ifndef POLICY_INTERPRETERS_H
#define POLICY_INTERPRETERS_H

#include <stdbool.h>

/* By the last name of the path, a version behind it or not: python3.11, ld-linux-x86-64.so.2. */
bool is_interpreter(const char *path);

#endif
