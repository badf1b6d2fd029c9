/* SPDX-License-Identifier: Apache-2.0 */
/* audit_key.c - wrapping the private key of a segment, and the file that keeps it. */
#include "policy/audit_key.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "keystore/base/file.h"

#define KEY_FILE	 "audit.key"
#define NEXT_FILE	 "audit.key.next"
#define KEY_FILE_VERSION 1
#define KEY_WORD	 "modelvault/1/audit-key"
#define HEADER_SIZE	 32
#define ENTRY_SIZE	 (8 + AUDIT_PUBLIC_KEY_SIZE + AUDIT_WRAPPED_KEY_SIZE)
#define FILE_SIZE_MAX	 (HEADER_SIZE + 2 * ENTRY_SIZE)

static const char magic[8] = {'M', 'V', 'A', 'U', 'D', 'K', 'E', 'Y'};

static_assert(ENTRY_SIZE == 100, "contrib/docs/audit.md");

struct key_aad {
	uint8_t bytes[sizeof(KEY_WORD) - 1 + ID_SIZE + 8 + AUDIT_PUBLIC_KEY_SIZE];
};

static void key_aad(
	const struct audit_key *key, const uint8_t vault_id[ID_SIZE], struct key_aad *ret_aad)
{
	uint8_t *at = ret_aad->bytes;

	memcpy(at, KEY_WORD, sizeof(KEY_WORD) - 1);
	at += sizeof(KEY_WORD) - 1;
	memcpy(at, vault_id, ID_SIZE);
	store_u64(at + ID_SIZE, key->segment);
	memcpy(at + ID_SIZE + 8, key->public_key, AUDIT_PUBLIC_KEY_SIZE);
}

int audit_key_wrap(const struct audit_signer *signer, uint64_t segment,
	const uint8_t vault_id[ID_SIZE], const struct audit_key_wrapper *wrapper,
	struct audit_key *ret_key)
{
	scope(secret_free) struct secret *private_key = NULL;
	struct audit_key key = {.segment = segment};
	struct key_aad aad;
	int r;

	memcpy(key.public_key, audit_signer_public(signer), sizeof(key.public_key));
	key_aad(&key, vault_id, &aad);
	r = audit_signer_private(signer, &private_key);
	if (r < 0)
		return r;
	r = wrapper->wrap(wrapper->arg, aad.bytes, sizeof(aad.bytes), private_key, key.wrapped);
	if (r < 0)
		return r;
	*ret_key = key;
	return 0;
}

int audit_key_unwrap(const struct audit_key *key, const uint8_t vault_id[ID_SIZE],
	const struct audit_key_wrapper *wrapper, struct audit_signer **ret_signer)
{
	scope(secret_free) struct secret *private_key = NULL;
	scope(audit_signer_free) struct audit_signer *signer = NULL;
	struct key_aad aad;
	int r;

	key_aad(key, vault_id, &aad);
	r = wrapper->unwrap(wrapper->arg, aad.bytes, sizeof(aad.bytes), key->wrapped,
		sizeof(key->wrapped), &private_key);
	if (r < 0)
		return r == -EBADMSG ? -EKEYREJECTED : r;
	r = audit_signer_new(private_key, &signer);
	if (r < 0)
		return r;
	if (memcmp(audit_signer_public(signer), key->public_key, AUDIT_PUBLIC_KEY_SIZE) != 0)
		return -EKEYREJECTED;
	*ret_signer = take(&signer);
	return 0;
}

static void parse_key(struct cursor *cursor, struct audit_key *ret_key)
{
	const uint8_t *public_key, *wrapped;

	ret_key->segment = cursor_u64(cursor);
	public_key = cursor_bytes(cursor, sizeof(ret_key->public_key));
	wrapped = cursor_bytes(cursor, sizeof(ret_key->wrapped));
	if (!wrapped)
		return;
	memcpy(ret_key->public_key, public_key, sizeof(ret_key->public_key));
	memcpy(ret_key->wrapped, wrapped, sizeof(ret_key->wrapped));
}

static int parse_keys(
	const void *bytes, size_t len, const uint8_t vault_id[ID_SIZE], struct audit_keys *ret_keys)
{
	struct audit_keys keys = {0};
	struct cursor cursor;
	const uint8_t *word, *id;
	uint32_t version;

	cursor_init(&cursor, bytes, len);
	word = cursor_bytes(&cursor, sizeof(magic));
	version = cursor_u32(&cursor);
	keys.count = cursor_u32(&cursor);
	id = cursor_bytes(&cursor, ID_SIZE);
	if (!id || memcmp(word, magic, sizeof(magic)) != 0 || version == 0)
		return -EUCLEAN;
	if (version > KEY_FILE_VERSION)
		return -EPROTONOSUPPORT;
	if (keys.count < 1 || keys.count > ARRAY_SIZE(keys.keys))
		return -EUCLEAN;
	if (memcmp(id, vault_id, ID_SIZE) != 0)
		return -EKEYREJECTED;
	for (size_t i = 0; i < keys.count; i++)
		parse_key(&cursor, &keys.keys[i]);
	if (!cursor_is_done(&cursor))
		return -EUCLEAN;
	*ret_keys = keys;
	return 0;
}

static int load(int vault_fd, const char *name, const uint8_t vault_id[ID_SIZE],
	struct audit_keys *ret_keys)
{
	scope_free char *bytes = NULL;
	struct stat st;
	size_t len;
	int r;

	/* It is replaced, never written through a link. */
	if (fstatat(vault_fd, name, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode))
		return -ELOOP;
	r = file_load(vault_fd, name, FILE_SIZE_MAX, &bytes, &len);
	if (r == -EFBIG)
		return -EUCLEAN;
	if (r < 0)
		return r;
	return parse_keys(bytes, len, vault_id, ret_keys);
}

int audit_keys_load(int vault_fd, const uint8_t vault_id[ID_SIZE], struct audit_keys *ret_keys)
{
	return load(vault_fd, KEY_FILE, vault_id, ret_keys);
}

int audit_keys_load_next(int vault_fd, const uint8_t vault_id[ID_SIZE], struct audit_keys *ret_keys)
{
	return load(vault_fd, NEXT_FILE, vault_id, ret_keys);
}

/* The blocks of a file that has lost its name: zeros reach them where a file system writes in
 * place. */
static int overwrite(int fd)
{
	static const uint8_t zeros[FILE_SIZE_MAX];
	struct stat st;
	int r;

	if (fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode) || st.st_size > FILE_SIZE_MAX)
		return -EUCLEAN;
	r = file_write_at(fd, zeros, (size_t)st.st_size, 0);
	if (r < 0)
		return r;
	return fdatasync(fd) < 0 ? -errno : 0;
}

/* *ret_fd is -1 when there is none. */
static int open_old(int vault_fd, const char *name, int *ret_fd)
{
	*ret_fd = openat(vault_fd, name, O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	return *ret_fd < 0 && errno != ENOENT ? -errno : 0;
}

static int save(int vault_fd, const char *name, const uint8_t vault_id[ID_SIZE],
	const struct audit_keys *keys)
{
	uint8_t bytes[FILE_SIZE_MAX];
	size_t len = HEADER_SIZE;
	scope_fd int old = -1;
	int r;

	memcpy(bytes, magic, sizeof(magic));
	store_u32(bytes + 8, KEY_FILE_VERSION);
	store_u32(bytes + 12, (uint32_t)keys->count);
	memcpy(bytes + 16, vault_id, ID_SIZE);
	for (size_t i = 0; i < keys->count; i++) {
		const struct audit_key *key = &keys->keys[i];

		store_u64(bytes + len, key->segment);
		memcpy(bytes + len + 8, key->public_key, sizeof(key->public_key));
		memcpy(bytes + len + 40, key->wrapped, sizeof(key->wrapped));
		len += ENTRY_SIZE;
	}
	r = open_old(vault_fd, name, &old);
	if (r < 0)
		return r;
	r = file_replace(vault_fd, name, bytes, len, 0600);
	if (r < 0)
		return r;
	return old < 0 ? 0 : overwrite(old);
}

int audit_keys_save(int vault_fd, const uint8_t vault_id[ID_SIZE], const struct audit_keys *keys)
{
	return save(vault_fd, KEY_FILE, vault_id, keys);
}

int audit_keys_save_next(
	int vault_fd, const uint8_t vault_id[ID_SIZE], const struct audit_keys *keys)
{
	return save(vault_fd, NEXT_FILE, vault_id, keys);
}

int audit_keys_promote(int vault_fd)
{
	scope_fd int old = -1;
	int r;

	r = open_old(vault_fd, KEY_FILE, &old);
	if (r < 0)
		return r;
	if (renameat(vault_fd, NEXT_FILE, vault_fd, KEY_FILE) < 0)
		return -errno;
	r = file_sync_directory(vault_fd);
	if (r < 0)
		return r;
	return old < 0 ? 0 : overwrite(old);
}

int audit_keys_drop_next(int vault_fd)
{
	scope_fd int old = -1;
	int r;

	r = open_old(vault_fd, NEXT_FILE, &old);
	if (r < 0 || old < 0)
		return r;
	if (unlinkat(vault_fd, NEXT_FILE, 0) < 0)
		return -errno;
	return overwrite(old);
}

const struct audit_key *audit_keys_find(const struct audit_keys *keys, uint64_t segment)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keys->keys[i].segment == segment)
			return &keys->keys[i];
	return NULL;
}
