/* SPDX-License-Identifier: Apache-2.0 */
/*
 * question_files.c - what a question says of a program is looked at by who asks, with his own
 * rights: which file --exe is, and what it or --sha256 @FILE holds. It is only supposed; a server
 * that looked for him would tell of files that he may not see.
 */
#include "fs/cmd/question.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "keystore/base/digest.h"
#include "keystore/base/file.h"

#define CONTENT_MAX (INT64_C(2) << 30) /* as much as a server hashes of an executable */
#define BLOCK	    (1 << 20)

static int hash_open_file(int fd, uint8_t ret_digest[DIGEST_SIZE])
{
	scope(sha256_free) struct sha256 *sha256 = NULL;
	scope_free char *block = malloc(BLOCK);
	int64_t left = CONTENT_MAX;
	ssize_t len;
	int r;

	if (!block)
		return -ENOMEM;
	r = sha256_new(&sha256);
	if (r < 0)
		return r;
	while ((len = file_read(fd, block, BLOCK)) > 0) {
		left -= len;
		if (left < 0)
			return -EFBIG;
		r = sha256_add(sha256, block, (size_t)len);
		if (r < 0)
			return r;
	}
	return len < 0 ? (int)len : sha256_end(sha256, ret_digest);
}

/* 64 hex digits and a NUL. */
static int hash_file(const char *path, char ret_hex[2 * DIGEST_SIZE + 1])
{
	scope_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	uint8_t digest[DIGEST_SIZE];
	struct stat attrs;
	int r;

	if (fd < 0 || fstat(fd, &attrs) < 0)
		return -errno;
	if (!S_ISREG(attrs.st_mode))
		return S_ISDIR(attrs.st_mode) ? -EISDIR : -EINVAL;
	r = hash_open_file(fd, digest);
	if (r == 0)
		hex_encode(digest, sizeof(digest), ret_hex);
	return r;
}

/* A program, not a script that starts one: what runs is what the script's first line names. */
static bool is_program(const char *path)
{
	scope_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	char first[2];
	struct stat attrs;

	if (fd < 0 || fstat(fd, &attrs) < 0 || !S_ISREG(attrs.st_mode) ||
		!(attrs.st_mode & S_IXUSR))
		return false;
	return file_read(fd, first, sizeof(first)) == sizeof(first) && memcmp(first, "#!", 2) != 0;
}

/* The program of that name in one of the directories; links lead to it in any case. */
static char *found_in(const char *directories, const char *name)
{
	scope_free char *copy = directories ? strdup(directories) : NULL;
	char *save;

	if (!copy)
		return NULL;
	for (char *at = strtok_r(copy, ":", &save); at; at = strtok_r(NULL, ":", &save)) {
		scope_free char *whole = NULL;

		if (*at != '/' || asprintf(&whole, "%s/%s", at, name) < 0) {
			whole = NULL;
			continue;
		}
		if (is_program(whole))
			return take(&whole);
	}
	return NULL;
}

/* In the system's directories first: elsewhere stand shims, and what a user put there himself. */
static char *found_in_path(const char *name)
{
	char *found = NULL;

	if (!strchr(name, '/'))
		found = found_in(
			"/usr/bin:/bin:/usr/sbin:/sbin:/usr/local/bin:/usr/local/sbin", name);
	if (!found && !strchr(name, '/'))
		found = found_in(getenv("PATH"), name);
	return found ? found : realpath(name, NULL);
}

static int complain_relative(struct invocation *invocation, const char *exe, struct output *output)
{
	scope_free char *found = found_in_path(exe);

	complain(output, "%s: --exe %s is no absolute path; %s%s", invocation->command->name, exe,
		found ? "did you mean --exe " : "as in --exe ", found ? found : "/usr/bin/python3");
	return EXIT_USAGE;
}

static int add_exe(struct invocation *invocation, const char *exe, struct output *output)
{
	struct stat attrs;
	char id[64];
	int r;

	if (*exe != '/')
		return complain_relative(invocation, exe, output);
	r = stat(exe, &attrs) < 0 ? -errno : 0;
	if (r == 0 && !S_ISREG(attrs.st_mode))
		r = S_ISDIR(attrs.st_mode) ? -EISDIR : -EINVAL;
	if (r < 0) {
		complain(output, "%s: --exe %s: %s", invocation->command->name, exe,
			r == -ENOENT ? "there is no such file: a program that was installed "
				       "elsewhere? `command -v NAME` shows where"
				     : result_text(r));
		return exit_code_of(r);
	}
	snprintf(id, sizeof(id), "%" PRIu64 ":%" PRIu64, (uint64_t)attrs.st_dev,
		(uint64_t)attrs.st_ino);
	r = message_add_text(invocation->request, "exe-id", id);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int add_content(struct invocation *invocation, const char *sha256, struct output *output)
{
	char hex[2 * DIGEST_SIZE + 1];
	uint8_t digest[DIGEST_SIZE];
	int r = 0;

	if (*sha256 == '@') {
		r = hash_file(sha256 + 1, hex);
		if (r < 0) {
			complain(output, "%s: --sha256 %s: %s", invocation->command->name, sha256,
				result_text(r));
			return exit_code_of(r);
		}
	} else if (hex_decode(sha256, digest, sizeof(digest)) < 0) {
		complain(output, "%s: --sha256 is 64 hex digits, or @FILE to have FILE hashed",
			invocation->command->name);
		return EXIT_USAGE;
	} else {
		hex_encode(digest, sizeof(digest), hex);
	}
	r = message_add_text(invocation->request, "content", hex);
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}

int question_add_files(struct invocation *invocation, struct output *output)
{
	const char *exe = invocation_option(invocation, "exe");
	const char *sha256 = invocation_option(invocation, "sha256");
	char hex[2 * DIGEST_SIZE + 1];
	int code = EXIT_DONE;

	if (exe)
		code = add_exe(invocation, exe, output);
	if (code != EXIT_DONE)
		return code;
	if (sha256)
		return add_content(invocation, sha256, output);
	/* What he may run but not read: then its content is not known. */
	if (exe && hash_file(exe, hex) == 0 &&
		message_add_text(invocation->request, "content", hex) < 0)
		return EXIT_FAILED;
	return EXIT_DONE;
}
