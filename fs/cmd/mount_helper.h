/* SPDX-License-Identifier: Apache-2.0 */
/* mount_helper.h - this program under the name mount.modelvault, which mount(8) runs. */
#ifndef FS_CMD_MOUNT_HELPER_H
#define FS_CMD_MOUNT_HELPER_H

#include <stdbool.h>

/* Is this the name of the helper? */
bool is_mount_helper(const char *program);
/* Returns one of mount(8)'s exit codes. */
int mount_helper(int argc, char **argv);

#endif
