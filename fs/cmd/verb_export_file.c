/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_export_file.c - the verb export-file pours a file's verified bytes out. Each file is decided
 * by the rules as an open would be, also for who holds a slot secret, on record before its first
 * byte leaves, and decided again for every MiB, so that a revocation bites on the way.
 */
#include <errno.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/export_decide.h"
#include "fs/cmd/export_look.h"
#include "fs/cmd/export_slots.h"
#include "fs/format/object_reader.h"
#include "policy/shell_word.h"

#define BLOCK_BYTES (1U << 20)

/* One export-file request. */
struct export_request {
	struct vault *vault;
	struct verb_call *call;
	const char *path;
	size_t path_len;
	char *shown;
	struct entry_info info;
	struct name_list names;
	struct decision decision;
	struct charged_rules charged;
	struct damage_report damage;
	uint64_t bytes; /* that left */
};

static int record(const struct export_request *request, enum audit_action action,
	enum audit_outcome outcome, enum reason reason, const char *detail)
{
	struct audit_event event = vault_event(request->call, action);

	event.outcome = outcome;
	event.reason = reason;
	event.path = request->path;
	event.path_len = request->path_len;
	event.file_id = request->info.file_id;
	event.perm = "read";
	event.bytes = (int64_t)(outcome == AUDIT_ALLOW ? request->info.size : request->bytes);
	event.detail = detail;
	if (request->decision.rule)
		event.rule = (int64_t)request->decision.rule;
	return audit_append_wait(request->vault->audit, &event, false);
}

static int refuse(const struct export_request *request)
{
	const struct decision *decision = &request->decision;
	const char *vault = request->vault->place.path;
	scope_buffer struct buffer words = {0};

	/* Recorded or not, it is refused. */
	record(request, AUDIT_EXPORT, AUDIT_REFUSE, decision->reason, NULL);
	/* To be copied into a shell: who named the file must not have a say there. */
	shell_word_write(vault, strlen(vault), &words);
	buffer_add_u8(&words, ' ');
	shell_word_write(request->path, request->path_len, &words);
	complain(request->call->output,
		"export: %s: refused: %s (%s); `modelvault explain %s --user %u` says by what",
		request->shown, reason_text(decision->reason), reason_word(decision->reason),
		words.failed ? "" : buffer_text(&words), request->call->caller->uid);
	return EXIT_REFUSED;
}

/* Exit code; the bytes that left so far are on record. */
static int fail_integrity(const struct export_request *request)
{
	bool is_row = request->damage.cause == DAMAGE_NONE;
	enum reason reason = is_row ? REASON_ROW_DAMAGED : REASON_INTEGRITY;
	char text[DAMAGE_TEXT_SIZE];
	const char *detail = is_row ? "row-damaged" : text;

	damage_report_text(&request->damage, text);
	if (record(request, AUDIT_INTEGRITY, AUDIT_ERROR, reason, detail) < 0)
		complain(request->call->output, "export: the audit trail cannot be written");
	complain(request->call->output,
		"export: %s: damaged (%s); nothing of it was kept, restore its object",
		request->shown, detail);
	return EXIT_INTEGRITY;
}

static bool is_gone(const struct export_request *request)
{
	struct backend backend = vault_backend(request->vault);

	return backend_file_is_gone(&backend, &request->info);
}

static int fail_gone(const struct export_request *request)
{
	if (record(request, AUDIT_EXPORT, AUDIT_ERROR, REASON_SERVER_ERROR,
		    "removed or replaced meanwhile") < 0)
		complain(request->call->output, "export: the audit trail cannot be written");
	complain(request->call->output,
		"export: %s: it was removed or replaced meanwhile; export it again",
		request->shown);
	return EXIT_NOT_FOUND;
}

static int fail(const struct export_request *request, const char *step, int result)
{
	if (is_gone(request))
		return fail_gone(request);
	if (result == -EBADMSG || request->damage.cause != DAMAGE_NONE)
		return fail_integrity(request);
	if (record(request, AUDIT_EXPORT, AUDIT_ERROR, REASON_SERVER_ERROR, step) < 0)
		complain(request->call->output, "export: the audit trail cannot be written");
	complain(request->call->output, "export: %s: %s: %s", request->shown, step,
		result_text(result));
	return EXIT_FAILED;
}

static int open_reader(struct export_request *request, struct object_reader **ret_reader)
{
	struct backend backend = vault_backend(request->vault);

	return backend_open_reader(&backend, &request->info, true, ret_reader, &request->damage);
}

/* Is it still allowed, also after a rename or a new name of the file? */
static bool still_allowed(struct export_request *request)
{
	struct decision decision = {.reason = REASON_REVOKED};
	struct name_list names = {0};

	if (keystore_names(request->vault->keystore, request->info.ino, &names) == 0 && names.count)
		decision = export_decide(request->vault, request->call, &names, request->info.size,
			&request->charged);
	name_list_done(&names);
	/* What is allowed goes on by the rule that it was admitted by. */
	if (decision.verdict != VERDICT_ALLOW)
		request->decision = decision;
	return decision.verdict == VERDICT_ALLOW;
}

static int write_block(struct export_request *request, struct object_reader *reader,
	struct object_scratch *scratch)
{
	const uint8_t *bytes;
	ssize_t len;
	int r;

	len = object_reader_read(
		reader, scratch, request->bytes, BLOCK_BYTES, &bytes, &request->damage);
	if (len < 0)
		return fail(request, "its object cannot be read", (int)len);
	r = request->call->output->pour(request->call->output->arg, bytes, (size_t)len);
	object_scratch_wipe(scratch);
	if (r < 0)
		return fail(request, "it cannot be written", r);
	request->bytes += (uint64_t)len;
	return EXIT_DONE;
}

/* What the file is like besides its bytes: the client sets it, and knows whether it has them all.
 */
static int tell(const struct export_request *request)
{
	scope_buffer struct buffer xattrs = {0}, answer = {0};
	int r;

	r = export_xattrs(request->vault->keystore, request->info.ino, &xattrs);
	/* Replaced on the way: its bytes were read to the end all the same. */
	if (r < 0 && r != -ENOENT)
		return fail(request, "its attributes cannot be read", r);
	export_look_pack(&request->info, &xattrs, &answer);
	if (answer.failed)
		return fail(request, "its attributes cannot be read", -ENOMEM);
	say_bytes(request->call->output, answer.data, answer.len);
	return EXIT_DONE;
}

static int write_file(struct export_request *request, struct object_reader *reader)
{
	scope(object_scratch_free) struct object_scratch *scratch = NULL;
	int code = EXIT_DONE, r;

	r = object_scratch_new(BLOCK_BYTES, &scratch);
	if (r < 0)
		return fail(request, "it cannot be read", r);
	r = record(request, AUDIT_EXPORT, AUDIT_ALLOW, request->decision.reason, NULL);
	if (r < 0) {
		complain(request->call->output,
			"export: %s: refused: the audit trail cannot be written (%s)",
			request->shown, result_text(r));
		return EXIT_FAILED;
	}
	while (code == EXIT_DONE && request->bytes < request->info.size) {
		if (request->bytes && !still_allowed(request))
			return is_gone(request) ? fail_gone(request) : refuse(request);
		if (gate_is_shut(request->vault->gate))
			return fail(request, "it is not read on", -ESHUTDOWN);
		code = write_block(request, reader, scratch);
	}
	return code == EXIT_DONE ? tell(request) : code;
}

static int export_found(struct export_request *request)
{
	scope(object_reader_free) struct object_reader *reader = NULL;
	int r;

	if (request->info.kind != ENTRY_FILE) {
		complain(request->call->output, "export: %s: it is no file", request->shown);
		return EXIT_USAGE;
	}
	r = keystore_names(request->vault->keystore, request->info.ino, &request->names);
	if (r < 0)
		return fail(request, "its names cannot be followed", r);
	request->decision = export_admit(request->vault, request->call, &request->names,
		request->info.size, &request->charged);
	if (request->decision.verdict != VERDICT_ALLOW)
		return refuse(request);
	if (request->info.damaged)
		return fail_integrity(request);
	if (request->info.state != FILE_ROOTED) {
		request->decision.reason = REASON_FILE_OPEN;
		return refuse(request);
	}
	r = open_reader(request, &reader);
	if (r < 0)
		return fail(request, "its object cannot be opened", r);
	return write_file(request, reader);
}

/* Each holds a thread, a reader and some MiB. Exit code; 0 with the slot taken. */
static int take_slot(struct vault *vault, const struct verb_call *call)
{
	int r = export_slot_take(vault->export_slots, call->caller->uid);

	if (r < 0)
		complain(call->output,
			"export: you have %u exports under way already; wait for one to end",
			EXPORTS_OF_ONE_USER);
	return r < 0 ? EXIT_BUSY : EXIT_DONE;
}

int verb_export_file(struct vault *vault, struct verb_call *call)
{
	struct export_request request = {.vault = vault,
		.call = call,
		.damage = {.cause = DAMAGE_NONE, .chunk = DAMAGE_NO_CHUNK}};
	scope_free char *shown = NULL;
	int code;

	request.path = message_get(call->request, "path", &request.path_len);
	if (!request.path || !call->output->pour)
		return EXIT_USAGE;
	request.shown = shown = text_for_terminal(request.path, request.path_len);
	if (!shown)
		return EXIT_FAILED;
	code = take_slot(vault, call);
	if (code != EXIT_DONE)
		return code;
	code = export_find(vault, call, request.path, request.path_len, &request.info);
	if (code == EXIT_DONE)
		code = export_found(&request);
	name_list_done(&request.names);
	export_slot_give(vault->export_slots, call->caller->uid);
	return code;
}
