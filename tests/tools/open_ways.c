/* SPDX-License-Identifier: Apache-2.0 */
/*
 * open_ways.c - opens or reads a file in ways that a policy must see through:
 *
 * - thread FILE: by a thread that is not the main one.
 * - forged EXE FILE: after PR_SET_MM_MAP made /proc/self/exe show EXE.
 * - shared EXE FILE: after another process, of a user namespace of its own and with this one's
 *   memory, did that.
 * - passed FROM TO FILE: opened as uid FROM, read as uid TO by another process, which got the
 *   descriptor over a socket; as root.
 * - often N FILE: N times, each must be EACCES.
 *
 * Exit 0: the bytes came (their first are printed); 3: EACCES; 1: anything else.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* A whole decimal number, or the end of the program. */
static int number_of(const char *text)
{
	char *end;
	long number = strtol(text, &end, 10);

	if (!*text || *end)
		exit(2);
	return (int)number;
}

static int verdict(const char *what)
{
	int error = errno;

	fprintf(stderr, "%s: %s\n", what, strerror(error));
	return error == EACCES ? 3 : 1;
}

static int read_from(int fd)
{
	char bytes[64];
	ssize_t len = pread(fd, bytes, sizeof(bytes), 0);

	if (len < 0)
		return verdict("pread");
	return fwrite(bytes, 1, (size_t)len, stdout) == (size_t)len ? 0 : 1;
}

static int open_and_read(const char *file)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? verdict(file) : read_from(fd);
}

static void *thread_opens(void *file)
{
	static int result;

	result = open_and_read(file);
	return &result;
}

static int by_thread(char *file)
{
	pthread_t thread;
	void *result;

	if (pthread_create(&thread, NULL, thread_opens, file) != 0)
		return 1;
	pthread_join(thread, &result);
	return *(int *)result;
}

/* The addresses that the kernel wants back are the present ones, from /proc/self/stat. */
static int read_map(struct prctl_mm_map *map)
{
	unsigned long long at[53] = {0};
	char text[4096], *word;
	FILE *stat = fopen("/proc/self/stat", "re");
	int i = 3;

	if (!stat || !fgets(text, sizeof(text), stat))
		return -1;
	fclose(stat);
	for (word = strtok(strrchr(text, ')') + 2, " "); word && i < 53; word = strtok(NULL, " "))
		at[i++] = strtoull(word, NULL, 10);
	*map = (struct prctl_mm_map){
		.start_code = at[26],
		.end_code = at[27],
		.start_stack = at[28],
		.start_data = at[45],
		.end_data = at[46],
		.start_brk = at[47],
		.brk = (unsigned long)sbrk(0),
		.arg_start = at[48],
		.arg_end = at[49],
		.env_start = at[50],
		.env_end = at[51],
	};
	return 0;
}

/* A whole mapping as it lies in memory, the gaps that a sanitizer guards too. */
__attribute__((no_sanitize("address"))) static void copy_mapping(
	volatile char *to, const volatile char *from, size_t len)
{
	for (size_t i = 0; i < len; i++)
		to[i] = from[i];
}

/* The kernel does not take another executable while ours is mapped: copies take its place. */
static int unmap_executable(void)
{
	char own[4096], line[4400];
	struct {
		char *from;
		size_t len;
		int protection;
	} parts[16];
	size_t count = 0;
	FILE *maps = fopen("/proc/self/maps", "re");
	ssize_t len = readlink("/proc/self/exe", own, sizeof(own) - 1);

	if (!maps || len < 0)
		return -1;
	own[len] = '\0';
	while (count < 16 && fgets(line, sizeof(line), maps)) {
		unsigned long from, to;
		char flags[5];

		if (!strstr(line, own) || sscanf(line, "%lx-%lx %4s", &from, &to, flags) != 3)
			continue;
		parts[count].from = (char *)from;
		parts[count].len = to - from;
		parts[count++].protection = (flags[0] == 'r' ? PROT_READ : 0) |
					    (flags[1] == 'w' ? PROT_WRITE : 0) |
					    (flags[2] == 'x' ? PROT_EXEC : 0);
	}
	fclose(maps);
	for (size_t i = 0; i < count; i++) {
		char *copy = mmap(NULL, parts[i].len, PROT_READ | PROT_WRITE,
			MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		if (copy == MAP_FAILED)
			return -1;
		copy_mapping(copy, parts[i].from, parts[i].len);
		if (mprotect(copy, parts[i].len, parts[i].protection) < 0 ||
			mremap(copy, parts[i].len, parts[i].len, MREMAP_MAYMOVE | MREMAP_FIXED,
				parts[i].from) == MAP_FAILED)
			return -1;
	}
	return 0;
}

static int forge(const char *exe)
{
	struct prctl_mm_map map;
	char shown[4096] = "";
	ssize_t len;

	if (read_map(&map) < 0 || unmap_executable() < 0)
		return -1;
	map.exe_fd = (unsigned)open(exe, O_RDONLY | O_CLOEXEC);
	if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof(map), 0) < 0)
		return -1;
	len = readlink("/proc/self/exe", shown, sizeof(shown) - 1);
	return len > 0 && strcmp(shown, exe) == 0 ? 0 : -1;
}

static int as_forged(const char *exe, const char *file)
{
	if (forge(exe) < 0) {
		perror("forge");
		return 1;
	}
	return open_and_read(file);
}

struct sharing {
	const char *exe;
	int result;
};

static int forge_for_other(void *arg)
{
	struct sharing *sharing = arg;

	sharing->result = forge(sharing->exe);
	return 0;
}

static int as_shared(const char *exe, const char *file)
{
	static char stack[1 << 16] __attribute__((aligned(16)));
	struct sharing sharing = {.exe = exe, .result = -1};
	pid_t pid = clone(forge_for_other, stack + sizeof(stack),
		CLONE_VM | CLONE_VFORK | CLONE_NEWUSER | SIGCHLD, &sharing);

	if (pid < 0 || sharing.result < 0) {
		perror("share");
		return 1;
	}
	return open_and_read(file);
}

static int become(const char *uid)
{
	uid_t id = (uid_t)number_of(uid);

	return setgroups(0, NULL) < 0 || setresgid(id, id, id) < 0 || setresuid(id, id, id) < 0;
}

static int send_descriptor(int socket, const char *from, const char *file)
{
	union {
		struct cmsghdr header;
		char room[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec byte = {"", 1};
	struct msghdr message = {.msg_iov = &byte,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control)};
	int fd;

	if (become(from))
		return 1;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return verdict(file);
	control.header = (struct cmsghdr){
		.cmsg_len = CMSG_LEN(sizeof(int)),
		.cmsg_level = SOL_SOCKET,
		.cmsg_type = SCM_RIGHTS,
	};
	memcpy(CMSG_DATA(&control.header), &fd, sizeof(fd));
	return sendmsg(socket, &message, 0) < 0;
}

static int receive_and_read(int socket, const char *to)
{
	char room[CMSG_SPACE(sizeof(int))], byte;
	struct iovec bytes = {&byte, 1};
	struct msghdr message = {.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = room,
		.msg_controllen = sizeof(room)};
	int fd;

	if (become(to) || recvmsg(socket, &message, MSG_CMSG_CLOEXEC) != 1 ||
		!CMSG_FIRSTHDR(&message))
		return 1;
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof(fd));
	return read_from(fd);
}

static int pass(const char *from, const char *to, const char *file)
{
	int sockets[2], status;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, sockets) < 0)
		return 1;
	pid = fork();
	if (pid == 0) {
		close(sockets[1]);
		_exit(send_descriptor(sockets[0], from, file));
	}
	close(sockets[0]);
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0)
		return 1;
	return receive_and_read(sockets[1], to);
}

static int often(const char *times, const char *file)
{
	for (int i = number_of(times); i > 0; i--) {
		if (open(file, O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
			return 1;
	}
	return 3;
}

int main(int argc, char **argv)
{
	if (argc == 3 && strcmp(argv[1], "thread") == 0)
		return by_thread(argv[2]);
	if (argc == 4 && strcmp(argv[1], "forged") == 0)
		return as_forged(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "shared") == 0)
		return as_shared(argv[2], argv[3]);
	if (argc == 4 && strcmp(argv[1], "often") == 0)
		return often(argv[2], argv[3]);
	if (argc == 5 && strcmp(argv[1], "passed") == 0)
		return pass(argv[2], argv[3], argv[4]);
	return 2;
}
