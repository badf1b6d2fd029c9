/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_export.c - `export VAULT PATH DEST|-`: this process makes files, directories and links, who
 * holds the vault writes verified bytes into them. A file is written without a name (O_TMPFILE) and
 * linked when it is whole, so that no failure leaves a part of one, and nothing is overwritten.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/vault_access.h"
#include "keystore/base/clock.h"
#include "keystore/base/file.h"
#include "keystore/base/secret.h"
#include "keystore/catalogue.h"

#define PUMP_BYTES    65536
#define PART_SIZE     48
#define MODE_RESTORED 0777 /* the owner is another: no set-user-id */

struct exporting {
	struct vault_access *access;
	struct access_line *line;
	struct output *output;
	struct buffer answer;	  /* standard output of the call under way */
	struct buffer path, dest; /* where it is, in the vault and here */
	bool integrity, refused, failed, not_found;
};

/* What export-look answers. */
struct look {
	enum entry_kind kind;
	uint32_t mode;
	int64_t mtime_ns;
	struct cursor rest; /* into answer */
	struct buffer answer;
};

static void export_entry(struct exporting *exporting, int dir_fd, const char *name, unsigned depth);

static int write_answer(void *arg, int stream, const void *bytes, size_t len)
{
	struct exporting *exporting = arg;

	if (stream == 2)
		return file_write(STDERR_FILENO, bytes, len);
	buffer_add(&exporting->answer, bytes, len);
	return exporting->answer.failed ? -ENOMEM : 0;
}

static void note(struct exporting *exporting, int code)
{
	exporting->integrity |= code == EXIT_INTEGRITY;
	exporting->refused |= code == EXIT_REFUSED;
	exporting->not_found |= code == EXIT_NOT_FOUND;
	exporting->failed |= code != EXIT_DONE && code != EXIT_INTEGRITY && code != EXIT_REFUSED &&
			     code != EXIT_NOT_FOUND;
}

static int exit_code(const struct exporting *exporting)
{
	if (exporting->integrity)
		return EXIT_INTEGRITY;
	if (exporting->failed)
		return EXIT_FAILED;
	if (exporting->refused)
		return EXIT_REFUSED;
	return exporting->not_found ? EXIT_NOT_FOUND : EXIT_DONE;
}

static void complain_here(struct exporting *exporting, int result)
{
	scope_free char *shown = text_for_terminal(exporting->dest.data, exporting->dest.len);

	if (result == -EEXIST)
		complain(exporting->output,
			"export: %s: it is there already and was not overwritten; remove it or "
			"choose another name",
			shown ? shown : "");
	else
		complain(exporting->output, "export: %s: %s", shown ? shown : "",
			result_text(result));
	exporting->failed = true;
}

/* Calls a verb for the path; fd: given away, or -1. Exit code. */
static int call_verb(struct exporting *exporting, const char *verb, int fd)
{
	scope(message_free) struct message *request = NULL;
	struct output output = {.write = write_answer, .arg = exporting};
	int r;

	buffer_done(&exporting->answer);
	exporting->answer = (struct buffer){0};
	r = message_new(&request);
	if (r < 0 && fd >= 0)
		close(fd);
	if (r == 0 && fd >= 0)
		r = message_add_fd(request, fd);
	if (r == 0)
		r = message_add_text(request, "verb", verb);
	if (r == 0)
		r = message_add(
			request, "path", buffer_text(&exporting->path), exporting->path.len);
	if (r < 0) {
		complain_here(exporting, r);
		return EXIT_FAILED;
	}
	return access_call(exporting->line, request, &output);
}

static int look(struct exporting *exporting, struct look *ret_look)
{
	struct cursor cursor;
	int code;

	code = call_verb(exporting, "export-look", -1);
	if (code != EXIT_DONE) {
		note(exporting, code);
		return -ECANCELED;
	}
	cursor_init(&cursor, exporting->answer.data, exporting->answer.len);
	*ret_look = (struct look){.kind = cursor_u8(&cursor), .mode = cursor_u32(&cursor)};
	ret_look->mtime_ns = (int64_t)cursor_u64(&cursor);
	cursor_u64(&cursor);
	if (cursor.failed) {
		complain_here(exporting, -EPROTO);
		return -EPROTO;
	}
	ret_look->rest = cursor;
	ret_look->answer = exporting->answer;
	exporting->answer = (struct buffer){0};
	return 0;
}

static void set_times(int fd, const struct look *seen)
{
	int64_t seconds = seen->mtime_ns / NS_PER_S, rest = seen->mtime_ns % NS_PER_S;
	struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}};

	if (rest < 0) {
		rest += NS_PER_S;
		seconds--;
	}
	times[1] = (struct timespec){.tv_sec = seconds, .tv_nsec = rest};
	/* The bytes are what was asked for; a file system without such times keeps its own. */
	(void)!futimens(fd, times);
}

/* A file without a name, or, where there is no such thing, one called ret_part. */
static int open_part(int dir_fd, char ret_part[PART_SIZE])
{
	uint8_t id[8];
	char text[2 * sizeof(id) + 1];
	int fd, r;

	ret_part[0] = '\0';
	fd = openat(dir_fd, ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd >= 0)
		return fd;
	if (errno != EOPNOTSUPP && errno != EISDIR && errno != EINVAL)
		return -errno;
	r = random_fill(id, sizeof(id));
	if (r < 0)
		return r;
	hex_encode(id, sizeof(id), text);
	snprintf(ret_part, PART_SIZE, ".modelvault-%s.part", text);
	fd = openat(dir_fd, ret_part, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

static int name_part(int dir_fd, int fd, const char *part, const char *name)
{
	char path[64];

	if (*part)
		return renameat2(dir_fd, part, dir_fd, name, RENAME_NOREPLACE) < 0 ? -errno : 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	return linkat(AT_FDCWD, path, dir_fd, name, AT_SYMLINK_FOLLOW) < 0 ? -errno : 0;
}

static int fill_part(struct exporting *exporting, int dir_fd, int fd, const char *part,
	const char *name, const struct look *seen)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	int code;

	if (copy < 0)
		return -errno;
	code = call_verb(exporting, "export-file", copy);
	if (code != EXIT_DONE) {
		note(exporting, code);
		return -ECANCELED;
	}
	if (fchmod(fd, seen->mode & MODE_RESTORED) < 0)
		return -errno;
	set_times(fd, seen);
	return name_part(dir_fd, fd, part, name);
}

static int export_file(
	struct exporting *exporting, int dir_fd, const char *name, const struct look *seen)
{
	char part[PART_SIZE];
	scope_fd int fd = -1;
	struct stat attr;
	int r;

	/* Before gigabytes are written in vain; name_part is what decides. */
	if (fstatat(dir_fd, name, &attr, AT_SYMLINK_NOFOLLOW) == 0)
		return -EEXIST;
	fd = open_part(dir_fd, part);
	if (fd < 0)
		return take_fd(&fd);
	r = fill_part(exporting, dir_fd, fd, part, name, seen);
	if (r < 0 && *part)
		unlinkat(dir_fd, part, 0);
	return r;
}

static int export_symlink(int dir_fd, const char *name, struct look *seen)
{
	scope_free char *target = strndup((const char *)seen->rest.at, seen->rest.left);

	if (!target)
		return -ENOMEM;
	return symlinkat(target, dir_fd, name) < 0 ? -errno : 0;
}

static void push(struct buffer *path, const char *name, size_t len)
{
	if (path->len && path->data[path->len - 1] != '/')
		buffer_add_text(path, "/");
	buffer_add(path, name, len);
}

static void pop(struct buffer *path, size_t len)
{
	if (path->failed || !path->data)
		return;
	path->len = len;
	path->data[len] = '\0';
}

static int export_child(struct exporting *exporting, int fd, struct cursor *names, unsigned depth)
{
	size_t path_len = exporting->path.len, dest_len = exporting->dest.len;
	uint32_t len = cursor_u32(names);
	const uint8_t *bytes = cursor_bytes(names, len);
	char name[LIMIT_NAME + 1];

	if (!bytes || !name_is_valid(bytes, len))
		return -EPROTO;
	memcpy(name, bytes, len);
	name[len] = '\0';
	push(&exporting->path, name, len);
	push(&exporting->dest, name, len);
	if (exporting->path.failed || exporting->dest.failed)
		return -ENOMEM;
	export_entry(exporting, fd, name, depth + 1);
	pop(&exporting->path, path_len);
	pop(&exporting->dest, dest_len);
	return 0;
}

static int export_directory(struct exporting *exporting, int dir_fd, const char *name,
	struct look *seen, unsigned depth)
{
	bool made = mkdirat(dir_fd, name, 0700) == 0;
	scope_fd int fd = -1;
	int r = 0;

	if (!made && errno != EEXIST)
		return -errno;
	if (depth > LIMIT_DEPTH)
		return -ELOOP;
	/* At the top the user's own link to a directory is followed, as cp does. */
	fd = openat(dir_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC | (depth ? O_NOFOLLOW : 0));
	if (fd < 0)
		return errno == ENOTDIR || errno == ELOOP ? -EEXIST : -errno;
	while (r == 0 && seen->rest.left && !access_line_is_dead(exporting->line))
		r = export_child(exporting, fd, &seen->rest, depth);
	if (r == 0 && made) {
		if (fchmod(fd, seen->mode & MODE_RESTORED) < 0)
			return -errno;
		set_times(fd, seen);
	}
	return r;
}

/* The entry at exporting->path becomes dir_fd/name. */
static void export_entry(struct exporting *exporting, int dir_fd, const char *name, unsigned depth)
{
	struct look seen;
	int r;

	if (look(exporting, &seen) < 0)
		return;
	switch (seen.kind) {
	case ENTRY_DIRECTORY:
		r = export_directory(exporting, dir_fd, name, &seen, depth);
		break;
	case ENTRY_FILE:
		r = export_file(exporting, dir_fd, name, &seen);
		break;
	case ENTRY_SYMLINK:
		r = export_symlink(dir_fd, name, &seen);
		break;
	default:
		r = -EPROTO;
	}
	buffer_done(&seen.answer);
	/* What was cancelled has been explained. */
	if (r < 0 && r != -ECANCELED)
		complain_here(exporting, r);
}

/* Takes what comes through the pipe to standard output, whatever that is. */
static void *pump(void *arg)
{
	int fd = *(int *)arg;
	char *block = malloc(PUMP_BYTES);
	ssize_t len = 0;
	intptr_t r = block ? 0 : -ENOMEM;

	while (r == 0 && (len = read(fd, block, PUMP_BYTES)) != 0) {
		if (len > 0)
			r = file_write(STDOUT_FILENO, block, (size_t)len);
		else if (errno != EINTR)
			r = -errno;
	}
	if (block)
		secret_wipe(block, PUMP_BYTES);
	free(block);
	/* Whoever still writes gets EPIPE. */
	close(fd);
	return (void *)r;
}

static int export_to_stdout(struct exporting *exporting)
{
	int ends[2];
	pthread_t thread;
	void *pumped;
	int code, r;

	if (pipe2(ends, O_CLOEXEC) < 0) {
		complain_here(exporting, -errno);
		return EXIT_FAILED;
	}
	r = pthread_create(&thread, NULL, pump, &ends[0]);
	if (r != 0) {
		close(ends[0]);
		close(ends[1]);
		complain_here(exporting, -r);
		return EXIT_FAILED;
	}
	code = call_verb(exporting, "export-file", ends[1]);
	pthread_join(thread, &pumped);
	r = (int)(intptr_t)pumped;
	if (r < 0 && code == EXIT_DONE) {
		complain(exporting->output, "export: standard output: %s", result_text(r));
		code = EXIT_FAILED;
	}
	return code;
}

/* DEST that is a directory means a name in it. The root of the vault has none: its contents. */
static void choose_name(struct exporting *exporting, const char *dest)
{
	const char *path = buffer_text(&exporting->path);
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	size_t len = strlen(dest);
	struct stat attr;

	while (len > 1 && dest[len - 1] == '/')
		len--;
	buffer_add(&exporting->dest, dest, len);
	if (*name && stat(dest, &attr) == 0 && S_ISDIR(attr.st_mode))
		push(&exporting->dest, name, strlen(name));
}

/* The directory that exporting->dest will be in, and its name there. */
static int open_parent(const char *dest, const char **ret_name)
{
	const char *slash = strrchr(dest, '/');
	scope_free char *directory = NULL;
	int fd;

	*ret_name = slash ? slash + 1 : dest;
	if (!**ret_name)
		*ret_name = ".";
	directory = slash ? strndup(dest, (size_t)(slash - dest) + 1) : strdup(".");
	if (!directory)
		return -ENOMEM;
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int export_to_files(struct exporting *exporting)
{
	scope_fd int fd = -1;
	const char *name;

	fd = open_parent(buffer_text(&exporting->dest), &name);
	if (fd < 0)
		complain_here(exporting, fd);
	else
		export_entry(exporting, fd, name, 0);
	return exit_code(exporting);
}

static int export_path(struct exporting *exporting, const char *path, const char *dest)
{
	size_t len;
	int r;

	path += strspn(path, "/");
	len = strlen(path);
	while (len && path[len - 1] == '/')
		len--;
	buffer_add(&exporting->path, path, len);
	if (strcmp(dest, "-") != 0)
		choose_name(exporting, dest);
	else
		buffer_add_text(&exporting->dest, "standard output");
	r = access_line_new(exporting->access, &exporting->line);
	if (r < 0 || exporting->path.failed || exporting->dest.failed) {
		complain(exporting->output, "export: %s", result_text(r < 0 ? r : -ENOMEM));
		return EXIT_FAILED;
	}
	if (strcmp(dest, "-") == 0)
		return export_to_stdout(exporting);
	return export_to_files(exporting);
}

int run_export(struct invocation *invocation)
{
	scope(access_close) struct vault_access *access = NULL;
	struct output output = output_to_terminal();
	struct exporting exporting = {.output = &output};
	int code;

	/* A reader of standard output that went away is an error to be told, not an end. */
	signal(SIGPIPE, SIG_IGN);
	code = access_open(invocation, &access, &output);
	if (code != EXIT_DONE)
		return code;
	exporting.access = access;
	code = export_path(&exporting, invocation->operands[1], invocation->operands[2]);
	access_line_free(exporting.line);
	buffer_done(&exporting.answer);
	buffer_done(&exporting.path);
	buffer_done(&exporting.dest);
	return code;
}
