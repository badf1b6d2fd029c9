/* SPDX-License-Identifier: Apache-2.0 */
/* mode_verbs.h - what the words of `mode` do on an open vault; for cmd_mode.c. Exit codes. */
#ifndef FS_CMD_MODE_VERBS_H
#define FS_CMD_MODE_VERBS_H

#include "fs/cmd/vault.h"

/* cmd_mode.c */
int mode_show_verb(struct vault *vault, struct verb_call *call);
/* mode_learn.c */
int mode_enforce_verb(struct vault *vault, struct verb_call *call);
int mode_learn_verb(struct vault *vault, struct verb_call *call);
/* mode_set.c */
int mode_set_verb(struct vault *vault, struct verb_call *call);

#endif
