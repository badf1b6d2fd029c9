/* SPDX-License-Identifier: Apache-2.0 */
/* serve_private.h - the server's own: what serve.c, serve_mounts.c and serve_house.c share. */
#ifndef FS_CMD_SERVE_PRIVATE_H
#define FS_CMD_SERVE_PRIVATE_H

#include "fs/cmd/serve.h"
#include "fs/control/server.h"

#define MOUNTS_MAX 64

struct server {
	struct vault *vault;
	struct control_server *control;
	pthread_mutex_t mutex; /* guards sessions and count; taken before the gate's locks */
	struct session *sessions[MOUNTS_MAX];
	size_t count;
	int wake_fd; /* eventfd: a mount has ended */
	int signal_fd;
	int64_t started_ns;
	bool told_broken;
	unsigned ticks;	    /* of the main thread */
	bool ending;	    /* guarded by mutex: no mount may be added any more */
	int64_t segment_ns; /* when the trail's segment began */
	uint64_t segment_seq;
	int64_t reserve_ns; /* when the reserve was last looked at */
	bool reserve_fails; /* not for want of room: logged, and left alone */
};

/* serve_mounts.c */

/* Frees the sessions whose mounts are gone. */
void reap_sessions(struct server *server);
/* The last mount is gone: from now on none can be added. */
bool server_is_over(struct server *server);
/* Shuts the gate, unmounts everything. */
void unmount_all(struct server *server);

/* serve_house.c */

/* What has to be done now and then; called at each tick of the main thread. */
void keep_house(struct server *server, int64_t *last_copy_ms);

#endif
