/* SPDX-License-Identifier: Apache-2.0 */
/* client.h - the command's side of the control socket. */
#ifndef FS_CONTROL_CLIENT_H
#define FS_CONTROL_CLIENT_H

#include "fs/control/message.h"

struct control_client;

/*
 * Connects. -ENOENT or -ECONNREFUSED: nobody serves there. -EPERM: the server runs as a user that
 * is neither root, nor the caller, nor owner_uid: not believed.
 */
int control_client_new(const char *path, uint32_t owner_uid, struct control_client **ret_client);
struct control_client *control_client_free(struct control_client *client);
/*
 * Sends the request, passes the answer's text on: write(arg, stream, bytes, len) with stream 1 or
 * 2; a negative result of it ends the call. Returns the server's exit code (0..255), or -errno when
 * the server went away (-EPIPE) or spoke otherwise (-EPROTO). Several calls one after the other.
 */
int control_client_call(struct control_client *client, const struct message *request,
	int (*write)(void *arg, int stream, const void *bytes, size_t len), void *arg);
/* Where an answer goes. take_pipe: one from which a file's bytes come until its end; the callee's.
 */
struct control_sink {
	int (*write)(void *arg, int stream, const void *bytes, size_t len);
	int (*take_pipe)(void *arg, int fd); /* NULL: none is expected */
	void *arg;
};
/* As control_client_call; a negative result of take_pipe ends the call too. */
int control_client_fetch(struct control_client *client, const struct message *request,
	const struct control_sink *sink);
/* From now on a call fails with -ETIMEDOUT when the server says nothing for so long. */
void control_client_limit(struct control_client *client, int timeout_ms);
/* Pid of the server, and its user. */
pid_t control_client_server_pid(const struct control_client *client);
uint32_t control_client_server_user(const struct control_client *client);

SCOPE_FUNCTION(struct control_client *, control_client_free);

#endif
