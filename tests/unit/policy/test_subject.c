/* SPDX-License-Identifier: Apache-2.0 */
/* test_subject.c - living callers seen through /proc. Needs root: it becomes other users. */
#include "policy/subject_private.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "keystore/base/clock.h"
#include "keystore/base/scope.h"

#define scope_subject __attribute__((cleanup(subject_done)))

static int start(void **state)
{
	(void)state;
	return subject_init();
}

/* A child that runs prepare and then waits to be killed; 0: prepare failed. */
static pid_t child_that(int (*prepare)(void))
{
	int ready[2];
	pid_t pid;
	char byte = 1;

	assert_int_equal(pipe2(ready, O_CLOEXEC), 0);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		byte = prepare() == 0;
		if (write(ready[1], &byte, 1) != 1)
			_exit(1);
		for (;;)
			pause();
	}
	assert_int_equal(read(ready[0], &byte, 1), 1);
	close(ready[0]);
	close(ready[1]);
	assert_int_equal(byte, 1);
	return pid;
}

static void end_child(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void test_self(void **state)
{
	struct subject_origin origin = {getuid(), getgid(), gettid()};
	scope_subject struct subject subject;
	enum reason reason = REASON_NONE;
	char path[4096] = "";
	struct stat exe;
	FILE *stat_file = fopen("/proc/self/stat", "re");
	unsigned long long start_time = 0;

	(void)state;
	assert_int_equal(subject_capture(&origin, &subject, &reason), 0);
	assert_int_equal(subject.uid, getuid());
	assert_int_equal(subject.pid, getpid());
	assert_int_equal(subject.tid, gettid());
	assert_true(subject.initial_userns);
	assert_true(readlink("/proc/self/exe", path, sizeof(path) - 1) > 0);
	assert_string_equal(subject.exe, path);
	assert_int_equal(stat(path, &exe), 0);
	assert_int_equal(subject.exe_ino, exe.st_ino);
	assert_int_equal(subject.exe_dev, exe.st_dev);
	assert_int_equal(subject.exe_size, exe.st_size);
	assert_int_equal(subject.exe_mtime_ns % NS_PER_S, exe.st_mtim.tv_nsec);
	assert_int_equal(subject.exe_ctime_ns / NS_PER_S, exe.st_ctim.tv_sec);
	assert_false(subject.exe_deleted);
	assert_false(subject.contained_userns);
	assert_non_null(stat_file);
	assert_int_equal(fscanf(stat_file,
				 "%*d %*s %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u "
				 "%*u %*d %*d %*d %*d %*d %*d %llu",
				 &start_time),
		1);
	fclose(stat_file);
	assert_int_equal(subject.start_time, start_time);
}

static int become_user_with_groups(void)
{
	gid_t groups[1000];

	for (unsigned i = 0; i < 1000; i++)
		groups[i] = 200000 - 3 * i;
	return setgroups(1000, groups) || setgid(4321) || setuid(1234) ? -1 : 0;
}

static int become_user_without_groups(void)
{
	return setgroups(0, NULL) || setgid(4321) || setuid(1234) ? -1 : 0;
}

static void test_groups(void **state)
{
	pid_t many = child_that(become_user_with_groups);
	pid_t none = child_that(become_user_without_groups);
	struct subject_origin origin = {1234, 4321, many};
	scope_subject struct subject subject, other;
	enum reason reason = REASON_NONE;

	(void)state;
	assert_int_equal(subject_capture(&origin, &subject, &reason), 0);
	origin.tid = none;
	assert_int_equal(subject_capture(&origin, &other, &reason), 0);
	end_child(many);
	end_child(none);
	assert_int_equal(subject.group_count, 1000);
	assert_int_equal(other.group_count, 0);
	for (size_t i = 1; i < subject.group_count; i++)
		assert_true(subject.groups[i - 1] < subject.groups[i]);
	assert_true(subject_in_group(&subject, 200000));
	assert_true(subject_in_group(&subject, 200000 - 3 * 999));
	assert_false(subject_in_group(&subject, 199999));
	assert_true(subject_in_group(&subject, 4321));
	assert_true(subject_in_group(&other, 4321));
	assert_false(subject_in_group(&other, UINT32_MAX));
}

struct thread_facts {
	pthread_barrier_t barrier;
	pid_t tid;
};

static void *wait_as_thread(void *arg)
{
	struct thread_facts *facts = arg;

	facts->tid = gettid();
	pthread_barrier_wait(&facts->barrier);
	pthread_barrier_wait(&facts->barrier);
	return NULL;
}

static void test_thread(void **state)
{
	struct thread_facts facts;
	struct subject_origin origin = {0, 0, 0};
	scope_subject struct subject subject, leader;
	enum reason reason = REASON_NONE;
	uint64_t start_time = 0;
	pid_t pid = 0;
	pthread_t thread;

	(void)state;
	pthread_barrier_init(&facts.barrier, NULL, 2);
	/* Clock ticks are 10 ms: the thread starts later than the process. */
	usleep(50000);
	assert_int_equal(pthread_create(&thread, NULL, wait_as_thread, &facts), 0);
	pthread_barrier_wait(&facts.barrier);
	origin.tid = facts.tid;
	assert_int_equal(subject_capture(&origin, &subject, &reason), 0);
	assert_int_equal(subject_process_of_thread(facts.tid, &pid, &start_time), 0);
	origin.tid = getpid();
	assert_int_equal(subject_capture(&origin, &leader, &reason), 0);
	pthread_barrier_wait(&facts.barrier);
	pthread_join(thread, NULL);
	pthread_barrier_destroy(&facts.barrier);
	assert_int_not_equal(facts.tid, getpid());
	assert_int_equal(subject.pid, getpid());
	assert_int_equal(subject.tid, facts.tid);
	assert_int_equal(subject.start_time, leader.start_time);
	assert_int_equal(pid, getpid());
	assert_int_equal(start_time, leader.start_time);
}

static void assert_refused(struct subject_origin origin, enum reason expected)
{
	scope_subject struct subject subject;
	enum reason reason = REASON_NONE;

	assert_int_equal(subject_capture(&origin, &subject, &reason), -EACCES);
	assert_string_equal(reason_word(reason), reason_word(expected));
	assert_int_equal(subject.uid, origin.uid);
	assert_int_equal(subject.tid, origin.tid);
}

/* The number of a thread of the kernel, or -1 where none is to be seen. */
static pid_t find_kernel_thread(void)
{
	for (pid_t pid = 1; pid < 1000; pid++) {
		char path[64], line[256];
		FILE *status;
		bool found = false;

		snprintf(path, sizeof(path), "/proc/%d/status", pid);
		status = fopen(path, "re");
		if (!status)
			continue;
		while (fgets(line, sizeof(line), status))
			found |= strcmp(line, "Kthread:\t1\n") == 0;
		fclose(status);
		if (found)
			return pid;
	}
	return -1;
}

static void test_odd(void **state)
{
	pid_t child = child_that(become_user_without_groups);
	pid_t kernel = find_kernel_thread(), gone = fork();
	struct subject_origin mine = {0, 0, getpid()};
	uint64_t start_time;
	pid_t pid;

	(void)state;
	assert_true(gone >= 0);
	if (gone == 0)
		_exit(0);
	end_child(child);
	assert_refused((struct subject_origin){0, 0, child}, REASON_PROCESS_CHANGED);
	assert_refused((struct subject_origin){0, 0, 0}, REASON_PID_UNKNOWN);
	assert_refused((struct subject_origin){0, 0, -1}, REASON_PID_UNKNOWN);
	assert_refused((struct subject_origin){UINT32_MAX, 0, mine.tid}, REASON_UID_UNKNOWN);
	assert_refused((struct subject_origin){0, UINT32_MAX, mine.tid}, REASON_UID_UNKNOWN);
	assert_refused((struct subject_origin){geteuid() + 1, 0, mine.tid}, REASON_OTHER_USER);
	assert_int_equal(subject_process_of_thread(child, &pid, &start_time), -ENOENT);
	assert_int_equal(subject_process_of_thread(0, &pid, &start_time), -ENOENT);
	/* A process that has ended and only waits to be fetched asks for nothing. */
	{
		siginfo_t info;

		assert_int_equal(waitid(P_PID, gone, &info, WEXITED | WNOWAIT), 0);
		assert_refused((struct subject_origin){0, 0, gone}, REASON_PROCESS_CHANGED);
		waitpid(gone, NULL, 0);
	}
	if (kernel > 0) {
		assert_refused((struct subject_origin){0, 0, kernel}, REASON_KERNEL_THREAD);
		assert_int_equal(subject_process_of_thread(kernel, &pid, &start_time), -EACCES);
	} else {
		print_message("no thread of the kernel can be seen here\n");
	}
}

static void test_of_user(void **state)
{
	scope_subject struct subject root, number, stranger, copy;
	struct subject missing;

	(void)state;
	assert_int_equal(subject_of_user("root", &root), 0);
	assert_int_equal(subject_of_user("0", &number), 0);
	assert_int_equal(subject_of_user("3999999999", &stranger), 0);
	assert_int_equal(root.uid, 0);
	assert_int_equal(number.uid, 0);
	assert_int_equal(number.group_count, root.group_count);
	assert_true(subject_in_group(&number, 0));
	assert_true(root.initial_userns);
	assert_int_equal(stranger.uid, 3999999999u);
	assert_int_equal(stranger.group_count, 0);
	assert_false(subject_in_group(&stranger, 0));
	assert_int_equal(subject_of_user("no-such-user-x", &missing), -ENOENT);
	assert_int_equal(subject_of_user("4294967295", &missing), -ENOENT);
	assert_int_equal(subject_copy(&root, &copy), 0);
	assert_int_equal(copy.group_count, root.group_count);
	assert_memory_equal(copy.groups, root.groups, root.group_count * sizeof(*root.groups));
}

static void assert_unit(const char *text, enum unit_hierarchy hierarchy, const char *expected)
{
	size_t len = 0;
	enum unit_hierarchy found;
	const char *unit = cgroup_unit(text, &len, &found);

	assert_non_null(unit);
	assert_int_equal(found, hierarchy);
	assert_int_equal(len, strlen(expected));
	assert_memory_equal(unit, expected, len);
}

/* The formats of cgroups(7), "/proc/pid/cgroup", and names that a user may give to his own. */
static void test_cgroup_unit(void **state)
{
	enum unit_hierarchy hierarchy;
	size_t len;

	(void)state;
	assert_unit(
		"0::/system.slice/infer.service\n", UNIT_UNIFIED, "/system.slice/infer.service");
	assert_unit("0::/\n", UNIT_UNIFIED, "/");
	assert_unit("5:cpu,cpuacct:/a\n1:name=systemd:/system.slice/x.service\n0::/y\n",
		UNIT_SYSTEMD, "/system.slice/x.service");
	assert_unit("0::/user.slice/u/x:name=systemd:/infer.service\n", UNIT_UNIFIED,
		"/user.slice/u/x:name=systemd:/infer.service");
	assert_unit("7:pids:/u/0::/forged\n6:cpu:/u/:name=systemd:/forged\n0::/true\n",
		UNIT_UNIFIED, "/true");
	assert_null(cgroup_unit("7:pids:/u/0::/forged\n", &len, &hierarchy));
	assert_null(cgroup_unit("", &len, &hierarchy));
	assert_null(cgroup_unit("0\n0:\n0::\n", &len, &hierarchy));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_self),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_thread),
		cmocka_unit_test(test_odd),
		cmocka_unit_test(test_cgroup_unit),
		cmocka_unit_test(test_of_user),
	};

	return cmocka_run_group_tests(tests, start, NULL);
}
