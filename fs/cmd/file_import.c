/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_import.c - reads a source in blocks of 1 MiB, encrypts it into objects/.new/, publishes it,
 * puts it on record and into the tree, in this order. Neither the plaintext nor the ciphertext is
 * left in the page cache: a model would push out everything else.
 */
#include "fs/cmd/file_import.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/limits.h>
#include <linux/xattr.h>
#include <poll.h>
#include <string.h>
#include <sys/xattr.h>

#include "fs/format/object_writer.h"
#include "keystore/base/file.h"

#define BLOCK_BYTES (1U << 20)
/* A server does not wait for ever for somebody's pipe; a command waits for its own. */
#define PIPE_TIMEOUT_MS 60000
/* The disk starts to write while the rest is encrypted; the last fsync is then short. */
#define WRITE_OUT_BYTES (32ULL << 20)

static ssize_t read_pipe(const struct file_import *import, void *block)
{
	struct pollfd pollfd = {.fd = import->fd, .events = POLLIN};
	ssize_t len;
	int r;

	do {
		r = poll(&pollfd, 1, import->call->by_slot ? -1 : PIPE_TIMEOUT_MS);
		if (r == 0)
			return -ETIMEDOUT;
		len = r < 0 ? -1 : read(import->fd, block, BLOCK_BYTES);
	} while (len < 0 && (errno == EINTR || errno == EAGAIN));
	return len < 0 ? -errno : len;
}

static ssize_t read_block(const struct file_import *import, void *block)
{
	ssize_t len;

	if (!S_ISREG(import->attr.st_mode))
		return read_pipe(import, block);
	len = file_read(import->fd, block, BLOCK_BYTES);
	if (len > 0)
		posix_fadvise(import->fd, (off_t)import->size, len, POSIX_FADV_DONTNEED);
	/* A file that grows for ever must not be followed for ever. */
	if (len > 0 && import->size + (uint64_t)len > (uint64_t)import->attr.st_size)
		return -EAGAIN;
	return len;
}

static int pour_blocks(
	struct file_import *import, struct object_writer *writer, int object_fd, void *block)
{
	uint64_t written_out = 0;
	ssize_t len;
	int r;

	for (;;) {
		import->step = "it cannot be read";
		len = read_block(import, block);
		if (len <= 0)
			return (int)len;
		import->step = "its object cannot be written";
		if ((uint64_t)len > LIMIT_FILE_SIZE - import->size)
			return -EFBIG;
		r = import->sha256 ? sha256_add(import->sha256, block, (size_t)len) : 0;
		if (r == 0)
			r = object_writer_add(writer, block, (size_t)len);
		if (r < 0)
			return r;
		import->size += (uint64_t)len;
		if (import->size - written_out >= WRITE_OUT_BYTES) {
			sync_file_range(object_fd, 0, 0, SYNC_FILE_RANGE_WRITE);
			written_out = import->size;
		}
	}
}

static int pour(struct file_import *import, struct object_writer *writer, int object_fd)
{
	size_t room = BLOCK_BYTES;
	void *block;
	int r;

	if (S_ISREG(import->attr.st_mode)) {
		if (lseek(import->fd, 0, SEEK_SET) < 0)
			return -errno;
		posix_fadvise(import->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	}
	block = malloc(room);
	if (!block)
		return -ENOMEM;
	r = pour_blocks(import, writer, object_fd, block);
	secret_wipe(block, room);
	free(block);
	return r;
}

/* Is what was read one state of the file? */
static int check_unchanged(const struct file_import *import)
{
	struct stat now;

	if (!S_ISREG(import->attr.st_mode))
		return 0;
	if (fstat(import->fd, &now) < 0)
		return -errno;
	if (import->size != (uint64_t)import->attr.st_size || now.st_size != import->attr.st_size ||
		now.st_mtim.tv_sec != import->attr.st_mtim.tv_sec ||
		now.st_mtim.tv_nsec != import->attr.st_mtim.tv_nsec ||
		now.st_ctim.tv_sec != import->attr.st_ctim.tv_sec ||
		now.st_ctim.tv_nsec != import->attr.st_ctim.tv_nsec)
		return -EAGAIN;
	return 0;
}

static int write_object(struct file_import *import, const struct new_file *file, int object_fd,
	struct object_version *ret_version)
{
	scope(object_writer_free) struct object_writer *writer = NULL;
	struct object_identity identity = {
		.suite = (enum aead_suite)file->suite,
		.chunk_log2 = file->chunk_log2,
	};
	int r;

	memcpy(identity.vault_id, keystore_vault_id(import->vault->keystore), ID_SIZE);
	memcpy(identity.file_id, file->file_id, ID_SIZE);
	r = object_writer_new(object_fd, &identity, file->dek, file->generation, &writer);
	if (r < 0)
		return r;
	r = pour(import, writer, object_fd);
	if (r < 0)
		return r;
	import->step = "its object cannot be written";
	r = object_writer_finish(writer, ret_version);
	return r < 0 ? r : check_unchanged(import);
}

static int publish_object(
	struct file_import *import, const struct new_file *file, struct object_version *ret_version)
{
	struct object_store *objects = import->vault->objects;
	scope_fd int fd = -1;
	int r;

	fd = object_store_new_object(objects, file->file_id);
	if (fd < 0)
		return take_fd(&fd);
	r = write_object(import, file, fd, ret_version);
	if (r == 0)
		r = object_store_publish(objects, file->file_id, fd);
	if (r < 0)
		object_store_discard(objects, file->file_id);
	else
		posix_fadvise(fd, 0, 0, POSIX_FADV_DONTNEED);
	return r;
}

static int record(struct file_import *import, const struct new_file *file)
{
	struct audit_event event = vault_event(import->call, AUDIT_IMPORT);

	event.path = import->path;
	event.path_len = import->path_len;
	event.file_id = file->file_id;
	event.bytes = (int64_t)import->size;
	event.detail = import->replace ? "file, replacing" : "file";
	return audit_append_wait(import->vault->audit, &event, false);
}

static int add_row(struct file_import *import, const struct new_file *file,
	const struct object_version *version)
{
	static const uint8_t none[ID_SIZE];
	struct vault *vault = import->vault;
	struct new_entry entry = *import->entry;
	scope_buffer struct buffer xattrs = {0};
	uint8_t old_id[ID_SIZE] = {0};
	int r;

	import->step = "its extended attributes cannot be read";
	r = S_ISREG(import->attr.st_mode) ? xattrs_read(import->fd, &xattrs) : 0;
	if (r < 0)
		return r;
	entry.xattrs = xattrs.len ? xattrs.data : NULL;
	entry.xattrs_len = xattrs.len;
	import->step = "the audit trail cannot be written";
	r = record(import, file);
	if (r < 0)
		return r;
	import->step = "keystore.db did not take it";
	if (import->replace)
		gate_file_replaced(vault->gate, import->replaced, import->path, import->path_len);
	r = keystore_add_file(vault->keystore, &entry, file, version->size, version->root,
		import->replace, old_id, &import->ino);
	gate_names_changed(vault->gate, entry.parent, 0);
	if (r < 0)
		return r;
	/* Who has the old one open goes on reading it; a failure leaves it to be collected. */
	if (memcmp(old_id, none, ID_SIZE) != 0)
		object_store_remove(vault->objects, old_id);
	return 0;
}

int file_import(struct file_import *import)
{
	struct object_version version;
	struct new_file file;
	int r;

	import->size = 0;
	import->step = "its object cannot be made";
	r = keystore_new_file(import->vault->keystore, &file);
	if (r < 0)
		return r;
	r = publish_object(import, &file, &version);
	if (r == 0) {
		r = add_row(import, &file, &version);
		/* Not when only the replaced file's key could not be made to leave the copy. */
		if (r < 0 && !keystore_knows_file(import->vault->keystore, file.file_id))
			object_store_remove(import->vault->objects, file.file_id);
	}
	new_file_done(&file);
	return r;
}

static int add_xattr(int fd, const char *name, struct buffer *to)
{
	scope_free void *value = NULL;
	ssize_t len;

	value = malloc(LIMIT_XATTR_VALUE);
	if (!value)
		return -ENOMEM;
	len = fgetxattr(fd, name, value, LIMIT_XATTR_VALUE);
	if (len < 0)
		return errno == ENODATA ? 0 : -errno;
	buffer_add(to, name, strlen(name) + 1);
	buffer_add_u32(to, (uint32_t)len);
	buffer_add(to, value, (size_t)len);
	return to->failed ? -ENOMEM : 0;
}

int xattrs_read(int fd, struct buffer *ret_xattrs)
{
	char names[XATTR_LIST_MAX + 1];
	ssize_t len;
	int r = 0;

	len = flistxattr(fd, names, XATTR_LIST_MAX);
	if (len < 0)
		return errno == ENOTSUP ? 0 : -errno;
	names[len] = '\0';
	for (const char *name = names; name < names + len && r == 0; name += strlen(name) + 1)
		if (strncmp(name, XATTR_USER_PREFIX, XATTR_USER_PREFIX_LEN) == 0)
			r = add_xattr(fd, name, ret_xattrs);
	return r;
}
