/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_mount.c - `mount VAULT MOUNTPOINT [-f] [-o OPTIONS]`. When a server holds the vault it is
 * asked to add the mount point; else this process becomes the server: it forks first (locked memory
 * does not survive a fork), and the parent waits until the mount answers.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/mount_options.h"
#include "fs/cmd/mounts.h"
#include "fs/cmd/serve.h"
#include "fs/cmd/unlock.h"
#include "keystore/base/file.h"
#include "keystore/base/log.h"

#define MOUNT_TRIES 3

static bool is_empty(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	bool empty = true;

	if (!directory)
		return false;
	while (empty && (entry = readdir(directory)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(directory);
	return empty;
}

/* The mount point as an absolute path, looked at before anything is unlocked. */
static int check_mountpoint(const char *operand, const struct vault_place *place, char **ret_path,
	struct output *output)
{
	scope_free char *path = realpath(operand, NULL);
	size_t len = strlen(place->path);
	struct stat attr;

	if (!path) {
		complain(output, "mount point %s: %s%s", operand, strerror(errno),
			errno == ENOENT ? "; make the directory first" : "");
		return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED;
	}
	if (mounts_is_mountpoint(path)) {
		complain(output, "%s is a mount point already; `modelvault umount %s` first", path,
			path);
		return EXIT_BUSY;
	}
	if (stat(path, &attr) < 0 || !S_ISDIR(attr.st_mode)) {
		complain(output, "mount point %s is not a directory", path);
		return EXIT_USAGE;
	}
	if (strncmp(path, place->path, len) == 0 && (path[len] == '/' || !path[len])) {
		complain(output, "mount point %s is inside the vault; choose another place", path);
		return EXIT_USAGE;
	}
	if (!is_empty(path)) {
		complain(output,
			"mount point %s is not empty, and a mount would hide what is there; "
			"choose an empty directory",
			path);
		return EXIT_FAILED;
	}
	*ret_path = take(&path);
	return EXIT_DONE;
}

int verb_mount(struct vault *vault, struct verb_call *call)
{
	const char *mountpoint = verb_operand(call, 0, NULL);
	struct session_options options;
	int code;

	if (!vault->server || !mountpoint) {
		complain(call->output, "mount: only a server can mount");
		return EXIT_FAILED;
	}
	code = mount_options_parse(message_get(call->request, "o", NULL), &options, call->output);
	if (code == EXIT_DONE)
		code = server_add_mount(vault->server, mountpoint, &options, call);
	return code;
}

/* Whoever is outside of the server's own pid namespace has no number there, and is refused. */
static void warn_of_pid_namespace(struct output *output)
{
	const ino_t first_namespace = 0xEFFFFFFC; /* PROC_PID_INIT_INO, linux/proc_ns.h */
	struct stat attr;

	if (stat("/proc/self/ns/pid", &attr) == 0 && attr.st_ino != first_namespace)
		remark(output,
			"this server is in a pid namespace of its own: whoever is outside of it "
			"will be refused (pid-unknown); in a container, share the host's "
			"(hostPID)");
}

static void advise(struct vault *vault, const char *mountpoint, struct output *output)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);

	if (policy_is_broken(vault->policy))
		remark(output,
			"%s is mounted, but the rules were changed by somebody without a key: "
			"every "
			"open is refused (seal-broken)",
			mountpoint);
	else if (!ruleset_allows_anything(ruleset))
		remark(output,
			"mounted on %s; no rule allows anything yet. Next: modelvault grant %s "
			"user:NAME read "
			"'**'",
			mountpoint, vault->place.path);
	else
		remark(output, "mounted on %s. Unmount with: modelvault umount %s", mountpoint,
			mountpoint);
}

/* Standard input, output and error become /dev/null: helpers that are started later need them open.
 */
static bool leave_terminal(void)
{
	FILE *const streams[] = {stdin, stdout, stderr};
	bool left = true;

	for (size_t i = 0; i < ARRAY_SIZE(streams); i++) {
		FILE *stream = freopen("/dev/null", i ? "w" : "r", streams[i]);

		left = left && stream;
	}
	return left;
}

/* Opens, mounts, tells ready_fd (-1: nobody), serves to the end. */
static int become_server(
	struct invocation *invocation, const struct vault_place *place, int ready_fd)
{
	scope(vault_close) struct vault *vault = NULL;
	struct output output = output_to_terminal();
	struct unlock_secrets secrets = {0};
	struct verb_call call = {
		.request = invocation->request, .by_slot = true, .output = &output};
	struct subject caller = {0};
	struct server *server = NULL;
	char via[32];
	int code, ended;

	if (secret_init() < 0) {
		complain(&output, "no memory can be locked for keys; raise `ulimit -l`");
		return EXIT_FAILED;
	}
	code = unlock_secrets_get(invocation, place->path, &secrets, &output);
	if (code == EXIT_DONE)
		code = vault_open(place, &secrets, &vault, &output);
	unlock_secrets_done(&secrets);
	if (code == EXIT_DONE && subject_of_process(geteuid(), getegid(), getpid(), &caller) < 0) {
		complain(&output, "refused: what this process is cannot be told from /proc; in a "
				  "pid namespace of its own the server needs a /proc of its own");
		code = EXIT_REFUSED;
	}
	if (code == EXIT_DONE)
		code = server_new(vault, &server, &output);
	if (code != EXIT_DONE) {
		subject_done(&caller);
		return code;
	}
	snprintf(via, sizeof(via), "slot %u", vault->slot);
	call.via = via;
	call.caller = &caller;
	code = verb_mount(vault, &call);
	subject_done(&caller);
	if (code == EXIT_DONE) {
		warn_of_pid_namespace(&output);
		advise(vault, verb_operand(&call, 0, NULL), &output);
	}
	if (code == EXIT_DONE && ready_fd >= 0) {
		/* From here on nobody's terminal, directory or session is held. */
		setsid();
		log_to_syslog(true);
		if (chdir("/") < 0 || !leave_terminal())
			code = EXIT_FAILED;
		if (code == EXIT_DONE && write(ready_fd, "", 1) != 1)
			code = EXIT_FAILED;
		close(ready_fd);
	}
	/* Also when mounting failed: it ends at once, since nothing is mounted, and records that.
	 */
	ended = server_run(server);
	return code == EXIT_DONE ? ended : code;
}

/* Forks; the parent returns when the child's mount answers or the child has ended. */
static int start_server(struct invocation *invocation, const struct vault_place *place)
{
	int fds[2], status;
	pid_t child;
	char ready;

	if (pipe2(fds, O_CLOEXEC) < 0)
		return EXIT_FAILED;
	child = fork();
	if (child < 0) {
		close(fds[0]);
		close(fds[1]);
		return EXIT_FAILED;
	}
	if (child == 0) {
		close(fds[0]);
		exit(become_server(invocation, place, fds[1]));
	}
	close(fds[1]);
	if (file_read(fds[0], &ready, 1) == 1) {
		close(fds[0]);
		return EXIT_DONE;
	}
	close(fds[0]);
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return EXIT_FAILED;
	}
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

/* The request as the verb wants it: the mount point absolute. */
static int rebuild_request(
	struct invocation *invocation, const char *path, const struct vault_place *place)
{
	const char *options = invocation_option(invocation, "o");
	struct message *request;
	int r;

	r = message_new(&request);
	if (r < 0)
		return r;
	r = message_add_text(request, "verb", "mount");
	if (r == 0)
		r = vault_place_name(place, request);
	if (r == 0)
		r = message_add_text(request, "arg", path);
	if (r == 0 && options)
		r = message_add_text(request, "o", options);
	for (size_t i = 0; r == 0 && i < 3; i++) {
		static const char *const names[] = {"key-file", "passphrase-file", "passphrase-fd"};
		const char *value = invocation_option(invocation, names[i]);

		if (value)
			r = message_add_text(request, names[i], value);
	}
	if (r < 0) {
		message_free(request);
		return r;
	}
	message_free(invocation->request);
	invocation->request = request;
	return 0;
}

static int mount_place(
	struct invocation *invocation, const struct vault_place *place, struct output *output)
{
	scope(control_client_free) struct control_client *client = NULL;
	bool foreground = invocation_option(invocation, "f");
	struct session_options options;
	scope_free char *path = NULL;
	int code, r;

	code = mount_options_parse(invocation_option(invocation, "o"), &options, output);
	if (code == EXIT_DONE)
		code = check_mountpoint(invocation->operands[1], place, &path, output);
	if (code != EXIT_DONE)
		return code;
	r = rebuild_request(invocation, path, place);
	if (r < 0)
		return EXIT_FAILED;
	for (int i = 0; i < MOUNT_TRIES; i++) {
		r = reach_server(place, &client);
		if (r == -ENOENT)
			return foreground ? become_server(invocation, place, -1)
					  : start_server(invocation, place);
		if (r == 0)
			r = control_client_call(
				client, invocation->request, output->write, output->arg);
		/* It was just ending and did not hear us: look again. */
		if (r != -EPIPE)
			break;
		client = control_client_free(client);
	}
	if (r < 0) {
		complain(output, "the server of %s cannot be asked: %s", place->path,
			result_text(r));
		return EXIT_FAILED;
	}
	return r;
}

int run_mount(struct invocation *invocation)
{
	struct output output = output_to_terminal();
	struct vault_place place;
	int code, r;

	r = vault_locate(invocation->vault, &place, &output);
	if (r < 0)
		return r == -ENOENT ? EXIT_NOT_FOUND : exit_code_of(r);
	code = mount_place(invocation, &place, &output);
	vault_place_done(&place);
	return code;
}
