/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_subject_userns.c - callers in user namespaces of root's making, of a user's, and beneath.
 * Needs root.
 */
#include "policy/subject.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* What the processes of one test know of each other. */
static struct shared {
	pid_t caller; /* who is looked at */
	bool is_ready, is_mapped;
} * shared;

static int start(void **state)
{
	(void)state;
	shared = mmap(
		NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	return shared == MAP_FAILED ? -1 : subject_init();
}

static bool comes_true(volatile bool *fact)
{
	for (int i = 0; i < 10000 && !*fact; i++)
		usleep(1000);
	return *fact;
}

/*
 * Goes on as a child in a new namespace; who called waits for its end. By clone: unshare is not for
 * a process with threads, and ThreadSanitizer gives every process one.
 */
static void enter_new_namespace(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, CLONE_NEWUSER | SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid < 0)
		_exit(1);
	if (pid > 0) {
		waitpid(pid, NULL, 0);
		_exit(0);
	}
	shared->caller = (pid_t)syscall(SYS_getpid);
}

/* Without libc, which would tell threads that clone left behind. */
static void become(uid_t id)
{
	if (syscall(SYS_setgroups, 0, NULL) < 0 || syscall(SYS_setgid, id) < 0 ||
		syscall(SYS_setuid, id) < 0)
		_exit(1);
}

/* With ids mapped from without, as a container engine does: root stays root, others move. */
static void enter_mapped_namespace(void)
{
	enter_new_namespace();
	shared->is_ready = true;
	if (!comes_true(&shared->is_mapped))
		_exit(1);
}

static void write_map(const char *which)
{
	static const char map[] = "0 0 1\n1 200001 1000\n";
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/%s", shared->caller, which);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, map, strlen(map)), strlen(map));
	close(fd);
}

/* A process goes through these steps; then it is looked at as the user it is by then. */
static void look_at(void (*steps)(void), bool maps, uint32_t uid, bool contained)
{
	struct subject_origin origin = {.uid = uid, .gid = uid};
	__attribute__((cleanup(subject_done))) struct subject subject;
	enum reason reason = REASON_NONE;
	pid_t pid;
	int r;

	*shared = (struct shared){0};
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		steps();
		shared->is_ready = true;
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			pause();
	}
	assert_true(comes_true(&shared->is_ready));
	if (maps) {
		write_map("gid_map");
		write_map("uid_map");
		shared->is_ready = false;
		shared->is_mapped = true;
		assert_true(comes_true(&shared->is_ready));
	}
	origin.tid = shared->caller;
	r = subject_capture(&origin, &subject, &reason);
	kill(shared->caller, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_string_equal(
		reason_word(reason), reason_word(contained ? REASON_NONE : REASON_USER_NAMESPACE));
	assert_int_equal(r, contained ? 0 : -EACCES);
	assert_int_equal(subject.contained_userns, contained);
	assert_false(subject.initial_userns);
	assert_int_equal(subject.uid, uid);
	/* For the record, whatever comes of it. */
	assert_non_null(subject.exe);
	assert_true(subject.start_time != 0);
}

static void by_root_unmapped(void)
{
	enter_new_namespace();
}

static void by_root(void)
{
	enter_mapped_namespace();
	become(7);
}

static void by_user(void)
{
	become(65534);
	enter_new_namespace();
}

static void by_root_within(void)
{
	enter_mapped_namespace();
	enter_new_namespace();
}

static void by_user_within(void)
{
	enter_mapped_namespace();
	become(7);
	enter_new_namespace();
}

static void test_root_made(void **state)
{
	(void)state;
	look_at(by_root_unmapped, false, 0, true);
	look_at(by_root, true, 200007, true);
}

static void test_user_made(void **state)
{
	(void)state;
	look_at(by_user, false, 65534, false);
}

/* Beneath root's: its own root is uid 0 without as well, but it is not the server's child. */
static void test_nested(void **state)
{
	(void)state;
	look_at(by_root_within, true, 0, false);
	look_at(by_user_within, true, 200007, false);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_root_made),
		cmocka_unit_test(test_user_made),
		cmocka_unit_test(test_nested),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
