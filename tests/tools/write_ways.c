/* SPDX-License-Identifier: Apache-2.0 */
/*
 * write_ways.c - tries every call that would change something below a directory with a file in it:
 * write_ways DIRECTORY FILE. Exit 0: each failed with EROFS; 1: one did not, named on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

static int failed;

static void must_be_read_only(const char *call, int result)
{
	if (result >= 0 || errno != EROFS) {
		fprintf(stderr, "%s: %s\n", call, result >= 0 ? "succeeded" : strerror(errno));
		failed = 1;
	}
}

#define TRY(call) must_be_read_only(#call, (int)(call))

int main(int argc, char **argv)
{
	const char *file = argc == 3 ? argv[2] : "";

	if (argc != 3 || chdir(argv[1]) < 0)
		return 2;
	TRY(open(file, O_WRONLY | O_CLOEXEC));
	TRY(open(file, O_RDWR | O_CLOEXEC));
	TRY(open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	TRY(open(file, O_WRONLY | O_TRUNC | O_CLOEXEC));
	TRY(open(file, O_WRONLY | O_APPEND | O_CLOEXEC));
	TRY(open("new", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	TRY(open("new", O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
	TRY(creat("new", 0600));
	TRY(mknod("new", S_IFREG | 0600, 0));
	TRY(mkfifo("new", 0600));
	TRY(mkdir("new", 0700));
	TRY(symlink("there", "new"));
	TRY(link(file, "new"));
	TRY(rename(file, "new"));
	TRY(renameat2(AT_FDCWD, file, AT_FDCWD, "new", RENAME_NOREPLACE));
	TRY(unlink(file));
	TRY(truncate(file, 0));
	TRY(chmod(file, 0600));
	TRY(chmod(".", 0700));
	TRY(chown(file, 0, 0));
	TRY(utimensat(AT_FDCWD, file, NULL, 0));
	TRY(setxattr(file, "user.new", "1", 1, 0));
	TRY(removexattr(file, "user.new"));
	return failed;
}
