/* SPDX-License-Identifier: Apache-2.0 */
/* dead_mount.h - mounts that nobody answers: their server was killed, or hangs. */
#ifndef FS_CMD_DEAD_MOUNT_H
#define FS_CMD_DEAD_MOUNT_H

#include "fs/cmd/vault.h"

/* Is a vault mounted at this absolute path whose server is gone? */
bool mount_is_dead(const char *mountpoint);
/* Nobody serves the vault and nobody is about to. */
bool vault_is_deserted(const struct vault_place *place);
/*
 * Takes a mount out of the tree without its server, whoever uses it: what waits for an answer fails
 * (root) or waits until the server is gone. Complains; exit code.
 */
int mount_detach(const char *mountpoint, struct output *output);

#endif
