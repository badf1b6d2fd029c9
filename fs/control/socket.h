/* SPDX-License-Identifier: Apache-2.0 */
/* socket.h - the control socket's place in the file system: listening at a path, connecting to it.
 */
#ifndef FS_CONTROL_SOCKET_H
#define FS_CONTROL_SOCKET_H

#include "keystore/base/scope.h"

#include <sys/socket.h>
#include <sys/types.h>

/* A socket that listens and the file that leads to it. */
struct control_listener {
	int fd, dir_fd;
	char *name; /* in dir_fd */
	dev_t device;
	ino_t inode;
};

/* As control_server_new. */
int control_socket_listen(const char *path, struct control_listener *ret_listener);
/* Removes the file when it is still ours, and closes. */
void control_listener_done(struct control_listener *listener);
/* A connected descriptor, or -errno; -ETIMEDOUT when the server does not accept for 10 s. */
int control_socket_connect(const char *path);
/* Who is at the other end, as the kernel noted at connect(2), or listen(2) seen by a client. */
int control_socket_peer(int fd, struct ucred *ret_peer);
/*
 * A pidfd of the process that connected, whose number may be another's by now: of that very one
 * from Linux 6.5 on, else of who has its number when this is asked. -ESRCH: it is gone; -ENOSYS:
 * before Linux 5.3 there are none.
 */
int control_socket_peer_process(int fd, pid_t pid);

#endif
