/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_mount.c - `mount VAULT MOUNTPOINT [-f] [-o OPTIONS]`. When a server holds the vault it is
 * asked to add the mount point; else one is started (serve_start.c).
 */
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/dead_mount.h"
#include "fs/cmd/mount_options.h"
#include "fs/cmd/mounts.h"
#include "fs/cmd/serve.h"

#define MOUNT_TRIES 3
#define STACKED_MAX 16 /* dead mounts on one mount point */

/* What cannot be read is left to the mount itself. */
static bool is_empty(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;
	bool empty = true;

	if (!directory)
		return true;
	while (empty && (entry = readdir(directory)))
		empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
	closedir(directory);
	return empty;
}

/* The mount point as an absolute path, looked at before anything is unlocked. */
static int check_mountpoint(const char *operand, const struct vault_place *place, char **ret_path,
	struct output *output)
{
	scope_free char *path = mounts_absolute(operand);
	scope_free char *shown = NULL;
	size_t len = strlen(place->path);
	const char *rest;
	struct stat attr;

	if (!path) {
		complain(output, "mount point '%s': %s; %s", operand, strerror(errno),
			errno == ENOENT ? "make the directory first"
					: "choose an empty directory that this user can reach");
		return errno == ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED;
	}
	for (int i = 0; i < STACKED_MAX && mount_is_dead(path); i++) {
		if (mount_detach(path, output) != EXIT_DONE)
			return EXIT_FAILED;
		remark(output, "the server of %s was dead; the mount was cleared", path);
	}
	if (mounts_is_mountpoint(path)) {
		shown = mounts_vault_at(path);
		if (shown)
			complain(output,
				"%s is a mount point already; `modelvault umount %s` first", path,
				path);
		else
			complain(output, "%s is a mount point already; choose another directory",
				path);
		return EXIT_BUSY;
	}
	shown = mounts_vault_above(path, &rest);
	if (shown) {
		complain(output, "mount point %s is on a mount of %s; choose another place", path,
			shown);
		return EXIT_USAGE;
	}
	if (stat(path, &attr) < 0 || !S_ISDIR(attr.st_mode)) {
		complain(output, "mount point %s is not a directory; choose an empty one", path);
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

/* Which mount namespace this process is in. */
static int mount_namespace(char ret_name[32])
{
	struct stat attr;

	if (stat("/proc/self/ns/mnt", &attr) < 0)
		return -errno;
	snprintf(ret_name, 32, "%llu", (unsigned long long)attr.st_ino);
	return 0;
}

/* A mount made elsewhere would be seen there, and the caller be told that all is well. */
static bool is_seen_by_caller(const struct verb_call *call)
{
	const char *theirs = message_get(call->request, "namespace", NULL);
	char ours[32];

	return theirs && mount_namespace(ours) == 0 && strcmp(theirs, ours) == 0;
}

/*
 * Mounts as the server's user, who may do so anywhere: an admin who is not he, nor root, would put
 * files of his own before /etc/profile.d, or what else root reads and runs.
 */
static int check_caller(struct vault *vault, struct verb_call *call, const char *mountpoint)
{
	struct audit_event event = vault_event(call, AUDIT_COMMAND);
	scope_free char *words = NULL;

	if (call->caller->uid == geteuid() || call->caller->uid == 0)
		return EXIT_DONE;
	event.outcome = AUDIT_REFUSE;
	event.reason = REASON_NO_ROLE;
	event.detail = "mount";
	if (asprintf(&words, "mount on %.500s as the server's user", mountpoint) < 0)
		words = NULL;
	else
		event.detail = words;
	audit_append_wait(vault->audit, &event, false);
	complain(call->output,
		"mount: refused: it mounts as user %u, who serves the vault, and only he or root "
		"may have it do so",
		geteuid());
	return EXIT_REFUSED;
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
	code = check_caller(vault, call, mountpoint);
	if (code != EXIT_DONE)
		return code;
	if (!is_seen_by_caller(call)) {
		complain(call->output,
			"the server of %s, process %ld, is in another mount namespace, and what it "
			"mounts is not seen here; give the command there (nsenter -t %ld -m)",
			vault->place.path, (long)getpid(), (long)getpid());
		return EXIT_FAILED;
	}
	code = mount_options_parse(message_get(call->request, "o", NULL), &options, call->output);
	if (code == EXIT_DONE)
		code = server_add_mount(vault->server, mountpoint, &options, call);
	/* The server that is just made says more, itself. */
	if (code == EXIT_DONE && !call->by_slot && !message_has(call->request, "quiet"))
		remark(call->output, "mounted on %s. Unmount with: modelvault umount %s",
			mountpoint, mountpoint);
	return code;
}

/* The request as the verb wants it: the mount point absolute. */
static int rebuild_request(
	struct invocation *invocation, const char *path, const struct vault_place *place)
{
	static const char *const kept[] = {
		"o", "quiet", "by-mount", "key-file", "passphrase-file", "passphrase-fd"};
	struct message *request;
	char namespace[32];
	int r;

	r = message_new(&request);
	if (r < 0)
		return r;
	r = message_add_text(request, "verb", "mount");
	if (r == 0)
		r = vault_place_name(place, request);
	if (r == 0)
		r = message_add_text(request, "arg", path);
	if (r == 0)
		r = mount_namespace(namespace);
	if (r == 0)
		r = message_add_text(request, "namespace", namespace);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(kept); i++) {
		const char *value = invocation_option(invocation, kept[i]);

		if (value)
			r = message_add_text(request, kept[i], value);
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
			return foreground ? server_start_here(invocation, place)
					  : server_start_in_background(invocation, place);
		if (r == 0 && foreground) {
			complain(output,
				"%s has a server already, process %ld, and -f would have nothing "
				"to stay for; without -f that server adds the mount point",
				place->path, (long)vault_holder(place->path));
			return EXIT_BUSY;
		}
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
