/* SPDX-License-Identifier: Apache-2.0 */
/* entry_link.c - symbolic links and further names of a file, into the vault. */
#include <errno.h>
#include <string.h>

#include "fs/cmd/entry_import.h"

/* For links, which have no replace of their own. */
static int remove_existing(const struct entry_request *request)
{
	static const uint8_t none[ID_SIZE];
	struct vault *vault = request->vault;
	uint8_t old_id[ID_SIZE] = {0};
	int r;

	gate_file_replaced(vault->gate, request->old.ino, request->path, request->path_len);
	r = keystore_remove(vault->keystore, request->entry.parent, request->entry.name,
		request->entry.name_len, old_id);
	if (r == 0 && memcmp(old_id, none, ID_SIZE) != 0)
		object_store_remove(vault->objects, old_id);
	return r;
}

static bool is_same_symlink(const struct entry_request *request, const char *target, size_t len)
{
	scope_free char *old = NULL;
	size_t old_len;

	return request->old.kind == ENTRY_SYMLINK &&
	       keystore_link_target(request->vault->keystore, request->old.ino, &old, &old_len) ==
		       0 &&
	       old_len == len && memcmp(old, target, len) == 0;
}

/* What symlinks and hard links share. make does the keystore's part. file: that is named; or 0. */
static int add_link(struct entry_request *request, const char *kind, bool same, uint64_t file,
	int (*make)(struct entry_request *request))
{
	struct gate *gate = request->vault->gate;
	struct gate_effect effect;
	bool go_on;
	int code, r;

	if (request->exists && same)
		return entry_tell(request, "present", 0);
	if (request->exists) {
		code = entry_judge_existing(request, &go_on);
		if (!go_on)
			return code;
	}
	r = entry_record(request, kind);
	if (r < 0)
		return entry_complain_failure(request, "the audit trail cannot be written", r);
	r = request->exists ? remove_existing(request) : 0;
	if (r == 0)
		r = make(request);
	if (r < 0)
		return entry_complain_failure(request, "the link cannot be made", r);
	gate_names_changed(gate, request->entry.parent, 0);
	/* Who has it open may not read it under this name. */
	if (file && gate_file_named(gate, file, &effect) < 0)
		return entry_complain(request, "it was added, but reads of the file that had begun "
					       "are still being answered");
	return entry_tell(request, "added", 0);
}

static int make_symlink(struct entry_request *request)
{
	size_t len;
	const char *target = message_get(request->call->request, "target", &len);
	uint64_t ino;

	return keystore_symlink(request->vault->keystore, &request->entry, target, len, &ino);
}

int entry_add_symlink(struct entry_request *request)
{
	struct message *message = request->call->request;
	int64_t mode, uid, gid, mtime;
	const char *target;
	size_t len;

	target = message_get(message, "target", &len);
	if (!target || message_get_integer(message, "mode", &mode) < 0 ||
		message_get_integer(message, "uid", &uid) < 0 ||
		message_get_integer(message, "gid", &gid) < 0 ||
		message_get_integer(message, "mtime", &mtime) < 0)
		return entry_complain(request, "the request is not complete");
	request->entry.mode = (uint32_t)mode & 07777;
	request->entry.uid = (uint32_t)uid;
	request->entry.gid = (uint32_t)gid;
	request->entry.mtime_ns = mtime;
	return add_link(request, "symlink",
		request->exists && is_same_symlink(request, target, len), 0, make_symlink);
}

static int resolve_link(struct entry_request *request, struct entry_info *ret_info)
{
	size_t len;
	const char *target = message_get(request->call->request, "target", &len);

	if (!target)
		return -EINVAL;
	return keystore_resolve(request->vault->keystore, target, len, ret_info);
}

static int make_hard_link(struct entry_request *request)
{
	struct entry_info info;
	int r;

	r = resolve_link(request, &info);
	return r < 0 ? r : keystore_link(request->vault->keystore, &request->entry, info.ino);
}

int entry_add_hard_link(struct entry_request *request)
{
	struct entry_info info;
	int r;

	r = resolve_link(request, &info);
	if (r < 0)
		return entry_complain_failure(request, "its other name in the vault", r);
	return add_link(request, "hard link", request->exists && request->old.ino == info.ino,
		info.ino, make_hard_link);
}
