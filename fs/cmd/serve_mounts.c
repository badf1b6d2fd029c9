/* SPDX-License-Identifier: Apache-2.0 */
/* serve_mounts.c - the mount points of a server: added, listed, taken away, reaped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/serve_private.h"
#include "keystore/base/log.h"

static void wake(void *arg)
{
	struct server *server = arg;
	uint64_t one = 1;

	if (write(server->wake_fd, &one, sizeof(one)) < 0)
		log_error("the main thread could not be woken: %s", strerror(errno));
}

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
		r = session_unmount(session, words);
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

void reap_sessions(struct server *server)
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

void unmount_all(struct server *server)
{
	gate_shut(server->vault->gate);
	pthread_mutex_lock(&server->mutex);
	server->ending = true;
	while (server->count)
		session_free(server->sessions[--server->count]);
	pthread_mutex_unlock(&server->mutex);
}

bool server_is_over(struct server *server)
{
	pthread_mutex_lock(&server->mutex);
	server->ending = !server->count;
	pthread_mutex_unlock(&server->mutex);
	return server->ending;
}
