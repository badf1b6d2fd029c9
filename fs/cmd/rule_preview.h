/* SPDX-License-Identifier: Apache-2.0 */
/* rule_preview.h - a change of rules shown instead of made: what --dry-run prints. */
#ifndef FS_CMD_RULE_PREVIEW_H
#define FS_CMD_RULE_PREVIEW_H

#include "fs/cmd/rule_edit.h"

/*
 * One line (with --json one object) for each rule that would come or go, each user who would gain
 * or lose, each open handle that would end, and one with totals. refused: why it would not be done
 * at all; REASON_NONE: it would. 0 or -errno; complains.
 */
int rule_preview_show(struct vault *vault, struct verb_call *call, const struct rule_edit *edit,
	const struct ruleset *before, struct ruleset *after, enum reason refused);

#endif
