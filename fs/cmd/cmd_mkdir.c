/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_mkdir.c - `mkdir VAULT [-p] PATH...`: directories that are the caller's. */
#include <errno.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/path_lock.h"
#include "fs/cmd/vault_name.h"
#include "keystore/base/clock.h"

static int make(struct vault *vault, const struct verb_call *call, const char *path, size_t len)
{
	struct entry_name name;
	uint64_t ino;
	int r;

	r = vault_name_find(vault, path, len, &name);
	if (r < 0)
		return r == -EINVAL ? -EEXIST : r;
	r = keystore_mkdir(vault->keystore,
		&(struct new_entry){
			.parent = name.parent,
			.name = name.name,
			.name_len = name.len,
			.mode = 0755,
			.uid = call->caller->uid,
			.gid = call->caller->gid,
			.mtime_ns = clock_now_ns(),
		},
		&ino);
	if (r == 0)
		gate_names_changed(vault->gate, name.parent, 0);
	return r;
}

static bool is_directory(struct vault *vault, const char *path, size_t len)
{
	struct entry_info info;

	return keystore_resolve(vault->keystore, path, len, &info) == 0 &&
	       info.kind == ENTRY_DIRECTORY;
}

/* -p: each directory on the way too, and none that is there is an error. */
static int make_all(struct vault *vault, const struct verb_call *call, const char *path, size_t len)
{
	int r = 0;

	for (size_t at = 0; at < len && r == 0; at++) {
		while (at < len && path[at] != '/')
			at++;
		r = make(vault, call, path, at);
		if (r == -EEXIST && is_directory(vault, path, at))
			r = 0;
	}
	return r;
}

static void explain(const struct verb_call *call, const char *path, size_t len, int result)
{
	scope_free char *shown = text_for_terminal(path, len);
	const char *words = result_text(result);

	if (result == -EEXIST)
		words = "it is there already";
	else if (result == -ENOENT)
		words = "the directory that it would be in is not there; -p makes it too";
	else if (result == -EINVAL)
		words = "a name in a vault has 1 to 255 bytes and is neither . nor ..";
	complain(call->output, "mkdir: %s: %s", shown ? shown : "", words);
}

/* One operand with its records. Exit code. */
static int make_operand(
	struct vault *vault, const struct verb_call *call, const char *path, size_t len)
{
	struct audit_event event = vault_event(call, AUDIT_MKDIR);
	scope(path_lock_free) struct path_lock *lock = NULL;
	int code, r;

	code = path_lock_take(vault, call, "mkdir", path, len, PATH_ALONE, &lock);
	if (code != EXIT_DONE)
		return code;
	event.path = path;
	event.path_len = len;
	event.detail = "intent";
	if (vault_record(vault, call, &event) < 0)
		return EXIT_FAILED;
	pthread_mutex_lock(&vault->acting);
	r = verb_flag(call, "p") ? make_all(vault, call, path, len) : make(vault, call, path, len);
	pthread_mutex_unlock(&vault->acting);
	if (r < 0)
		explain(call, path, len, r);
	event.outcome = r < 0 ? AUDIT_ERROR : AUDIT_ALLOW;
	event.detail = r < 0 ? "failed" : "done";
	if (audit_append_wait(vault->audit, &event, true) < 0) {
		complain(call->output, "mkdir: the last record could not be written");
		r = r < 0 ? r : -EIO;
	}
	return exit_code_of(r);
}

int verb_mkdir(struct vault *vault, struct verb_call *call)
{
	int code = EXIT_DONE;
	const char *path;
	size_t len;

	for (size_t i = 0; (path = verb_operand(call, i, &len)); i++) {
		vault_path_trim(&path, &len);
		code = exit_code_join(code, make_operand(vault, call, path, len), i);
	}
	vault_write_anchor(vault);
	return code;
}
