/* SPDX-License-Identifier: Apache-2.0 */
/*
 * subject_proc.c - a caller as /proc shows it, while he waits in his request.
 *
 * The directory /proc/TID is opened once and everything is read beneath it: the descriptor stays
 * with that one thread, so a number that is used again shows as a thread that is gone. The start
 * time is the process's. That the thread lives at the end proves that its process's directory was
 * the right one when it was opened: no second reading of the start time, which costs 8 us. What the
 * caller could stall (cmdline, environ, maps, the attributes of an executable on his own FUSE) is
 * not touched.
 */
#include "policy/subject_private.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>

#include "keystore/base/clock.h"
#include "keystore/base/limits.h"
#include "keystore/base/scope.h"

#define PROC_TEXT_STACK 4096	  /* what nearly every file of a process fits in */
#define PROC_TEXT_MAX	(1 << 20) /* status with LIMIT_GROUPS groups stays below */

/* No result of the calls made here. */
#define KERNEL_THREAD (-ENOEXEC)
#define OTHER_USER    (-EUSERS)

/* Written once by subject_init, before there are threads. */
static int proc_fd = -1;

int subject_init(void)
{
	scope_fd int fd = -1;
	struct statfs fs;
	int r;

	if (proc_fd >= 0)
		return 0;
	fd = open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (fstatfs(fd, &fs) < 0)
		return -errno;
	if (fs.f_type != PROC_SUPER_MAGIC)
		return -ENOTSUP;
	r = subject_userns_init(fd);
	if (r < 0)
		return r;
	proc_fd = take_fd(&fd);
	return 0;
}

/* The text of one file: on the stack of the caller if it fits there. */
struct proc_text {
	char stack[PROC_TEXT_STACK];
	char *heap;
	char *text; /* followed by a NUL */
	size_t len;
};

static void proc_text_done(struct proc_text *text)
{
	free(text->heap);
}

#define scope_proc_text __attribute__((cleanup(proc_text_done)))

/* These files are made at the first read: what did not fit must be asked for from the start. */
static int proc_text_grow(int fd, struct proc_text *text)
{
	for (size_t size = 16 * PROC_TEXT_STACK; size <= PROC_TEXT_MAX; size *= 4) {
		size_t len = 0;
		ssize_t n = 1;

		free(text->heap);
		text->heap = malloc(size);
		if (!text->heap)
			return -ENOMEM;
		while (n > 0 && len < size) {
			n = pread(fd, text->heap + len, size - len, (off_t)len);
			if (n < 0)
				return -errno;
			len += (size_t)n;
		}
		if (len < size) {
			text->text = text->heap;
			text->len = len;
			text->heap[len] = '\0';
			return 0;
		}
	}
	return -EFBIG;
}

static int proc_text_read(int dir_fd, const char *name, struct proc_text *text)
{
	scope_fd int fd = openat(dir_fd, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	ssize_t n;

	if (fd < 0)
		return -errno;
	n = pread(fd, text->stack, sizeof(text->stack) - 1, 0);
	if (n < 0)
		return -errno;
	if ((size_t)n == sizeof(text->stack) - 1)
		return proc_text_grow(fd, text);
	text->stack[n] = '\0';
	text->text = text->stack;
	text->len = (size_t)n;
	return 0;
}

/* What stands behind "Name:\t" at the beginning of a line (never the first), or NULL. */
static const char *status_field(const struct proc_text *status, const char *name)
{
	const char *at = strstr(status->text, name);

	return at ? at + strlen(name) : NULL;
}

/* Decimal digits at *at, which moves behind them. */
static bool read_number(const char **at, uint64_t max, uint64_t *ret_number)
{
	const char *from = *at;
	uint64_t number = 0;

	while (**at >= '0' && **at <= '9') {
		number = number * 10 + (uint64_t)(*(*at)++ - '0');
		if (number > max)
			return false;
	}
	*ret_number = number;
	return *at != from;
}

static int status_tgid(const struct proc_text *status, pid_t *ret_pid)
{
	const char *at = status_field(status, "\nTgid:\t");
	uint64_t number;

	if (!at || !read_number(&at, INT32_MAX, &number) || number == 0)
		return -EUCLEAN;
	*ret_pid = (pid_t)number;
	return 0;
}

/* Kernels before 6.11 have no such line: there a kernel thread is who has no memory. */
static bool status_is_kernel_thread(const struct proc_text *status)
{
	const char *kthread = status_field(status, "\nKthread:\t");
	const char *state = status_field(status, "\nState:\t");

	if (kthread)
		return *kthread == '1';
	return !status_field(status, "\nVmSize:\t") && state && *state != 'Z' && *state != 'X';
}

/*
 * The file-system uid, the fourth number. An overlay asks with its mounter's credentials: then the
 * groups read here would be the reader's and the user the mounter's.
 */
static int status_check_user(const struct proc_text *status, uint32_t uid)
{
	const char *at = status_field(status, "\nUid:\t");
	uint64_t number = UINT64_MAX;

	for (int i = 0; at && i < 4; i++) {
		if (i && *at++ != '\t')
			return -EUCLEAN;
		if (!read_number(&at, UINT32_MAX, &number))
			return -EUCLEAN;
	}
	if (!at)
		return -EUCLEAN;
	return number == uid ? 0 : OTHER_USER;
}

/*
 * The real group too: a program that sets its group, by a file of the user's own, leaves it behind
 * where no supplementary group is the same, and a deny with it. He takes it back as he likes.
 */
static int status_groups(const struct proc_text *status, struct subject *subject)
{
	const char *from = status_field(status, "\nGroups:\t");
	const char *real = status_field(status, "\nGid:\t");
	size_t count = 0;
	uint64_t number;

	if (!from || !real || !read_number(&real, UINT32_MAX, &number))
		return -EUCLEAN;
	/* Without groups there is a lone space. */
	for (const char *at = from; *from != ' ' && *at && *at != '\n'; at++)
		count += *at == ' ';
	if (count > LIMIT_GROUPS)
		return -E2BIG;
	subject->groups = malloc((count + 1) * sizeof(*subject->groups));
	if (!subject->groups)
		return -ENOMEM;
	if (number != subject->gid)
		subject->groups[subject->group_count++] = (uint32_t)number;
	count += subject->group_count;
	for (const char *at = from; *from != ' ' && *at && *at != '\n'; at++) {
		if (!read_number(&at, UINT32_MAX, &number) || *at != ' ' ||
			subject->group_count == count)
			return -EUCLEAN;
		subject->groups[subject->group_count++] = (uint32_t)number;
	}
	subject_sort_groups(subject);
	return 0;
}

/* Field 22 of stat. The name in field 2 may hold anything, a ')' too; numbers follow the last. */
static int read_start_time(int dir_fd, uint64_t *ret_start_time)
{
	scope_proc_text struct proc_text stat;
	const char *at;
	int r;

	stat.heap = NULL;
	r = proc_text_read(dir_fd, "stat", &stat);
	if (r < 0)
		return r;
	at = strrchr(stat.text, ')');
	for (int field = 2; at && field < 22; field++)
		at = strchr(at + 1, ' ');
	if (!at++ || !read_number(&at, UINT64_MAX / 16, ret_start_time))
		return -EUCLEAN;
	return 0;
}

static int open_process(pid_t pid)
{
	char name[16];
	int fd;

	snprintf(name, sizeof(name), "%d", pid);
	fd = openat(proc_fd, name, O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	return fd < 0 ? -errno : fd;
}

/* A thread and the process that it belongs to; both may be the same directory. */
struct proc_dirs {
	int thread_fd, other_fd;
};

static void proc_dirs_done(struct proc_dirs *dirs)
{
	scope_close_(&dirs->thread_fd);
	scope_close_(&dirs->other_fd);
}

static int process_fd(const struct proc_dirs *dirs)
{
	return dirs->other_fd >= 0 ? dirs->other_fd : dirs->thread_fd;
}

/* A kernel without audit has no such file. */
static int read_loginuid(int dir_fd, struct subject *subject)
{
	scope_proc_text struct proc_text loginuid;
	const char *at;
	uint64_t number;
	int r;

	loginuid.heap = NULL;
	r = proc_text_read(dir_fd, "loginuid", &loginuid);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	at = loginuid.text;
	if (!read_number(&at, UINT32_MAX, &number))
		return -EUCLEAN;
	subject->loginuid = (uint32_t)number;
	return 0;
}

/* The path of systemd's own hierarchy, else of the unified one. A kernel without cgroups: NULL. */
static int read_unit(int dir_fd, struct subject *subject)
{
	scope_proc_text struct proc_text cgroup;
	const char *at;
	size_t len;
	int r;

	cgroup.heap = NULL;
	r = proc_text_read(dir_fd, "cgroup", &cgroup);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	at = cgroup_unit(cgroup.text, &len, &subject->unit_hierarchy);
	if (!at)
		return 0;
	subject->unit = strndup(at, len);
	return subject->unit ? 0 : -ENOMEM;
}

static bool ends_in(const char *text, size_t len, const char *ending)
{
	size_t ending_len = strlen(ending);

	return len >= ending_len && memcmp(text + len - ending_len, ending, ending_len) == 0;
}

/* The identity by a stat that asks no file system for news; the text only for the record. */
static int read_exe(int dir_fd, struct subject *subject)
{
	char path[PATH_MAX];
	struct statx stx;
	ssize_t len;

	if (statx(dir_fd, "exe", AT_STATX_DONT_SYNC,
		    STATX_INO | STATX_SIZE | STATX_MTIME | STATX_CTIME, &stx) < 0)
		return -errno;
	subject->exe_dev = makedev(stx.stx_dev_major, stx.stx_dev_minor);
	subject->exe_ino = stx.stx_ino;
	subject->exe_size = stx.stx_size;
	subject->exe_mtime_ns = stx.stx_mtime.tv_sec * NS_PER_S + stx.stx_mtime.tv_nsec;
	subject->exe_ctime_ns = stx.stx_ctime.tv_sec * NS_PER_S + stx.stx_ctime.tv_nsec;
	len = readlinkat(dir_fd, "exe", path, sizeof(path));
	/* A path that is too long for a text is still an executable. */
	if (len < 0)
		return errno == ENAMETOOLONG ? 0 : -errno;
	subject->exe_deleted = ends_in(path, (size_t)len, " (deleted)");
	subject->exe = strndup(path, (size_t)len);
	return subject->exe ? 0 : -ENOMEM;
}

static enum reason reason_of(int result)
{
	switch (result) {
	case -ENOENT:
	case -ESRCH:
		return REASON_PROCESS_CHANGED;
	case -ENOMEM:
	case -EMFILE:
	case -ENFILE:
		return REASON_NO_RESOURCES;
	}
	return REASON_PROC_UNREADABLE;
}

/* Who asks: process, groups, start time. Opens both directories. */
static int identify(pid_t tid, struct proc_dirs *dirs, struct subject *subject, bool want_groups)
{
	scope_proc_text struct proc_text status;
	int r;

	status.heap = NULL;
	r = open_process(tid);
	if (r < 0)
		return r;
	dirs->thread_fd = r;
	r = proc_text_read(dirs->thread_fd, "status", &status);
	if (r < 0)
		return r;
	r = status_tgid(&status, &subject->pid);
	if (r < 0)
		return r;
	if (status_is_kernel_thread(&status))
		return KERNEL_THREAD;
	if (want_groups) {
		/* An unknown one has a reason of its own. */
		r = subject->uid == SUBJECT_ID_UNKNOWN ? 0
						       : status_check_user(&status, subject->uid);
		if (r != 0)
			return r;
		r = status_groups(&status, subject);
		if (r < 0)
			return r;
	}
	if (subject->pid != tid) {
		r = open_process(subject->pid);
		if (r < 0)
			return r;
		dirs->other_fd = r;
	}
	return read_start_time(process_fd(dirs), &subject->start_time);
}

static int check_alive(int dir_fd)
{
	struct stat unused;

	return fstatat(dir_fd, "stat", &unused, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* Both still live, so all that was read between is theirs: a descriptor never moves on. */
static int check_unchanged(const struct proc_dirs *dirs)
{
	int r;

	r = check_alive(dirs->thread_fd);
	if (r < 0 || dirs->other_fd < 0)
		return r;
	return check_alive(dirs->other_fd);
}

static int describe(const struct proc_dirs *dirs, struct subject *subject)
{
	int r;

	r = subject_read_userns(dirs->thread_fd, subject);
	if (r < 0)
		return r;
	r = read_loginuid(dirs->thread_fd, subject);
	if (r < 0)
		return r;
	r = read_unit(dirs->thread_fd, subject);
	if (r < 0)
		return r;
	r = read_exe(dirs->thread_fd, subject);
	if (r < 0)
		return r;
	return check_unchanged(dirs);
}

static enum reason capture(const struct subject_origin *origin, struct subject *subject)
{
	__attribute__((cleanup(proc_dirs_done))) struct proc_dirs dirs = {-1, -1};
	int r;

	if (proc_fd < 0)
		return REASON_SERVER_ERROR;
	if (origin->tid <= 0)
		return REASON_PID_UNKNOWN;
	r = identify(origin->tid, &dirs, subject, true);
	if (r == KERNEL_THREAD)
		return REASON_KERNEL_THREAD;
	if (r == OTHER_USER)
		return origin->uid == SUBJECT_ID_UNKNOWN ? REASON_UID_UNKNOWN : REASON_OTHER_USER;
	if (r < 0)
		return reason_of(r);
	r = describe(&dirs, subject);
	if (r < 0)
		return reason_of(r);
	if (origin->uid == SUBJECT_ID_UNKNOWN || origin->gid == SUBJECT_ID_UNKNOWN)
		return REASON_UID_UNKNOWN;
	/* What a contained one may is for the rules to say. */
	return subject->initial_userns || subject->contained_userns ? REASON_NONE
								    : REASON_USER_NAMESPACE;
}

int subject_capture(
	const struct subject_origin *origin, struct subject *ret_subject, enum reason *ret_reason)
{
	enum reason reason;

	*ret_subject = (struct subject)SUBJECT_NOBODY;
	ret_subject->uid = origin->uid;
	ret_subject->gid = origin->gid;
	ret_subject->tid = origin->tid;
	reason = capture(origin, ret_subject);
	if (reason == REASON_NONE)
		return 0;
	*ret_reason = reason;
	return -EACCES;
}

int subject_process_of_thread(pid_t tid, pid_t *ret_pid, uint64_t *ret_start_time)
{
	__attribute__((cleanup(proc_dirs_done))) struct proc_dirs dirs = {-1, -1};
	__attribute__((cleanup(subject_done))) struct subject subject = SUBJECT_NOBODY;
	int r;

	if (proc_fd < 0 || tid <= 0)
		return -ENOENT;
	r = identify(tid, &dirs, &subject, false);
	if (r == KERNEL_THREAD)
		return -EACCES;
	if (r < 0)
		return r == -ESRCH ? -ENOENT : r;
	*ret_pid = subject.pid;
	*ret_start_time = subject.start_time;
	return 0;
}

int subject_open_process(pid_t pid, uint64_t start_time)
{
	scope_fd int fd = -1;
	uint64_t found;
	int r;

	if (proc_fd < 0 || pid <= 0)
		return -ESRCH;
	fd = open_process(pid);
	r = fd < 0 ? fd : read_start_time(fd, &found);
	if (r < 0)
		return r == -ENOENT ? -ESRCH : r;
	return found == start_time ? take_fd(&fd) : -ESRCH;
}
