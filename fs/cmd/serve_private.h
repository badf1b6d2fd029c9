/* SPDX-License-Identifier: Apache-2.0 */
/* serve_private.h - the server's own: what serve.c, serve_mounts.c and serve_house.c share. */
#ifndef FS_CMD_SERVE_PRIVATE_H
#define FS_CMD_SERVE_PRIVATE_H

#include "fs/cmd/serve.h"
#include "fs/cmd/vault_clock.h"
#include "fs/control/server.h"

#define MOUNTS_MAX 64

/* A mount point; it is leaving when it is gone, but a backing store keeps some of its threads. */
struct server_mount {
	struct session *session;
	bool leaving, recorded;
};

struct server {
	struct vault *vault;
	struct control_server *control;
	pthread_mutex_t mutex; /* guards mounts and count; taken before the gate's locks */
	struct server_mount mounts[MOUNTS_MAX];
	size_t count;
	int wake_fd; /* eventfd: a mount has ended */
	int signal_fd;
	int clock_fd; /* readable when the clock was set; -1: this kernel does not tell */
	struct clock_keeper clock;
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

/* Looks after the threads of mounts, and frees the sessions of those that are gone. */
void tend_mounts(struct server *server);
/* The last mount is gone: from now on none can be added. */
bool server_is_over(struct server *server);
/* Shuts the gate, unmounts everything. False: a backing store keeps some thread beyond end_ns. */
bool unmount_all(struct server *server, int64_t end_ns);
/* Puts on record what has left the tree, for an end that waits for nobody. */
void record_unmounts(struct server *server);

/* serve_end.c */

/* The server has been told to end: whatever keeps it, it does so in less than 5 s. */
void limit_ending(struct server *server, int code);
/* True for one thread only, who then records the stop; another one is ending the process. */
bool claim_stop(void);
_Noreturn void wait_for_end(void);
/*
 * Ends the process without freeing what is still used by threads that a store or a client keeps;
 * everything is on record and written.
 */
_Noreturn void end_at_once(struct server *server, int code);
/* serve.c: the record of a start or stop. */
int record_life(struct vault *vault, enum audit_action action, const char *detail);

/* serve_house.c */

/* What has to be done now and then; called at each tick of the main thread. */
void keep_house(struct server *server, int64_t *last_copy_ms);

#endif
