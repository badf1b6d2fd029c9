/* SPDX-License-Identifier: Apache-2.0 */
/* export_decide.h - what of the tree the caller of an export may see and read. */
#ifndef FS_CMD_EXPORT_DECIDE_H
#define FS_CMD_EXPORT_DECIDE_H

#include "fs/cmd/vault.h"

/* May he read a file of these names and this size? Counted under budgets: *ret_charged. No record.
 */
struct decision export_admit(struct vault *vault, const struct verb_call *call,
	const struct name_list *names, uint64_t size, struct charged_rules *ret_charged);
/* May he go on, who was admitted so? A hash is not waited for. */
struct decision export_decide(struct vault *vault, const struct verb_call *call,
	const struct name_list *names, uint64_t size, struct charged_rules *charged);
bool export_may_see(struct vault *vault, const struct verb_call *call, uint64_t ino);
/*
 * The entry of a path. A name that is hidden from the caller is not there, in the same words. Exit
 * code; complains.
 */
int export_find(struct vault *vault, const struct verb_call *call, const char *path, size_t len,
	struct entry_info *ret_info);
/* The extended attributes in the form of struct new_entry: content, for who may read. */
int export_xattrs(struct keystore *keystore, uint64_t ino, struct buffer *ret_xattrs);

#endif
