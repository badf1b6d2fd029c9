/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object_store.h - the directory objects/: XX/<32 hex of the file id>, new ones in .new/ until they
 * are complete.
 */
#ifndef FS_FORMAT_OBJECT_STORE_H
#define FS_FORMAT_OBJECT_STORE_H

#include "keystore/base/limits.h"
#include "keystore/base/scope.h"

#include <stdbool.h>
#include <stdint.h>

struct object_store;

/* Makes the directory (0700) with .new/ in it; -EEXIST when it is there and not empty. */
int object_store_create(const char *path);
/* Opens it; every later access is beneath this descriptor. -ENOENT, -ENOTDIR. */
int object_store_open(const char *path, struct object_store **ret_store);
struct object_store *object_store_close(struct object_store *store);

/*
 * Opens a published object for reading: O_NOFOLLOW | O_NONBLOCK, must be a regular file. With
 * direct set O_DIRECT is tried and left out where the file system refuses it (ret_direct tells).
 * Descriptor, or -ENOENT (missing), -EUCLEAN (not a regular file), -errno.
 */
int object_store_open_object(
	struct object_store *store, const uint8_t file_id[ID_SIZE], bool direct, bool *ret_direct);
/* That result says that no object stands there, or something that is none, as against an error. */
bool object_store_lacks_object(int result);
/* Makes .new/<id> (0600, O_EXCL, read-write). Descriptor or -errno. */
int object_store_new_object(struct object_store *store, const uint8_t file_id[ID_SIZE]);
/* fsync, rename from .new/ to its place, fsync of the directories. fd stays open. */
int object_store_publish(struct object_store *store, const uint8_t file_id[ID_SIZE], int fd);
/* Removes .new/<id>; a missing one is no error. */
int object_store_discard(struct object_store *store, const uint8_t file_id[ID_SIZE]);
/* Removes a published object; a missing one is -ENOENT. */
int object_store_remove(struct object_store *store, const uint8_t file_id[ID_SIZE]);
/*
 * Removes everything in .new/ and every published object for which is_known(arg, id) is false.
 * Only under the vault's lock, with no writer at work. Count removed, or -errno.
 */
int object_store_collect(
	struct object_store *store, bool (*is_known)(void *arg, const uint8_t *file_id), void *arg);
/*
 * Moves every published object for which is_known(arg, id) is false to the same place below to_fd,
 * a directory of the same file system. Under the vault's lock as above. Count moved, or -errno.
 */
int object_store_set_aside(struct object_store *store,
	bool (*is_known)(void *arg, const uint8_t *file_id), void *arg, int to_fd);
/* Bytes and free bytes of the file system below, for statfs. */
int object_store_space(struct object_store *store, uint64_t *ret_bytes, uint64_t *ret_free);

SCOPE_FUNCTION(struct object_store *, object_store_close);

#endif
