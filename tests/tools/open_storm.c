/* SPDX-License-Identifier: Apache-2.0 */
/* open_storm.c - opens a file again and again from 16 threads of a user: open_storm FILE UID. */
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#define THREADS 16
#define SECONDS 3

static const char *path;

static void *open_for_ever(void *arg)
{
	int fd;

	do {
		fd = open(path, O_RDONLY | O_CLOEXEC);
		if (fd >= 0)
			close(fd);
	} while (path);
	return arg;
}

int main(int argc, char **argv)
{
	pthread_t thread;

	if (argc != 3 || setgroups(0, NULL) < 0 || setuid((uid_t)strtoul(argv[2], NULL, 10)) < 0)
		return 2;
	path = argv[1];
	for (int i = 0; i < THREADS; i++)
		if (pthread_create(&thread, NULL, open_for_ever, NULL) != 0)
			return 1;
	sleep(SECONDS);
	_exit(0);
}
