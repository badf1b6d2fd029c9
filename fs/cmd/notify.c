/* SPDX-License-Identifier: Apache-2.0 */
/*
 * notify.c - one datagram to the unix socket that $NOTIFY_SOCKET names: a path, or with '@' in
 * front a name in the abstract space. No library is needed for that.
 */
#include "fs/cmd/notify.h"

#include <errno.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "keystore/base/log.h"
#include "keystore/base/scope.h"

static int send_state(const char *name, const char *state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	scope_fd int fd = -1;

	if ((*name != '/' && *name != '@') || len < 2)
		return -EINVAL;
	if (len >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	memcpy(address.sun_path, name, len);
	if (*name == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	/* An abstract name ends where its length says, a path with a NUL. */
	len += offsetof(struct sockaddr_un, sun_path) + (*name == '/');
	if (sendto(fd, state, strlen(state), MSG_NOSIGNAL, (const struct sockaddr *)&address,
		    (socklen_t)len) < 0)
		return -errno;
	return 0;
}

void notify_manager(const char *format, ...)
{
	const char *name = getenv("NOTIFY_SOCKET");
	scope_free char *state = NULL;
	va_list args;
	int r;

	if (!name || !*name)
		return;
	va_start(args, format);
	r = vasprintf(&state, format, args);
	va_end(args);
	r = r < 0 ? -ENOMEM : send_state(name, state);
	if (r < 0)
		log_warning("the service manager could not be told (NOTIFY_SOCKET=%s): %s", name,
			strerror(-r));
}

void notify_nobody(void)
{
	unsetenv("NOTIFY_SOCKET");
}
