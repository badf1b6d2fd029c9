/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pattern_meant.h - a rule is made whatever its pattern matches: a pattern that matches nothing, or
 * less than it seems to, is said at once, with the one that was perhaps meant.
 */
#ifndef FS_CMD_PATTERN_MEANT_H
#define FS_CMD_PATTERN_MEANT_H

#include "fs/cmd/vault.h"

/* One remark at most. files: how many the pattern matches. */
void pattern_remark(
	struct vault *vault, struct output *output, const struct rule *rule, uint64_t files);

#endif
