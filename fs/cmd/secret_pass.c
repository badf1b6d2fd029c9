/* SPDX-License-Identifier: Apache-2.0 */
/* secret_pass.c - the order of the descriptors is that of the fields `secret`. */
#include "fs/cmd/secret_pass.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "keystore/base/file.h"

#define FIELD	   "secret"
#define KEY_FILE   "key-file"
#define PASSPHRASE "passphrase"

void secret_list_done(struct secret_list *secrets)
{
	for (size_t i = 0; i < secrets->count; i++) {
		secret_free(secrets->list[i].key_file);
		secret_free(secrets->list[i].passphrase);
	}
	*secrets = (struct secret_list){0};
}

int secret_list_add(struct secret_list *list, struct unlock_secrets *secrets)
{
	scope(secret_free) struct secret *key_file = take(&secrets->key_file);
	scope(secret_free) struct secret *passphrase = take(&secrets->passphrase);

	if (list->count + !!key_file + !!passphrase > LIMIT_DESCRIPTORS)
		return -E2BIG;
	if (key_file)
		list->list[list->count++] = (struct unlock_secrets){.key_file = take(&key_file)};
	if (passphrase)
		list->list[list->count++] =
			(struct unlock_secrets){.passphrase = take(&passphrase)};
	return 0;
}

/* The pages stay locked as long as the mapping does: until this process ends. */
static int make_memory_file(const struct secret *secret, int *ret_fd)
{
	scope_fd int fd = memfd_create("modelvault-secret", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	size_t len = secret_len(secret);
	void *bytes;

	if (fd < 0 || ftruncate(fd, (off_t)len) < 0)
		return -errno;
	bytes = mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (bytes == MAP_FAILED)
		return -errno;
	if (mlock(bytes, len) < 0) {
		munmap(bytes, len);
		return -errno;
	}
	memcpy(bytes, secret_view(secret), len);
	*ret_fd = take_fd(&fd);
	return 0;
}

int secrets_pass(const struct secret_list *secrets, struct message *request)
{
	for (size_t i = 0; i < secrets->count; i++) {
		const struct unlock_secrets *one = &secrets->list[i];
		int fd = -1, r;

		r = make_memory_file(one->key_file ? one->key_file : one->passphrase, &fd);
		if (r == 0)
			r = message_add_fd(request, fd);
		if (r == 0)
			r = message_add_text(request, FIELD, one->key_file ? KEY_FILE : PASSPHRASE);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Files of a tmpfs cannot be sealed, others know no seals: neither is to be overwritten. */
static bool is_memory_file(int fd)
{
	return fd >= 0 && fcntl(fd, F_GET_SEALS) == 0;
}

static int read_memory_file(int fd, struct secret **ret_secret)
{
	static const uint8_t zeros[LIMIT_KEY_FILE];
	scope(secret_free) struct secret *secret = NULL;
	struct stat attr;
	ssize_t len;
	int r;

	static_assert(LIMIT_KEY_FILE >= LIMIT_PASSPHRASE, "the larger one");
	if (!is_memory_file(fd) || fstat(fd, &attr) < 0 || attr.st_size < 1 ||
		attr.st_size > LIMIT_KEY_FILE)
		return -EINVAL;
	r = secret_new((size_t)attr.st_size, &secret);
	if (r < 0)
		return r;
	len = file_read_at(fd, secret_bytes(secret), secret_len(secret), 0);
	if (len != attr.st_size)
		return len < 0 ? (int)len : -EINVAL;
	r = file_write_at(fd, zeros, (size_t)len, 0);
	if (r == 0)
		*ret_secret = take(&secret);
	return r;
}

static int receive_one(struct message *request, size_t index, struct unlock_secrets *ret_secrets)
{
	const char *kind = message_at(request, FIELD, index, NULL);

	if (strcmp(kind, KEY_FILE) == 0)
		return read_memory_file(message_fd(request, index), &ret_secrets->key_file);
	if (strcmp(kind, PASSPHRASE) == 0)
		return read_memory_file(message_fd(request, index), &ret_secrets->passphrase);
	return -EINVAL;
}

int secrets_receive(struct message *request, struct secret_list *ret_secrets)
{
	__attribute__((cleanup(secret_list_done))) struct secret_list secrets = {0};
	size_t count = message_count(request, FIELD);

	if (count != message_fd_count(request) || count > LIMIT_DESCRIPTORS)
		return -EINVAL;
	while (secrets.count < count) {
		int r = receive_one(request, secrets.count, &secrets.list[secrets.count]);

		if (r < 0)
			return r;
		secrets.count++;
	}
	*ret_secrets = secrets;
	secrets = (struct secret_list){0};
	return 0;
}
