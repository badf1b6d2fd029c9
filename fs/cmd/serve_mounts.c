/* SPDX-License-Identifier: Apache-2.0 */
/* serve_mounts.c - the mount points of a server: added, listed, taken away, reaped. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/serve_private.h"
#include "keystore/base/clock.h"
#include "keystore/base/log.h"

#define FORCE_DRAIN_MS 1000 /* for READs under way, before they fail */

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
	for (size_t i = 0; i < server->count; i++) {
		if (!server->mounts[i].leaving)
			each(arg, server->mounts[i].session);
	}
	pthread_mutex_unlock(&server->mutex);
}

int64_t server_started_ns(const struct server *server)
{
	return server->started_ns;
}

static struct audit_event event_of_mount(
	const struct verb_call *call, enum audit_action action, const char *mountpoint)
{
	struct audit_event event = AUDIT_EVENT_EMPTY;

	if (call)
		event = vault_event(call, action);
	event.action = action;
	event.outcome = AUDIT_ALLOW;
	event.detail = mountpoint;
	return event;
}

static int record_mount(struct server *server, const struct verb_call *call,
	enum audit_action action, const char *mountpoint)
{
	struct audit_event event = event_of_mount(call, action, mountpoint);

	return audit_append_wait(server->vault->audit, &event, true);
}

/* also: what a mount that is being added asks for. With the mutex held. */
static void apply_audit_level(struct server *server, int also)
{
	int level = (int)vault_audit_setting(server->vault);

	for (size_t i = 0; i < server->count; i++) {
		int asked = session_options(server->mounts[i].session)->audit;

		level = asked > level ? asked : level;
	}
	audit_set_level(server->vault->audit, (enum audit_level)(also > level ? also : level));
}

void server_apply_audit_level(struct server *server)
{
	pthread_mutex_lock(&server->mutex);
	apply_audit_level(server, -1);
	pthread_mutex_unlock(&server->mutex);
}

/* A mount may ask for more than the setting says, never for less. */
static int check_audit_level(
	struct server *server, const struct session_options *options, struct verb_call *call)
{
	enum audit_level setting = vault_audit_setting(server->vault);

	if (options->audit < 0 || options->audit >= (int)setting)
		return EXIT_DONE;
	complain(call->output,
		"mount: audit=%s is less than the vault's audit=%s, which only `modelvault mode "
		"%s set audit=%s` changes",
		audit_level_word((enum audit_level)options->audit), audit_level_word(setting),
		server->vault->place.path, audit_level_word((enum audit_level)options->audit));
	return EXIT_REFUSED;
}

int server_add_mount(struct server *server, const char *mountpoint,
	const struct session_options *options, struct verb_call *call)
{
	struct session_options own = *options;
	struct session *session;
	int r;

	if (check_audit_level(server, options, call) != EXIT_DONE)
		return EXIT_REFUSED;
	r = record_mount(server, call, AUDIT_MOUNT, mountpoint);
	if (r < 0) {
		complain(call->output,
			"the audit trail cannot be written (%s); nothing was mounted%s",
			result_text(r), room_hint(r));
		return EXIT_FAILED;
	}
	own.source = server->vault->place.path;
	pthread_mutex_lock(&server->mutex);
	/* Before its first open. */
	apply_audit_level(server, own.audit);
	r = server->ending ? -EBUSY
	    : server->count < MOUNTS_MAX
		    ? session_new(server->vault->gate, mountpoint, &own, wake, server, &session)
		    : -EMFILE;
	if (r == 0)
		server->mounts[server->count++] = (struct server_mount){.session = session};
	apply_audit_level(server, -1);
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
	/* /proc shows executables and namespaces of others to root only. */
	if (geteuid() && own.allow_other)
		remark(call->output,
			"allow_other: other users reach %s, but only root's server can see who "
			"they are; this one refuses them (proc-unreadable)",
			mountpoint);
	return EXIT_DONE;
}

static struct server_mount *find_mount(struct server *server, const char *mountpoint)
{
	for (size_t i = 0; i < server->count; i++) {
		struct server_mount *mount = &server->mounts[i];

		if (!mount->leaving && !session_has_ended(mount->session) &&
			strcmp(session_mountpoint(mount->session), mountpoint) == 0)
			return mount;
	}
	return NULL;
}

/* Copied out: writing may wait for the client, and the table's lock must not. */
struct holders {
	const char *mountpoint;
	struct buffer text;
};

static int copy_holder(void *arg, const struct handle_info *info)
{
	struct holders *holders = arg;
	scope_free char *path = NULL, *exe = NULL;

	if (strcmp(info->mountpoint, holders->mountpoint) != 0)
		return 0;
	path = text_for_terminal(info->path, info->path_len);
	exe = info->exe ? text_for_terminal(info->exe, strlen(info->exe)) : NULL;
	buffer_add_format(&holders->text, "  pid %ld (uid %u, %s) has %s open\n", (long)info->pid,
		info->uid, exe ? exe : "?", path ? path : "?");
	return holders->text.failed ? -ENOMEM : 0;
}

static void remark_lines(struct output *output, const char *text)
{
	for (const char *end; (end = strchr(text, '\n')); text = end + 1)
		remark(output, "%.*s", (int)(end - text), text);
}

static int complain_of_holders(
	struct server *server, const char *mountpoint, struct verb_call *call)
{
	struct holders holders = {.mountpoint = mountpoint};
	struct output *output = call->output;

	complain(output, "%s is busy", mountpoint);
	if (gate_handles(server->vault->gate, copy_holder, &holders) == 0 && holders.text.len)
		remark_lines(output, buffer_text(&holders.text));
	buffer_done(&holders.text);
	return EXIT_BUSY;
}

static int unmount_forced(struct server_mount *mount, uint64_t *ret_ended)
{
	*ret_ended = session_open_handles(mount->session);
	session_detach(mount->session, FORCE_DRAIN_MS);
	mount->leaving = true;
	return 0;
}

int server_remove_mount(
	struct server *server, const char *mountpoint, bool force, struct verb_call *call)
{
	char words[UNMOUNT_WORDS] = "";
	struct server_mount *mount;
	uint64_t ended = 0;
	int r = -ENOENT;

	pthread_mutex_lock(&server->mutex);
	mount = find_mount(server, mountpoint);
	if (mount)
		r = force ? unmount_forced(mount, &ended) : session_unmount(mount->session, words);
	if (r == 0)
		mount->recorded = record_mount(server, call, AUDIT_UMOUNT, mountpoint) == 0;
	pthread_mutex_unlock(&server->mutex);
	if (r == -EBUSY)
		return complain_of_holders(server, mountpoint, call);
	if (r < 0) {
		complain(call->output, "%s: %s", mountpoint,
			r == -ENOENT ? "not a mount point of this vault"
			: words[0]   ? words
				     : result_text(r));
		return exit_code_of(r);
	}
	if (force)
		remark(call->output, "%llu open handle%s ended", (unsigned long long)ended,
			plural(ended));
	return EXIT_DONE;
}

/* Frees the session at this place of the list, if nothing keeps it. With the mutex held. */
static bool close_mount(struct server *server, size_t place, int64_t timeout_ms)
{
	struct server_mount *mount = &server->mounts[place];
	scope_free char *mountpoint = strdup(session_mountpoint(mount->session));

	mount->leaving = true;
	if (session_close(mount->session, timeout_ms) < 0)
		return false;
	if (!mount->recorded && record_mount(server, NULL, AUDIT_UMOUNT, mountpoint) < 0)
		log_error("the record of an unmount could not be written");
	*mount = server->mounts[--server->count];
	apply_audit_level(server, -1);
	return true;
}

void tend_mounts(struct server *server)
{
	pthread_mutex_lock(&server->mutex);
	for (size_t i = 0; i < server->count;) {
		struct server_mount *mount = &server->mounts[i];

		if (!mount->leaving && !session_has_ended(mount->session))
			session_tend(mount->session);
		else if (close_mount(server, i, 0))
			continue;
		i++;
	}
	pthread_mutex_unlock(&server->mutex);
}

static int64_t ms_until(int64_t end_ns)
{
	int64_t left_ns = end_ns - clock_monotonic_ns();

	return left_ns > 0 ? left_ns / NS_PER_MS : 0;
}

bool unmount_all(struct server *server, int64_t end_ns)
{
	int64_t drain_ns = clock_monotonic_ns() + FORCE_DRAIN_MS * NS_PER_MS;
	bool whole;

	gate_shut(server->vault->gate);
	pthread_mutex_lock(&server->mutex);
	server->ending = true;
	/* All are gone before the first is waited for. */
	for (size_t i = 0; i < server->count; i++)
		session_detach(server->mounts[i].session, ms_until(drain_ns));
	for (size_t i = 0; i < server->count;)
		i += !close_mount(server, i, ms_until(end_ns));
	whole = !server->count;
	pthread_mutex_unlock(&server->mutex);
	return whole;
}

void record_unmounts(struct server *server)
{
	/* Else the main thread is at them, and kept itself. */
	if (pthread_mutex_trylock(&server->mutex) != 0)
		return;
	for (size_t i = 0; i < server->count; i++) {
		struct server_mount *mount = &server->mounts[i];
		struct audit_event event =
			event_of_mount(NULL, AUDIT_UMOUNT, session_mountpoint(mount->session));

		/* The record of the stop comes after, and waits for them too. */
		if (!mount->recorded && audit_append(server->vault->audit, &event, NULL, NULL) < 0)
			log_error("the record of an unmount could not be queued");
		mount->recorded = true;
	}
	pthread_mutex_unlock(&server->mutex);
}

bool server_is_over(struct server *server)
{
	bool over = true;

	pthread_mutex_lock(&server->mutex);
	for (size_t i = 0; i < server->count; i++)
		over = over && server->mounts[i].leaving;
	server->ending = over;
	pthread_mutex_unlock(&server->mutex);
	return over;
}
