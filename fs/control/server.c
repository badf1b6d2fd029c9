/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server.c - one thread accepts, one thread a connection serves requests one after the other.
 *
 * A slot of the table goes  free -> served -> ended -> free: the accepting thread takes it and
 * later joins the ended thread, the connection's thread ends it. A user other than root and the
 * server's own gets at most CLIENTS_OF_ONE_USER slots, and all of those users together leave
 * CLIENTS_RESERVED free, so that nobody can shut out who takes rules back.
 */
#include "fs/control/server.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>

#include "fs/control/channel.h"
#include "fs/control/outflow.h"
#include "fs/control/socket.h"
#include "keystore/base/clock.h"

#define IDLE_TIMEOUT_MS	    30000
#define SEND_TIMEOUT_MS	    10000
#define EXHAUSTED_PAUSE_MS  100
#define CLIENTS_OF_ONE_USER (LIMIT_CLIENTS / 4)
/* Slots that only root and the server's own user get: one person may have thousands of uids. */
#define CLIENTS_RESERVED (LIMIT_CLIENTS / 8)
/* What a thread gets to end in, once its handler has returned. */
#define JOIN_TIMEOUT_MS 2000
#define JOIN_STEP_MS	50
/* An escaped byte is three characters; with its other fields a frame stays below 64 KiB. */
#define FRAME_DATA 20480

enum exit_code { EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_BUSY = 7 };

enum slot_state { SLOT_FREE, SLOT_SERVED, SLOT_ENDED };

struct connection {
	struct control_server *server;
	enum slot_state state; /* guarded by server->mutex */
	/* Made by the accepting thread; taken out under server->mutex by the connection's own, who
	 * frees it, so that control_server_free never shuts down a descriptor that is another's by
	 * now. */
	struct channel *channel;
	bool handling;	  /* its thread is in the handler; guarded by server->mutex */
	struct peer peer; /* constant while served */
	pthread_t thread; /* the accepting thread's, then control_server_free's */
};

struct control_server {
	control_handler handler;
	void *arg;
	struct control_listener listener;
	pthread_t acceptor;
	/* Guards `stopping` and what struct connection says. Held for moments, never while sending.
	 */
	pthread_mutex_t mutex;
	bool stopping;
	struct connection connections[LIMIT_CLIENTS];
};

struct control_reply {
	struct channel *channel;
	struct control_server *server;
	int failed;  /* 0, or why the client gets nothing more */
	int outflow; /* our end of the pipe, or -1 */
};

bool peer_lives(const struct peer *peer)
{
	struct pollfd ended = {.fd = peer->process, .events = POLLIN};

	return peer->process < 0 || poll(&ended, 1, 0) == 0;
}

static bool is_stopping(struct control_server *server)
{
	bool stopping;

	pthread_mutex_lock(&server->mutex);
	stopping = server->stopping;
	pthread_mutex_unlock(&server->mutex);
	return stopping;
}

static int send_output(struct control_reply *reply, int stream, const void *bytes, size_t len)
{
	scope(message_free) struct message *frame = NULL;
	int r;

	r = message_new(&frame);
	if (r < 0)
		return r;
	r = message_add_text(frame, "type", "output");
	if (r < 0)
		return r;
	r = message_add_integer(frame, "stream", stream);
	if (r < 0)
		return r;
	r = message_add(frame, "data", bytes, len);
	if (r < 0)
		return r;
	return channel_send(reply->channel, frame, SEND_TIMEOUT_MS);
}

int control_reply_write(struct control_reply *reply, int stream, const void *bytes, size_t len)
{
	const char *at = bytes;

	if (stream != 1 && stream != 2)
		return -EINVAL;
	while (len > 0 && reply->failed == 0) {
		size_t part = len < FRAME_DATA ? len : FRAME_DATA;

		reply->failed = send_output(reply, stream, at, part);
		at += part;
		len -= part;
	}
	return reply->failed;
}

/* The client gets the read end. */
static int open_outflow(struct control_reply *reply)
{
	scope(message_free) struct message *frame = NULL;
	int fd, r;

	r = message_new(&frame);
	if (r < 0)
		return r;
	r = message_add_text(frame, "type", "stream");
	if (r < 0)
		return r;
	fd = outflow_open(&reply->outflow);
	if (fd < 0)
		return fd;
	r = message_add_fd(frame, fd);
	return r < 0 ? r : channel_send(reply->channel, frame, SEND_TIMEOUT_MS);
}

static bool reply_is_over(void *arg)
{
	return is_stopping(((struct control_reply *)arg)->server);
}

int control_reply_pour(struct control_reply *reply, const void *bytes, size_t len)
{
	if (reply->outflow < 0 && reply->failed == 0)
		reply->failed = open_outflow(reply);
	if (reply->failed < 0)
		return reply->failed;
	return outflow_write(reply->outflow, bytes, len, reply_is_over, reply);
}

static int send_end(struct control_reply *reply, int exit_code)
{
	scope(message_free) struct message *frame = NULL;
	int r;

	if (reply->outflow >= 0)
		close(reply->outflow);
	reply->outflow = -1;
	if (reply->failed < 0)
		return reply->failed;
	r = message_new(&frame);
	if (r < 0)
		return r;
	r = message_add_text(frame, "type", "end");
	if (r < 0)
		return r;
	r = message_add_integer(frame, "exit", exit_code);
	if (r < 0)
		return r;
	return channel_send(reply->channel, frame, SEND_TIMEOUT_MS);
}

/* Tells the client why he is not served; the connection is closed next, so failures are no matter.
 */
static void refuse(struct channel *channel, int exit_code, const char *reason)
{
	struct control_reply reply = {.channel = channel, .outflow = -1};

	if (control_reply_write(&reply, 2, reason, strlen(reason)) == 0)
		send_end(&reply, exit_code);
}

static void explain_failure(struct channel *channel, int result)
{
	if (result == -EPROTONOSUPPORT)
		refuse(channel, EXIT_USAGE,
			"the server speaks version 1 of the control protocol\n");
	else if (result == -EPROTO)
		refuse(channel, EXIT_USAGE,
			"the request is not of the control protocol's grammar\n");
	else if (result == -E2BIG)
		refuse(channel, EXIT_USAGE,
			"the request is beyond the control protocol's limits\n");
}

/* False: the server stops, and what the handler works on may be gone. */
static bool set_handling(struct connection *connection, bool handling)
{
	struct control_server *server = connection->server;
	bool may;

	pthread_mutex_lock(&server->mutex);
	may = !handling || !server->stopping;
	connection->handling = handling && may;
	pthread_mutex_unlock(&server->mutex);
	return may;
}

static int serve_request(struct connection *connection)
{
	struct control_server *server = connection->server;
	struct control_reply reply = {
		.channel = connection->channel, .server = server, .outflow = -1};
	scope(message_free) struct message *request = NULL;
	int exit_code, r;

	r = channel_receive(connection->channel, IDLE_TIMEOUT_MS, &request);
	if (r < 0) {
		explain_failure(connection->channel, r);
		return r;
	}
	if (!set_handling(connection, true))
		return -ESHUTDOWN;
	exit_code = server->handler(server->arg, &connection->peer, request, &reply);
	set_handling(connection, false);
	if (exit_code < 0 || exit_code > 255)
		exit_code = EXIT_FAILED;
	return send_end(&reply, exit_code);
}

static void *serve_connection(void *arg)
{
	struct connection *connection = arg;
	struct control_server *server = connection->server;
	struct channel *channel;

	while (serve_request(connection) == 0)
		;
	pthread_mutex_lock(&server->mutex);
	channel = take(&connection->channel);
	pthread_mutex_unlock(&server->mutex);
	/* Without the mutex: closing a descriptor that the client passed waits for his FUSE, and
	 * then he shuts out himself only. */
	channel_free(channel);
	scope_close_(&connection->peer.process);
	pthread_mutex_lock(&server->mutex);
	connection->state = SLOT_ENDED;
	pthread_mutex_unlock(&server->mutex);
	return NULL;
}

/* Signals are for the threads that the program made for them. */
static int start_thread(pthread_t *ret_thread, void *(*run)(void *arg), void *arg)
{
	sigset_t all, before;
	int r;

	sigfillset(&all);
	r = pthread_sigmask(SIG_SETMASK, &all, &before);
	if (r != 0)
		return -r;
	r = pthread_create(ret_thread, NULL, run, arg);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	return -r;
}

/* A slot for that user, or NULL. The mutex is held. Ended threads only have to return: joining them
 * does not wait for anything. */
static struct connection *find_slot(struct control_server *server, uint32_t uid)
{
	struct connection *found = NULL;
	size_t of_user = 0, free_count = 0;

	for (size_t i = 0; i < LIMIT_CLIENTS; i++) {
		struct connection *connection = &server->connections[i];

		if (connection->state == SLOT_ENDED) {
			pthread_join(connection->thread, NULL);
			connection->state = SLOT_FREE;
		}
		if (connection->state == SLOT_FREE) {
			found = connection;
			free_count++;
		} else {
			of_user += connection->peer.uid == uid;
		}
	}
	if (uid != 0 && uid != geteuid() &&
		(of_user >= CLIENTS_OF_ONE_USER || free_count <= CLIENTS_RESERVED))
		return NULL;
	return found;
}

/* Hands the channel and the peer to a thread of its own. On failure they are still the caller's. */
static int serve(struct control_server *server, struct channel *channel, const struct peer *peer)
{
	struct connection *connection;
	int r;

	pthread_mutex_lock(&server->mutex);
	r = server->stopping ? -ESHUTDOWN : -EBUSY;
	connection = server->stopping ? NULL : find_slot(server, peer->uid);
	if (connection) {
		connection->server = server;
		connection->channel = channel;
		connection->peer = *peer;
		r = start_thread(&connection->thread, serve_connection, connection);
		if (r == 0)
			connection->state = SLOT_SERVED;
		else
			connection->channel = NULL;
	}
	pthread_mutex_unlock(&server->mutex);
	return r;
}

static int find_peer(int fd, struct peer *ret_peer)
{
	struct ucred peer;
	int r;

	r = control_socket_peer(fd, &peer);
	if (r < 0)
		return r;
	*ret_peer = (struct peer){.uid = peer.uid, .gid = peer.gid, .pid = peer.pid};
	ret_peer->process = control_socket_peer_process(fd, peer.pid);
	if (ret_peer->process >= 0 || ret_peer->process == -ENOSYS)
		return 0;
	return ret_peer->process;
}

static void admit(struct control_server *server, int fd)
{
	struct channel *channel;
	struct peer peer = {.process = -1};
	int r;

	if (channel_new(fd, &channel) < 0)
		return;
	/* Who cannot be named gets no answer. */
	r = find_peer(fd, &peer);
	if (r == 0) {
		r = serve(server, channel, &peer);
		if (r == 0)
			return;
		if (r != -ESHUTDOWN)
			refuse(channel, EXIT_BUSY,
				"the server has too many connections; try again\n");
	}
	scope_close_(&peer.process);
	channel_free(channel);
}

/* Ends when control_server_free shuts the listening socket down: accept then fails. */
static void *accept_connections(void *arg)
{
	struct control_server *server = arg;

	for (;;) {
		int fd = accept4(server->listener.fd, NULL, NULL, SOCK_CLOEXEC);

		if (fd >= 0)
			admit(server, fd);
		else if (is_stopping(server))
			return NULL;
		else if (errno != EINTR && errno != ECONNABORTED)
			poll(NULL, 0,
				EXHAUSTED_PAUSE_MS); /* no descriptors or memory: not in a spin */
	}
}

int control_server_new(
	const char *path, control_handler handler, void *arg, struct control_server **ret_server)
{
	scope_free struct control_server *server = NULL;
	int r;

	server = calloc(1, sizeof(*server));
	if (!server)
		return -ENOMEM;
	server->handler = handler;
	server->arg = arg;
	r = control_socket_listen(path, &server->listener);
	if (r < 0)
		return r;
	pthread_mutex_init(&server->mutex, NULL);
	r = start_thread(&server->acceptor, accept_connections, server);
	if (r < 0) {
		control_listener_done(&server->listener);
		pthread_mutex_destroy(&server->mutex);
		return r;
	}
	*ret_server = take(&server);
	return 0;
}

/* From now on nothing is accepted, and every blocked send and receive ends. */
static void stop(struct control_server *server)
{
	pthread_mutex_lock(&server->mutex);
	server->stopping = true;
	shutdown(server->listener.fd, SHUT_RDWR);
	for (size_t i = 0; i < LIMIT_CLIENTS; i++)
		if (server->connections[i].channel)
			shutdown(channel_fd(server->connections[i].channel), SHUT_RDWR);
	pthread_mutex_unlock(&server->mutex);
}

static bool is_free(struct control_server *server, const struct connection *connection)
{
	bool free_slot;

	pthread_mutex_lock(&server->mutex);
	free_slot = connection->state == SLOT_FREE;
	pthread_mutex_unlock(&server->mutex);
	return free_slot;
}

static bool is_handling(struct control_server *server, const struct connection *connection)
{
	bool handling;

	pthread_mutex_lock(&server->mutex);
	handling = connection->handling;
	pthread_mutex_unlock(&server->mutex);
	return handling;
}

/*
 * Waits for a handler as long as it takes; outside of it only for a moment: closing a descriptor
 * that a client passed can last for as long as his FUSE wants. False: the thread still runs.
 */
static bool join(struct control_server *server, struct connection *connection)
{
	for (int left_ms = JOIN_TIMEOUT_MS; left_ms > 0; left_ms -= JOIN_STEP_MS) {
		int64_t end_ns = clock_now_ns() + JOIN_STEP_MS * NS_PER_MS;
		struct timespec end = {.tv_sec = end_ns / NS_PER_S, .tv_nsec = end_ns % NS_PER_S};

		/* Not clockjoin: ThreadSanitizer does not know it. A clock that is set costs a
		 * step. */
		if (pthread_timedjoin_np(connection->thread, NULL, &end) == 0)
			return true;
		if (is_handling(server, connection))
			left_ms = JOIN_TIMEOUT_MS;
	}
	pthread_detach(connection->thread);
	return false;
}

struct control_server *control_server_free(struct control_server *server)
{
	bool all_ended = true;

	if (!server)
		return NULL;
	stop(server);
	pthread_join(server->acceptor, NULL);
	/* Without the accepting thread no slot leaves the states served and ended. */
	for (size_t i = 0; i < LIMIT_CLIENTS; i++)
		if (!is_free(server, &server->connections[i]))
			all_ended &= join(server, &server->connections[i]);
	control_listener_done(&server->listener);
	/* A thread that still runs looks at it once more. */
	if (!all_ended)
		return NULL;
	pthread_mutex_destroy(&server->mutex);
	free(server);
	return NULL;
}
