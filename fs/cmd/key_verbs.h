/* SPDX-License-Identifier: Apache-2.0 */
/* key_verbs.h - what the words of `key` do on an open vault; for cmd_key.c. Exit codes. */
#ifndef FS_CMD_KEY_VERBS_H
#define FS_CMD_KEY_VERBS_H

#include "fs/cmd/vault.h"

/* key_slot_verbs.c */
int key_slots_verb(struct vault *vault, struct verb_call *call);
int key_add_verb(struct vault *vault, struct verb_call *call);
int key_remove_verb(struct vault *vault, struct verb_call *call);
/* key_change.c */
int key_rotate_verb(struct vault *vault, struct verb_call *call);
int key_rekey_verb(struct vault *vault, struct verb_call *call);
/* key_destroy.c */
int key_destroy_verb(struct vault *vault, struct verb_call *call);

#endif
