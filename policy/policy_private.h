/* SPDX-License-Identifier: Apache-2.0 */
/* policy_private.h - what the files of the facade share. */
#ifndef POLICY_POLICY_PRIVATE_H
#define POLICY_POLICY_PRIVATE_H

#include "policy/policy.h"

/* NULL: nothing is hashed. Borrowed. */
struct exe_hasher *policy_exe_hasher(struct policy *policy);
/* Said so, or set since it was last looked at. */
bool policy_clock_is_doubted(const struct policy *policy, int64_t now_ns);

#endif
