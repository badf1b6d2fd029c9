/* SPDX-License-Identifier: Apache-2.0 */
/* backend.c - from a file's row to a reader of its object. */
#include <errno.h>
#include <string.h>

#include "fs/mount/mount.h"
#include "keystore/base/scope.h"

static int open_object(const struct backend *backend, const struct entry_info *info, bool direct,
	struct damage_report *ret_report)
{
	bool is_direct, missing;
	int fd;

	fd = object_store_open_object(backend->objects, info->file_id, direct, &is_direct);
	if (fd >= 0 || fd == -EMFILE || fd == -ENFILE || fd == -ENOMEM)
		return fd;
	missing = object_store_lacks_object(fd);
	*ret_report = (struct damage_report){
		.cause = missing ? DAMAGE_MISSING : DAMAGE_IO, .chunk = DAMAGE_NO_CHUNK};
	return missing ? -EBADMSG : -EIO;
}

int backend_open_reader(const struct backend *backend, const struct entry_info *info, bool direct,
	struct object_reader **ret_reader, struct damage_report *ret_report)
{
	struct object_identity identity = {
		.suite = (enum aead_suite)info->suite,
		.chunk_log2 = info->chunk_log2,
	};
	struct object_version version = {.size = info->size, .generation = info->generation};
	scope(secret_free) struct secret *dek = NULL;
	scope_fd int fd = -1;
	int r;

	*ret_report = (struct damage_report){.cause = DAMAGE_NONE, .chunk = DAMAGE_NO_CHUNK};
	memcpy(identity.vault_id, keystore_vault_id(backend->keystore), ID_SIZE);
	memcpy(identity.file_id, info->file_id, ID_SIZE);
	memcpy(version.root, info->root, DIGEST_SIZE);
	r = keystore_file_key(backend->keystore, info->ino, &dek);
	if (r < 0)
		return r;
	fd = open_object(backend, info, direct, ret_report);
	if (fd < 0)
		return take_fd(&fd);
	r = object_reader_new(fd, &identity, dek, &version, ret_reader, ret_report);
	if (r == 0)
		take_fd(&fd);
	return r;
}

bool backend_file_is_gone(const struct backend *backend, const struct entry_info *info)
{
	struct entry_info now;

	return keystore_stat(backend->keystore, info->ino, &now) == -ENOENT;
}
