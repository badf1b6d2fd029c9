/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_meant.h - which name of the vault may somebody have meant who gave one that is not there?
 * For "did you mean" alone, to those who may see every name.
 */
#ifndef FS_CMD_NAME_MEANT_H
#define FS_CMD_NAME_MEANT_H

#include "keystore/base/bytes.h"
#include "keystore/keystore.h"

/*
 * The path with its first missing name replaced by one of that directory: the same but for capital
 * letters, mistyped, or the only one that begins so. Appended; false when there is none. A name
 * with a glob ends the search.
 */
bool name_meant(struct keystore *keystore, const char *path, struct buffer *to);
/*
 * A path that is there: with names as above, or without those in front, "mnt/vision/a" or
 * "./vision/a". Appended.
 */
bool path_meant(struct keystore *keystore, const char *path, struct buffer *to);

#endif
