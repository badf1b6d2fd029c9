/* SPDX-License-Identifier: Apache-2.0 */
/*
 * anchor.c - the anchor file.
 *
 *   OFFSET  SIZE  MEANING
 *        0     8  "MVANCHOR"
 *        8     4  version: 1
 *       12     4  zero
 *       16    16  vault id
 *       32     8  policy epoch
 *       40     8  catalogue epoch
 *       48     8  audit segment
 *       56     8  audit seq
 *       64    32  HMAC-SHA-256(anchor key, "modelvault/1/anchor" | bytes 0..63)
 */
#include "keystore/anchor.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>

#include "keystore/base/bytes.h"
#include "keystore/base/digest.h"
#include "keystore/base/file.h"

#define ANCHOR_VERSION	   1
#define ANCHOR_SIGNED_SIZE 64
#define ID_TEXT_SIZE	   (2 * ID_SIZE + 1)
#define NEXT_SUFFIX	   ".next"
#define NAME_SIZE	   (ID_TEXT_SIZE + sizeof(NEXT_SUFFIX))

static const char magic[8] = {'M', 'V', 'A', 'N', 'C', 'H', 'O', 'R'};

static_assert(ANCHOR_SIGNED_SIZE + DIGEST_SIZE == ANCHOR_FILE_SIZE, "anchor file size");

static int mac_of(const uint8_t *bytes, const struct secret *key, uint8_t ret_mac[DIGEST_SIZE])
{
	const struct iovec parts[] = {
		PART_TEXT("modelvault/1/anchor"),
		PART(bytes, ANCHOR_SIGNED_SIZE),
	};

	return hmac_once(key, parts, ARRAY_SIZE(parts), ret_mac);
}

int anchor_pack(const struct anchor *anchor, const uint8_t vault_id[ID_SIZE],
	const struct secret *key, uint8_t ret_bytes[ANCHOR_FILE_SIZE])
{
	uint8_t bytes[ANCHOR_FILE_SIZE] = {0};
	int r;

	memcpy(bytes, magic, sizeof(magic));
	store_u32(bytes + 8, ANCHOR_VERSION);
	memcpy(bytes + 16, vault_id, ID_SIZE);
	store_u64(bytes + 32, anchor->epochs[SEALED_POLICY]);
	store_u64(bytes + 40, anchor->epochs[SEALED_CATALOGUE]);
	store_u64(bytes + 48, anchor->audit_segment);
	store_u64(bytes + 56, anchor->audit_seq);
	r = mac_of(bytes, key, bytes + ANCHOR_SIGNED_SIZE);
	if (r < 0)
		return r;
	memcpy(ret_bytes, bytes, sizeof(bytes));
	return 0;
}

int anchor_parse(const void *bytes, size_t len, const uint8_t vault_id[ID_SIZE],
	const struct secret *key, struct anchor *ret_anchor)
{
	const uint8_t *at = bytes;
	uint8_t mac[DIGEST_SIZE];
	int r;

	if (len != ANCHOR_FILE_SIZE)
		return -EBADMSG;
	r = mac_of(at, key, mac);
	if (r < 0)
		return r;
	if (!bytes_equal_constant_time(mac, at + ANCHOR_SIGNED_SIZE, DIGEST_SIZE))
		return -EBADMSG;
	/* Ours by its MAC; what else differs is another vault's or another version. */
	if (memcmp(at, magic, sizeof(magic)) != 0 || load_u32(at + 8) != ANCHOR_VERSION ||
		load_u32(at + 12) != 0 || memcmp(at + 16, vault_id, ID_SIZE) != 0)
		return -EBADMSG;
	*ret_anchor = (struct anchor){
		.epochs[SEALED_POLICY] = load_u64(at + 32),
		.epochs[SEALED_CATALOGUE] = load_u64(at + 40),
		.audit_segment = load_u64(at + 48),
		.audit_seq = load_u64(at + 56),
	};
	return 0;
}

static int format_path(char **ret_path, const char *directory, const char *below)
{
	char *path = NULL;

	if (asprintf(&path, "%s%s", directory, below) < 0 || !path)
		return -ENOMEM;
	*ret_path = path;
	return 0;
}

static int home_directory(char **ret_path)
{
	struct passwd passwd, *found = NULL;
	scope_free char *memory = NULL;
	const size_t size = 16384;
	int r;

	memory = malloc(size);
	if (!memory)
		return -ENOMEM;
	r = getpwuid_r(geteuid(), &passwd, memory, size, &found);
	if (r != 0)
		return -r;
	if (!found || found->pw_dir[0] != '/')
		return -ENOENT;
	return format_path(ret_path, found->pw_dir, "/.local/state/modelvault");
}

int anchor_directory(char **ret_path)
{
	const char *state = secure_getenv("MODELVAULT_STATE_DIR");
	const char *home;

	if (state && state[0] == '/')
		return format_path(ret_path, state, "");
	if (geteuid() == 0)
		return format_path(ret_path, "/var/lib/modelvault", "");
	state = secure_getenv("XDG_STATE_HOME");
	if (state && state[0] == '/')
		return format_path(ret_path, state, "/modelvault");
	home = secure_getenv("HOME");
	if (home && home[0] == '/')
		return format_path(ret_path, home, "/.local/state/modelvault");
	return home_directory(ret_path);
}

static int open_directory(bool make)
{
	scope_free char *path = NULL;
	int fd, r;

	r = anchor_directory(&path);
	if (r < 0)
		return r;
	if (make) {
		r = file_make_directories(path, 0700);
		if (r < 0)
			return r;
	}
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_file(int dir_fd, const char *name, const uint8_t vault_id[ID_SIZE],
	const struct secret *key, struct anchor *ret_anchor)
{
	scope_free char *bytes = NULL;
	size_t len;
	int r;

	r = file_load(dir_fd, name, ANCHOR_FILE_SIZE, &bytes, &len);
	/* Not a regular file, or too long: not what we wrote. */
	if (r == -EFBIG || r == -EINVAL || r == -ELOOP)
		return -EBADMSG;
	if (r < 0)
		return r;
	return anchor_parse(bytes, len, vault_id, key, ret_anchor);
}

static void name_of(const uint8_t vault_id[ID_SIZE], const char *suffix, char ret_name[NAME_SIZE])
{
	char id[ID_TEXT_SIZE];

	hex_encode(vault_id, ID_SIZE, id);
	snprintf(ret_name, NAME_SIZE, "%s%s", id, suffix);
}

int anchor_read(
	const uint8_t vault_id[ID_SIZE], const struct secret *key, struct anchor *ret_anchor)
{
	char name[NAME_SIZE], next[NAME_SIZE];
	scope_fd int dir_fd = -1;
	int r;

	dir_fd = open_directory(false);
	if (dir_fd < 0)
		return dir_fd;
	name_of(vault_id, "", name);
	name_of(vault_id, NEXT_SUFFIX, next);
	r = read_file(dir_fd, name, vault_id, key, ret_anchor);
	if (r == -EBADMSG && read_file(dir_fd, next, vault_id, key, ret_anchor) == 0)
		r = renameat(dir_fd, next, dir_fd, name) < 0 ? -errno : 0;
	return r;
}

static int write_file(const uint8_t vault_id[ID_SIZE], const char *suffix, const struct secret *key,
	const struct anchor *anchor)
{
	uint8_t bytes[ANCHOR_FILE_SIZE];
	char name[NAME_SIZE];
	scope_fd int dir_fd = -1;
	int r;

	r = anchor_pack(anchor, vault_id, key, bytes);
	if (r < 0)
		return r;
	dir_fd = open_directory(true);
	if (dir_fd < 0)
		return dir_fd;
	name_of(vault_id, suffix, name);
	return file_replace(dir_fd, name, bytes, sizeof(bytes), 0600);
}

int anchor_write(
	const uint8_t vault_id[ID_SIZE], const struct secret *key, const struct anchor *anchor)
{
	int r;

	r = write_file(vault_id, "", key, anchor);
	if (r == 0)
		anchor_drop_next(vault_id);
	return r;
}

int anchor_write_next(
	const uint8_t vault_id[ID_SIZE], const struct secret *key, const struct anchor *anchor)
{
	return write_file(vault_id, NEXT_SUFFIX, key, anchor);
}

void anchor_drop_next(const uint8_t vault_id[ID_SIZE])
{
	char name[NAME_SIZE];
	scope_fd int dir_fd = open_directory(false);

	name_of(vault_id, NEXT_SUFFIX, name);
	if (dir_fd >= 0)
		unlinkat(dir_fd, name, 0);
}
