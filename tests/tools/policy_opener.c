/* SPDX-License-Identifier: Apache-2.0 */
/*
 * policy_opener.c - a process that opens what it is told to, for tests/tools/policy_trial.py: a
 * line "open PATH", "write PATH" or "stat PATH" on stdin is answered with errno and a newline on
 * stdout; PATH goes to the end of the line. Ends with stdin.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static int try(const char *what, const char *path)
{
	struct stat stat;
	int fd;

	if (strcmp(what, "stat") == 0)
		return lstat(path, &stat) < 0 ? errno : 0;
	fd = open(path, (strcmp(what, "write") == 0 ? O_WRONLY : O_RDONLY) | O_CLOEXEC);
	if (fd < 0)
		return errno;
	close(fd);
	return 0;
}

int main(void)
{
	char line[8192];
	char *path;

	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		path = strchr(line, ' ');
		if (!path)
			return 2;
		*path++ = '\0';
		printf("%d\n", try(line, path));
		fflush(stdout);
	}
	return 0;
}
