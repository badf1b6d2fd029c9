/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unmounter.h - unmounting without root: the setuid helper of fuse3, started by a small process of
 * our own. The server cannot start it once objects are open: a descriptor of a store that hangs is
 * flushed where it is closed, in an exec too, and the helper would wait for the store.
 */
#ifndef FS_MOUNT_UNMOUNTER_H
#define FS_MOUNT_UNMOUNTER_H

#include <stdbool.h>

#include "fs/mount/mount.h"

/*
 * Takes the mount away; lazy: from the tree only, whoever uses it. 0, -EBUSY, or -EIO with what the
 * helper said in ret_words.
 */
int unmounter_unmount(const char *mountpoint, bool lazy, char ret_words[UNMOUNT_WORDS]);

#endif
