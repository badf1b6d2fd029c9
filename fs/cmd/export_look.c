/* SPDX-License-Identifier: Apache-2.0 */
/* export_look.c - packs and parses. */
#include "fs/cmd/export_look.h"

#include <errno.h>

void export_look_pack(const struct entry_info *info, const struct buffer *xattrs, struct buffer *to)
{
	buffer_add_u8(to, (uint8_t)info->kind);
	buffer_add_u32(to, info->mode);
	buffer_add_u32(to, info->uid);
	buffer_add_u32(to, info->gid);
	buffer_add_u32(to, info->nlink);
	buffer_add_u64(to, (uint64_t)info->mtime_ns);
	buffer_add_u64(to, info->size);
	buffer_add_u64(to, info->ino);
	buffer_add_u32(to, (uint32_t)xattrs->len);
	buffer_add(to, buffer_text(xattrs), xattrs->len);
}

int export_look_parse(const void *bytes, size_t len, struct export_look *ret_look)
{
	struct export_look look;
	struct cursor cursor;

	cursor_init(&cursor, bytes, len);
	look.kind = cursor_u8(&cursor);
	look.mode = cursor_u32(&cursor);
	look.uid = cursor_u32(&cursor);
	look.gid = cursor_u32(&cursor);
	look.nlink = cursor_u32(&cursor);
	look.mtime_ns = (int64_t)cursor_u64(&cursor);
	look.size = cursor_u64(&cursor);
	look.ino = cursor_u64(&cursor);
	look.xattrs_len = cursor_u32(&cursor);
	look.xattrs = cursor_bytes(&cursor, look.xattrs_len);
	if (cursor.failed || !look.xattrs)
		return -EPROTO;
	look.rest = cursor;
	*ret_look = look;
	return 0;
}
