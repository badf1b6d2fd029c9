/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.c - the server's life: socket, signals, the main thread that waits for signals and ended
 * mounts. Requests run in the threads of fs/control and fs/mount.
 */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cmd/notify.h"
#include "fs/cmd/serve_private.h"
#include "keystore/base/clock.h"
#include "keystore/base/file.h"
#include "keystore/base/log.h"

#define TICK_MS	   100
#define UNMOUNT_NS (2 * NS_PER_S) /* for what a backing store keeps */

/* ---- requests over the socket ---- */

static int write_reply(void *arg, int stream, const void *bytes, size_t len)
{
	return control_reply_write(arg, stream, bytes, len);
}

static int pour_reply(void *arg, const void *bytes, size_t len)
{
	return control_reply_pour(arg, bytes, len);
}

static int handle_request(
	void *arg, const struct peer *peer, struct message *request, struct control_reply *reply)
{
	struct server *server = arg;
	struct output output = {.write = write_reply, .pour = pour_reply, .arg = reply};
	struct verb_call call = {.request = request, .via = "socket", .output = &output};
	struct subject caller = {0};
	int code;

	if (subject_of_process(peer->uid, peer->gid, peer->pid, &caller) < 0 || !peer_lives(peer)) {
		complain(&output, "refused: what the caller is cannot be told");
		subject_done(&caller);
		return EXIT_REFUSED;
	}
	call.caller = &caller;
	if (!vault_place_is_meant(&server->vault->place, request)) {
		complain(&output, "the server that answered holds another vault: %s",
			server->vault->place.path);
		code = EXIT_FAILED;
	} else {
		code = verb_perform(server->vault, &call);
	}
	subject_done(&caller);
	return code;
}

/* ---- life ---- */

/* Sockets are found by everybody: the directory is 0755 and the server's own. */
static int make_socket_directory(const char *path)
{
	scope_free char *directory = strdup(path);
	struct stat attr;
	int r;

	if (!directory)
		return -ENOMEM;
	*strrchr(directory, '/') = '\0';
	r = file_make_directories(directory, 0755);
	if (r < 0)
		return r;
	if (lstat(directory, &attr) < 0)
		return -errno;
	/* In /tmp somebody else could have made it first. */
	if (!S_ISDIR(attr.st_mode) || attr.st_uid != geteuid() || (attr.st_mode & 022))
		return -EPERM;
	return 0;
}

static void complain_socket(char *path, int result, struct output *output)
{
	char *slash = strrchr(path, '/');

	if (result == -EPERM && slash) {
		*slash = '\0';
		complain(output,
			"%s, where the control socket belongs, is not this user's own; set "
			"XDG_RUNTIME_DIR to a directory that is",
			path);
		return;
	}
	complain(output, "the control socket %s: %s; XDG_RUNTIME_DIR names another place for it",
		path, result_text(result));
}

static int open_signals(struct server *server)
{
	sigset_t ending;

	sigemptyset(&ending);
	sigaddset(&ending, SIGTERM);
	sigaddset(&ending, SIGINT);
	sigaddset(&ending, SIGHUP);
	sigaddset(&ending, SIGPIPE);
	if (pthread_sigmask(SIG_BLOCK, &ending, NULL) != 0)
		return -EINVAL;
	sigdelset(&ending, SIGPIPE);
	server->signal_fd = signalfd(-1, &ending, SFD_CLOEXEC | SFD_NONBLOCK);
	if (server->signal_fd < 0)
		return -errno;
	server->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	return server->wake_fd < 0 ? -errno : 0;
}

static void server_free(struct server *server)
{
	control_server_free(server->control);
	clock_keeper_end(&server->clock);
	if (server->clock_fd >= 0)
		close(server->clock_fd);
	if (server->signal_fd >= 0)
		close(server->signal_fd);
	if (server->wake_fd >= 0)
		close(server->wake_fd);
	pthread_mutex_destroy(&server->mutex);
	free(server);
}

static int note_stop(void *arg, const struct audit_record *record)
{
	*(uint64_t *)arg = record->seq;
	return 1;
}

/* Was the last start followed by a stop? */
static bool last_stop_was_clean(struct vault *vault)
{
	scope_free char *trail = NULL;
	uint64_t start = 0, stop = 0;
	struct audit_filter filter = AUDIT_FILTER_EMPTY;

	if (asprintf(&trail, "%s/audit.db", vault->place.path) < 0)
		return false;
	filter.newest_first = true;
	filter.limit = 1;
	filter.action = audit_action_word(AUDIT_START);
	if (audit_query(trail, &filter, note_stop, &start) < 0)
		return false;
	filter.action = audit_action_word(AUDIT_STOP);
	if (audit_query(trail, &filter, note_stop, &stop) < 0)
		return false;
	return stop >= start;
}

int record_life(struct vault *vault, enum audit_action action, const char *detail)
{
	struct subject self = {0};
	struct audit_event event = AUDIT_EVENT_EMPTY;
	int r;

	event.uid = geteuid();
	event.gid = getegid();
	event.pid = getpid();
	if (subject_of_process(geteuid(), getegid(), getpid(), &self) == 0)
		event.exe = self.exe;
	event.action = action;
	event.outcome = AUDIT_ALLOW;
	event.detail = detail;
	r = action == AUDIT_STOP ? audit_append_last(vault->audit, &event)
				 : audit_append_wait(vault->audit, &event, true);
	subject_done(&self);
	return r;
}

int server_new(struct vault *vault, struct server **ret_server, struct output *output)
{
	struct server *server = calloc(1, sizeof(*server));
	struct audit_head head;
	char path[PATH_MAX];
	int r;

	if (!server) {
		complain(output, "out of memory");
		return EXIT_FAILED;
	}
	server->vault = vault;
	server->signal_fd = server->wake_fd = -1;
	server->clock_fd = clock_set_fd();
	server->started_ns = clock_now_ns();
	pthread_mutex_init(&server->mutex, NULL);
	r = open_signals(server);
	/* Before the record of the start is the last one. */
	clock_keeper_begin(&server->clock, vault);
	if (r == 0)
		r = record_life(vault, AUDIT_START,
			last_stop_was_clean(vault) ? "last stop clean" : "last stop NOT clean");
	if (r == 0)
		r = audit_next_segment(vault->audit);
	if (r < 0) {
		complain(output, "the server cannot start: %s", result_text(r));
		server_free(server);
		return EXIT_FAILED;
	}
	audit_head(vault->audit, &head);
	server->segment_ns = clock_monotonic_ns();
	server->segment_seq = head.seq;
	vault->server = server;
	r = socket_path_of(geteuid(), vault->place.socket_text, path, sizeof(path));
	if (r == 0)
		r = make_socket_directory(path);
	if (r == 0)
		r = control_server_new(path, handle_request, server, &server->control);
	if (r < 0) {
		complain_socket(path, r, output);
		server_free(server);
		return EXIT_FAILED;
	}
	*ret_server = server;
	return EXIT_DONE;
}

int server_run(struct server *server)
{
	struct vault *vault = server->vault;
	struct pollfd fds[] = {{.fd = server->signal_fd, .events = POLLIN},
		{.fd = server->wake_fd, .events = POLLIN},
		{.fd = server->clock_fd, .events = POLLIN}};
	int64_t last_copy_ms = clock_monotonic_ns() / NS_PER_MS;
	struct signalfd_siginfo signal = {0};
	uint64_t ended;
	int code = EXIT_DONE;

	while (!signal.ssi_signo) {
		if (poll(fds, ARRAY_SIZE(fds), TICK_MS) < 0 && errno != EINTR) {
			log_error("poll: %s", strerror(errno));
			code = EXIT_FAILED;
			break;
		}
		if (read(server->wake_fd, &ended, sizeof(ended)) < 0 && errno != EAGAIN)
			log_error("the event of an ended mount: %s", strerror(errno));
		tend_mounts(server);
		if (server_is_over(server))
			break;
		keep_house(server, &last_copy_ms);
		if (read(server->signal_fd, &signal, sizeof(signal)) < 0)
			signal.ssi_signo = 0;
	}
	log_info("%s: the server ends: %s", vault->place.path,
		signal.ssi_signo ? "by signal" : "last mount gone");
	notify_manager("STOPPING=1\nSTATUS=Unmounting %s", vault->place.path);
	if (signal.ssi_signo) {
		code = 128 + (int)signal.ssi_signo;
		limit_ending(server, code);
	}
	if (!unmount_all(server, clock_monotonic_ns() + UNMOUNT_NS))
		end_at_once(server, code);
	control_server_free(take(&server->control));
	if (!claim_stop())
		wait_for_end();
	/* Nobody sees a step that lies between this and the next start. */
	clock_keeper_look(&server->clock, vault, true);
	if (record_life(vault, AUDIT_STOP, signal.ssi_signo ? "by signal" : "last mount gone") < 0)
		log_error("the record of the stop could not be written");
	vault->server = NULL;
	server_free(server);
	unmounter_stop();
	return code;
}
