/* SPDX-License-Identifier: Apache-2.0 */
/*
 * holders.c - a child does the looking and writes what it finds to a pipe: what it looks at may
 * keep it (a process whose memory map is locked while it waits for a file system of its own), and
 * then it is left.
 */
#include "fs/cmd/holders.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>

#include "keystore/base/clock.h"
#include "keystore/base/file.h"
#include "keystore/base/scope.h"

#define LOOK_MS	   5000
#define HOLDER_MAX 100000

static void close_directory(DIR *directory)
{
	closedir(directory);
}
SCOPE_FUNCTION(DIR *, close_directory);

/* What the link leads to, by the kernel's own knowledge: neither opened nor asked for attributes.
 */
static bool leads_to(dev_t device, int dir_fd, const char *link)
{
	scope_fd int fd = openat(dir_fd, link, O_PATH | O_CLOEXEC);
	struct statx attr;

	return fd >= 0 && statx(fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, 0, &attr) == 0 &&
	       makedev(attr.stx_dev_major, attr.stx_dev_minor) == device;
}

static bool has_file(dev_t device, int proc_fd)
{
	int fd = openat(proc_fd, "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scope(close_directory) DIR *directory = fd < 0 ? NULL : fdopendir(fd);
	const struct dirent *entry;

	if (!directory && fd >= 0)
		close(fd);
	while (directory && (entry = readdir(directory))) {
		if (entry->d_name[0] != '.' && leads_to(device, dirfd(directory), entry->d_name))
			return true;
	}
	return false;
}

/* "7f..-7f.. r--s 00000000 00:2a 7   /path" */
static bool has_mapping(dev_t device, int proc_fd)
{
	int fd = openat(proc_fd, "maps", O_RDONLY | O_CLOEXEC);
	FILE *maps = fd < 0 ? NULL : fdopen(fd, "r");
	scope_free char *line = NULL;
	unsigned major_number, minor_number;
	size_t capacity = 0;
	bool found = false;

	if (!maps && fd >= 0)
		close(fd);
	while (maps && !found && getline(&line, &capacity, maps) > 0)
		found = sscanf(line, "%*s %*s %*s %x:%x", &major_number, &minor_number) == 2 &&
			makedev(major_number, minor_number) == device;
	if (maps)
		fclose(maps);
	return found;
}

static void keep_name(int proc_fd, struct holder *holder)
{
	scope_fd int fd = openat(proc_fd, "comm", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? 0 : file_read(fd, holder->name, sizeof(holder->name) - 1);

	holder->name[len > 0 ? len : 0] = '\0';
	for (char *at = holder->name; *at; at++) {
		if (*at < ' ' || *at > '~')
			*at = *at == '\n' ? '\0' : '?';
	}
}

static void look_at(pid_t pid, dev_t device, bool maps, int to_fd)
{
	struct holder holder = {.process.pid = pid};
	char path[32];
	scope_fd int proc_fd = -1;
	struct stat attr;

	snprintf(path, sizeof(path), "/proc/%ld", (long)pid);
	proc_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (proc_fd < 0 || fstat(proc_fd, &attr) < 0 ||
		process_start_time(pid, &holder.process.start_time) < 0)
		return;
	holder.uid = attr.st_uid;
	if (maps) {
		holder.how = has_mapping(device, proc_fd) ? HOLDS_MAPPING : 0;
	} else {
		holder.how = (leads_to(device, proc_fd, "cwd") ? HOLDS_CWD : 0) |
			     (leads_to(device, proc_fd, "root") ? HOLDS_ROOT : 0) |
			     (has_file(device, proc_fd) ? HOLDS_FILE : 0);
	}
	if (!holder.how)
		return;
	keep_name(proc_fd, &holder);
	/* Nobody reads any more: nobody is told. */
	if (file_write(to_fd, &holder, sizeof(holder)) < 0)
		_exit(1);
}

/* All but mappings first: only those can keep whoever looks. */
_Noreturn static void look(dev_t device, int to_fd)
{
	const pid_t self = getpid(), parent = getppid();

	for (int maps = 0; maps < 2; maps++) {
		DIR *directory = opendir("/proc");
		const struct dirent *entry;

		while (directory && (entry = readdir(directory))) {
			pid_t pid = (pid_t)strtol(entry->d_name, NULL, 10);

			if (pid > 0 && pid != self && pid != parent)
				look_at(pid, device, maps, to_fd);
		}
		if (directory)
			closedir(directory);
	}
	_exit(0);
}

static int add(struct holder **all, size_t *count, const struct holder *holder)
{
	struct holder *grown;

	for (size_t i = 0; i < *count; i++) {
		if ((*all)[i].process.pid == holder->process.pid) {
			(*all)[i].how |= holder->how;
			return 0;
		}
	}
	if (*count >= HOLDER_MAX)
		return -E2BIG;
	grown = reallocarray(*all, *count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	grown[(*count)++] = *holder;
	*all = grown;
	return 0;
}

/* Until the child is done, or the time is over. */
static int collect(int fd, struct holder **all, size_t *count)
{
	int64_t end_ns = clock_monotonic_ns() + LOOK_MS * NS_PER_MS;
	struct holder holder;
	int r = 0;

	while (r == 0) {
		int64_t left_ms = (end_ns - clock_monotonic_ns()) / NS_PER_MS;
		struct pollfd poll_fd = {.fd = fd, .events = POLLIN};
		ssize_t len;

		if (left_ms <= 0 || poll(&poll_fd, 1, (int)left_ms) == 0)
			return -ETIMEDOUT;
		/* Written whole: it is far smaller than a pipe's atomic write. */
		len = file_read(fd, &holder, sizeof(holder));
		if (len != sizeof(holder))
			return len < 0 ? (int)len : 0;
		r = add(all, count, &holder);
	}
	return r;
}

int holders_find(dev_t device, struct holder **ret_all, size_t *ret_count)
{
	scope_free struct holder *all = NULL;
	size_t count = 0;
	int fds[2], r;
	pid_t child;

	/* That of no mount is in every process's map. */
	if (!device)
		return -ENODEV;
	if (pipe2(fds, O_CLOEXEC) < 0)
		return -errno;
	child = fork();
	if (child == 0)
		look(device, fds[1]);
	close(fds[1]);
	if (child < 0) {
		close(fds[0]);
		return -EAGAIN;
	}
	r = collect(fds[0], &all, &count);
	close(fds[0]);
	/* Whatever it waits for, a kill ends it; but nobody waits for that. */
	kill(child, SIGKILL);
	waitpid(child, NULL, r == -ETIMEDOUT ? WNOHANG : 0);
	if (r < 0 && r != -ETIMEDOUT)
		return r;
	*ret_all = take(&all);
	*ret_count = count;
	return r;
}
