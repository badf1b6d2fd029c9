/* SPDX-License-Identifier: Apache-2.0 */
/* policy_private.h - what the files of the facade share. */
#ifndef POLICY_POLICY_PRIVATE_H
#define POLICY_POLICY_PRIVATE_H

#include "policy/policy.h"

/* NULL: nothing is hashed. Borrowed. */
struct exe_hasher *policy_exe_hasher(struct policy *policy);

#endif
