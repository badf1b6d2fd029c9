/* SPDX-License-Identifier: Apache-2.0 */
/*
 * socket.c - making and finding the control socket. The socket listens under a temporary name, gets
 * its mode there and is then renamed to its path: at the path stands, at every instant, nothing, a
 * dead socket or a living one with its final mode; never one that is bound and does not listen yet,
 * which a starting server would take for dead. Paths go through /proc/self/fd/DIRECTORY, as
 * sun_path holds 108 bytes only.
 */
#include "fs/control/socket.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>

#include "keystore/base/limits.h"

#define CONNECT_TIMEOUT_S 10

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif

static int open_parent(const char *path, int *ret_dir_fd, const char **ret_name)
{
	const char *slash = strrchr(path, '/');
	scope_free char *parent = NULL;
	int fd;

	*ret_name = slash ? slash + 1 : path;
	if (**ret_name == '\0')
		return -EINVAL;
	parent = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	if (!parent)
		return -ENOMEM;
	fd = open(parent, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	*ret_dir_fd = fd;
	return 0;
}

static int make_address(int dir_fd, const char *name, struct sockaddr_un *ret_address)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int n;

	n = snprintf(
		address.sun_path, sizeof(address.sun_path), "/proc/self/fd/%d/%s", dir_fd, name);
	if (n < 0 || (size_t)n >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	*ret_address = address;
	return 0;
}

/* 0 or -errno; -EAGAIN: a server listens and its queue is full. */
static int connect_to(int fd, int dir_fd, const char *name)
{
	struct sockaddr_un address;
	int r;

	r = make_address(dir_fd, name, &address);
	if (r < 0)
		return r;
	do
		r = connect(fd, (struct sockaddr *)&address, sizeof(address));
	while (r < 0 && errno == EINTR);
	return r < 0 ? -errno : 0;
}

/* 0 when a server may take the name: nothing is there, or a socket that nobody serves. */
static int check_free(int dir_fd, const char *name)
{
	scope_fd int fd = -1;
	struct stat st;
	int r;

	if (fstatat(dir_fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return -errno;
	r = connect_to(fd, dir_fd, name);
	return r == -ECONNREFUSED || r == -ENOENT ? 0 : -EADDRINUSE;
}

/* Binds, opens to everybody, listens; the umask is the whole process's and is left alone. */
static int listen_as(int fd, int dir_fd, const char *name)
{
	struct sockaddr_un address;
	int r;

	r = make_address(dir_fd, name, &address);
	if (r < 0)
		return r;
	if (unlinkat(dir_fd, name, 0) < 0 && errno != ENOENT)
		return -errno;
	if (bind(fd, (struct sockaddr *)&address, sizeof(address)) < 0)
		return -errno;
	if (fchmodat(dir_fd, name, 0666, AT_SYMLINK_NOFOLLOW) < 0 || listen(fd, LIMIT_CLIENTS) < 0)
		return -errno;
	return 0;
}

/* The listener's descriptors and name are set; what fails leaves them to the caller. */
static int listen_and_rename(struct control_listener *listener, const char *temporary)
{
	struct stat st;
	int r;

	r = listen_as(listener->fd, listener->dir_fd, temporary);
	if (r == 0 && fstatat(listener->dir_fd, temporary, &st, AT_SYMLINK_NOFOLLOW) < 0)
		r = -errno;
	if (r == 0 && renameat(listener->dir_fd, temporary, listener->dir_fd, listener->name) < 0)
		r = -errno;
	if (r < 0) {
		unlinkat(listener->dir_fd, temporary, 0);
		return r;
	}
	listener->device = st.st_dev;
	listener->inode = st.st_ino;
	return 0;
}

int control_socket_listen(const char *path, struct control_listener *ret_listener)
{
	scope_fd int dir_fd = -1, fd = -1;
	scope_free char *temporary = NULL, *copy = NULL;
	struct control_listener listener;
	const char *name;
	int r;

	r = open_parent(path, &dir_fd, &name);
	if (r < 0)
		return r;
	r = check_free(dir_fd, name);
	if (r < 0)
		return r;
	copy = strdup(name);
	if (!copy || asprintf(&temporary, ".%s.new", name) < 0)
		return -ENOMEM;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	listener = (struct control_listener){.fd = fd, .dir_fd = dir_fd, .name = copy};
	r = listen_and_rename(&listener, temporary);
	if (r < 0)
		return r;
	take_fd(&fd);
	take_fd(&dir_fd);
	take(&copy);
	*ret_listener = listener;
	return 0;
}

void control_listener_done(struct control_listener *listener)
{
	struct stat st;

	/* Another server may stand there by now. */
	if (fstatat(listener->dir_fd, listener->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
		st.st_dev == listener->device && st.st_ino == listener->inode)
		unlinkat(listener->dir_fd, listener->name, 0);
	close(listener->fd);
	close(listener->dir_fd);
	free(listener->name);
}

int control_socket_connect(const char *path)
{
	struct timeval timeout = {.tv_sec = CONNECT_TIMEOUT_S};
	scope_fd int dir_fd = -1, fd = -1;
	const char *name;
	int r;

	r = open_parent(path, &dir_fd, &name);
	if (r < 0)
		return r;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	r = connect_to(fd, dir_fd, name);
	if (r < 0)
		return r == -EAGAIN ? -ETIMEDOUT : r;
	return take_fd(&fd);
}

int control_socket_peer(int fd, struct ucred *ret_peer)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return -errno;
	if (len != sizeof(peer) || peer.uid == (uid_t)-1)
		return -EPERM;
	*ret_peer = peer;
	return 0;
}

int control_socket_peer_process(int fd, pid_t pid)
{
	int process;
	socklen_t len = sizeof(process);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERPIDFD, &process, &len) == 0)
		return process;
	/* Of one that is gone kernels say it in several ways. */
	if (errno != ENOPROTOOPT)
		return errno == EMFILE || errno == ENFILE || errno == ENOMEM ? -errno : -ESRCH;
	process = pidfd_open(pid, 0);
	return process < 0 ? -errno : process;
}
