/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client.c - one connection to the server: checks who serves, sends requests, passes answers on. An
 * answer that was not read to its end leaves the connection useless; that is remembered.
 */
#include "fs/control/client.h"

#include <errno.h>

#include "fs/control/channel.h"
#include "fs/control/socket.h"

#define SEND_TIMEOUT_MS 30000

struct control_client {
	struct channel *channel;
	pid_t server_pid;
	uint32_t server_user;
	int timeout_ms; /* for each part of an answer; -1: as long as it takes */
	bool broken;
};

int control_client_new(const char *path, uint32_t owner_uid, struct control_client **ret_client)
{
	scope(control_client_free) struct control_client *client = NULL;
	struct ucred server;
	int fd, r;

	client = calloc(1, sizeof(*client));
	if (!client)
		return -ENOMEM;
	fd = control_socket_connect(path);
	if (fd < 0)
		return fd;
	r = channel_new(fd, &client->channel);
	if (r < 0)
		return r;
	r = control_socket_peer(fd, &server);
	if (r < 0)
		return r;
	if (server.uid != 0 && server.uid != geteuid() && server.uid != owner_uid)
		return -EPERM;
	client->server_pid = server.pid;
	client->server_user = server.uid;
	client->timeout_ms = -1;
	*ret_client = take(&client);
	return 0;
}

struct control_client *control_client_free(struct control_client *client)
{
	if (!client)
		return NULL;
	channel_free(client->channel);
	free(client);
	return NULL;
}

pid_t control_client_server_pid(const struct control_client *client)
{
	return client->server_pid;
}

uint32_t control_client_server_user(const struct control_client *client)
{
	return client->server_user;
}

void control_client_limit(struct control_client *client, int timeout_ms)
{
	client->timeout_ms = timeout_ms;
}

static bool has_text(const struct message *message, const char *name, const char *text)
{
	size_t len;
	const char *value = message_get(message, name, &len);

	return value && len == strlen(text) && memcmp(value, text, len) == 0;
}

/* Passes one frame on. 1 and the exit code when it was the last, 0 otherwise. */
static int take_frame(struct message *frame, const struct control_sink *sink, int *ret_exit)
{
	int64_t number;
	const char *data;
	size_t len;
	int fd, r;

	if (has_text(frame, "type", "end")) {
		r = message_get_integer(frame, "exit", &number);
		if (r < 0 || number < 0 || number > 255)
			return -EPROTO;
		*ret_exit = (int)number;
		return 1;
	}
	if (has_text(frame, "type", "stream")) {
		fd = sink->take_pipe ? message_take_fd(frame, 0) : -1;
		if (fd < 0)
			return -EPROTO;
		r = sink->take_pipe(sink->arg, fd);
		return r < 0 ? r : 0;
	}
	data = message_get(frame, "data", &len);
	r = message_get_integer(frame, "stream", &number);
	if (!has_text(frame, "type", "output") || !data || r < 0 || number < 1 || number > 2)
		return -EPROTO;
	r = sink->write(sink->arg, (int)number, data, len);
	return r < 0 ? r : 0;
}

static int take_answer(
	struct control_client *client, const struct control_sink *sink, int *ret_exit)
{
	int r;

	do {
		scope(message_free) struct message *frame = NULL;

		r = channel_receive(client->channel, client->timeout_ms, &frame);
		if (r == -ENODATA)
			return -EPIPE;
		if (r == -E2BIG || r == -EPROTONOSUPPORT)
			return -EPROTO;
		if (r < 0)
			return r;
		r = take_frame(frame, sink, ret_exit);
	} while (r == 0);
	return r < 0 ? r : 0;
}

int control_client_fetch(struct control_client *client, const struct message *request,
	const struct control_sink *sink)
{
	int exit_code, r;

	if (client->broken)
		return -EPIPE;
	client->broken = true;
	r = channel_send(client->channel, request, SEND_TIMEOUT_MS);
	/* A server that refuses a connection says why before it closes: read that also after
	 * -EPIPE. */
	if (r < 0 && r != -EPIPE)
		return r;
	r = take_answer(client, sink, &exit_code);
	if (r < 0)
		return r;
	client->broken = false;
	return exit_code;
}

int control_client_call(struct control_client *client, const struct message *request,
	int (*write)(void *arg, int stream, const void *bytes, size_t len), void *arg)
{
	const struct control_sink sink = {.write = write, .arg = arg};

	return control_client_fetch(client, request, &sink);
}
