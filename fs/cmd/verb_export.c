/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_export.c - the verb export-look: what a name is and, of a directory, what is in it.
 */
#include <errno.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/export_decide.h"
#include "fs/cmd/export_look.h"
#include "fs/cmd/vault_sight.h"

struct child {
	uint64_t ino;
	size_t at, len; /* in `names` */
};

struct listing {
	struct buffer children, names;
};

static int add_child(
	void *arg, uint64_t cookie, const char *name, size_t len, const struct entry_info *info)
{
	struct listing *listing = arg;
	const struct child child = {info->ino, listing->names.len, len};

	(void)cookie;
	buffer_add(&listing->names, name, len);
	buffer_add(&listing->children, &child, sizeof(child));
	return listing->names.failed || listing->children.failed;
}

static int add_names(
	struct vault *vault, struct viewer *viewer, uint64_t ino, struct buffer *answer)
{
	struct listing listing = {0};
	struct child child;
	int r;

	r = keystore_list(vault->keystore, ino, 0, add_child, &listing);
	if (r > 0)
		r = -ENOMEM;
	for (size_t at = 0; r == 0 && at < listing.children.len; at += sizeof(child)) {
		memcpy(&child, listing.children.data + at, sizeof(child));
		if (!viewer_sees_entry(viewer, child.ino))
			continue;
		buffer_add_u32(answer, (uint32_t)child.len);
		buffer_add(answer, listing.names.data + child.at, child.len);
	}
	buffer_done(&listing.children);
	buffer_done(&listing.names);
	return r;
}

static int add_target(struct vault *vault, uint64_t ino, struct buffer *answer)
{
	scope_free char *target = NULL;
	size_t len;
	int r;

	r = keystore_link_target(vault->keystore, ino, &target, &len);
	if (r == 0)
		buffer_add(answer, target, len);
	return r;
}

static int add_rest(struct vault *vault, const struct verb_call *call,
	const struct entry_info *info, struct buffer *answer)
{
	scope_buffer struct buffer xattrs = {0};
	scope_viewer struct viewer viewer = {0};
	int r = 0;

	if (info->damaged)
		return -EBADMSG;
	if (info->kind == ENTRY_DIRECTORY)
		r = export_xattrs(vault->keystore, info->ino, &xattrs);
	vault_viewer_begin(vault, call, &viewer);
	export_look_pack(info, &xattrs, answer);
	if (r == 0 && info->kind == ENTRY_DIRECTORY)
		r = add_names(vault, &viewer, info->ino, answer);
	else if (r == 0 && info->kind == ENTRY_SYMLINK)
		r = add_target(vault, info->ino, answer);
	return r == 0 && answer->failed ? -ENOMEM : r;
}

int verb_export_look(struct vault *vault, struct verb_call *call)
{
	scope_buffer struct buffer answer = {0};
	scope_free char *shown = NULL;
	struct entry_info info;
	const char *path;
	size_t len;
	int code, r;

	path = message_get(call->request, "path", &len);
	if (!path)
		return EXIT_USAGE;
	code = export_find(vault, call, path, len, &info);
	if (code != EXIT_DONE)
		return code;
	r = add_rest(vault, call, &info, &answer);
	if (r == 0) {
		say_bytes(call->output, answer.data, answer.len);
		return EXIT_DONE;
	}
	shown = text_for_terminal(path, len);
	complain(call->output, "export: %s: %s", shown ? shown : "", result_text(r));
	return exit_code_of(r);
}
