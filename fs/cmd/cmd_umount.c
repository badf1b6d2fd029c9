/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_umount.c - `umount MOUNTPOINT`: returns when it is gone; when it was the last one, when the
 * server has ended too, so that the vault can be used at once.
 */
#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/mounts.h"
#include "fs/cmd/serve.h"
#include "fs/cmd/vault.h"

#define GONE_STEPS 1000 /* of 10 ms */

extern char **environ;

int verb_umount(struct vault *vault, struct verb_call *call)
{
	const char *mountpoint = verb_operand(call, 0, NULL);

	if (!vault->server || !mountpoint) {
		complain(call->output, "umount: nothing of this vault is mounted");
		return EXIT_NOT_FOUND;
	}
	return server_remove_mount(vault->server, mountpoint, false, call);
}

struct counting {
	const char *vault;
	unsigned mounts;
};

static int count_mount(void *arg, const struct mount_entry *entry)
{
	struct counting *counting = arg;

	counting->mounts += strcmp(entry->source, counting->vault) == 0;
	return 0;
}

static void wait_until_gone(const struct vault_place *place, const char *mountpoint)
{
	struct counting counting = {.vault = place->path};
	const struct timespec step = {.tv_nsec = 10 * 1000 * 1000};

	for (int i = 0; i < GONE_STEPS && mounts_is_mountpoint(mountpoint); i++)
		nanosleep(&step, NULL);
	mounts_each(count_mount, &counting);
	for (int i = 0; i < GONE_STEPS && !counting.mounts && vault_is_held(place); i++)
		nanosleep(&step, NULL);
}

/* The server is dead: what is left is a mount that nobody answers. */
static int clear_dead_mount(const char *mountpoint, struct output *output)
{
	char *argv[] = {"fusermount3", "-uz", "-q", "--", (char *)mountpoint, NULL};
	int status = 1;
	pid_t pid;

	if (geteuid() == 0) {
		if (umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) < 0) {
			complain(output, "%s: %s", mountpoint, strerror(errno));
			return EXIT_FAILED;
		}
	} else if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0 ||
		   waitpid(pid, &status, 0) < 0 || status != 0) {
		complain(output,
			"%s: its server is dead and it could not be cleared; "
			"`fusermount3 -uz %s` as the user who mounted it",
			mountpoint, mountpoint);
		return EXIT_FAILED;
	}
	remark(output, "the server of %s was dead; the mount was cleared", mountpoint);
	return EXIT_DONE;
}

static int unmount(struct invocation *invocation, const struct vault_place *place,
	const char *mountpoint, struct output *output)
{
	scope(control_client_free) struct control_client *client = NULL;
	scope(message_free) struct message *request = NULL;
	int r;

	(void)invocation;
	r = connect_server(place, &client);
	if (r == -ENOENT && !vault_is_held(place))
		return clear_dead_mount(mountpoint, output);
	if (r == 0)
		r = message_new(&request);
	if (r == 0)
		r = message_add_text(request, "verb", "umount");
	if (r == 0)
		r = vault_place_name(place, request);
	if (r == 0)
		r = message_add_text(request, "arg", mountpoint);
	if (r == 0)
		r = control_client_call(client, request, output->write, output->arg);
	/* The server may be gone before its answer: it was the last mount. */
	if (r == -EPIPE && !mounts_is_mountpoint(mountpoint))
		r = EXIT_DONE;
	if (r == -ENOENT) {
		complain(output,
			"process %ld holds %s and does not answer; end it, then unmount again",
			(long)vault_holder(place->path), place->path);
		return EXIT_BUSY;
	}
	if (r < 0) {
		complain(output, "the server of %s cannot be asked: %s", place->path,
			result_text(r));
		return exit_code_of(r);
	}
	if (r == EXIT_DONE)
		wait_until_gone(place, mountpoint);
	return r;
}

int run_umount(struct invocation *invocation)
{
	const char *operand = invocation->operands[0];
	scope_free char *vault = mounts_vault_at(operand);
	scope_free char *real = NULL;
	struct output output = output_to_terminal();
	struct vault_place place;
	int code, r;

	/* By the name first: realpath of a mount whose server is dead fails. */
	if (!vault) {
		real = realpath(operand, NULL);
		vault = real ? mounts_vault_at(real) : NULL;
	}
	if (!vault) {
		complain(&output,
			"umount: %s is not the mount point of a vault; `modelvault status` "
			"lists them",
			operand);
		return EXIT_NOT_FOUND;
	}
	r = vault_locate(vault, &place, &output);
	if (r < 0)
		return exit_code_of(r);
	code = unmount(invocation, &place, real ? real : operand, &output);
	vault_place_done(&place);
	return code;
}
