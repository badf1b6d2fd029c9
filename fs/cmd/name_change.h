/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_change.h - before names move or go: who could read more after it, as rules go by names?
 * Only an admin may let others read more, and nobody himself (policy/widening.h).
 */
#ifndef FS_CMD_NAME_CHANGE_H
#define FS_CMD_NAME_CHANGE_H

#include "fs/cmd/vault.h"

struct name_change;

/* command: "mv", for what is said. */
int name_change_new(struct vault *vault, const struct verb_call *call, const char *command,
	struct name_change **ret_change);
struct name_change *name_change_free(struct name_change *change);
/* The name `from` and all below it will be `to`; to NULL: they will go. What is not there is not.
 */
int name_change_add(struct name_change *change, const char *from, size_t from_len, const char *to,
	size_t to_len);

struct name_verdict {
	/* None; or would-widen, self-grant: must not be done. Complained about. */
	enum reason refused;
	/* Why it may be all the same, when that is out of the common: self-grant, or none. */
	enum reason recorded;
	/* For the record: "would-widen: rule 7, rule 9"; "" when nobody can read more. */
	char words[256];
};
/* Says by which rules more can be read. */
void name_change_judge(const struct name_change *change, struct name_verdict *ret_verdict);

SCOPE_FUNCTION(struct name_change *, name_change_free);

#endif
