/* SPDX-License-Identifier: Apache-2.0 */
/*
 * key_destroy.c - `key VAULT destroy PATH...`: a file goes with all its names and its key. rm takes
 * a name; this takes the file.
 */
#include <errno.h>
#include <stdio.h>

#include "fs/cmd/key_verbs.h"
#include "fs/cmd/vault_act.h"

struct destruction {
	struct vault_act act;
	struct entry_info info;
	struct name_list names;
	const char *shown; /* the path, for messages */
};

static void forget_names(struct vault *vault, const struct destroyed_file *destroyed)
{
	for (size_t i = 0; i < destroyed->count; i++)
		gate_names_changed(vault->gate, destroyed->parents[i], 0);
}

/* The key is gone: what is open ends, and the ciphertext is only room on the disk. */
static int end_file(struct vault *vault, struct verb_call *call, const struct destruction *it)
{
	struct gate_effect effect;
	int removed, r;

	r = gate_end_file(vault->gate, it->info.ino, it->info.file_id, &effect);
	if (r < 0)
		complain(call->output,
			"key: %s is destroyed, but reads that had begun are still being answered: "
			"%llu",
			it->shown, (unsigned long long)effect.undrained);
	removed = object_store_remove(vault->objects, it->info.file_id);
	if (removed < 0 && removed != -ENOENT)
		complain(call->output,
			"key: %s is destroyed; its ciphertext, which nothing opens, could not be "
			"removed: %s",
			it->shown, result_text(removed));
	return r < 0 || (removed < 0 && removed != -ENOENT);
}

static int destroy(struct vault *vault, struct verb_call *call, void *arg)
{
	struct destruction *it = arg;
	struct destroyed_file destroyed = {0};
	int partly, r;

	do
		r = keystore_destroy(vault->keystore, it->info.ino, &destroyed);
	while (r < 0 && vault_make_room(vault, r));
	if (r < 0) {
		complain(call->output, "key: %s: %s; nothing was changed", it->shown,
			r == -EBADMSG ? "its rows are damaged; `modelvault rm` takes its names"
				      : result_text(r));
		return r;
	}
	forget_names(vault, &destroyed);
	snprintf(it->act.done, sizeof(it->act.done), "destroy: %zu name%s", destroyed.count,
		plural(destroyed.count));
	partly = end_file(vault, call, it);
	free(destroyed.parents);
	return vault_settle(vault, call, "the file is destroyed") || partly;
}

static void tell(struct verb_call *call, const struct destruction *it)
{
	remark(call->output, "%s is destroyed: its key, and %zu name%s", it->shown, it->names.count,
		plural(it->names.count));
	for (size_t i = 0; i < it->names.count && it->names.count > 1; i++) {
		scope_free char *name =
			text_for_terminal(it->names.names[i].path, it->names.names[i].len);

		remark(call->output, "  %s", name ? name : "");
	}
}

static int destroy_path(struct vault *vault, struct verb_call *call, const char *path, size_t len)
{
	scope_free char *shown = text_for_terminal(path, len);
	struct destruction it = {
		.act = {.action = AUDIT_KEY,
			.words = "destroy",
			.run = destroy,
			.takes_away = true},
		.shown = shown ? shown : "",
	};
	int r;

	r = vault_resolve(vault, call, path, len, &it.info);
	if (r < 0)
		return r;
	if (it.info.kind != ENTRY_FILE) {
		complain(call->output,
			"key: %s is no file and has no key; `modelvault rm` takes directories and "
			"links",
			it.shown);
		return -EINVAL;
	}
	r = keystore_names(vault->keystore, it.info.ino, &it.names);
	if (r < 0) {
		complain(call->output, "key: %s: %s", it.shown, result_text(r));
		return r;
	}
	it.act.arg = &it;
	it.act.path = path;
	it.act.path_len = len;
	it.act.file_id = it.info.file_id;
	r = vault_act(vault, call, &it.act);
	if (r >= 0)
		tell(call, &it);
	name_list_done(&it.names);
	return r;
}

int key_destroy_verb(struct vault *vault, struct verb_call *call)
{
	int code = EXIT_DONE;
	const char *path;
	size_t len;

	for (size_t i = 1; (path = verb_operand(call, i, &len)); i++) {
		int r = destroy_path(vault, call, path, len);
		int one = r > 0 ? EXIT_FAILED : r < 0 ? exit_code_of(r) : EXIT_DONE;

		/* What all have in common; else it is done in part. */
		if (i == 1)
			code = one;
		else if (code != one)
			code = EXIT_FAILED;
	}
	return code;
}
