/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor.h - a small file outside the vault that keeps the highest epochs and the trail's head, so
 * that an older database put back is noticed. It lies at DIRECTORY/ID (ID: 32 hex digits of the
 * vault id); the directory is $MODELVAULT_STATE_DIR, else /var/lib/modelvault for root, else
 * $XDG_STATE_HOME/modelvault, else ~/.local/state/modelvault.
 */
#ifndef KEYSTORE_ANCHOR_H
#define KEYSTORE_ANCHOR_H

#include "keystore/base/limits.h"
#include "keystore/base/secret.h"
#include "keystore/keystore.h"

#define ANCHOR_FILE_SIZE 96

/* The directory by the rules above; the caller frees. Nothing is made. */
int anchor_directory(char **ret_path);
/* Bytes of the file and back. parse: -EBADMSG for anything that this key did not write. */
int anchor_pack(const struct anchor *anchor, const uint8_t vault_id[ID_SIZE],
	const struct secret *key, uint8_t ret_bytes[ANCHOR_FILE_SIZE]);
int anchor_parse(const void *bytes, size_t len, const uint8_t vault_id[ID_SIZE],
	const struct secret *key, struct anchor *ret_anchor);
/*
 * -ENOENT when there is none. One that this key did not write gives way to one beside it (ID.next)
 * that it did: the master key was changed, and a crash came before the last step.
 */
int anchor_read(
	const uint8_t vault_id[ID_SIZE], const struct secret *key, struct anchor *ret_anchor);
/* Writes ID.next, for a key that is not in force yet; and takes it away. */
int anchor_write_next(
	const uint8_t vault_id[ID_SIZE], const struct secret *key, const struct anchor *anchor);
void anchor_drop_next(const uint8_t vault_id[ID_SIZE]);
/* Replaces the file atomically, and drops ID.next; makes the directory, mode 0700. */
int anchor_write(
	const uint8_t vault_id[ID_SIZE], const struct secret *key, const struct anchor *anchor);

#endif
