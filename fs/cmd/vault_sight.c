/* SPDX-License-Identifier: Apache-2.0 */
/* vault_sight.c - the caller of a verb looks at names as he would through a mount. */
#include "fs/cmd/vault_sight.h"

#include <errno.h>

void vault_viewer_begin(struct vault *vault, const struct verb_call *call, struct viewer *viewer)
{
	viewer_begin(viewer, vault->keystore, vault->policy, NULL, call->caller);
}

int vault_find_seen(struct vault *vault, const struct verb_call *call, const char *path, size_t len,
	struct entry_info *ret_info)
{
	scope_viewer struct viewer viewer = {0};
	struct entry_info info;
	int r;

	r = keystore_resolve(vault->keystore, path, len, &info);
	/* Which of them it is depends on what is there. */
	if (r == -ENOTDIR || r == -ENAMETOOLONG)
		r = -ENOENT;
	if (r < 0)
		return r;
	vault_viewer_begin(vault, call, &viewer);
	if (!viewer_sees(&viewer, info.ino))
		return -ENOENT;
	*ret_info = info;
	viewer_veil(&viewer, ret_info);
	ret_info->nlink = viewer_links(&viewer, &info);
	return 0;
}
