/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.h - the vault's control socket: accepts, tells who is connected (SO_PEERCRED), and hands
 * each request to one handler in a thread of the connection. At most LIMIT_CLIENTS connections; one
 * that says nothing for 30 s between requests is closed.
 */
#ifndef FS_CONTROL_SERVER_H
#define FS_CONTROL_SERVER_H

#include "fs/control/message.h"

#include <sys/types.h>

struct peer {
	uint32_t uid, gid;
	pid_t pid;
	int process; /* a pidfd; -1: this kernel has none */
};

/*
 * Does the process that connected still live? Asked after it was looked up by its number, this
 * shows that it was not another one: the connection may be in other hands, and the number given
 * anew.
 */
bool peer_lives(const struct peer *peer);

struct control_server;
/* One request being answered. */
struct control_reply;

/*
 * Handles one request and returns the command's exit code (0..255), which is sent as the end of the
 * answer. Runs in the connection's thread: may block, holds nothing of the server.
 */
typedef int (*control_handler)(
	void *arg, const struct peer *peer, struct message *request, struct control_reply *reply);

/*
 * Text for the client's standard output or error, streamed. -EPIPE or -ETIMEDOUT (the client does
 * not read for 10 s): stop working for him. stream: 1 or 2.
 */
int control_reply_write(struct control_reply *reply, int stream, const void *bytes, size_t len);
/*
 * Bytes of a file, through a pipe whose read end the client gets at the first call. -EPIPE,
 * -ETIMEDOUT (he reads nothing for 60 s) or -ESHUTDOWN: stop.
 */
int control_reply_pour(struct control_reply *reply, const void *bytes, size_t len);

/*
 * Makes the socket (mode 0666, roles judge who may; the directory is the caller's) and starts
 * accepting. A dead socket file at path is replaced; a living one is -EADDRINUSE, anything
 * else there -EEXIST. Two servers that start at once at one path must be kept apart by the caller
 * (the vault's lock).
 */
int control_server_new(
	const char *path, control_handler handler, void *arg, struct control_server **ret_server);
/* Stops accepting, shuts all connections down, waits for running handlers, removes the socket. */
struct control_server *control_server_free(struct control_server *server);

#endif
