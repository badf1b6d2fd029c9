/* SPDX-License-Identifier: Apache-2.0 */
/*
 * storm.c - many users open one file at once: storm FILE PLAIN FIRST_UID UIDS OPENS. Each uid is a
 * process that opens, reads a block somewhere, compares it, and closes, OPENS times; two more
 * processes (root, and one uid more) do nothing but stat and list. Exit 0: no error at all.
 */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
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

#define BLOCK 4096

static const char *file, *plain;

static int become(unsigned uid)
{
	return setgroups(0, NULL) < 0 || setresgid(uid, uid, uid) < 0 ||
	       setresuid(uid, uid, uid) < 0;
}

static int open_often(unsigned uid, int opens)
{
	int plain_fd = open(plain, O_RDONLY | O_CLOEXEC), bad = 0;
	char got[BLOCK], want[BLOCK];
	unsigned seed = uid;
	struct stat attr;

	if (plain_fd < 0 || fstat(plain_fd, &attr) < 0 || become(uid))
		return 1;
	for (int i = 0; i < opens && bad < 5; i++) {
		off_t at = (off_t)rand_r(&seed) % attr.st_size;
		ssize_t len = pread(plain_fd, want, BLOCK, at), read_len = -1;
		int fd = open(file, O_RDONLY | O_CLOEXEC);

		if (fd >= 0)
			read_len = pread(fd, got, BLOCK, at);
		if (fd < 0 || read_len < 0) {
			fprintf(stderr, "uid %u, open %d: %s: %s\n", uid, i,
				fd < 0 ? "open" : "pread", strerror(errno));
			bad++;
		} else if (read_len != len || memcmp(got, want, (size_t)len) != 0) {
			fprintf(stderr, "uid %u, open %d: other bytes\n", uid, i);
			bad++;
		}
		if (fd >= 0)
			close(fd);
	}
	return bad > 0;
}

static int stat_for_ever(unsigned uid)
{
	struct stat first, attr;

	if ((uid && become(uid)) || stat(file, &first) < 0)
		return 1;
	for (;;) {
		if (lstat(file, &attr) < 0) {
			perror("stat");
			return 1;
		}
		if (attr.st_ino != first.st_ino || attr.st_size != first.st_size) {
			fputs("stat shows another file\n", stderr);
			return 1;
		}
		usleep(500);
	}
}

int main(int argc, char **argv)
{
	pid_t watchers[2];
	unsigned first, uids;
	int status, bad = 0;

	if (argc != 6)
		return 2;
	file = argv[1];
	plain = argv[2];
	first = (unsigned)number_of(argv[3]);
	uids = (unsigned)number_of(argv[4]);
	for (unsigned i = 0; i < 2; i++) {
		watchers[i] = fork();
		if (watchers[i] == 0)
			_exit(stat_for_ever(i ? first + uids : 0));
	}
	for (unsigned i = 0; i < uids; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(open_often(first + i, number_of(argv[5])));
		if (pid < 0)
			return 1;
	}
	for (unsigned i = 0; i < uids; i++) {
		/* A watcher never ends by itself: whoever ends is an opener or has failed. */
		if (wait(&status) < 0 || status != 0)
			bad = 1;
	}
	for (int i = 0; i < 2; i++) {
		kill(watchers[i], SIGKILL);
		if (waitpid(watchers[i], &status, 0) > 0 && !WIFSIGNALED(status))
			bad = 1;
	}
	return bad;
}
