/* SPDX-License-Identifier: Apache-2.0 */
/*
 * name_ways.c - every way in which the kernel can be asked about a name, one line for each: the
 * call, and what came of it, without the name. `name_ways PATH` asks by path; `name_ways --held
 * PATH COMMAND...` opens it in several ways, runs the command, and asks by what it holds. Two names
 * that nobody could tell apart give the same lines.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/fanotify.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#define SAY(call) say(#call, (long)(call))

static const char *path, *beside;

static void say(const char *call, long result)
{
	printf("%s: %s\n", call, result < 0 ? strerrorname_np(errno) : "done");
}

/* What a descriptor shows does not matter here, only that there is one. */
static void say_fd(const char *call, int fd)
{
	say(call, fd);
	if (fd >= 0)
		close(fd);
}

static void open_ways(const char *name)
{
	static const struct {
		const char *words;
		int flags;
	} ways[] = {{"read", O_RDONLY}, {"path", O_PATH}, {"path nofollow", O_PATH | O_NOFOLLOW},
		{"directory", O_DIRECTORY}, {"write", O_WRONLY}, {"truncate", O_WRONLY | O_TRUNC},
		{"nofollow", O_NOFOLLOW}, {"create", O_CREAT | O_RDONLY},
		{"create new", O_CREAT | O_EXCL | O_RDWR}, {"unnamed", O_TMPFILE | O_RDWR},
		{"path directory", O_PATH | O_DIRECTORY}};

	for (size_t i = 0; i < sizeof(ways) / sizeof(*ways); i++) {
		char words[64];

		snprintf(words, sizeof(words), "open %s", ways[i].words);
		say_fd(words, open(name, ways[i].flags | O_CLOEXEC, 0600));
	}
}

static void look_ways(const char *name)
{
	struct stat attr;
	struct statx x;
	struct statfs fs;
	char buffer[PATH_MAX];

	SAY(stat(name, &attr));
	SAY(lstat(name, &attr));
	SAY(syscall(SYS_statx, AT_FDCWD, name, AT_STATX_FORCE_SYNC, STATX_ALL, &x));
	SAY(syscall(SYS_statx, AT_FDCWD, name, AT_STATX_DONT_SYNC, STATX_ALL, &x));
	SAY(access(name, F_OK));
	SAY(access(name, R_OK));
	SAY(access(name, W_OK));
	SAY(access(name, X_OK));
	SAY(faccessat(AT_FDCWD, name, R_OK, AT_EACCESS | AT_SYMLINK_NOFOLLOW));
	SAY(readlink(name, buffer, sizeof(buffer)));
	SAY(realpath(name, buffer) ? 0 : -1);
	SAY(statfs(name, &fs));
	SAY(getxattr(name, "user.x", buffer, sizeof(buffer)));
	SAY(lgetxattr(name, "security.capability", buffer, sizeof(buffer)));
	SAY(getxattr(name, "system.posix_acl_access", NULL, 0));
	SAY(listxattr(name, buffer, sizeof(buffer)));
	SAY(llistxattr(name, NULL, 0));
	SAY(setxattr(name, "user.x", "", 0, 0));
	SAY(removexattr(name, "user.x"));
	SAY(chdir(name));
	SAY(chroot(name));
}

static void change_ways(const char *name)
{
	char other[PATH_MAX];

	snprintf(other, sizeof(other), "%s-other", name);
	SAY(mkdir(name, 0700));
	SAY(mknod(name, S_IFIFO | 0600, 0));
	SAY(symlink("x", name));
	SAY(link(name, other));
	SAY(link(beside, name));
	SAY(rename(name, other));
	SAY(rename(beside, name));
	SAY(syscall(SYS_renameat2, AT_FDCWD, name, AT_FDCWD, other, 1));
	SAY(syscall(SYS_renameat2, AT_FDCWD, beside, AT_FDCWD, name, 1));
	SAY(syscall(SYS_renameat2, AT_FDCWD, beside, AT_FDCWD, name, 2));
	SAY(unlink(name));
	SAY(rmdir(name));
	SAY(chmod(name, 0700));
	SAY(lchown(name, getuid(), getgid()));
	SAY(utimensat(AT_FDCWD, name, NULL, 0));
	SAY(truncate(name, 0));
}

static void socket_ways(const char *name)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (strlen(name) < sizeof(address.sun_path)) {
		snprintf(address.sun_path, sizeof(address.sun_path), "%s", name);
		SAY(connect(fd, (struct sockaddr *)&address, sizeof(address)));
		SAY(bind(fd, (struct sockaddr *)&address, sizeof(address)));
	}
	close(fd);
}

static void watch_ways(const char *name)
{
	union {
		struct file_handle handle;
		char room[sizeof(struct file_handle) + MAX_HANDLE_SZ];
	} room = {.handle.handle_bytes = MAX_HANDLE_SZ};
	int fd = inotify_init1(IN_CLOEXEC), mount_id;

	SAY(inotify_add_watch(fd, name, IN_ALL_EVENTS));
	close(fd);
	fd = fanotify_init(FAN_CLASS_NOTIF | FAN_CLOEXEC | FAN_REPORT_FID, O_RDONLY);
	if (fd >= 0) {
		SAY(fanotify_mark(fd, FAN_MARK_ADD, FAN_OPEN, AT_FDCWD, name));
		close(fd);
	}
	SAY(name_to_handle_at(AT_FDCWD, name, &room.handle, &mount_id, 0));
	say_fd("open_tree", (int)syscall(SYS_open_tree, AT_FDCWD, name, O_CLOEXEC));
	SAY(umount2(name, UMOUNT_NOFOLLOW));
	SAY(mount("none", name, "tmpfs", 0, NULL));
}

static void run_way(const char *name)
{
	pid_t pid;
	int status = 0;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		execl(name, name, (char *)NULL);
		_exit(errno);
	}
	waitpid(pid, &status, 0);
	errno = WEXITSTATUS(status);
	say("execve", errno ? -1 : 0);
}

/* Below the name, and with what may stand behind it. */
static void way_below(const char *end)
{
	char name[PATH_MAX + 1024];
	struct stat attr;

	snprintf(name, sizeof(name), "%s%s", path, end);
	printf("%.12s: ", end);
	SAY(stat(name, &attr));
	say_fd("  open", open(name, O_RDONLY | O_CLOEXEC));
	say_fd("  create", open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
	SAY(mkdir(name, 0700));
	SAY(unlink(name));
}

static int by_path(void)
{
	static char of_255[258] = "/", of_256[259] = "/", of_1100[1103] = "/";
	int start = open(".", O_PATH | O_DIRECTORY | O_CLOEXEC);

	memset(of_255 + 1, 'n', 255);
	memset(of_256 + 1, 'n', 256);
	memset(of_1100 + 1, 'n', 1100);
	open_ways(path);
	look_ways(path);
	if (fchdir(start) < 0)
		return 2;
	change_ways(path);
	socket_ways(path);
	watch_ways(path);
	run_way(path);
	way_below("/");
	way_below("/.");
	way_below("/..");
	way_below("/x");
	way_below("/x/y");
	way_below(of_255);
	way_below(of_256);
	way_below(of_1100);
	return 0;
}

static void held_directory(int fd)
{
	char long_name[300];
	struct stat attr;
	DIR *directory;

	memset(long_name, 'n', sizeof(long_name));
	long_name[256] = '\0';
	say_fd("openat .", openat(fd, ".", O_RDONLY | O_CLOEXEC));
	say_fd("openat child", openat(fd, "child", O_RDONLY | O_CLOEXEC));
	say_fd("openat child path", openat(fd, "child", O_PATH | O_CLOEXEC));
	say_fd("openat absent", openat(fd, "absent", O_RDONLY | O_CLOEXEC));
	say_fd("openat long", openat(fd, long_name, O_RDONLY | O_CLOEXEC));
	SAY(fstatat(fd, "child", &attr, 0));
	SAY(fstatat(fd, "below/deeper", &attr, 0));
	SAY(mkdirat(fd, "child", 0700));
	SAY(unlinkat(fd, "child", 0));
	SAY(fchdir(fd));
	directory = opendir(".");
	SAY(directory ? 0 : -1);
	if (directory)
		closedir(directory);
}

static void held(const char *words, int fd)
{
	char buffer[PATH_MAX], name[64];
	struct stat attr;
	struct statx x;

	printf("%s\n", words);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	SAY(fstat(fd, &attr));
	SAY(syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_ALL, &x));
	SAY(stat(name, &attr));
	say_fd("open by /proc", open(name, O_RDONLY | O_CLOEXEC));
	SAY(syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH));
	SAY(access(name, R_OK));
	SAY(getxattr(name, "user.x", buffer, sizeof(buffer)));
	SAY(listxattr(name, buffer, sizeof(buffer)));
}

/* Reads what is left of an open directory. */
static void read_on(DIR *directory)
{
	const struct dirent *entry;

	rewinddir(directory);
	errno = 0;
	while ((entry = readdir(directory)))
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			printf("entry %s\n", entry->d_name);
	say("readdir", errno ? -1 : 0);
}

static bool run(const char *command)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		execl("/bin/sh", "sh", "-c", command, (char *)NULL);
		_exit(127);
	}
	return waitpid(pid, &status, 0) == pid && status == 0;
}

static int by_descriptor(const char *command)
{
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	DIR *directory = opendir(path);
	struct stat attr;

	if (fd < 0 || fstat(fd, &attr) < 0 || (S_ISDIR(attr.st_mode) && !directory))
		return 2;
	fflush(stdout);
	if (!run(command))
		return 2;
	held("held", fd);
	if (directory) {
		held_directory(fd);
		read_on(directory);
		closedir(directory);
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool by_fd = argc == 4 && strcmp(argv[1], "--held") == 0;

	setvbuf(stdout, NULL, _IOFBF, 1 << 16);
	if (!by_fd && argc != 3) {
		fprintf(stderr, "usage: name_ways PATH BESIDE | --held PATH COMMAND\n");
		return 2;
	}
	path = argv[by_fd ? 2 : 1];
	beside = argv[2];
	return by_fd ? by_descriptor(argv[3]) : by_path();
}
