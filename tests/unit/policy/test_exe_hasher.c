/* SPDX-License-Identifier: Apache-2.0 */
/* test_exe_hasher.c - executables of living processes hashed, and what is not. Needs root. */
#include "policy/surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <fuse_lowlevel.h>
#include <sched.h>
#include <semaphore.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

#include "keystore/base/clock.h"
#include "keystore/base/digest.h"
#include "keystore/base/file.h"

#define scope_subject __attribute__((cleanup(subject_done)))

static char top[] = "/var/tmp/modelvault-hash.XXXXXX";
static struct exe_hasher *hasher;

static const char *at(const char *name)
{
	static char path[4][512];
	static unsigned next;
	char *to = path[next++ % 4];

	snprintf(to, sizeof(path[0]), "%s/%s", top, name);
	return to;
}

static int setup(void **state)
{
	(void)state;
	strcpy(top + strlen(top) - 6, "XXXXXX");
	if (!mkdtemp(top) || chmod(top, 0755) < 0 || subject_init() < 0)
		return -1;
	return exe_hasher_new(&hasher);
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	umount2(at("fuse"), MNT_DETACH);
	umount2(at("memory"), MNT_DETACH);
	hasher = exe_hasher_free(hasher);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

/* A copy of sleep, so long by what is appended, as an executable of its own. */
static void make_program(const char *name, size_t extra)
{
	scope_free char *bytes = NULL;
	size_t len;
	int fd = open(at(name), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(file_load(AT_FDCWD, "/bin/sleep", 1 << 24, &bytes, &len), 0);
	assert_int_equal(file_write(fd, bytes, len), 0);
	assert_int_equal(ftruncate(fd, (off_t)(len + extra)), 0);
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
}

static pid_t run_program(const char *path, uid_t uid)
{
	char link[64];
	struct stat wanted, found;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		if (setgid(uid) == 0 && setuid(uid) == 0 && prctl(PR_SET_PDEATHSIG, SIGKILL) == 0)
			execl(path, path, "1000", NULL);
		_exit(1);
	}
	assert_int_equal(stat(path, &wanted), 0);
	snprintf(link, sizeof(link), "/proc/%d/exe", pid);
	for (int i = 0; i < 5000; i++) {
		if (stat(link, &found) == 0 && found.st_ino == wanted.st_ino)
			return pid;
		usleep(1000);
	}
	fail_msg("%s does not run", path);
	return -1;
}

static void end_program(pid_t pid)
{
	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

static void capture(pid_t pid, uid_t uid, struct subject *ret_subject)
{
	struct subject_origin origin = {uid, uid, pid};
	enum reason reason;

	assert_int_equal(subject_capture(&origin, ret_subject, &reason), 0);
}

static void hash_file(const char *path, uint8_t ret_sha256[DIGEST_SIZE])
{
	scope_free char *bytes = NULL;
	size_t len;

	assert_int_equal(file_load(AT_FDCWD, path, 1 << 24, &bytes, &len), 0);
	{
		const struct iovec part = PART(bytes, len);

		assert_int_equal(sha256_parts(&part, 1, ret_sha256), 0);
	}
}

struct answer {
	sem_t come;
	int result, calls;
	uint8_t sha256[DIGEST_SIZE];
};

static void note(void *arg, int result, const uint8_t *sha256)
{
	struct answer *answer = arg;

	answer->result = result;
	answer->calls++;
	assert_true((result == 0) == (sha256 != NULL));
	if (sha256)
		memcpy(answer->sha256, sha256, DIGEST_SIZE);
	sem_post(&answer->come);
}

static int wait_for(struct answer *answer)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += 30;
	assert_int_equal(sem_timedwait(&answer->come, &until), 0);
	return answer->result;
}

static int ask(const struct subject *subject, struct answer *answer)
{
	answer->calls = 0;
	sem_init(&answer->come, 0, 0);
	return exe_hasher_ask(hasher, subject, note, answer, answer->sha256);
}

/* What comes of it in the end, at once or later. */
static int ask_and_wait(const struct subject *subject, struct answer *answer)
{
	int r = ask(subject, answer);

	return r == 1 ? wait_for(answer) : r;
}

static void test_hash(void **state)
{
	scope_subject struct subject subject = {0};
	uint8_t expected[DIGEST_SIZE], known[DIGEST_SIZE];
	struct answer answer;
	pid_t pid;

	(void)state;
	make_program("x", 700000);
	hash_file(at("x"), expected);
	pid = run_program(at("x"), 65534);
	capture(pid, 65534, &subject);
	assert_false(exe_hasher_known(hasher, &subject, known));
	assert_int_equal(ask(&subject, &answer), 1);
	assert_int_equal(wait_for(&answer), 0);
	assert_int_equal(answer.calls, 1);
	assert_memory_equal(answer.sha256, expected, DIGEST_SIZE);
	assert_true(exe_hasher_known(hasher, &subject, known));
	assert_memory_equal(known, expected, DIGEST_SIZE);
	assert_int_equal(ask(&subject, &answer), 0);
	assert_int_equal(answer.calls, 0);
	assert_memory_equal(answer.sha256, expected, DIGEST_SIZE);
	end_program(pid);
	/* Known for as long as the file is the same. */
	assert_true(exe_hasher_known(hasher, &subject, known));
	subject.exe_ctime_ns++;
	assert_false(exe_hasher_known(hasher, &subject, known));
	assert_int_equal(ask_and_wait(&subject, &answer), -ESRCH);
}

/* Same name, same size, another content: never the old hash, nor a mixed one. */
static void test_changed(void **state)
{
	scope_subject struct subject first = {0}, second = {0};
	uint8_t expected[DIGEST_SIZE], known[DIGEST_SIZE];
	struct answer answer;
	pid_t pid;
	int fd;

	(void)state;
	make_program("x", 1);
	pid = run_program(at("x"), 0);
	capture(pid, 0, &first);
	end_program(pid);
	fd = open(at("x"), O_WRONLY | O_CLOEXEC);
	assert_int_equal(pwrite(fd, "!", 1, (off_t)first.exe_size - 1), 1);
	close(fd);
	hash_file(at("x"), expected);
	pid = run_program(at("x"), 0);
	capture(pid, 0, &second);
	assert_int_equal(first.exe_ino, second.exe_ino);
	assert_int_equal(ask_and_wait(&second, &answer), 0);
	assert_memory_equal(answer.sha256, expected, DIGEST_SIZE);
	if (first.exe_ctime_ns != second.exe_ctime_ns)
		assert_false(exe_hasher_known(hasher, &first, known));
	/* A caller who was captured before the file changed, and still lives. */
	first.pid = pid;
	first.start_time = second.start_time;
	first.exe_ctime_ns = second.exe_ctime_ns - 1;
	assert_int_equal(ask_and_wait(&first, &answer), -ESTALE);
	end_program(pid);
}

/* Other bytes by a mapping that was read before it was written to. */
static void change_unseen(const char *path, size_t size)
{
	int fd = open(path, O_RDWR | O_CLOEXEC);
	volatile char *bytes;

	assert_true(fd >= 0);
	bytes = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	assert_true(bytes != MAP_FAILED);
	bytes[size - 1] = (char)(bytes[size - 1] + 1);
	munmap((char *)bytes, size);
	close(fd);
}

/* In memory a file may change and keep its times: there only what is root's alone has a hash. */
static void test_tmpfs(void **state)
{
	scope_subject struct subject subject = {0}, changed = {0}, of_root = {0};
	struct answer answer;
	pid_t pid;

	(void)state;
	assert_int_equal(mkdir(at("memory"), 0755), 0);
	assert_int_equal(mount("tmpfs", at("memory"), "tmpfs", 0, "mode=0755"), 0);
	make_program("memory/x", 1);
	pid = run_program(at("memory/x"), 65534);
	capture(pid, 65534, &of_root);
	assert_int_equal(ask_and_wait(&of_root, &answer), 0);
	end_program(pid);
	make_program("memory/y", 1);
	assert_int_equal(chown(at("memory/y"), 65534, 65534), 0);
	pid = run_program(at("memory/y"), 65534);
	capture(pid, 65534, &subject);
	assert_int_equal(ask_and_wait(&subject, &answer), -ENOTSUP);
	end_program(pid);
	change_unseen(at("memory/y"), (size_t)subject.exe_size);
	pid = run_program(at("memory/y"), 65534);
	capture(pid, 65534, &changed);
	assert_int_equal(changed.exe_ino, subject.exe_ino);
	assert_int_equal(changed.exe_ctime_ns, subject.exe_ctime_ns);
	assert_int_equal(ask_and_wait(&changed, &answer), -ENOTSUP);
	end_program(pid);
	assert_int_equal(chmod(at("memory/x"), 0777), 0);
	pid = run_program(at("memory/x"), 65534);
	subject_done(&of_root);
	capture(pid, 65534, &of_root);
	assert_int_equal(ask_and_wait(&of_root, &answer), -ENOTSUP);
	end_program(pid);
}

static void test_other_process(void **state)
{
	scope_subject struct subject subject = {0}, other = {0};
	struct answer answer;
	pid_t pid, other_pid;

	(void)state;
	make_program("x", 0);
	make_program("y", 0);
	pid = run_program(at("x"), 0);
	other_pid = run_program(at("y"), 0);
	capture(pid, 0, &subject);
	capture(other_pid, 0, &other);
	/* The number of one that runs something else, and a number that was used again. */
	subject.pid = other_pid;
	assert_int_equal(ask_and_wait(&subject, &answer), -ESRCH);
	subject.start_time = other.start_time;
	assert_int_equal(ask_and_wait(&subject, &answer), -ESRCH);
	other.start_time++;
	assert_int_equal(ask_and_wait(&other, &answer), -ESRCH);
	other.start_time--;
	other.initial_userns = false;
	assert_int_equal(ask(&other, &answer), -ENOTSUP);
	other.initial_userns = true;
	assert_int_equal(ask_and_wait(&other, &answer), 0);
	end_program(pid);
	end_program(other_pid);
}

/* More than two gigabytes. */
static void test_too_large(void **state)
{
	scope_subject struct subject subject = {0};
	struct answer answer;
	pid_t pid;

	(void)state;
	make_program("x", 2ULL << 30);
	pid = run_program(at("x"), 0);
	capture(pid, 0, &subject);
	assert_int_equal(ask(&subject, &answer), -EFBIG);
	end_program(pid);
}

/* While a large one is at work: who asks for the same joins, another of the user's is refused. */
static void test_shares(void **state)
{
	scope_subject struct subject large = {0}, again = {0}, small = {0}, other = {0};
	struct answer answers[3], small_answer, other_answer;
	pid_t large_pid, again_pid, small_pid, other_pid;
	uint8_t unused[DIGEST_SIZE];

	(void)state;
	make_program("large", 400 << 20);
	make_program("small", 0);
	make_program("other", 0);
	large_pid = run_program(at("large"), 65534);
	again_pid = run_program(at("large"), 65533);
	small_pid = run_program(at("small"), 65534);
	other_pid = run_program(at("other"), 65533);
	capture(large_pid, 65534, &large);
	capture(again_pid, 65533, &again);
	capture(small_pid, 65534, &small);
	capture(other_pid, 65533, &other);
	assert_int_equal(ask(&large, &answers[0]), 1);
	assert_int_equal(ask(&large, &answers[1]), 1);
	assert_int_equal(ask(&again, &answers[2]), 1);
	assert_int_equal(ask(&small, &small_answer), -EDQUOT);
	/* For nobody who waits he has a share of its own, and one only. */
	assert_int_equal(exe_hasher_ask(hasher, &small, NULL, NULL, unused), 1);
	assert_int_equal(exe_hasher_ask(hasher, &small, NULL, NULL, unused), 1);
	/* It does not become one that he waits for by being asked for again. */
	assert_int_equal(ask(&small, &small_answer), -EDQUOT);
	assert_int_equal(ask(&other, &other_answer), 1);
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wait_for(&answers[i]), 0);
		assert_int_equal(answers[i].calls, 1);
		assert_memory_equal(answers[i].sha256, answers[0].sha256, DIGEST_SIZE);
	}
	assert_int_equal(wait_for(&other_answer), 0);
	assert_int_equal(ask_and_wait(&small, &small_answer), 0);
	end_program(large_pid);
	end_program(again_pid);
	end_program(small_pid);
	end_program(other_pid);
}

/* The one through whom it was to be opened is gone: another who waits for it will do. */
static void test_first_asker_ends(void **state)
{
	scope_subject struct subject busy = {0}, gone = {0}, living = {0};
	struct answer busy_answer, gone_answer, living_answer;
	pid_t busy_pid, gone_pid, living_pid;

	(void)state;
	make_program("busy", 300 << 20);
	make_program("x", 0);
	busy_pid = run_program(at("busy"), 65533);
	gone_pid = run_program(at("x"), 65534);
	living_pid = run_program(at("x"), 65534);
	capture(busy_pid, 65533, &busy);
	capture(gone_pid, 65534, &gone);
	capture(living_pid, 65534, &living);
	assert_int_equal(ask(&busy, &busy_answer), 1);
	assert_int_equal(ask(&gone, &gone_answer), 1);
	assert_int_equal(ask(&living, &living_answer), 1);
	end_program(gone_pid);
	assert_int_equal(wait_for(&living_answer), 0);
	assert_int_equal(wait_for(&busy_answer), 0);
	end_program(busy_pid);
	end_program(living_pid);
}

static void test_queue_is_bounded(void **state)
{
	struct answer answers[70], busy_answer;
	scope_subject struct subject busy = {0}, copy = {0};
	pid_t pid;
	int r = 1;
	unsigned queued = 0;

	(void)state;
	make_program("busy", 1000 << 20);
	pid = run_program(at("busy"), 65534);
	capture(pid, 65534, &busy);
	assert_int_equal(ask(&busy, &busy_answer), 1);
	/* Of others, that nobody will find. */
	assert_int_equal(subject_copy(&busy, &copy), 0);
	for (unsigned i = 0; i < ARRAY_SIZE(answers); i++) {
		copy.uid = 70000 + i;
		copy.exe_ino = busy.exe_ino + 1 + i;
		r = ask(&copy, &answers[i]);
		if (r != 1)
			break;
		queued++;
	}
	assert_int_equal(r, -EAGAIN);
	/* One may be at work, or none yet. */
	assert_true(queued == 63 || queued == 64);
	/* All are told when it ends, the one at work too. */
	hasher = exe_hasher_free(hasher);
	for (unsigned i = 0; i < queued; i++)
		assert_int_equal(wait_for(&answers[i]), -ESHUTDOWN);
	assert_int_equal(wait_for(&busy_answer), -ESHUTDOWN);
	assert_int_equal(busy_answer.calls, 1);
	end_program(pid);
}

/* ---- a FUSE file system with one program in it ---- */

#define PROGRAM_INO 2

static char *program;
static size_t program_len;

static struct stat attributes(fuse_ino_t ino)
{
	struct stat attrs = {.st_ino = ino, .st_nlink = 2, .st_mode = S_IFDIR | 0755};

	if (ino == PROGRAM_INO) {
		attrs.st_nlink = 1;
		attrs.st_mode = S_IFREG | 0755;
		attrs.st_size = (off_t)program_len;
	}
	return attrs;
}

static void op_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
	struct fuse_entry_param entry = {.ino = PROGRAM_INO, .attr = attributes(PROGRAM_INO)};

	(void)parent;
	if (strcmp(name, "x") == 0)
		fuse_reply_entry(request, &entry);
	else
		fuse_reply_err(request, ENOENT);
}

static void op_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat attrs = attributes(ino);

	(void)fi;
	fuse_reply_attr(request, &attrs, 0);
}

static void op_read(
	fuse_req_t request, fuse_ino_t ino, size_t size, off_t offset, struct fuse_file_info *fi)
{
	size_t rest = program_len - (size_t)offset;

	(void)ino, (void)fi;
	fuse_reply_buf(request, program + offset, size < rest ? size : rest);
}

static const struct fuse_lowlevel_ops ops = {
	.lookup = op_lookup, .getattr = op_getattr, .read = op_read};

/* Serves until it is killed. */
static pid_t serve_program(const char *mountpoint)
{
	char *words[] = {(char *)"test", (char *)"-oallow_other"};
	struct fuse_args args = FUSE_ARGS_INIT(2, words);
	struct fuse_session *session;
	struct stat attrs;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (file_load(AT_FDCWD, "/bin/sleep", 1 << 24, &program, &program_len) < 0)
			_exit(1);
		session = fuse_session_new(&args, &ops, sizeof(ops), NULL);
		if (!session || fuse_session_mount(session, mountpoint) != 0)
			_exit(1);
		fuse_session_loop(session);
		_exit(0);
	}
	for (int i = 0; i < 5000; i++) {
		if (stat(at("fuse/x"), &attrs) == 0)
			return pid;
		usleep(1000);
	}
	fail_msg("%s is not mounted", mountpoint);
	return -1;
}

/* The process that answers for the file has stopped: nothing may be asked of it. */
static void test_fuse(void **state)
{
	scope_subject struct subject subject = {0};
	struct answer answer;
	pid_t server, pid;

	(void)state;
	if (access("/dev/fuse", W_OK) < 0)
		skip();
	assert_int_equal(mkdir(at("fuse"), 0755), 0);
	server = serve_program(at("fuse"));
	pid = run_program(at("fuse/x"), 65534);
	/* Until it sleeps, and needs no page any more. */
	usleep(200000);
	assert_int_equal(kill(server, SIGSTOP), 0);
	alarm(20);
	capture(pid, 65534, &subject);
	assert_int_equal(ask_and_wait(&subject, &answer), -ENOTSUP);
	alarm(0);
	assert_int_equal(kill(server, SIGCONT), 0);
	end_program(pid);
	assert_int_equal(umount2(at("fuse"), MNT_DETACH), 0);
	end_program(server);
}

static void test_other_mounts(void **state)
{
	scope_subject struct subject subject = {0};
	struct answer answer;
	pid_t pid;

	(void)state;
	/* A mount that the server does not have, of a local kind. */
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		if (unshare(CLONE_NEWNS) < 0 ||
			mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
			mount("tmpfs", top, "tmpfs", 0, "mode=755") < 0)
			_exit(1);
		make_program("x", 0);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(at("x"), at("x"), "1000", NULL);
		_exit(1);
	}
	for (int i = 0; i < 5000; i++) {
		subject_done(&subject);
		capture(pid, 0, &subject);
		if (subject.exe && strcmp(subject.exe, at("x")) == 0)
			break;
		usleep(1000);
	}
	assert_int_equal(ask_and_wait(&subject, &answer), 0);
	end_program(pid);
}

/* Mounts that are made here end with this process, however it ends. */
static int keep_mounts_private(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) < 0)
		return -1;
	return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_hash, setup, teardown),
		cmocka_unit_test_setup_teardown(test_changed, setup, teardown),
		cmocka_unit_test_setup_teardown(test_tmpfs, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_process, setup, teardown),
		cmocka_unit_test_setup_teardown(test_too_large, setup, teardown),
		cmocka_unit_test_setup_teardown(test_shares, setup, teardown),
		cmocka_unit_test_setup_teardown(test_first_asker_ends, setup, teardown),
		cmocka_unit_test_setup_teardown(test_queue_is_bounded, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fuse, setup, teardown),
		cmocka_unit_test_setup_teardown(test_other_mounts, setup, teardown),
	};

	return cmocka_run_group_tests(tests, keep_mounts_private, NULL);
}
