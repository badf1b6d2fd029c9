/* SPDX-License-Identifier: Apache-2.0 */
/*
 * vault_access.h - a command's way to a vault: connections to the server that holds it, or, only
 * when nobody holds the lock, the vault itself, unlocked and opened by this process.
 */
#ifndef FS_CMD_VAULT_ACCESS_H
#define FS_CMD_VAULT_ACCESS_H

#include "fs/cmd/vault.h"

struct vault_access;

/* Finds the server or unlocks. Complains; an exit code; *ret_access is set only for EXIT_DONE. */
int access_open(
	struct invocation *invocation, struct vault_access **ret_access, struct output *output);
/* The same with secrets that were got already: for when nobody serves the vault. */
int access_open_with(struct invocation *invocation, const struct unlock_secrets *secrets,
	struct vault_access **ret_access, struct output *output);
/* After its lines. Closes a vault opened here. NULL is accepted. */
struct vault_access *access_close(struct vault_access *access);
const struct vault_place *access_place(const struct vault_access *access);
bool access_is_served(const struct vault_access *access);

/*
 * One line of calls, one after the other; several lines may be used by several threads at once.
 * Made by the thread that opened the access.
 */
struct access_line;
int access_line_new(struct vault_access *access, struct access_line **ret_line);
struct access_line *access_line_free(struct access_line *line);
/* Calls the request's verb. Exit code; complains when the server went away. */
int access_call(struct access_line *line, struct message *request, struct output *output);
/* The user that the server at the other end runs as; this process's own without one. */
uint32_t access_line_server_user(const struct access_line *line);
/* True when the last call got no answer: the next ones will not either. */
bool access_line_is_dead(const struct access_line *line);

SCOPE_FUNCTION(struct vault_access *, access_close);
SCOPE_FUNCTION(struct access_line *, access_line_free);

#endif
