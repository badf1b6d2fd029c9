/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holders.h - the processes that use a mount, found in /proc with the caller's own rights: working
 * and root directories, open and mapped files. Nothing of the mount itself is asked for anything,
 * so that one whose server hangs hangs nobody; and it takes 5 s at most.
 */
#ifndef FS_CMD_HOLDERS_H
#define FS_CMD_HOLDERS_H

#include "fs/cmd/end_process.h"

enum holding { HOLDS_CWD = 1, HOLDS_ROOT = 2, HOLDS_FILE = 4, HOLDS_MAPPING = 8 };

struct holder {
	struct process process;
	uint32_t uid;
	unsigned how; /* of enum holding */
	char name[32];
};

/*
 * The holders of the mount with this device; the caller frees. 0; -ETIMEDOUT: not all processes
 * could be looked at, the list is of the others. -ENODEV: 0 is no mount's device.
 */
int holders_find(dev_t device, struct holder **ret_all, size_t *ret_count);

#endif
