/* SPDX-License-Identifier: Apache-2.0 */
/* dead_mount.c - see the header. */
#include "fs/cmd/dead_mount.h"

#include <errno.h>
#include <spawn.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fs/cmd/mounts.h"
#include "fs/cmd/serve.h"

extern char **environ;

static int say_nothing(void *arg, int stream, const void *bytes, size_t len)
{
	(void)arg, (void)stream, (void)bytes, (void)len;
	return 0;
}

bool vault_is_deserted(const struct vault_place *place)
{
	struct control_client *client;
	int r = connect_server(place, &client);

	if (r == 0)
		control_client_free(client);
	return r == -ENOENT && !vault_is_held(place);
}

bool mount_is_dead(const char *mountpoint)
{
	scope_free char *vault = mounts_vault_at(mountpoint);
	struct output quiet = {.write = say_nothing};
	struct vault_place place;
	struct stat attr;
	bool dead;

	if (!vault)
		return false;
	/* The vault is not where it was: if the server lives, it answers. */
	if (vault_locate(vault, &place, &quiet) < 0)
		return stat(mountpoint, &attr) < 0 && errno == ENOTCONN;
	dead = vault_is_deserted(&place);
	vault_place_done(&place);
	return dead;
}

static int detach_by_helper(const char *mountpoint)
{
	char *argv[] = {"fusermount3", "-uz", "-q", "--", (char *)mountpoint, NULL};
	int status = 1;
	pid_t pid;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, argv, environ) != 0)
		return -ENOENT;
	while (waitpid(pid, &status, 0) < 0) {
		if (errno != EINTR)
			return -errno;
	}
	return status == 0 ? 0 : -EPERM;
}

int mount_detach(const char *mountpoint, struct output *output)
{
	int r = 0;

	if (geteuid() != 0)
		r = detach_by_helper(mountpoint);
	/* MNT_FORCE also ends the waiting of whoever waits for an answer. */
	else if (umount2(mountpoint, MNT_FORCE | UMOUNT_NOFOLLOW) < 0 &&
		 umount2(mountpoint, MNT_DETACH | UMOUNT_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0)
		return EXIT_DONE;
	complain(output,
		"%s: its server does not answer and the mount could not be cleared (%s); "
		"`fusermount3 -uz %s` as the user who mounted it, or root",
		mountpoint, result_text(r), mountpoint);
	return exit_code_of(r);
}
