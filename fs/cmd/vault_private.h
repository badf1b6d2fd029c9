/* SPDX-License-Identifier: Apache-2.0 */
/* vault_private.h - the parts of opening a vault; for vault.c. */
#ifndef FS_CMD_VAULT_PRIVATE_H
#define FS_CMD_VAULT_PRIVATE_H

#include "fs/cmd/vault.h"

/* vault_trust.c; exit codes, complain */

/* Opens the trail; when accepting, a new one in place of one that cannot be continued. */
int vault_open_trail(struct vault *vault, struct output *output);
/* Is what was opened at least as new as what this machine has seen? When accepting, it may not be.
 */
int vault_check_anchor(struct vault *vault, struct output *output);

#endif
