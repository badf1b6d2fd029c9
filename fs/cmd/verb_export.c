/* SPDX-License-Identifier: Apache-2.0 */
/*
 * verb_export.c - the verbs under `export`: export-look tells what a name is and what is in it,
 * export-file writes a file's verified bytes into the client's descriptor. Each file is decided by
 * the rules as an open would be, also for who holds a slot secret, on record before its first byte
 * leaves, and decided again for every MiB, so that a revocation bites on the way.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/vault.h"
#include "fs/format/object_reader.h"
#include "keystore/base/clock.h"
#include "keystore/base/file.h"

#define BLOCK_BYTES (1U << 20)
/* A pipe that poll says is writable takes this much without blocking (pipe(7), PIPE_BUF). */
#define PIPE_BYTES	4096
#define PIPE_TIMEOUT_MS 60000
#define PIPE_STEP_MS	500

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
	int fd;
	bool is_pipe;
	struct damage_report damage;
	uint64_t bytes; /* that left */
};

static struct decision decide_names(struct vault *vault, const struct verb_call *call,
	const struct name_list *names, enum permission permission)
{
	const struct decision failed = {.verdict = VERDICT_DENY, .reason = REASON_NO_RESOURCES};
	scope_free struct path_name *paths = NULL;
	struct question question = {
		.subject = call->caller,
		.name_count = names->count,
		.permission = permission,
		.now_ns = clock_now_ns(),
	};

	paths = calloc(names->count, sizeof(*paths));
	if (!paths || !names->count)
		return failed;
	for (size_t i = 0; i < names->count; i++)
		paths[i] = (struct path_name){names->names[i].path, names->names[i].len};
	question.names = paths;
	return policy_decide(vault->policy, &question);
}

/* The root has no name that a pattern could match. */
static bool may_see(struct vault *vault, const struct verb_call *call, uint64_t ino)
{
	struct name_list names = {0};
	bool may;

	if (ino == ROOT_INO)
		return true;
	may = keystore_names(vault->keystore, ino, &names) == 0 &&
	      decide_names(vault, call, &names, PERMISSION_LIST).verdict == VERDICT_ALLOW;
	name_list_done(&names);
	return may;
}

/* A name that is hidden from the caller is not there, in the same words. */
static int find(struct vault *vault, const struct verb_call *call, const char *path, size_t len,
	struct entry_info *ret_info)
{
	scope_free char *shown = NULL;
	struct entry_info info;
	int r;

	r = keystore_resolve(vault->keystore, path, len, &info);
	if (r == 0 && may_see(vault, call, info.ino)) {
		*ret_info = info;
		return EXIT_DONE;
	}
	if (r == 0)
		r = -ENOENT;
	shown = text_for_terminal(path, len);
	complain(call->output,
		"export: %s: %s in this vault; `modelvault ls %s` shows what is there",
		shown ? shown : "", r == -ENOENT ? "no such name" : result_text(r),
		vault->place.path);
	return r == -ENOTDIR ? EXIT_NOT_FOUND : exit_code_of(r);
}

/* ---- export-look ---- */

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
	struct vault *vault, const struct verb_call *call, uint64_t ino, struct buffer *answer)
{
	struct listing listing = {0};
	struct child child;
	int r;

	r = keystore_list(vault->keystore, ino, 0, add_child, &listing);
	if (r > 0)
		r = -ENOMEM;
	for (size_t at = 0; r == 0 && at < listing.children.len; at += sizeof(child)) {
		memcpy(&child, listing.children.data + at, sizeof(child));
		if (!may_see(vault, call, child.ino))
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

/*
 * Answers with bytes: kind u8, mode u32, mtime u64, size u64; then a link's target, or for each
 * name in a directory its length u32 and the name.
 */
int verb_export_look(struct vault *vault, struct verb_call *call)
{
	scope_buffer struct buffer answer = {0};
	struct entry_info info;
	const char *path;
	size_t len;
	int code, r = 0;

	path = message_get(call->request, "path", &len);
	if (!path)
		return EXIT_USAGE;
	code = find(vault, call, path, len, &info);
	if (code != EXIT_DONE)
		return code;
	buffer_add_u8(&answer, (uint8_t)info.kind);
	buffer_add_u32(&answer, info.mode);
	buffer_add_u64(&answer, (uint64_t)info.mtime_ns);
	buffer_add_u64(&answer, info.size);
	if (info.damaged)
		r = -EBADMSG;
	else if (info.kind == ENTRY_DIRECTORY)
		r = add_names(vault, call, info.ino, &answer);
	else if (info.kind == ENTRY_SYMLINK)
		r = add_target(vault, info.ino, &answer);
	if (r == 0 && answer.failed)
		r = -ENOMEM;
	if (r < 0) {
		scope_free char *shown = text_for_terminal(path, len);

		complain(call->output, "export: %s: %s", shown ? shown : "", result_text(r));
		return exit_code_of(r);
	}
	say_bytes(call->output, answer.data, answer.len);
	return EXIT_DONE;
}

/* ---- export-file ---- */

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

	/* Recorded or not, it is refused. */
	record(request, AUDIT_EXPORT, AUDIT_REFUSE, decision->reason, NULL);
	complain(request->call->output,
		"export: %s: refused: %s (%s); `modelvault explain %s '%s' --user %u` says by what",
		request->shown, reason_text(decision->reason), reason_word(decision->reason),
		request->vault->place.path, request->shown, request->call->caller->uid);
	return EXIT_REFUSED;
}

/* Exit code; the bytes that left so far are on record. */
static int fail_integrity(const struct export_request *request)
{
	bool is_row = request->damage.cause == DAMAGE_NONE;
	enum reason reason = is_row ? REASON_ROW_DAMAGED : REASON_INTEGRITY;
	char detail[64];

	if (is_row)
		snprintf(detail, sizeof(detail), "%s", "row-damaged");
	else if (request->damage.chunk == DAMAGE_NO_CHUNK)
		snprintf(detail, sizeof(detail), "%s", damage_text(request->damage.cause));
	else
		snprintf(detail, sizeof(detail), "%s chunk %llu",
			damage_text(request->damage.cause),
			(unsigned long long)request->damage.chunk);
	if (record(request, AUDIT_INTEGRITY, AUDIT_ERROR, reason, detail) < 0)
		complain(request->call->output, "export: the audit trail cannot be written");
	complain(request->call->output,
		"export: %s: damaged (%s); nothing of it was kept, restore its object",
		request->shown, detail);
	return EXIT_INTEGRITY;
}

static int fail(const struct export_request *request, const char *step, int result)
{
	if (result == -EBADMSG || request->damage.cause != DAMAGE_NONE)
		return fail_integrity(request);
	if (record(request, AUDIT_EXPORT, AUDIT_ERROR, REASON_SERVER_ERROR, step) < 0)
		complain(request->call->output, "export: the audit trail cannot be written");
	complain(request->call->output, "export: %s: %s: %s", request->shown, step,
		result_text(result));
	return EXIT_FAILED;
}

/* Until it takes something; a server that ends waits for nobody's pipe. */
static int wait_for_room(const struct export_request *request)
{
	struct pollfd pollfd = {.fd = request->fd, .events = POLLOUT};
	int r = 0;

	for (int waited_ms = 0; r == 0; waited_ms += PIPE_STEP_MS) {
		if (gate_is_shut(request->vault->gate))
			return -ESHUTDOWN;
		if (waited_ms >= PIPE_TIMEOUT_MS)
			return -ETIMEDOUT;
		r = poll(&pollfd, 1, PIPE_STEP_MS);
	}
	return r < 0 && errno != EINTR ? -errno : 0;
}

/*
 * Never blocks, whatever the client does to his end between poll and here. Kernels before 6.4
 * cannot say so for a pipe: there a part that poll has promised room for.
 */
static ssize_t write_some(int fd, const uint8_t *bytes, size_t len)
{
	const struct iovec part = {.iov_base = (void *)(uintptr_t)bytes, .iov_len = len};
	ssize_t written = pwritev2(fd, &part, 1, -1, RWF_NOWAIT);

	if (written < 0 && errno == EOPNOTSUPP)
		written = write(fd, bytes, len < PIPE_BYTES ? len : PIPE_BYTES);
	return written;
}

static int write_pipe(const struct export_request *request, const uint8_t *bytes, size_t len)
{
	ssize_t written;
	int r;

	while (len) {
		r = wait_for_room(request);
		if (r < 0)
			return r;
		written = write_some(request->fd, bytes, len);
		if (written < 0 && errno != EINTR && errno != EAGAIN)
			return -errno;
		if (written > 0) {
			bytes += written;
			len -= (size_t)written;
		}
	}
	return 0;
}

static int open_reader(struct export_request *request, struct object_reader **ret_reader)
{
	struct backend backend = vault_backend(request->vault);

	return backend_open_reader(&backend, &request->info, true, ret_reader, &request->damage);
}

/* Is it still allowed, also after a rename or a new name of the file? */
static bool still_allowed(struct export_request *request)
{
	struct name_list names = {0};

	request->decision.verdict = VERDICT_DENY;
	request->decision.reason = REASON_REVOKED;
	if (keystore_names(request->vault->keystore, request->info.ino, &names) == 0 && names.count)
		request->decision =
			decide_names(request->vault, request->call, &names, PERMISSION_READ);
	name_list_done(&names);
	return request->decision.verdict == VERDICT_ALLOW;
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
	r = request->is_pipe ? write_pipe(request, bytes, (size_t)len)
			     : file_write(request->fd, bytes, (size_t)len);
	object_scratch_wipe(scratch);
	if (r < 0)
		return fail(request, "it cannot be written", r);
	request->bytes += (uint64_t)len;
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
			return refuse(request);
		code = write_block(request, reader, scratch);
	}
	return code;
}

/*
 * By a statx that asks no file system for news: this comes before any decision, and the descriptor
 * may be of a FUSE that never answers.
 */
static mode_t type_of(int fd)
{
	struct statx stx;

	if (statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_TYPE, &stx) < 0)
		return 0;
	return stx.stx_mode & S_IFMT;
}

static int check_descriptor(struct export_request *request)
{
	mode_t type;
	int flags;

	request->fd = message_fd(request->call->request, 0);
	flags = request->fd < 0 ? -1 : fcntl(request->fd, F_GETFL);
	type = flags < 0 ? 0 : type_of(request->fd);
	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_RDONLY ||
		(type != S_IFREG && type != S_IFIFO && type != S_IFSOCK)) {
		complain(request->call->output,
			"export: the request holds no descriptor of a file or pipe to write to");
		return EXIT_USAGE;
	}
	request->is_pipe = type != S_IFREG;
	return EXIT_DONE;
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
	request->decision =
		decide_names(request->vault, request->call, &request->names, PERMISSION_READ);
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

int verb_export_file(struct vault *vault, struct verb_call *call)
{
	struct export_request request = {.vault = vault,
		.call = call,
		.damage = {.cause = DAMAGE_NONE, .chunk = DAMAGE_NO_CHUNK}};
	scope_free char *shown = NULL;
	int code;

	request.path = message_get(call->request, "path", &request.path_len);
	if (!request.path)
		return EXIT_USAGE;
	request.shown = shown = text_for_terminal(request.path, request.path_len);
	if (!shown)
		return EXIT_FAILED;
	code = check_descriptor(&request);
	if (code == EXIT_DONE)
		code = find(vault, call, request.path, request.path_len, &request.info);
	if (code == EXIT_DONE)
		code = export_found(&request);
	name_list_done(&request.names);
	return code;
}
