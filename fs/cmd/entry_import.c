/* SPDX-License-Identifier: Apache-2.0 */
/*
 * entry_import.c - what to do with one name: new, in already, to be replaced or in the way. What a
 * source is like is read from the descriptor that came with the request.
 */
#include "fs/cmd/entry_import.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>

#include "fs/cmd/file_import.h"
#include "fs/cmd/file_verify.h"
#include "fs/cmd/name_change.h"
#include "keystore/base/clock.h"

int entry_complain(const struct entry_request *request, const char *words)
{
	complain(request->call->output, "import: %s: %s", request->shown, words);
	return EXIT_FAILED;
}

int entry_complain_failure(const struct entry_request *request, const char *step, int result)
{
	bool full = result == -ENOSPC || result == -EDQUOT;

	complain(request->call->output, "import: %s: %s: %s%s", request->shown, step,
		result == -ELOOP ? "it would lie deeper than a vault goes, 1023 directories"
				 : result_text(result),
		full ? "; make room and import again: what is in is not read again" : "");
	return result == -EBADMSG || result == -ESTALE ? EXIT_INTEGRITY : EXIT_FAILED;
}

int entry_tell(const struct entry_request *request, const char *word, uint64_t bytes)
{
	say(request->call->output, "%s %llu\n", word, (unsigned long long)bytes);
	return EXIT_DONE;
}

int entry_record(const struct entry_request *request, const char *kind)
{
	struct audit_event event = vault_event(request->call, AUDIT_IMPORT);

	event.path = request->path;
	event.path_len = request->path_len;
	event.detail = kind;
	return audit_append_wait(request->vault->audit, &event, false);
}

int entry_locate(struct entry_request *request)
{
	struct keystore *keystore = request->vault->keystore;
	size_t at = request->path_len;
	struct entry_info parent;
	int r;

	while (at && request->path[at - 1] != '/')
		at--;
	r = keystore_resolve(keystore, request->path, at, &parent);
	if (r == 0 && parent.kind != ENTRY_DIRECTORY)
		r = -ENOTDIR;
	if (r < 0)
		return entry_complain_failure(request, "its directory in the vault", r);
	request->entry.parent = parent.ino;
	request->entry.name = request->path + at;
	request->entry.name_len = request->path_len - at;
	if (!name_is_valid(request->entry.name, request->entry.name_len))
		return entry_complain(request, "its name may not be in a vault");
	r = keystore_lookup(
		keystore, parent.ino, request->entry.name, request->entry.name_len, &request->old);
	request->exists = r == 0;
	return r == 0 || r == -ENOENT ? EXIT_DONE : entry_complain_failure(request, "its name", r);
}

/* What is replaced and has other names may be read by more without this one. Exit code. */
static int judge_loss(const struct entry_request *request)
{
	struct audit_event event = vault_event(request->call, AUDIT_IMPORT);
	scope(name_change_free) struct name_change *change = NULL;
	struct name_verdict verdict;
	int r;

	r = name_change_new(request->vault, request->call, "import", &change);
	if (r == 0)
		r = name_change_add(change, request->path, request->path_len, NULL, 0);
	if (r < 0)
		return entry_complain_failure(request, "its other names", r);
	name_change_judge(change, &verdict);
	if (!*verdict.words)
		return EXIT_DONE;
	event.path = request->path;
	event.path_len = request->path_len;
	event.detail = verdict.words;
	if (verdict.refused != REASON_NONE) {
		event.outcome = AUDIT_REFUSE;
		event.reason = verdict.refused;
	} else if (verdict.recorded != REASON_NONE) {
		event.reason = verdict.recorded;
	}
	if (vault_record(request->vault, request->call, &event) < 0)
		return EXIT_FAILED;
	return verdict.refused != REASON_NONE ? EXIT_REFUSED : EXIT_DONE;
}

int entry_judge_existing(const struct entry_request *request, bool *ret_go_on)
{
	*ret_go_on = false;
	if (verb_flag(request->call, "skip"))
		return entry_tell(request, "skipped", 0);
	if (!verb_flag(request->call, "replace"))
		return entry_complain(
			request, "the vault has another file of this name; --replace or --skip it");
	if (request->old.kind == ENTRY_DIRECTORY)
		return entry_complain(
			request, "the vault has a directory of this name, which is not replaced");
	if (request->old.kind == ENTRY_FILE && request->old.nlink > 1) {
		int code = judge_loss(request);

		if (code != EXIT_DONE)
			return code;
	}
	*ret_go_on = true;
	return EXIT_DONE;
}

static int64_t mtime_of(const struct stat *attr)
{
	return (int64_t)attr->st_mtim.tv_sec * NS_PER_S + attr->st_mtim.tv_nsec;
}

static void use_attributes(struct entry_request *request, const struct stat *attr)
{
	request->entry.mode = attr->st_mode & 07777;
	request->entry.uid = attr->st_uid;
	request->entry.gid = attr->st_gid;
	request->entry.mtime_ns = mtime_of(attr);
}

/* An earlier run got this far: not read again. */
static bool is_in_already(const struct entry_request *request, const struct stat *attr)
{
	const struct entry_info *old = &request->old;

	return request->exists && old->kind == ENTRY_FILE && !old->damaged &&
	       old->state == FILE_ROOTED && old->size == (uint64_t)attr->st_size &&
	       old->mtime_ns == mtime_of(attr);
}

static int explain_file_failure(
	const struct entry_request *request, const struct file_import *import, int r)
{
	if (r == -EEXIST && verb_flag(request->call, "skip"))
		return entry_tell(request, "skipped", 0);
	if (r == -EEXIST)
		return entry_complain(request,
			"another file of this name came into the vault meanwhile; --replace or "
			"--skip it");
	if (r == -EAGAIN)
		return entry_complain(request,
			"it changed while it was read and was left out; import it again when "
			"nobody writes it");
	if (r == -ETIMEDOUT)
		return entry_complain(
			request, "nothing came for 60 s; import it again from a file");
	return entry_complain_failure(request, import->step, r);
}

/* With --remove-source: the source goes next. Exit code. */
static int verify(const struct entry_request *request, uint64_t ino, int fd, const uint8_t *taken)
{
	int r = file_verify(request->vault, ino, fd, taken), recorded = 0;

	/* Who may import is told whether a file that he may not read is the one he has in mind. */
	if (!taken && (r == 0 || r == -EAGAIN))
		recorded = entry_record(request, r == 0 ? "compared with a source: the same"
							: "compared with a source: another");
	if (recorded < 0)
		return entry_complain_failure(
			request, "the audit trail cannot be written", recorded);
	if (r == -EAGAIN && taken)
		return entry_complain(request, "it is in the vault as it was, but changed "
					       "meanwhile, and was left where it "
					       "is");
	if (r == -EAGAIN)
		return entry_complain(request,
			"the vault has another file of this name, size and time, and it was left "
			"where it is; touch it and import it with --replace");
	return r < 0 ? entry_complain_failure(
			       request, "its object was read back, and it was left where it is", r)
		     : EXIT_DONE;
}

static int verify_taken(const struct entry_request *request, const struct file_import *import)
{
	uint8_t taken[DIGEST_SIZE];
	int r;

	if (!import->sha256)
		return EXIT_DONE;
	r = sha256_end(import->sha256, taken);
	if (r < 0)
		return entry_complain_failure(request, "its hash", r);
	return verify(request, import->ino, import->fd, taken);
}

static int take_bytes(struct entry_request *request, int fd, const struct stat *attr)
{
	scope(sha256_free) struct sha256 *sha256 = NULL;
	struct file_import import = {
		.vault = request->vault,
		.call = request->call,
		.entry = &request->entry,
		.path = request->path,
		.path_len = request->path_len,
		.fd = fd,
		.attr = *attr,
	};
	bool go_on;
	int code, r = 0;

	if (request->exists) {
		code = entry_judge_existing(request, &go_on);
		if (!go_on)
			return code;
		import.replace = true;
		import.replaced = request->old.ino;
	}
	if (verb_flag(request->call, "remove-source"))
		r = sha256_new(&sha256);
	import.sha256 = sha256;
	if (r == 0)
		r = file_import(&import);
	if (r < 0)
		return explain_file_failure(request, &import, r);
	code = verify_taken(request, &import);
	return code == EXIT_DONE ? entry_tell(request, "added", import.size) : code;
}

/* The descriptor, its attributes, and that it can be read. Exit code. */
static int take_source(struct entry_request *request, int *ret_fd, struct stat *ret_attr)
{
	int fd = message_fd(request->call->request, 0);
	int flags = fd < 0 ? -1 : fcntl(fd, F_GETFL);

	if (flags < 0 || (flags & O_PATH) || (flags & O_ACCMODE) == O_WRONLY ||
		fstat(fd, ret_attr) < 0)
		return entry_complain(request, "the request holds no readable descriptor");
	*ret_fd = fd;
	return EXIT_DONE;
}

static int add_file(struct entry_request *request)
{
	struct stat attr;
	int code, fd;

	code = take_source(request, &fd, &attr);
	if (code != EXIT_DONE)
		return code;
	if (!S_ISREG(attr.st_mode))
		return entry_complain(request, "it is no regular file");
	use_attributes(request, &attr);
	if (is_in_already(request, &attr)) {
		if (verb_flag(request->call, "remove-source"))
			code = verify(request, request->old.ino, fd, NULL);
		return code == EXIT_DONE ? entry_tell(request, "present", (uint64_t)attr.st_size)
					 : code;
	}
	return take_bytes(request, fd, &attr);
}

/* Standard input: nothing of the descriptor but its bytes is the file's. */
static int add_stream(struct entry_request *request)
{
	struct stat attr;
	int code, fd;

	code = take_source(request, &fd, &attr);
	if (code != EXIT_DONE)
		return code;
	if (!S_ISREG(attr.st_mode) && !S_ISFIFO(attr.st_mode) && !S_ISSOCK(attr.st_mode))
		return entry_complain(request, "it is neither a pipe nor a file");
	request->entry.mode = 0644;
	request->entry.uid = request->call->caller->uid;
	request->entry.gid = request->call->caller->gid;
	request->entry.mtime_ns = clock_now_ns();
	return take_bytes(request, fd, &attr);
}

int entry_make_directory(struct entry_request *request, int fd)
{
	struct vault *vault = request->vault;
	scope_buffer struct buffer xattrs = {0};
	uint64_t ino;
	int r = 0;

	if (fd >= 0)
		r = xattrs_read(fd, &xattrs);
	if (r < 0)
		return entry_complain_failure(request, "its extended attributes cannot be read", r);
	request->entry.xattrs = xattrs.len ? xattrs.data : NULL;
	request->entry.xattrs_len = xattrs.len;
	r = entry_record(request, "directory");
	if (r < 0)
		return entry_complain_failure(request, "the audit trail cannot be written", r);
	r = keystore_mkdir(vault->keystore, &request->entry, &ino);
	request->entry.xattrs = NULL;
	/* Somebody else made it at this moment: it is there, which is what was asked. */
	if (r == -EEXIST)
		return entry_tell(request, "present", 0);
	if (r < 0)
		return entry_complain_failure(request, "the directory cannot be made", r);
	gate_names_changed(vault->gate, request->entry.parent, 0);
	return entry_tell(request, "added", 0);
}

static int add_directory(struct entry_request *request)
{
	struct stat attr;
	int code, fd;

	code = take_source(request, &fd, &attr);
	if (code != EXIT_DONE)
		return code;
	if (!S_ISDIR(attr.st_mode))
		return entry_complain(request, "it is no directory");
	if (request->exists && request->old.kind != ENTRY_DIRECTORY)
		return entry_complain(request,
			"it is a directory, and the vault has something else of this name");
	if (request->exists)
		return entry_tell(request, "present", 0);
	use_attributes(request, &attr);
	return entry_make_directory(request, fd);
}

/* The time of a directory that is there, after everything in it. */
static int set_time(struct entry_request *request)
{
	int64_t mtime;
	int r;

	if (message_get_integer(request->call->request, "mtime", &mtime) < 0)
		return entry_complain(request, "the request is not complete");
	if (!request->exists || request->old.kind != ENTRY_DIRECTORY)
		return entry_complain(request, "it is no directory in the vault any more");
	if (request->old.mtime_ns == mtime)
		return entry_tell(request, "present", 0);
	r = keystore_set_mtime(request->vault->keystore, request->old.ino, mtime);
	return r < 0 ? entry_complain_failure(request, "its time", r)
		     : entry_tell(request, "added", 0);
}

static const struct {
	const char *word;
	int (*add)(struct entry_request *request);
} kinds[] = {
	{"file", add_file},
	{"stream", add_stream},
	{"directory", add_directory},
	{"symlink", entry_add_symlink},
	{"link", entry_add_hard_link},
	{"time", set_time},
};

int entry_import(struct entry_request *request, const char *kind)
{
	int code = entry_locate(request);

	for (size_t i = 0; i < ARRAY_SIZE(kinds) && code == EXIT_DONE; i++)
		if (strcmp(kind, kinds[i].word) == 0)
			return kinds[i].add(request);
	return code == EXIT_DONE ? EXIT_USAGE : code;
}
