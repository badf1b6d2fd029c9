/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_ls.c - `ls VAULT [PATH] [-l] [--json]`: the catalogue, one line or object an entry. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/tree_walk.h"
#include "fs/cmd/vault.h"
#include "keystore/aead.h"
#include "keystore/base/clock.h"
#include "keystore/base/json.h"

struct listing {
	struct verb_call *call;
	bool json, detailed;
	size_t start; /* length of the path that was asked for: it is not an entry of its own
			 listing */
	bool start_is_directory;
};

static const char *type_word(enum entry_kind kind)
{
	static const char *const words[] = {[ENTRY_DIRECTORY] = "directory",
		[ENTRY_FILE] = "file",
		[ENTRY_SYMLINK] = "symlink"};

	return words[kind];
}

static const char *state_word(const struct entry_info *info)
{
	if (info->damaged)
		return "damaged";
	if (info->kind != ENTRY_FILE)
		return NULL;
	return info->state == FILE_ROOTED ? "rooted" : "open";
}

static int show_json(
	struct listing *listing, const char *path, size_t len, const struct entry_info *info)
{
	scope(json_free) struct json *json = json_new();
	scope_buffer struct buffer line = {0};
	bool file = info->kind == ENTRY_FILE;
	int r;

	json_bytes(json, "path", path, len);
	json_text(json, "type", type_word(info->kind));
	json_int(json, "size", (int64_t)info->size);
	json_hex(json, "file_id", file ? info->file_id : NULL, ID_SIZE);
	json_text(json, "cipher", file ? aead_suite_name(info->suite) : NULL);
	json_text(json, "state", state_word(info));
	r = json_line(json, &line);
	if (r == 0)
		say_bytes(listing->call->output, line.data, line.len);
	return r < 0 ? r : listing->call->output->failed;
}

static int show(void *arg, const char *path, size_t len, const struct entry_info *info)
{
	struct listing *listing = arg;
	scope_free char *text = NULL;
	char time[TIME_TEXT_SIZE], id[2 * ID_SIZE + 1] = "-";

	if (listing->start_is_directory && len == listing->start)
		return 0;
	if (listing->json)
		return show_json(listing, path, len, info);
	text = text_for_terminal(path, len);
	if (!text)
		return -ENOMEM;
	if (!listing->detailed) {
		say(listing->call->output, "%s%s\n", text,
			info->kind == ENTRY_DIRECTORY ? "/" : "");
		return listing->call->output->failed;
	}
	if (info->kind == ENTRY_FILE)
		hex_encode(info->file_id, ID_SIZE, id);
	time_to_text(info->mtime_ns, time);
	say(listing->call->output, "%c%04o %14llu %.19sZ %-32s %-8s %s%s\n", "?dfl"[info->kind],
		info -> mode, (unsigned long long)info -> size, time, id,
		state_word(info) ? state_word(info) : "-", text,
		info->kind == ENTRY_DIRECTORY ? "/" : "");
	return listing->call->output->failed;
}

int verb_ls(struct vault *vault, struct verb_call *call)
{
	struct listing listing = {
		.call = call, .json = verb_flag(call, "json"), .detailed = verb_flag(call, "l")};
	struct entry_info info;
	const char *path;
	size_t len = 0;
	int r;

	path = verb_operand(call, 0, &len);
	if (!path)
		path = "";
	r = vault_resolve(vault, call, path, len, &info);
	if (r < 0)
		return exit_code_of(r);
	while (len && path[len - 1] == '/')
		len--;
	while (len && *path == '/') {
		path++;
		len--;
	}
	listing.start = len;
	listing.start_is_directory = info.kind == ENTRY_DIRECTORY;
	r = tree_walk(vault->keystore, path, len, &info, show, &listing);
	if (r < 0 && !call->output->failed)
		complain(call->output, "ls: %s", result_text(r));
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
