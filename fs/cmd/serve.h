/* SPDX-License-Identifier: Apache-2.0 */
/*
 * serve.h - the server: the process that holds a vault while it is mounted. It ends when its last
 * mount point is gone, or on SIGTERM and SIGINT.
 */
#ifndef FS_CMD_SERVE_H
#define FS_CMD_SERVE_H

#include "fs/cmd/vault.h"
#include "fs/control/client.h"

struct server;

/* -ENOENT: nobody serves this vault. -EPERM: somebody does whom we do not believe. */
int connect_server(const struct vault_place *place, struct control_client **ret_client);
/*
 * The same, but while somebody holds the vault's lock and does not answer (a server that starts or
 * ends, a command at work) it waits for up to 5 s, until he answers or lets go.
 */
int reach_server(const struct vault_place *place, struct control_client **ret_client);
/* Does anybody hold the vault's lock? Where the lock file is closed to us: does a server answer? */
bool vault_is_held(const struct vault_place *place);

/*
 * Become a server with the invocation's first mount point: in this process to its end, or in a
 * child whose mount answers when this returns. Nobody may hold the vault. Exit code; complain.
 */
int server_start_here(struct invocation *invocation, const struct vault_place *place);
int server_start_in_background(struct invocation *invocation, const struct vault_place *place);

/* Takes the open vault over for serving: opens the control socket. Complains; exit code. */
int server_new(struct vault *vault, struct server **ret_server, struct output *output);
/* Adds a mount point. Exit code; complains to the caller. */
int server_add_mount(struct server *server, const char *mountpoint,
	const struct session_options *options, struct verb_call *call);
/* Serves until the last mount point is gone or a signal says so; closes everything. Exit code. */
int server_run(struct server *server);

/*
 * Unmounts one; EXIT_BUSY with the handles that are open there complained about. force: it goes
 * whoever uses it.
 */
int server_remove_mount(
	struct server *server, const char *mountpoint, bool force, struct verb_call *call);
/* Calls each for every mount point, under the server's lock. */
void server_mounts(
	struct server *server, void (*each)(void *arg, struct session *session), void *arg);
/* Takes the trail to the strictest level that the vault's setting or a mount asks for. */
void server_apply_audit_level(struct server *server);
/* When the server started (CLOCK_REALTIME). */
int64_t server_started_ns(const struct server *server);

#endif
