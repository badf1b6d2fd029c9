/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_import.c - the verbs under `import`: import-begin puts the intent on record and makes the
 * destination, import-entry takes in one file, directory or link, import-end records what came of
 * it.
 */
#include <stdio.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/entry_import.h"
#include "fs/cmd/path_lock.h"
#include "keystore/base/clock.h"

int verb_import_entry(struct vault *vault, struct verb_call *call)
{
	scope(path_lock_free) struct path_lock *lock = NULL;
	struct entry_request request = {.vault = vault, .call = call};
	const char *kind = message_get(call->request, "kind", NULL);
	scope_free char *shown = NULL;
	const char *source;
	size_t len;
	int code;

	request.path = message_get(call->request, "path", &request.path_len);
	source = message_get(call->request, "source", &len);
	if (!kind || !request.path || !source) {
		complain(call->output, "import: the request is not complete");
		return EXIT_USAGE;
	}
	request.shown = shown = text_for_terminal(source, len);
	if (!shown) {
		complain(call->output, "import: out of memory");
		return EXIT_FAILED;
	}
	code = path_lock_take(
		vault, call, "import", request.path, request.path_len, PATH_ALONE, &lock);
	return code == EXIT_DONE ? entry_import(&request, kind) : code;
}

/* Makes one directory of the destination when it is not there. Exit code. */
static int make_step(struct entry_request *request)
{
	int code = entry_locate(request);

	if (code != EXIT_DONE)
		return code;
	if (request->exists && request->old.kind == ENTRY_DIRECTORY)
		return EXIT_DONE;
	if (request->exists)
		return entry_complain(request,
			"the destination is no directory in the vault; choose another with --to");
	request->entry.mode = 0755;
	request->entry.uid = request->call->caller->uid;
	request->entry.gid = request->call->caller->gid;
	request->entry.mtime_ns = clock_now_ns();
	return entry_make_directory(request, -1);
}

int verb_import_begin(struct vault *vault, struct verb_call *call)
{
	struct entry_request request = {.vault = vault, .call = call};
	struct audit_event event = vault_event(call, AUDIT_IMPORT);
	scope_free char *shown = NULL;
	int code = EXIT_DONE;
	size_t len;

	request.path = message_get(call->request, "path", &len);
	if (!request.path)
		return EXIT_USAGE;
	request.shown = shown = text_for_terminal(request.path, len);
	event.path = request.path;
	event.path_len = len;
	event.detail = "intent";
	if (!shown || vault_record(vault, call, &event) < 0)
		return EXIT_FAILED;
	for (size_t at = 0; at < len && code == EXIT_DONE; at++) {
		if (request.path[at] == '/')
			continue;
		while (at < len && request.path[at] != '/')
			at++;
		request.path_len = at;
		code = make_step(&request);
	}
	return code;
}

int verb_import_end(struct vault *vault, struct verb_call *call)
{
	struct audit_event event = vault_event(call, AUDIT_IMPORT);
	int64_t files = 0, bytes = 0, failed = 0;
	char detail[128];
	int settled, r;

	if (message_get_integer(call->request, "files", &files) < 0 ||
		message_get_integer(call->request, "bytes", &bytes) < 0 ||
		message_get_integer(call->request, "failed", &failed) < 0)
		return EXIT_USAGE;
	snprintf(detail, sizeof(detail), "done: %lld file%s, %lld byte%s, %lld failed",
		(long long)files, plural((uint64_t)files), (long long)bytes,
		plural((uint64_t)bytes), (long long)failed);
	event.path = message_get(call->request, "path", &event.path_len);
	event.detail = detail;
	event.bytes = bytes;
	if (failed)
		event.outcome = AUDIT_ERROR;
	settled = keystore_settle(vault->keystore);
	if (settled < 0)
		complain(call->output,
			"import: the keys of replaced files are still in keystore.db-wal or "
			"keystore.copy: %s",
			result_text(settled));
	r = audit_append_wait(vault->audit, &event, true);
	if (r < 0)
		complain(call->output,
			"the import is in, but its last record could not be written (%s)",
			result_text(r));
	vault_write_anchor(vault);
	return r < 0 || settled < 0 ? EXIT_FAILED : EXIT_DONE;
}
