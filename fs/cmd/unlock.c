/* SPDX-License-Identifier: Apache-2.0 */
/* unlock.c - secrets from files, descriptors, systemd's credentials directory or the terminal. */
#include "fs/cmd/unlock.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cmd/mounts.h"
#include "fs/cmd/options.h"
#include "fs/cmd/terminal.h"
#include "keystore/base/file.h"
#include "keystore/base/log.h"
#include "keystore/base/result.h"
#include "keystore/keystore.h"

#define PIPE_WAIT_MS 10000

#define VAULT_PROMPT "Passphrase of the vault: "

void unlock_secrets_done(struct unlock_secrets *secrets)
{
	secret_free(secrets->key_file);
	secret_free(secrets->passphrase);
	*secrets = (struct unlock_secrets){0};
}

/* Reads to the end, at most max bytes, into a secret; of a line the newline is left out. */
static int read_secret(int fd, size_t max, bool line, struct secret **ret_secret)
{
	scope(secret_free) struct secret *room = NULL;
	ssize_t len;
	int r;

	r = secret_new(max + 1, &room);
	if (r < 0)
		return r;
	len = file_read(fd, secret_bytes(room), max + 1);
	if (len < 0)
		return (int)len;
	if ((size_t)len > max)
		return -EFBIG;
	if (line && len && secret_bytes(room)[len - 1] == '\n')
		len--;
	if (!len)
		return -ENODATA;
	/* A copy of the right size: the room is large and the arena small. */
	r = secret_from(secret_view(room), (size_t)len, ret_secret);
	return r;
}

/* Opens what may be a pipe, and waits a while only for one into which nobody writes. */
static int open_source(const char *path)
{
	scope_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct pollfd waiting = {.fd = fd, .events = POLLIN};
	struct stat attr;
	int flags;

	if (fd < 0 || fstat(fd, &attr) < 0)
		return -errno;
	if (S_ISDIR(attr.st_mode))
		return -EISDIR;
	if (S_ISFIFO(attr.st_mode) && poll(&waiting, 1, PIPE_WAIT_MS) == 0)
		return -ETIMEDOUT;
	flags = fcntl(fd, F_GETFL);
	if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) < 0)
		return -errno;
	return take_fd(&fd);
}

static int read_passphrase_file(const char *path, struct secret **ret_secret)
{
	scope_fd int fd = open_source(path);

	return fd < 0 ? fd : read_secret(fd, LIMIT_PASSPHRASE, true, ret_secret);
}

static int read_key_file(const char *path, struct secret **ret_secret)
{
	scope(secret_free) struct secret *bytes = NULL;
	scope_fd int fd = open_source(path);
	struct stat attr;
	int r;

	if (fd < 0)
		return fd;
	r = read_secret(fd, LIMIT_KEY_FILE, false, &bytes);
	if (r < 0)
		return r;
	r = key_file_parse(secret_view(bytes), secret_len(bytes), ret_secret);
	if (r == 0 && fstat(fd, &attr) == 0 && S_ISREG(attr.st_mode) && (attr.st_mode & S_IROTH))
		log_warning("key file %s can be read by every user; `chmod go= %s`", path, path);
	return r;
}

static int read_passphrase_fd(const char *text, struct secret **ret_secret)
{
	uint64_t fd;
	int r;

	r = number_from_text(text, INT_MAX, &fd);
	return r < 0 ? r : read_secret((int)fd, LIMIT_PASSPHRASE, true, ret_secret);
}

struct answer {
	struct secret *room;
	size_t len;
};

static int keep_in_secret(void *arg, uint8_t byte)
{
	struct answer *answer = arg;

	if (answer->len == secret_len(answer->room))
		return -EFBIG;
	secret_bytes(answer->room)[answer->len++] = byte;
	return 0;
}

static int ask_passphrase(const char *prompt, struct secret **ret_secret)
{
	scope(secret_free) struct secret *room = NULL;
	struct answer answer = {0};
	int r;

	r = secret_new(LIMIT_PASSPHRASE, &room);
	if (r < 0)
		return r;
	answer.room = room;
	r = terminal_ask(prompt, keep_in_secret, &answer);
	return r < 0 ? r : secret_from(secret_view(room), answer.len, ret_secret);
}

/*
 * True when path is inside the directory, or on a mount that shows it: a key beside the lock it
 * opens is no lock.
 */
static bool is_inside(const char *path, const char *directory)
{
	scope_free char *parent = strdup(path);
	scope_free char *real = NULL, *real_directory = realpath(directory, NULL), *shown = NULL;
	const char *rest;
	char *slash = parent ? strrchr(parent, '/') : NULL;
	size_t len;

	if (slash == parent && slash)
		slash[1] = '\0';
	else if (slash)
		*slash = '\0';
	/* What is not there yet is where its parent is. */
	real = realpath(path, NULL);
	if (!real)
		real = realpath(slash ? parent : ".", NULL);
	if (!real || !real_directory)
		return false;
	shown = mounts_vault_above(real, &rest);
	if (shown && strcmp(shown, real_directory) == 0)
		return true;
	len = strlen(real_directory);
	return strncmp(real, real_directory, len) == 0 && (real[len] == '/' || !real[len]);
}

/* what: "key file", "passphrase file", "descriptor", perhaps with "new " before it. */
static int complain_secret(struct output *output, const char *what, const char *where, int result)
{
	bool is_key = strstr(what, "key");

	switch (result) {
	case -EINVAL:
	case -EBADF:
		if (is_key)
			complain(output, "%s %s: too short; a key file has at least %d bytes", what,
				where, LIMIT_KEY_FILE_MIN);
		else
			complain(
				output, "%s %s: not the number of an open descriptor", what, where);
		break;
	case -ENODATA:
		complain(output, "%s %s: it is empty; is it the right one?", what, where);
		break;
	case -EFBIG:
		complain(output, "%s %s: more than %d bytes; is it the right one?", what, where,
			is_key ? LIMIT_KEY_FILE : LIMIT_PASSPHRASE);
		break;
	case -ETIMEDOUT:
		complain(output, "%s %s: a pipe into which nobody writes", what, where);
		break;
	case -ENOENT:
		complain(output, "%s '%s': there is no such file or directory", what, where);
		break;
	default:
		complain(output, "%s %s: %s; give one that this user can read", what, where,
			result_text(result));
	}
	return result == -ENOENT ? EXIT_NOT_FOUND : EXIT_KEY;
}

static char *credential_path(void)
{
	const char *directory = getenv("CREDENTIALS_DIRECTORY");
	char *path;

	return directory && asprintf(&path, "%s/modelvault", directory) >= 0 ? path : NULL;
}

/* $CREDENTIALS_DIRECTORY/modelvault may be a key file or a passphrase: both are tried. */
static int read_credential(struct unlock_secrets *secrets, bool *ret_found)
{
	scope_free char *path = credential_path();
	int r;

	*ret_found = false;
	if (!path)
		return 0;
	r = read_passphrase_file(path, &secrets->passphrase);
	if (r == -ENOENT)
		return 0;
	*ret_found = true;
	if (r < 0)
		return r;
	r = read_key_file(path, &secrets->key_file);
	return r == -EINVAL ? 0 : r;
}

static int complain_none(
	const struct invocation *invocation, const char *vault_path, struct output *output)
{
	const char *options = invocation_option(invocation, "by-mount")
				      ? "-o key-file=F or -o passphrase-file=F"
				      : "--key-file F, --passphrase-file F or --passphrase-fd N";

	/* The only one that needs them of a vault that is served too. */
	if (invocation->operand_count > 1 && strcmp(invocation->command->name, "key") == 0 &&
		strcmp(invocation->operands[1], "rekey") == 0)
		complain(output,
			"%s: rekey needs the secret of every slot: give %s, each as often as "
			"needed",
			vault_path, options);
	else
		complain(output, "%s is locked and no server has it: give %s", vault_path, options);
	return EXIT_KEY;
}

int unlock_secrets_get(const struct invocation *invocation, const char *vault_path,
	struct unlock_secrets *ret_secrets, struct output *output)
{
	const char *key_file = invocation_option(invocation, "key-file");
	const char *passphrase_file = invocation_option(invocation, "passphrase-file");
	const char *passphrase_fd = invocation_option(invocation, "passphrase-fd");
	struct unlock_secrets secrets = {0};
	bool found;
	int r;

	if (!key_file && !passphrase_file && !passphrase_fd)
		key_file = getenv("MODELVAULT_KEY_FILE");
	/* A variable that was emptied is as good as none. */
	if (key_file && !*key_file && !invocation_option(invocation, "key-file"))
		key_file = NULL;
	if (key_file && is_inside(key_file, vault_path)) {
		complain(output,
			"key file %s is inside the vault, or on a mount of it; move it elsewhere",
			key_file);
		return EXIT_KEY;
	}
	r = key_file ? read_key_file(key_file, &secrets.key_file) : 0;
	if (r < 0)
		return complain_secret(output, "key file", key_file, r);
	if (passphrase_file)
		r = read_passphrase_file(passphrase_file, &secrets.passphrase);
	else if (passphrase_fd)
		r = read_passphrase_fd(passphrase_fd, &secrets.passphrase);
	if (r < 0) {
		unlock_secrets_done(&secrets);
		return complain_secret(output, passphrase_file ? "passphrase file" : "descriptor",
			passphrase_file ? passphrase_file : passphrase_fd, r);
	}
	if (!secrets.key_file && !secrets.passphrase) {
		r = read_credential(&secrets, &found);
		if (!found)
			r = ask_passphrase(VAULT_PROMPT, &secrets.passphrase);
	}
	if (r < 0) {
		unlock_secrets_done(&secrets);
		return complain_none(invocation, vault_path, output);
	}
	*ret_secrets = secrets;
	return EXIT_DONE;
}

/* This memory is not locked: no byte stays in it. */
static int keep_in_pipe(void *arg, uint8_t byte)
{
	return file_write(*(const int *)arg, &byte, 1);
}

int unlock_ask_ahead(struct invocation *invocation, int *ret_fd)
{
	static const char *const offers[] = {"key-file", "passphrase-file", "passphrase-fd"};
	scope_free char *credential = credential_path();
	scope_fd int from = -1, to = -1;
	char number[16];
	int fds[2], r;

	*ret_fd = -1;
	for (size_t i = 0; i < ARRAY_SIZE(offers); i++) {
		if (invocation_option(invocation, offers[i]))
			return 0;
	}
	if (getenv("MODELVAULT_KEY_FILE") || (credential && access(credential, F_OK) == 0))
		return 0;
	/* A pipe holds more than the longest passphrase (LIMIT_PASSPHRASE, and of the terminal). */
	if (pipe2(fds, O_CLOEXEC | O_NONBLOCK) < 0)
		return -errno;
	from = fds[0];
	to = fds[1];
	r = terminal_ask(VAULT_PROMPT, keep_in_pipe, &to);
	/* Without a terminal unlock_secrets_get says what is missing. */
	if (r < 0)
		return r == -ENOKEY ? 0 : r;
	snprintf(number, sizeof(number), "%d", from);
	r = message_add_text(invocation->request, "passphrase-fd", number);
	if (r < 0)
		return r;
	*ret_fd = from;
	from = -1;
	return 0;
}

/* Makes a key file: 32 random bytes as hex and a newline, 0600, never over an existing one. */
static int make_key_file(const char *path, struct secret **ret_secret)
{
	uint8_t bytes[KEY_SIZE];
	char text[2 * KEY_SIZE + 2];
	scope_fd int fd = -1;
	int r;

	r = random_fill(bytes, sizeof(bytes));
	if (r < 0)
		return r;
	hex_encode(bytes, sizeof(bytes), text);
	text[2 * KEY_SIZE] = '\n';
	fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	r = fd < 0 ? -errno : file_write(fd, text, 2 * KEY_SIZE + 1);
	if (r == 0 && fsync(fd) < 0)
		r = -errno;
	if (r == 0)
		r = key_file_parse(text, 2 * KEY_SIZE + 1, ret_secret);
	else if (fd >= 0)
		unlink(path);
	secret_wipe(bytes, sizeof(bytes));
	secret_wipe(text, sizeof(text));
	return r;
}

static int ask_new_passphrase(struct secret **ret_secret, struct output *output)
{
	scope(secret_free) struct secret *first = NULL, *second = NULL;
	int r;

	r = ask_passphrase("New passphrase for the vault: ", &first);
	if (r == 0)
		r = ask_passphrase("Once more: ", &second);
	if (r < 0) {
		complain(output, "no way to unlock was given: --new-key-file F, "
				 "--new-passphrase-file F or --new-passphrase-fd N");
		return EXIT_USAGE;
	}
	if (!secret_equal(first, second)) {
		complain(output, "the two passphrases differ; nothing was made");
		return EXIT_KEY;
	}
	*ret_secret = take(&first);
	return EXIT_DONE;
}

int new_secrets_get(const struct invocation *invocation, const char *vault_path,
	struct unlock_secrets *ret_secrets, struct output *output)
{
	const char *key_file = invocation_option(invocation, "new-key-file");
	const char *passphrase_file = invocation_option(invocation, "new-passphrase-file");
	const char *passphrase_fd = invocation_option(invocation, "new-passphrase-fd");
	struct unlock_secrets secrets = {0};
	int r = 0;

	if (!!key_file + !!passphrase_file + !!passphrase_fd > 1) {
		complain(output, "give exactly one of --new-key-file, --new-passphrase-file and "
				 "--new-passphrase-fd");
		return EXIT_USAGE;
	}
	if (!key_file && !passphrase_file && !passphrase_fd) {
		int code = ask_new_passphrase(&secrets.passphrase, output);

		if (code == EXIT_DONE)
			*ret_secrets = secrets;
		return code;
	}
	if (key_file && is_inside(key_file, vault_path)) {
		complain(output,
			"key file %s would be inside the vault, or on a mount of it; choose "
			"another place",
			key_file);
		return EXIT_USAGE;
	}
	if (key_file)
		r = make_key_file(key_file, &secrets.key_file);
	else if (passphrase_file)
		r = read_passphrase_file(passphrase_file, &secrets.passphrase);
	else
		r = read_passphrase_fd(passphrase_fd, &secrets.passphrase);
	if (r == -EEXIST) {
		complain(output,
			"key file %s is there already and is left alone; choose another name",
			key_file);
		return EXIT_FAILED;
	}
	if (r < 0)
		return complain_secret(output, key_file ? "new key file" : "new passphrase",
			key_file	  ? key_file
			: passphrase_file ? passphrase_file
					  : passphrase_fd,
			r);
	*ret_secrets = secrets;
	return EXIT_DONE;
}
