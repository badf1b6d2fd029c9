/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_verify.c - `verify VAULT [PATH...] [--json]`: reads every object and checks every byte of it;
 * names what is damaged, and how. Exit 5 when anything is.
 */
#include <errno.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/tree_walk.h"
#include "fs/cmd/vault.h"
#include "fs/format/object_reader.h"
#include "keystore/base/json.h"

#define SCRATCH_BYTES (1u << 20)

struct verifying {
	struct vault *vault;
	struct verb_call *call;
	struct object_scratch *scratch;
	uint64_t files, bytes, damaged;
};

static int check_file(struct verifying *verifying, const struct entry_info *info,
	struct damage_report *ret_report)
{
	struct backend backend = vault_backend(verifying->vault);
	scope(object_reader_free) struct object_reader *reader = NULL;
	int r;

	/* Past the page cache: what the disk holds is asked. */
	r = backend_open_reader(&backend, info, true, &reader, ret_report);
	if (r < 0)
		return r;
	return object_reader_verify(reader, verifying->scratch, NULL, NULL, ret_report);
}

static int show_damage(struct verifying *verifying, const char *path, size_t len,
	const struct entry_info *info, const struct damage_report *report, int result)
{
	const char *cause = report->cause != DAMAGE_NONE ? damage_text(report->cause)
			    : result == -EBADMSG	 ? "row-damaged"
							 : result_text(result);
	struct output *output = verifying->call->output;
	scope_free char *text = text_for_terminal(path, len);

	if (verb_flag(verifying->call, "json")) {
		scope(json_free) struct json *json = json_new();
		scope_buffer struct buffer line = {0};

		json_bytes(json, "path", path, len);
		json_hex(json, "file_id", info->kind == ENTRY_FILE ? info->file_id : NULL, ID_SIZE);
		json_text(json, "state", "damaged");
		json_text(json, "cause", cause);
		if (report->chunk == DAMAGE_NO_CHUNK)
			json_unknown(json, "chunk");
		else
			json_int(json, "chunk", (int64_t)report->chunk);
		if (json_line(json, &line) < 0)
			return -ENOMEM;
		say_bytes(output, line.data, line.len);
	} else if (report->chunk == DAMAGE_NO_CHUNK) {
		say(output, "%s: damaged: %s\n", text ? text : "", cause);
	} else {
		say(output, "%s: damaged: %s, chunk %llu\n", text ? text : "", cause,
			(unsigned long long)report->chunk);
	}
	return output->failed;
}

static int verify_entry(void *arg, const char *path, size_t len, const struct entry_info *info)
{
	struct verifying *verifying = arg;
	struct backend backend = vault_backend(verifying->vault);
	struct damage_report report = {.cause = DAMAGE_NONE, .chunk = DAMAGE_NO_CHUNK};
	char detail[DAMAGE_TEXT_SIZE];
	struct audit_event event;
	int r = 0;

	if (info->damaged)
		r = -EBADMSG;
	else if (info->kind == ENTRY_FILE)
		r = check_file(verifying, info, &report);
	if (r < 0 && backend_file_is_gone(&backend, info))
		return 0;
	if (info->kind == ENTRY_FILE) {
		verifying->files++;
		verifying->bytes += info->size;
	}
	if (r == 0)
		return verifying->call->output->failed;
	if (r == -ENOMEM || r == -EMFILE || r == -ENFILE)
		return r;
	verifying->damaged++;
	event = vault_event(verifying->call, AUDIT_INTEGRITY);
	event.outcome = AUDIT_ERROR;
	event.reason = report.cause == DAMAGE_NONE ? REASON_ROW_DAMAGED : REASON_INTEGRITY;
	event.path = path;
	event.path_len = len;
	event.file_id = info->kind == ENTRY_FILE ? info->file_id : NULL;
	damage_report_text(&report, detail);
	event.detail = report.cause == DAMAGE_NONE ? NULL : detail;
	r = audit_append_wait(verifying->vault->audit, &event, false);
	if (r < 0)
		return r;
	return show_damage(verifying, path, len, info, &report, -EBADMSG);
}

static int verify_path(struct verifying *verifying, const char *path, size_t len)
{
	struct entry_info info;
	int r;

	r = vault_resolve(verifying->vault, verifying->call, path, len, &info);
	if (r < 0)
		return exit_code_of(r);
	r = tree_walk(verifying->vault->keystore, path, len, &info, verify_entry, verifying);
	if (r < 0) {
		complain(verifying->call->output, "verify: %s", result_text(r));
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

int verb_verify(struct vault *vault, struct verb_call *call)
{
	scope(object_scratch_free) struct object_scratch *scratch = NULL;
	struct verifying verifying = {.vault = vault, .call = call};
	int code = EXIT_DONE;
	const char *path;
	size_t len;

	if (object_scratch_new(SCRATCH_BYTES, &scratch) < 0) {
		complain(call->output, "verify: out of memory");
		return EXIT_FAILED;
	}
	verifying.scratch = scratch;
	if (!verb_operand(call, 0, NULL))
		code = verify_path(&verifying, "", 0);
	for (size_t i = 0; (path = verb_operand(call, i, &len)) && code == EXIT_DONE; i++)
		code = verify_path(&verifying, path, len);
	if (keystore_is_broken(vault->keystore)) {
		complain(call->output, "verify: keystore.db was changed by somebody without a key");
		return EXIT_INTEGRITY;
	}
	if (code != EXIT_DONE)
		return code;
	if (!verb_flag(call, "json"))
		say(call->output, "%llu file%s, %llu byte%s checked, %llu damaged\n",
			(unsigned long long)verifying.files, plural(verifying.files),
			(unsigned long long)verifying.bytes, plural(verifying.bytes),
			(unsigned long long)verifying.damaged);
	/* A row that was taken out leaves no file behind that could be called damaged. */
	if (!verifying.damaged && !keystore_is_intact(vault->keystore)) {
		complain(call->output,
			"verify: rows of the catalogue were removed or added by somebody without a "
			"key; keystore.copy is the last good state");
		return EXIT_INTEGRITY;
	}
	return verifying.damaged ? EXIT_INTEGRITY : EXIT_DONE;
}
