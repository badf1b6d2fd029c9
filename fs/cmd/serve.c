/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.c - the server's main thread: waits for signals and ended mounts, and keeps house (seal
 * watched every 100 ms; copy and anchor once a minute). Requests run in the threads of fs/control
 * and fs/mount.
 */
#include "fs/cmd/serve.h"

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

#include "fs/control/server.h"
#include "keystore/base/clock.h"
#include "keystore/base/file.h"
#include "keystore/base/log.h"

#define TICK_MS	      100
#define COPY_EVERY_MS 60000
#define MOUNTS_MAX    64
#define SEGMENT_NS    (24 * 3600 * NS_PER_S) /* a segment's private key lives no longer than this */
#define SEGMENT_MAX   1000000		     /* records */

struct server {
	struct vault *vault;
	struct control_server *control;
	pthread_mutex_t mutex; /* guards sessions and count; taken before the gate's locks */
	struct session *sessions[MOUNTS_MAX];
	size_t count;
	int wake_fd; /* eventfd: a mount has ended */
	int signal_fd;
	int64_t started_ns;
	bool told_broken;
	bool ending;	    /* guarded by mutex: no mount may be added any more */
	int64_t segment_ns; /* when the trail's segment began */
	uint64_t segment_seq;
};

static void wake(void *arg)
{
	struct server *server = arg;
	uint64_t one = 1;

	if (write(server->wake_fd, &one, sizeof(one)) < 0)
		log_error("the main thread could not be woken: %s", strerror(errno));
}

/* ---- requests over the socket ---- */

static int write_reply(void *arg, int stream, const void *bytes, size_t len)
{
	return control_reply_write(arg, stream, bytes, len);
}

static int handle_request(
	void *arg, const struct peer *peer, struct message *request, struct control_reply *reply)
{
	struct server *server = arg;
	struct output output = {.write = write_reply, .arg = reply};
	struct verb_call call = {.request = request, .via = "socket", .output = &output};
	struct subject caller = {0};
	int code;

	if (subject_of_process(peer->uid, peer->gid, peer->pid, &caller) < 0) {
		complain(&output, "refused: what the caller is cannot be told");
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

/* ---- mounts ---- */

void server_mounts(
	struct server *server, void (*each)(void *arg, struct session *session), void *arg)
{
	pthread_mutex_lock(&server->mutex);
	for (size_t i = 0; i < server->count; i++)
		each(arg, server->sessions[i]);
	pthread_mutex_unlock(&server->mutex);
}

int64_t server_started_ns(const struct server *server)
{
	return server->started_ns;
}

static int record_mount(struct server *server, const struct verb_call *call,
	enum audit_action action, const char *mountpoint)
{
	struct audit_event event = AUDIT_EVENT_EMPTY;

	if (call)
		event = vault_event(call, action);
	event.action = action;
	event.outcome = AUDIT_ALLOW;
	event.detail = mountpoint;
	return audit_append_wait(server->vault->audit, &event, true);
}

int server_add_mount(struct server *server, const char *mountpoint,
	const struct session_options *options, struct verb_call *call)
{
	struct session_options own = *options;
	struct session *session;
	int r;

	r = record_mount(server, call, AUDIT_MOUNT, mountpoint);
	if (r < 0) {
		complain(call->output,
			"the audit trail cannot be written (%s); nothing was mounted",
			result_text(r));
		return EXIT_FAILED;
	}
	own.source = server->vault->place.path;
	pthread_mutex_lock(&server->mutex);
	r = server->ending ? -EBUSY
	    : server->count < MOUNTS_MAX
		    ? session_new(server->vault->gate, mountpoint, &own, wake, server, &session)
		    : -EMFILE;
	if (r == 0)
		server->sessions[server->count++] = session;
	pthread_mutex_unlock(&server->mutex);
	if (r == -EBUSY) {
		complain(call->output, "the server of %s is just ending; give the command again",
			server->vault->place.path);
		return EXIT_BUSY;
	}
	if (r < 0) {
		complain(call->output, "%s could not be mounted (%s)%s", mountpoint, result_text(r),
			geteuid() && own.allow_other
				? "; allow_other needs user_allow_other in /etc/fuse.conf"
				: "; is /dev/fuse there, and open to this user?");
		return EXIT_FAILED;
	}
	return EXIT_DONE;
}

static struct session *find_session(struct server *server, const char *mountpoint)
{
	for (size_t i = 0; i < server->count; i++) {
		if (strcmp(session_mountpoint(server->sessions[i]), mountpoint) == 0 &&
			!session_has_ended(server->sessions[i]))
			return server->sessions[i];
	}
	return NULL;
}

struct holders {
	struct verb_call *call;
	const char *mountpoint;
	uint64_t count;
};

static int complain_holder(void *arg, const struct handle_info *info)
{
	struct holders *holders = arg;
	scope_free char *path = NULL;

	if (strcmp(info->mountpoint, holders->mountpoint) != 0)
		return 0;
	path = text_for_terminal(info->path, info->path_len);
	if (holders->count++ < 20)
		remark(holders->call->output, "  pid %ld (uid %u, %s) has %s open", (long)info->pid,
			info->uid, info->exe ? info->exe : "?", path ? path : "?");
	return 0;
}

int server_remove_mount(struct server *server, const char *mountpoint, struct verb_call *call)
{
	struct holders holders = {.call = call, .mountpoint = mountpoint};
	char words[UNMOUNT_WORDS] = "";
	struct session *session;
	int r = -ENOENT;

	pthread_mutex_lock(&server->mutex);
	session = find_session(server, mountpoint);
	if (session)
		r = session_unmount(session, false, words);
	pthread_mutex_unlock(&server->mutex);
	if (r == -EBUSY) {
		complain(
			call->output, "%s is busy; end what uses it and unmount again", mountpoint);
		gate_handles(server->vault->gate, complain_holder, &holders);
		if (!holders.count)
			remark(call->output,
				"  no file is open: a process has its working directory there");
		return EXIT_BUSY;
	}
	if (r < 0) {
		complain(call->output, "%s: %s", mountpoint,
			r == -ENOENT ? "not a mount point of this vault"
			: words[0]   ? words
				     : result_text(r));
		return exit_code_of(r);
	}
	return EXIT_DONE;
}

/* Frees the sessions whose mounts are gone. */
static void reap_sessions(struct server *server)
{
	pthread_mutex_lock(&server->mutex);
	for (size_t i = 0; i < server->count;) {
		struct session *session = server->sessions[i];
		scope_free char *mountpoint = NULL;

		if (!session_has_ended(session)) {
			i++;
			continue;
		}
		mountpoint = strdup(session_mountpoint(session));
		server->sessions[i] = server->sessions[--server->count];
		session_free(session);
		if (record_mount(server, NULL, AUDIT_UMOUNT, mountpoint) < 0)
			log_error("the record of an unmount could not be written");
	}
	pthread_mutex_unlock(&server->mutex);
}

static void unmount_all(struct server *server)
{
	gate_shut(server->vault->gate);
	pthread_mutex_lock(&server->mutex);
	server->ending = true;
	while (server->count)
		session_free(server->sessions[--server->count]);
	pthread_mutex_unlock(&server->mutex);
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

static int record_life(struct vault *vault, enum audit_action action, const char *detail)
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
	r = audit_append_wait(vault->audit, &event, true);
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
	server->started_ns = clock_now_ns();
	pthread_mutex_init(&server->mutex, NULL);
	r = open_signals(server);
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
	r = socket_path_of(geteuid(), vault->place.id_text, path, sizeof(path));
	if (r == 0)
		r = make_socket_directory(path);
	if (r == 0)
		r = control_server_new(path, handle_request, server, &server->control);
	if (r < 0) {
		complain(output, "the control socket %s: %s", path, result_text(r));
		server_free(server);
		return EXIT_FAILED;
	}
	*ret_server = server;
	return EXIT_DONE;
}

/* Somebody else has written to keystore.db: believe nothing that does not fit the seal. */
static void watch_seal(struct server *server)
{
	struct vault *vault = server->vault;
	struct gate_effect effect;
	int r;

	r = keystore_watch(vault->keystore);
	if (r == 0 || server->told_broken)
		return;
	server->told_broken = true;
	log_error("%s: keystore.db was changed from outside (%s): every open is refused",
		vault->place.path, result_text(r));
	policy_set_broken(vault->policy);
	if (gate_enact(vault->gate, NULL, &effect) < 0)
		log_error("some reads that had begun could not be ended");
}

static void drop_idle(void *arg, struct session *session)
{
	(void)arg;
	session_drop_idle(session);
}

/* A new segment each day and each million records: who takes the machine cannot rewrite closed
 * ones. */
static void turn_segment(struct server *server)
{
	struct audit_head head;
	int r;

	audit_head(server->vault->audit, &head);
	if (clock_monotonic_ns() - server->segment_ns < SEGMENT_NS &&
		head.seq - server->segment_seq < SEGMENT_MAX)
		return;
	r = audit_next_segment(server->vault->audit);
	if (r < 0)
		log_error("the trail's segment could not be closed: %s", result_text(r));
	server->segment_ns = clock_monotonic_ns();
	server->segment_seq = head.seq;
}

/* What was taken away while the disk was full. A command that is at work does it itself. */
static void save_changes(struct server *server)
{
	struct vault *vault = server->vault;

	if (pthread_mutex_trylock(&vault->changing) != 0)
		return;
	if (vault->unsaved && vault_save_changes(vault) == 0)
		vault_write_anchor(vault);
	pthread_mutex_unlock(&vault->changing);
}

static void keep_house(struct server *server, int64_t *last_copy_ms)
{
	int64_t now_ms = clock_monotonic_ns() / NS_PER_MS;
	int r;

	watch_seal(server);
	server_mounts(server, drop_idle, NULL);
	gate_close_idle(server->vault->gate);
	save_changes(server);
	turn_segment(server);
	if (now_ms - *last_copy_ms < COPY_EVERY_MS)
		return;
	*last_copy_ms = now_ms;
	vault_write_anchor(server->vault);
	r = keystore_copy(server->vault->keystore);
	if (r < 0)
		log_error("%s: keystore.copy could not be written: %s", server->vault->place.path,
			result_text(r));
}

/* The last mount is gone: from now on none can be added. */
static bool is_over(struct server *server)
{
	pthread_mutex_lock(&server->mutex);
	server->ending = !server->count;
	pthread_mutex_unlock(&server->mutex);
	return server->ending;
}

int server_run(struct server *server)
{
	struct vault *vault = server->vault;
	struct pollfd fds[2] = {{.fd = server->signal_fd, .events = POLLIN},
		{.fd = server->wake_fd, .events = POLLIN}};
	int64_t last_copy_ms = clock_monotonic_ns() / NS_PER_MS;
	struct signalfd_siginfo signal = {0};
	uint64_t ended;
	int code = EXIT_DONE;

	while (!signal.ssi_signo) {
		if (poll(fds, 2, TICK_MS) < 0 && errno != EINTR) {
			log_error("poll: %s", strerror(errno));
			code = EXIT_FAILED;
			break;
		}
		if (read(server->wake_fd, &ended, sizeof(ended)) > 0)
			reap_sessions(server);
		if (is_over(server))
			break;
		keep_house(server, &last_copy_ms);
		if (read(server->signal_fd, &signal, sizeof(signal)) < 0)
			signal.ssi_signo = 0;
	}
	unmount_all(server);
	vault->server = NULL;
	server_free(server);
	if (record_life(vault, AUDIT_STOP, signal.ssi_signo ? "by signal" : "last mount gone") < 0)
		log_error("the record of the stop could not be written");
	return signal.ssi_signo ? 128 + (int)signal.ssi_signo : code;
}
