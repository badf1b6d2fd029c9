/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_why.c - `why PATH-IN-A-MOUNT`: finds the vault and the name in it, and asks its server.
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/dead_mount.h"
#include "fs/cmd/mounts.h"
#include "fs/cmd/serve.h"
#include "fs/cmd/vault.h"

/*
 * Links are followed: what was refused is on record by the name of the file that was opened. Where
 * that leads nowhere, as a hidden name does, the way to it is resolved as far as there is one.
 */
static char *absolute_path(const char *path)
{
	scope_free char *above = strdup(path);
	char *absolute = realpath(path, NULL);

	while (!absolute && above) {
		char *slash = strrchr(above, '/');
		scope_free char *real = NULL;

		if (slash)
			*slash = '\0';
		real = realpath(!slash ? "." : slash == above ? "/" : above, NULL);
		if (!real && slash && slash != above)
			continue;
		if (!real || asprintf(&absolute, "%s/%s", strcmp(real, "/") == 0 ? "" : real,
				     path + (slash ? slash + 1 - above : 0)) < 0)
			return NULL;
	}
	return absolute;
}

/* The path is in a mount that nobody answers: there is no looking at it. */
static bool complain_of_dead(const char *operand, struct output *output)
{
	scope_free char *here = *operand == '/' ? strdup("") : getcwd(NULL, 0);
	scope_free char *path = NULL, *vault = NULL;
	struct vault_place place;
	const char *rest;
	bool dead;

	if (!here || asprintf(&path, "%s%s%s", here, *operand == '/' ? "" : "/", operand) < 0)
		return false;
	vault = mounts_vault_above(path, &rest);
	if (!vault || vault_locate(vault, &place, output) < 0)
		return false;
	dead = vault_is_deserted(&place);
	if (dead)
		complain(output,
			"why: the server of %.*s is dead; `modelvault audit %s` has the refusals, "
			"`modelvault umount %.*s` clears the mount",
			(int)(rest - path), path, place.path, (int)(rest - path), path);
	vault_place_done(&place);
	return dead;
}

/* The operand is `@` or a vault: where it is mounted a path of it begins. */
struct mount_search {
	const char *vault;
	char *mountpoint; /* owned */
};

static int find_mount(void *arg, const struct mount_entry *entry)
{
	struct mount_search *search = arg;

	if (strcmp(entry->source, search->vault) == 0 && !search->mountpoint)
		search->mountpoint = strdup(entry->mountpoint);
	return 0;
}

static int complain_of_place(const char *operand, struct output *output)
{
	struct output nowhere = output_to_nowhere();
	struct mount_search search = {0};
	struct vault_place place;

	if (vault_locate(operand, &place, &nowhere) < 0) {
		complain(output,
			"why: %s is not in a mount of a vault; give the path that was refused, as "
			"in why /MOUNTPOINT/NAME",
			operand);
		return EXIT_NOT_FOUND;
	}
	search.vault = place.path;
	mounts_each(find_mount, &search);
	if (search.mountpoint)
		complain(output,
			"why: %s is a vault; a path in its mount is meant, as in why %s/NAME",
			operand, search.mountpoint);
	else
		complain(output,
			"why: %s is a vault, and not mounted here; a path in a mount is meant",
			operand);
	free(search.mountpoint);
	vault_place_done(&place);
	return EXIT_USAGE;
}

int run_why(struct invocation *invocation)
{
	scope(control_client_free) struct control_client *client = NULL;
	scope_free char *path = NULL;
	struct output output = output_to_terminal();
	scope_free char *vault = NULL;
	struct vault_place place;
	const char *rest = NULL;
	int r;

	if (complain_of_dead(invocation->operands[0], &output))
		return EXIT_FAILED;
	path = absolute_path(invocation->operands[0]);
	vault = path ? mounts_vault_above(path, &rest) : NULL;
	if (!vault)
		return complain_of_place(invocation->operands[0], &output);
	while (*rest == '/')
		rest++;
	r = message_add_text(invocation->request, "arg", rest);
	if (r == 0)
		r = vault_locate(vault, &place, &output);
	if (r < 0)
		return exit_code_of(r);
	r = vault_place_name(&place, invocation->request);
	if (r == 0)
		r = connect_server(&place, &client);
	vault_place_done(&place);
	if (r == 0)
		r = control_client_call(client, invocation->request, output.write, output.arg);
	if (r < 0)
		complain(&output, "why: the server of %s cannot be asked: %s", vault,
			result_text(r));
	return r < 0 ? exit_code_of(r) : r;
}
