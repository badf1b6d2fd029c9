/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve_start.c - how a server begins: in the foreground as this process, or in the background as
 * a child (it forks first, since locked memory does not survive a fork), while the parent waits
 * until the mount answers.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/notify.h"
#include "fs/cmd/serve.h"
#include "fs/cmd/unlock.h"
#include "keystore/base/file.h"
#include "keystore/base/log.h"

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

static void advise(struct vault *vault, const char *mountpoint, bool quiet, struct output *output)
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
	else if (!quiet)
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

/* A descriptor for each object that is open: as many as the system lets this user have. */
static void raise_descriptor_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
		limit.rlim_cur = limit.rlim_max;
		/* It could not be raised: what there is is shared out all the same. */
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* Unlocks and opens the vault, and learns who this process is. */
static int open_vault(struct invocation *invocation, const struct vault_place *place,
	struct vault **ret_vault, struct subject *ret_self, struct output *output)
{
	scope(vault_close) struct vault *vault = NULL;
	struct unlock_secrets secrets = {0};
	int code;

	raise_descriptor_limit();
	if (geteuid() != 0) {
		code = unmounter_start();
		if (code < 0) {
			complain(output, "the server cannot be started: %s", result_text(code));
			return EXIT_FAILED;
		}
	}
	if (secret_init() < 0) {
		complain(output, "no memory can be locked for keys; raise `ulimit -l`");
		return EXIT_FAILED;
	}
	code = unlock_secrets_get(invocation, place->path, &secrets, output);
	if (code == EXIT_DONE)
		code = vault_open(place, &secrets, &vault, output);
	unlock_secrets_done(&secrets);
	if (code == EXIT_DONE && subject_of_process(geteuid(), getegid(), getpid(), ret_self) < 0) {
		complain(output, "refused: what this process is cannot be told from /proc; in a "
				 "pid namespace of its own the server needs a /proc of its own");
		code = EXIT_REFUSED;
	}
	if (code == EXIT_DONE)
		*ret_vault = take(&vault);
	return code;
}

/* From here on nobody's terminal, directory or session is held; then tells who waits. */
static int go_to_background(int ready_fd)
{
	bool told;

	setsid();
	log_to_syslog(true);
	notify_nobody();
	told = chdir("/") == 0 && leave_terminal() && write(ready_fd, "", 1) == 1;
	close(ready_fd);
	return told ? 0 : -EPIPE;
}

/* Opens, mounts, tells ready_fd (-1: the service manager), serves to the end. */
static int become_server(
	struct invocation *invocation, const struct vault_place *place, int ready_fd)
{
	scope(vault_close) struct vault *vault = NULL;
	struct output output = output_to_terminal();
	struct subject self = {0};
	struct verb_call call = {.request = invocation->request,
		.caller = &self,
		.by_slot = true,
		.output = &output};
	const char *mountpoint = verb_operand(&call, 0, NULL);
	struct server *server = NULL;
	char via[32];
	int code, ended;

	code = open_vault(invocation, place, &vault, &self, &output);
	if (code == EXIT_DONE)
		code = server_new(vault, &server, &output);
	if (code != EXIT_DONE) {
		subject_done(&self);
		return code;
	}
	snprintf(via, sizeof(via), "slot %u", vault->slot);
	call.via = via;
	code = verb_mount(vault, &call);
	subject_done(&self);
	if (code == EXIT_DONE) {
		warn_of_pid_namespace(&output);
		advise(vault, mountpoint, message_has(invocation->request, "quiet"), &output);
	}
	if (code == EXIT_DONE && ready_fd >= 0 && go_to_background(ready_fd) < 0) {
		/* Who started it is gone: it was interrupted. */
		code = EXIT_FAILED;
		raise(SIGTERM);
	}
	if (code == EXIT_DONE && ready_fd >= 0)
		log_info("serving %s at %s", place->path, mountpoint);
	if (code == EXIT_DONE)
		notify_manager("READY=1\nSTATUS=Serving %s at %s", place->path, mountpoint);
	/* Also when mounting failed: it ends at once, since nothing is mounted, and records that.
	 */
	ended = server_run(server);
	return code == EXIT_DONE ? ended : code;
}

int server_start_here(struct invocation *invocation, const struct vault_place *place)
{
	return become_server(invocation, place, -1);
}

/* 0 when the child's mount answers; else its exit code. */
static int wait_for_server(pid_t child, int ready_fd, struct output *output)
{
	int status;
	char ready;

	if (file_read(ready_fd, &ready, 1) == 1)
		return EXIT_DONE;
	while (waitpid(child, &status, 0) < 0) {
		if (errno != EINTR)
			return EXIT_FAILED;
	}
	if (WIFEXITED(status))
		return WEXITSTATUS(status);
	complain(output, "the server ended before it had mounted: %s", strsignal(WTERMSIG(status)));
	return 128 + WTERMSIG(status);
}

int server_start_in_background(struct invocation *invocation, const struct vault_place *place)
{
	scope_fd int passphrase = -1, ready = -1;
	struct output output = output_to_terminal();
	int fds[2], r;
	pid_t child = -1;

	r = unlock_ask_ahead(invocation, &passphrase);
	if (r == 0 && pipe2(fds, O_CLOEXEC) < 0)
		r = -errno;
	if (r == 0) {
		ready = fds[0];
		child = fork();
		r = child < 0 ? -errno : 0;
		if (child == 0) {
			close(take_fd(&ready));
			exit(become_server(invocation, place, fds[1]));
		}
		close(fds[1]);
	}
	if (r < 0) {
		complain(&output, "the server cannot be started: %s", result_text(r));
		return EXIT_FAILED;
	}
	return wait_for_server(child, ready, &output);
}
