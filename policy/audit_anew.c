/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_anew.c - a trail that cannot be continued (a backup's has no audit.key; one that was put
 * back does not fit it) is set aside under a dated name, where it can still be verified, and a new
 * one begins.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "keystore/base/file.h"
#include "policy/audit.h"

static int set_aside(int dir_fd, const char *name, const char *stem, const char *ending)
{
	char to[96];

	snprintf(to, sizeof(to), "%s%s", stem, ending);
	if (renameat2(dir_fd, name, dir_fd, to, RENAME_NOREPLACE) == 0)
		return 0;
	return errno == ENOENT ? 0 : -errno;
}

int audit_create_anew(const char *vault_dir, const uint8_t vault_id[ID_SIZE], const char *stem,
	const struct audit_key_wrapper *wrapper, uint8_t ret_fingerprint[DIGEST_SIZE])
{
	static const char *const files[][2] = {
		{"audit.db-wal", ".db-wal"},
		{"audit.db-shm", ".db-shm"},
		{"audit.db", ".db"},
		{"audit.key", ".key"},
		{"audit.key.next", ".key.next"},
	};
	scope_fd int dir_fd = open(vault_dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r = dir_fd < 0 ? -errno : 0;

	for (size_t i = 0; i < ARRAY_SIZE(files) && r == 0; i++)
		r = set_aside(dir_fd, files[i][0], stem, files[i][1]);
	if (r == 0)
		r = file_sync_directory(dir_fd);
	return r < 0 ? r : audit_create(vault_dir, vault_id, wrapper, ret_fingerprint);
}
