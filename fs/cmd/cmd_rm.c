/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_rm.c - `rm VAULT [-r] PATH...`: takes names out; the last name takes the key with it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/name_change.h"
#include "fs/cmd/path_lock.h"
#include "fs/cmd/vault.h"

struct removal {
	struct vault *vault;
	struct verb_call *call;
	uint64_t files;
};

static bool is_zero_id(const uint8_t id[ID_SIZE])
{
	static const uint8_t zero[ID_SIZE];

	return memcmp(id, zero, ID_SIZE) == 0;
}

static int remove_name(struct removal *removal, uint64_t parent, const char *name, size_t len,
	const struct entry_info *info)
{
	struct vault *vault = removal->vault;
	struct gate_effect effect;
	uint8_t old_id[ID_SIZE];
	int r;

	r = keystore_remove(vault->keystore, parent, name, len, old_id);
	if (r < 0)
		return r;
	gate_names_changed(vault->gate, parent, info->kind == ENTRY_DIRECTORY ? info->ino : 0);
	if (info->kind != ENTRY_FILE)
		return 0;
	removal->files++;
	if (is_zero_id(old_id))
		return 0;
	/* The key is gone: what is open ends, and the ciphertext is only room on the disk. */
	r = gate_end_file(vault->gate, info->ino, old_id, &effect);
	if (r < 0)
		return r;
	r = object_store_remove(vault->objects, old_id);
	return r == -ENOENT ? 0 : r;
}

struct first_child {
	char name[LIMIT_NAME];
	size_t len;
	struct entry_info info;
	bool found;
};

static int take_first(
	void *arg, uint64_t cookie, const char *name, size_t len, const struct entry_info *info)
{
	struct first_child *first = arg;

	(void)cookie;
	memcpy(first->name, name, len);
	first->len = len;
	first->info = *info;
	first->found = true;
	return 1;
}

/* Depth first, one name at a time: what was removed before a failure stays removed. */
static int remove_below(struct removal *removal, uint64_t directory, unsigned depth)
{
	struct first_child first;
	int r;

	if (depth > LIMIT_DEPTH)
		return -ELOOP;
	for (;;) {
		first.found = false;
		r = keystore_list(removal->vault->keystore, directory, 0, take_first, &first);
		if (r < 0 || !first.found)
			return r < 0 ? r : 0;
		if (first.info.kind == ENTRY_DIRECTORY)
			r = remove_below(removal, first.info.ino, depth + 1);
		if (r >= 0)
			r = remove_name(removal, directory, first.name, first.len, &first.info);
		if (r < 0)
			return r;
	}
}

static int remove_path(struct removal *removal, const char *path, size_t len)
{
	struct verb_call *call = removal->call;
	struct entry_info info, parent;
	size_t name_len = 0;
	int r;

	r = vault_resolve(removal->vault, call, path, len, &info);
	if (r < 0)
		return r;
	while (len && path[len - 1] == '/')
		len--;
	while (name_len < len && path[len - name_len - 1] != '/')
		name_len++;
	if (!name_len) {
		complain(call->output, "rm: the root of the vault cannot be removed");
		return -EINVAL;
	}
	r = keystore_resolve(removal->vault->keystore, path, len - name_len, &parent);
	if (r == 0 && info.kind == ENTRY_DIRECTORY && verb_flag(call, "r"))
		r = remove_below(removal, info.ino, 0);
	if (r == 0)
		r = remove_name(removal, parent.ino, path + len - name_len, name_len, &info);
	if (r < 0) {
		scope_free char *shown = text_for_terminal(path, len);

		complain(call->output, "rm: %s: %s", shown ? shown : "",
			r == -ENOTEMPTY ? "a directory that is not empty; -r removes all of it"
					: result_text(r));
	}
	return r;
}

/* Once for all names: the keys of what is gone leave the log and the copy, too. */
static int settle(struct vault *vault, struct verb_call *call, int code)
{
	int r = keystore_settle(vault->keystore);

	if (r == 0 || r == -EBADMSG)
		return code;
	complain(call->output,
		"rm: the names are gone, but not their keys from keystore.db-wal and "
		"keystore.copy (%s); the vault's next command tries again",
		result_text(r));
	return EXIT_FAILED;
}

/* A file with other names may be read by more without this one. */
static int judge(const struct removal *removal, const char *path, size_t len,
	struct name_verdict *ret_verdict)
{
	scope(name_change_free) struct name_change *change = NULL;
	int r;

	r = name_change_new(removal->vault, removal->call, "rm", &change);
	if (r == 0)
		r = name_change_add(change, path, len, NULL, 0);
	if (r == 0)
		name_change_judge(change, ret_verdict);
	return r;
}

static int refuse(const struct removal *removal, struct audit_event *event,
	const struct name_verdict *verdict)
{
	event->outcome = AUDIT_REFUSE;
	event->reason = verdict->refused;
	event->detail = verdict->words;
	return vault_record(removal->vault, removal->call, event) < 0 ? EXIT_FAILED : EXIT_REFUSED;
}

/* One operand with its records. Exit code. */
static int remove_operand(struct removal *removal, const char *path, size_t len)
{
	struct audit_event event = vault_event(removal->call, AUDIT_REMOVE);
	scope(path_lock_free) struct path_lock *lock = NULL;
	struct vault *vault = removal->vault;
	struct name_verdict verdict;
	char intent[sizeof(verdict.words) + 32];
	int code, r;

	code = path_lock_take(vault, removal->call, "rm", path, len, PATH_AND_BELOW, &lock);
	if (code != EXIT_DONE)
		return code;
	event.path = path;
	event.path_len = len;
	r = judge(removal, path, len, &verdict);
	if (r < 0) {
		complain(removal->call->output, "rm: %s", result_text(r));
		return exit_code_of(r);
	}
	if (verdict.refused != REASON_NONE)
		return refuse(removal, &event, &verdict);
	if (verdict.recorded != REASON_NONE)
		event.reason = verdict.recorded;
	snprintf(intent, sizeof(intent), "intent%s%s%s",
		verb_flag(removal->call, "r") ? ", recursive" : "", *verdict.words ? "; " : "",
		verdict.words);
	event.detail = intent;
	if (vault_record(vault, removal->call, &event) < 0)
		return EXIT_FAILED;
	removal->files = 0;
	pthread_mutex_lock(&vault->acting);
	r = remove_path(removal, path, len);
	pthread_mutex_unlock(&vault->acting);
	event.outcome = r < 0 ? AUDIT_ERROR : AUDIT_ALLOW;
	event.detail = r < 0 ? "failed" : "done";
	if (removal->files)
		event.count = (int64_t)removal->files;
	if (vault_record(vault, removal->call, &event) < 0)
		r = -EIO;
	return exit_code_of(r);
}

int verb_rm(struct vault *vault, struct verb_call *call)
{
	struct removal removal = {.vault = vault, .call = call};
	int code = EXIT_DONE;
	const char *path;
	size_t len;

	for (size_t i = 0; (path = verb_operand(call, i, &len)); i++)
		code = exit_code_join(code, remove_operand(&removal, path, len), i);
	code = settle(vault, call, code);
	vault_write_anchor(vault);
	return code;
}
