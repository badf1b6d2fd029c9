/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_mv.c - `mv VAULT SOURCE... DEST [--replace] [--dry-run]`: names move, as with mv(1). Rules go
 * by names: who could read more under the new ones is said, and may keep it from being done; who
 * has the file open is decided again before the command returns.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/name_change.h"
#include "fs/cmd/path_lock.h"
#include "fs/cmd/vault_name.h"

#define SHOWN_MAX 8192 /* bytes of the new name in a record's detail */

struct move {
	struct vault *vault;
	struct verb_call *call;
	const char *from; /* trimmed, not NUL-terminated */
	size_t from_len;
	const struct buffer *to;
	struct name_verdict verdict; /* what rules make of it */
};

/* Where DEST is a directory the name goes into it. */
static int target_of(
	const struct move *move, const char *dest, size_t dest_len, struct buffer *ret_to)
{
	struct entry_info info;
	size_t at = move->from_len;

	buffer_add(ret_to, dest, dest_len);
	if (keystore_resolve(move->vault->keystore, dest, dest_len, &info) == 0 &&
		info.kind == ENTRY_DIRECTORY) {
		while (at && move->from[at - 1] != '/')
			at--;
		if (dest_len)
			buffer_add_text(ret_to, "/");
		buffer_add(ret_to, move->from + at, move->from_len - at);
	}
	return ret_to->failed ? -ENOMEM : 0;
}

/* What was replaced is out of the tree; who has it open reads on. */
static void drop_object(struct vault *vault, const uint8_t old_id[ID_SIZE])
{
	static const uint8_t none[ID_SIZE];

	/* A failure leaves it to be collected. */
	if (memcmp(old_id, none, ID_SIZE) != 0)
		object_store_remove(vault->objects, old_id);
}

/* Everybody sees it and nobody goes on by a rule of the old name. 1: but for reads that began. */
static int show(struct move *move, const struct entry_name *from, const struct entry_name *to,
	const struct entry_info *info)
{
	struct gate *gate = move->vault->gate;
	struct gate_effect effect;
	int r;

	if (info->kind == ENTRY_DIRECTORY)
		gate_directory_moved(gate, info->ino);
	gate_names_changed(gate, from->parent, 0);
	gate_names_changed(gate, to->parent, 0);
	r = gate_enact(gate, NULL, &effect);
	if (r < 0)
		complain(move->call->output,
			"mv: moved, but reads that had begun are still being answered: %llu",
			(unsigned long long)effect.undrained);
	return r < 0;
}

/* 0; 1: moved, and complained about; or -errno. */
static int move_name(struct move *move)
{
	struct keystore *keystore = move->vault->keystore;
	uint8_t old_id[ID_SIZE] = {0};
	struct entry_name from, to;
	struct entry_info info, replaced;
	int r;

	r = vault_name_find(move->vault, move->from, move->from_len, &from);
	if (r == 0)
		r = keystore_lookup(keystore, from.parent, from.name, from.len, &info);
	if (r < 0)
		return r;
	r = vault_name_find(move->vault, buffer_text(move->to), move->to->len, &to);
	if (r < 0)
		return r == -ENOENT ? -ENOTDIR : r;
	if (verb_flag(move->call, "replace") &&
		keystore_lookup(keystore, to.parent, to.name, to.len, &replaced) == 0)
		gate_file_replaced(
			move->vault->gate, replaced.ino, buffer_text(move->to), move->to->len);
	r = keystore_rename(keystore, &from, &to, verb_flag(move->call, "replace"), old_id);
	if (r < 0)
		return r;
	drop_object(move->vault, old_id);
	return show(move, &from, &to, &info);
}

static void explain(const struct move *move, int result)
{
	scope_free char *from = text_for_terminal(move->from, move->from_len);
	scope_free char *to = text_for_terminal(buffer_text(move->to), move->to->len);
	const char *words = result_text(result);

	if (result == -ENOENT)
		words = "no such name in this vault";
	else if (result == -EEXIST)
		words = verb_flag(move->call, "replace")
				? "both names are of one file"
				: "there is something of the new name; --replace it";
	else if (result == -EISDIR)
		words = "there is a directory of the new name, which is not replaced";
	else if (result == -ENOTDIR)
		words = "the new name is not in a directory that is there, or a directory would "
			"replace what is none";
	else if (result == -EINVAL)
		words = "a directory does not go into itself, nor the root anywhere; a name has 1 "
			"to 255 bytes";
	complain(move->call->output, "mv: %s to %s: %s", from ? from : "", to ? to : "", words);
}

static int record(const struct move *move, const char *step, enum audit_outcome outcome)
{
	scope_free char *to = text_for_terminal(buffer_text(move->to), move->to->len);
	struct audit_event event = vault_event(move->call, AUDIT_MOVE);
	const struct name_verdict *verdict = &move->verdict;
	scope_free char *detail = NULL;
	size_t len = to ? strlen(to) : 0;

	/* Not within a character. */
	for (len = len < SHOWN_MAX ? len : SHOWN_MAX; len && (to[len] & 0xc0) == 0x80;)
		len--;
	if (!to || asprintf(&detail, "%s, to %.*s%s%s%s", step, (int)len, to, to[len] ? "..." : "",
			   *verdict->words ? "; " : "", verdict->words) < 0)
		return -ENOMEM;
	event.path = move->from;
	event.path_len = move->from_len;
	event.outcome = outcome;
	event.detail = detail;
	if (verdict->refused != REASON_NONE)
		event.reason = verdict->refused;
	else if (verdict->recorded != REASON_NONE)
		event.reason = verdict->recorded;
	return vault_record(move->vault, move->call, &event);
}

/* Then the lock of one name is that of the other, and nothing will be moved. */
static bool is_at_or_below(const struct move *move, const struct buffer *to)
{
	size_t len = move->from_len;
	const char *text = buffer_text(to);
	bool below = to->len >= len && memcmp(text, move->from, len) == 0 &&
		     (to->len == len || !len || text[len] == '/');
	bool above = to->len < len && memcmp(text, move->from, to->len) == 0 &&
		     (!to->len || move->from[to->len] == '/');

	return below || above;
}

/* Who could read more by it? What is replaced loses a name. */
static int judge(struct move *move)
{
	scope(name_change_free) struct name_change *change = NULL;
	int r;

	r = name_change_new(move->vault, move->call, "mv", &change);
	if (r == 0)
		r = name_change_add(
			change, move->from, move->from_len, buffer_text(move->to), move->to->len);
	if (r == 0 && verb_flag(move->call, "replace"))
		r = name_change_add(change, buffer_text(move->to), move->to->len, NULL, 0);
	if (r == 0)
		name_change_judge(change, &move->verdict);
	return r;
}

static int show_only(const struct move *move)
{
	scope_free char *from = text_for_terminal(move->from, move->from_len);
	scope_free char *to = text_for_terminal(buffer_text(move->to), move->to->len);

	say(move->call->output, "would move %s to %s\n", from ? from : "", to ? to : "");
	return EXIT_DONE;
}

/* Both names are nobody else's meanwhile. Exit code. */
static int move_locked(struct move *move)
{
	int r, recorded;

	r = judge(move);
	if (r < 0) {
		explain(move, r);
		return exit_code_of(r);
	}
	if (verb_flag(move->call, "dry-run"))
		return show_only(move);
	if (move->verdict.refused != REASON_NONE) {
		r = record(move, "refused", AUDIT_REFUSE);
		return r < 0 ? EXIT_FAILED : EXIT_REFUSED;
	}
	r = record(move, "intent", AUDIT_ALLOW);
	if (r < 0)
		return EXIT_FAILED;
	pthread_mutex_lock(&move->vault->acting);
	r = move_name(move);
	pthread_mutex_unlock(&move->vault->acting);
	if (r < 0)
		explain(move, r);
	recorded = record(move, r < 0 ? "failed" : "done", r < 0 ? AUDIT_ERROR : AUDIT_ALLOW);
	return r > 0 ? EXIT_FAILED : exit_code_of(r < 0 ? r : recorded);
}

/* One source with its records. Exit code. */
static int move_operand(struct move *move, const char *dest, size_t dest_len)
{
	scope(path_lock_free) struct path_lock *from = NULL, *into = NULL;
	scope_buffer struct buffer to = {0};
	int code;

	if (target_of(move, dest, dest_len, &to) < 0) {
		complain(move->call->output, "mv: out of memory");
		return EXIT_FAILED;
	}
	code = path_lock_take(
		move->vault, move->call, "mv", move->from, move->from_len, PATH_AND_BELOW, &from);
	if (code == EXIT_DONE && !is_at_or_below(move, &to))
		code = path_lock_take(move->vault, move->call, "mv", buffer_text(&to), to.len,
			PATH_AND_BELOW, &into);
	if (code == EXIT_DONE) {
		move->to = &to;
		code = move_locked(move);
		move->to = NULL;
	}
	return code;
}

/* Several names need a directory. Exit code. */
static int check_dest(struct vault *vault, const struct verb_call *call, size_t sources,
	const char *dest, size_t len)
{
	scope_free char *shown = NULL;
	struct entry_info info;

	if (sources == 1 || (keystore_resolve(vault->keystore, dest, len, &info) == 0 &&
				    info.kind == ENTRY_DIRECTORY))
		return EXIT_DONE;
	shown = text_for_terminal(dest, len);
	complain(call->output, "mv: %s: several names need a directory to go to; mkdir makes one",
		shown ? shown : "");
	return EXIT_USAGE;
}

/* Once for all names: the keys of what was replaced leave the log and the copy, too. */
static int settle(struct vault *vault, const struct verb_call *call, int code)
{
	int r = keystore_settle(vault->keystore);

	if (r == 0 || r == -EBADMSG)
		return code;
	complain(call->output,
		"mv: the names are moved, but the keys of what they replaced are still in "
		"keystore.db-wal or keystore.copy (%s); the vault's next command tries again",
		result_text(r));
	return EXIT_FAILED;
}

int verb_mv(struct vault *vault, struct verb_call *call)
{
	size_t sources = message_count(call->request, "arg") - 1, dest_len;
	const char *dest = verb_operand(call, sources, &dest_len);
	int code;

	if (!dest || !sources)
		return EXIT_USAGE;
	vault_path_trim(&dest, &dest_len);
	code = check_dest(vault, call, sources, dest, dest_len);
	if (code != EXIT_DONE)
		return code;
	for (size_t i = 0; i < sources; i++) {
		struct move move = {.vault = vault, .call = call};

		move.from = verb_operand(call, i, &move.from_len);
		vault_path_trim(&move.from, &move.from_len);
		code = exit_code_join(code, move_operand(&move, dest, dest_len), i);
	}
	if (verb_flag(call, "dry-run"))
		return code;
	code = settle(vault, call, code);
	vault_write_anchor(vault);
	return code;
}
