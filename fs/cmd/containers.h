/* SPDX-License-Identifier: Apache-2.0 */
/* containers.h - are there containers on this machine? For remarks; nothing is decided by it. */
#ifndef FS_CMD_CONTAINERS_H
#define FS_CMD_CONTAINERS_H

#include <stddef.h>

/*
 * Writes what tells of them, a control group such as "system.slice/docker.service". -ENOENT:
 * nothing does.
 */
int containers_find(char *ret_sign, size_t size);

#endif
