/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_accept.c - `accept VAULT --database`, and --clock (vault_clock.c): the databases are what the
 * caller wants, though the anchor has seen newer ones or the trail cannot go on. By a slot's secret
 * alone, and on record.
 */
#include <errno.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/unlock.h"
#include "fs/cmd/vault_own.h"

static int accept_database(
	struct invocation *invocation, const struct vault_place *place, struct output *output)
{
	__attribute__((cleanup(unlock_secrets_done))) struct unlock_secrets secrets = {0};
	int code;

	code = vault_own_check(place, "accept", output);
	if (code == EXIT_DONE)
		code = unlock_secrets_get(invocation, place->path, &secrets, output);
	if (code == EXIT_DONE)
		code = vault_own_accept(place, &secrets, AUDIT_ACCEPT, "database", output);
	if (code == EXIT_DONE)
		remark(output,
			"%s: the databases are accepted as they are. Next: modelvault "
			"verify %s",
			place->path, place->path);
	return code;
}

int run_accept(struct invocation *invocation)
{
	struct output output = output_to_terminal();
	struct vault_place place;
	int code, r;

	if (!invocation_option(invocation, "database") == !invocation_option(invocation, "clock")) {
		complain(&output, "accept: say what is accepted: --database or --clock");
		return EXIT_USAGE;
	}
	if (invocation_option(invocation, "clock"))
		return run_verb(invocation);
	if (secret_init() < 0) {
		complain(&output, "no memory can be locked for keys; raise `ulimit -l`");
		return EXIT_FAILED;
	}
	r = vault_locate(invocation->vault, &place, &output);
	if (r < 0)
		return r == -ENOENT ? EXIT_NOT_FOUND : exit_code_of(r);
	code = accept_database(invocation, &place, &output);
	vault_place_done(&place);
	return code;
}
