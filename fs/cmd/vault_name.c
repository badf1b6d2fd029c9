/* SPDX-License-Identifier: Apache-2.0 */
/* vault_name.c - splits a path and finds the directory. */
#include "fs/cmd/vault_name.h"

#include <errno.h>

void vault_path_trim(const char **path, size_t *len)
{
	while (*len && **path == '/') {
		(*path)++;
		(*len)--;
	}
	while (*len && (*path)[*len - 1] == '/')
		(*len)--;
}

int vault_name_find(struct vault *vault, const char *path, size_t len, struct entry_name *ret_name)
{
	struct entry_info parent;
	size_t at = len;
	int r;

	if (!len)
		return -EINVAL;
	while (at && path[at - 1] != '/')
		at--;
	r = keystore_resolve(vault->keystore, path, at, &parent);
	if (r == 0 && parent.kind != ENTRY_DIRECTORY)
		r = -ENOTDIR;
	if (r < 0)
		return r;
	*ret_name = (struct entry_name){.parent = parent.ino, .name = path + at, .len = len - at};
	return 0;
}
