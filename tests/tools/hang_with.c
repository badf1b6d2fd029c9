/* SPDX-License-Identifier: Apache-2.0 */
/*
 * hang_with.c - what a hostile user does with a file that hangs (hang_fuse):
 *   hang_with getdents DIRECTORY FILE       holds the directory's lock while FILE's page is awaited
 *   hang_with pass SOCKET FILE TEXT SECONDS passes FILE with TEXT to a server, waits, shows answers
 */
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#define ROOM 65536

static int list_into(const char *directory, int hung_fd)
{
	void *room = mmap(NULL, ROOM, PROT_READ | PROT_WRITE, MAP_PRIVATE, hung_fd, 0);
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (room == MAP_FAILED || fd < 0)
		return 1;
	return syscall(SYS_getdents64, fd, room, ROOM) < 0;
}

static int connect_to(const char *path)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	return connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -1 : fd;
}

static int pass(int socket_fd, int hung_fd, char *text)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr header;
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof(int)),
			     .cmsg_level = SOL_SOCKET,
			     .cmsg_type = SCM_RIGHTS}};
	struct iovec part = {.iov_base = text, .iov_len = strlen(text)};
	struct msghdr message = {.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof(control.bytes)};

	memcpy(CMSG_DATA(&control.header), &hung_fd, sizeof(int));
	return sendmsg(socket_fd, &message, 0) < 0;
}

static void show_answers(int fd, int seconds)
{
	struct pollfd pollfd = {.fd = fd, .events = POLLIN};
	char bytes[4096];
	ssize_t len = 1;

	while (len > 0 && poll(&pollfd, 1, seconds * 1000) > 0) {
		len = read(fd, bytes, sizeof(bytes));
		if (len > 0)
			fwrite(bytes, 1, (size_t)len, stdout);
		fflush(stdout);
	}
}

int main(int argc, char **argv)
{
	int hung_fd, fd;

	if (argc < 4)
		return 2;
	hung_fd = open(argv[3], O_RDWR | O_CLOEXEC);
	if (hung_fd < 0) {
		perror(argv[3]);
		return 1;
	}
	if (strcmp(argv[1], "getdents") == 0)
		return list_into(argv[2], hung_fd);
	if (argc != 6)
		return 2;
	fd = connect_to(argv[2]);
	/* Who waits for no answer does not even let one come. */
	if (fd < 0 || (strcmp(argv[5], "0") == 0 && shutdown(fd, SHUT_RD) < 0) ||
		pass(fd, hung_fd, argv[4]) != 0)
		return 1;
	show_answers(fd, (int)strtol(argv[5], NULL, 10));
	close(fd);
	/* The end of this process would wait for the file too. Longer than any test, but not for
	 * ever: a test that is another user's cannot kill it. */
	alarm(120);
	pause();
	return 0;
}
