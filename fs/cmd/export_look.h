/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_look.h - what the vault tells an exporting client of one entry, as bytes and back
 * (contrib/docs/control.md has the table).
 */
#ifndef FS_CMD_EXPORT_LOOK_H
#define FS_CMD_EXPORT_LOOK_H

#include "keystore/base/bytes.h"
#include "keystore/catalogue.h"

struct export_look {
	enum entry_kind kind;
	uint32_t mode, uid, gid, nlink;
	int64_t mtime_ns;
	uint64_t size, ino;
	const uint8_t *xattrs; /* pairs as in struct new_entry */
	size_t xattrs_len;
	struct cursor rest; /* a link's target, or a directory's names: length u32, bytes */
};

/* All but the rest, which the caller adds. */
void export_look_pack(
	const struct entry_info *info, const struct buffer *xattrs, struct buffer *to);
/* Points into the bytes. -EPROTO. */
int export_look_parse(const void *bytes, size_t len, struct export_look *ret_look);

#endif
