/* SPDX-License-Identifier: Apache-2.0 */
/* test_surroundings.c - what rules are told of a caller's program and unit. Needs root. */
#include "policy/surroundings.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "keystore/base/file.h"

#define scope_subject __attribute__((cleanup(subject_done)))

/* Not in /tmp: nothing beneath that is root's alone. */
static char top[] = "/run/modelvault-look.XXXXXX";

static const char *at(const char *name)
{
	static char path[8][256];
	static unsigned next;
	char *to = path[next++ % 8];

	snprintf(to, sizeof(path[0]), "%s/%s", top, name);
	return to;
}

static int setup(void **state)
{
	(void)state;
	strcpy(top + strlen(top) - 6, "XXXXXX");
	return mkdtemp(top) && chmod(top, 0755) == 0 ? subject_init() : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void make_file(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
}

/* A caller who runs this file, without a process. */
static struct subject runner_of(const char *path)
{
	struct subject subject = {.uid = 1000, .gid = 1000, .initial_userns = true};
	struct stat attrs;

	assert_int_equal(stat(path, &attrs), 0);
	subject.exe_dev = attrs.st_dev;
	subject.exe_ino = attrs.st_ino;
	return subject;
}

static struct ruleset *ruleset_of(const char *const *texts, size_t count)
{
	struct rule *rules = calloc(count, sizeof(*rules));
	struct ruleset *ruleset;

	assert_non_null(rules);
	for (size_t i = 0; i < count; i++) {
		assert_int_equal(rule_from_text(texts[i], strlen(texts[i]), &rules[i]), 0);
		rules[i].number = i + 1;
	}
	assert_int_equal(ruleset_new(rules, count, &ruleset), 0);
	for (size_t i = 0; i < count; i++)
		rule_done(&rules[i]);
	free(rules);
	return ruleset;
}

/* "EFFECT exe:TOP/NAME read m": one rule a name. */
static struct ruleset *ruleset_of_exes(const char *effect, const char *const *names, size_t count)
{
	char **texts = calloc(count, sizeof(*texts));
	struct ruleset *ruleset;

	assert_non_null(texts);
	for (size_t i = 0; i < count; i++)
		assert_true(asprintf(&texts[i], "%s exe:%s read m", effect, at(names[i])) > 0);
	ruleset = ruleset_of((const char *const *)texts, count);
	for (size_t i = 0; i < count; i++)
		free(texts[i]);
	free(texts);
	return ruleset;
}

static bool is_listed(
	const struct ruleset *ruleset, const uint32_t *list, size_t count, const char *path)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(ruleset_exe_path(ruleset, list[i]), path) == 0)
			return true;
	return false;
}

static bool is_safe(const struct ruleset *ruleset, const struct looked_at *looked, const char *path)
{
	return is_listed(ruleset, looked->surroundings.exes, looked->surroundings.exe_count, path);
}

static bool is_unsafe(
	const struct ruleset *ruleset, const struct looked_at *looked, const char *path)
{
	return is_listed(ruleset, looked->surroundings.unsafe_exes,
		looked->surroundings.unsafe_exe_count, path);
}

static struct decision decide_now(const struct ruleset *ruleset, const struct subject *subject)
{
	const struct path_name name = {"m", 1};
	struct looked_at looked;
	struct question question = {.subject = subject,
		.names = &name,
		.name_count = 1,
		.permission = PERMISSION_READ,
		.surroundings = &looked.surroundings};

	surroundings_look(ruleset, subject, NULL, &looked);
	return decide(ruleset, &question);
}

static void test_nothing_asked(void **state)
{
	static const char *const texts[] = {"allow any read m"};
	scope(ruleset_unref) struct ruleset *ruleset = ruleset_of(texts, 1);
	struct subject subject = runner_of("/usr/bin/env");
	char unit[] = "/";
	struct looked_at looked;

	(void)state;
	subject.unit = unit;
	memset(&looked, 0xff, sizeof(looked));
	surroundings_look(ruleset, &subject, NULL, &looked);
	assert_int_equal(looked.surroundings.exe_count, 0);
	assert_int_equal(looked.surroundings.unsafe_exe_count, 0);
	assert_false(looked.surroundings.exes_overflow);
	assert_int_equal(looked.surroundings.trusted_unit_len, 0);
	assert_null(looked.surroundings.sha256);
	assert_false(looked.surroundings.hash_failed);
}

static void check_exes(const struct ruleset *ruleset)
{
	struct subject subject = runner_of(at("x"));
	struct looked_at looked;

	surroundings_look(ruleset, &subject, NULL, &looked);
	assert_int_equal(looked.surroundings.exe_count, 2);
	assert_int_equal(looked.surroundings.unsafe_exe_count, 2);
	assert_true(is_safe(ruleset, &looked, at("x")));
	assert_true(is_safe(ruleset, &looked, at("link")));
	assert_true(is_unsafe(ruleset, &looked, at("users/link")));
	/* Not known is not safe, and not absent. */
	assert_true(is_unsafe(ruleset, &looked, at("loop")));
	assert_false(looked.surroundings.exes_overflow);
	subject.exe_dev++;
	surroundings_look(ruleset, &subject, NULL, &looked);
	assert_int_equal(looked.surroundings.exe_count, 0);
	assert_int_equal(looked.surroundings.unsafe_exe_count, 1);
	/* In another user namespace nothing that /proc shows of a program is worth a look. */
	subject = runner_of(at("x"));
	subject.initial_userns = false;
	subject.contained_userns = true;
	surroundings_look(ruleset, &subject, NULL, &looked);
	assert_int_equal(looked.surroundings.exe_count + looked.surroundings.unsafe_exe_count, 0);
}

static const char *const exe_names[] = {
	"x", "y", "link", "users/link", "loop", "missing", "y/below"};

static void make_exes(void)
{
	make_file("x");
	make_file("y");
	assert_int_equal(mkdir(at("users"), 0777), 0);
	assert_int_equal(symlink(at("x"), at("link")), 0);
	assert_int_equal(symlink(at("x"), at("users/link")), 0);
	assert_int_equal(symlink(at("loop"), at("loop")), 0);
	assert_int_equal(chown(at("users"), 65534, 65534), 0);
}

static void test_exes(void **state)
{
	scope(ruleset_unref) struct ruleset *ruleset = NULL;

	(void)state;
	make_exes();
	ruleset = ruleset_of_exes("allow", exe_names, ARRAY_SIZE(exe_names));
	check_exes(ruleset);
	/* Replaced: seen at once. */
	make_file("new");
	assert_int_equal(rename(at("new"), at("y")), 0);
	{
		struct subject subject = runner_of(at("y"));
		struct looked_at looked;

		surroundings_look(ruleset, &subject, NULL, &looked);
		assert_true(is_safe(ruleset, &looked, at("y")));
	}
}

static void test_decisions(void **state)
{
	static const char *const user_path[] = {"users/link"};
	static const char *const own_path[] = {"x"};
	scope(ruleset_unref) struct ruleset *allow = NULL, *allow_user = NULL, *deny_user = NULL;
	struct subject subject;

	(void)state;
	make_exes();
	allow = ruleset_of_exes("allow", own_path, 1);
	allow_user = ruleset_of_exes("allow", user_path, 1);
	deny_user = ruleset_of_exes("deny", user_path, 1);
	subject = runner_of(at("x"));
	assert_int_equal(decide_now(allow, &subject).verdict, VERDICT_ALLOW);
	assert_int_equal(decide_now(allow_user, &subject).reason, REASON_EXE_DIFFERS);
	assert_int_equal(decide_now(deny_user, &subject).reason, REASON_RULE_DENY);
	subject = runner_of(at("y"));
	assert_int_equal(decide_now(allow, &subject).reason, REASON_EXE_DIFFERS);
	assert_int_equal(decide_now(deny_user, &subject).reason, REASON_NO_RULE);
}

/* Names for more paths than are looked at anew each time; the first are those that count. */
static const char **many_names(const char *const *first, size_t count, size_t total)
{
	static char texts[200][16];
	static const char *names[200];

	for (size_t i = 0; i < total; i++) {
		snprintf(texts[i], sizeof(texts[i]), "name-%zu", i);
		names[i] = i < count ? first[i] : texts[i];
	}
	return names;
}

static void test_many_exes(void **state)
{
	scope(ruleset_unref) struct ruleset *ruleset = NULL;
	struct subject subject;
	struct looked_at looked;

	(void)state;
	make_exes();
	ruleset = ruleset_of_exes("allow", many_names(exe_names, ARRAY_SIZE(exe_names), 150), 150);
	check_exes(ruleset);
	check_exes(ruleset);
	/* A hit is never believed without another look. */
	assert_int_equal(chmod(at("x"), 0777), 0);
	subject = runner_of(at("x"));
	surroundings_look(ruleset, &subject, NULL, &looked);
	assert_int_equal(looked.surroundings.exe_count, 0);
	assert_true(is_unsafe(ruleset, &looked, at("x")));
	/* A miss for a second. */
	make_file("new");
	assert_int_equal(rename(at("new"), at("y")), 0);
	usleep(1100000);
	subject = runner_of(at("y"));
	surroundings_look(ruleset, &subject, NULL, &looked);
	assert_true(is_safe(ruleset, &looked, at("y")));
}

/* More names of one program than there is room for: no deny may get lost by that. */
static void check_overflow(size_t total)
{
	scope(ruleset_unref) struct ruleset *ruleset = NULL;
	const char *const *names = many_names(NULL, 0, total);
	scope_free char *last = NULL;
	struct subject subject;
	struct rule *rules;
	struct looked_at looked;

	make_file("x");
	for (size_t i = 0; i < total; i++)
		assert_int_equal(link(at("x"), at(names[i])), 0);
	ruleset = ruleset_of_exes("deny", names, total);
	subject = runner_of(at("x"));
	surroundings_look(ruleset, &subject, NULL, &looked);
	assert_int_equal(looked.surroundings.exe_count, SURROUNDINGS_EXES);
	assert_true(looked.surroundings.exes_overflow);
	/* One that is not listed, in the same set. */
	last = strdup(ruleset_exe_path(ruleset, total - 1));
	assert_non_null(last);
	ruleset_unref(ruleset);
	ruleset = NULL;
	rules = calloc(total, sizeof(*rules));
	assert_non_null(rules);
	for (size_t i = 0; i < total; i++) {
		char text[512];

		snprintf(text, sizeof(text), "%s exe:%s read m",
			strcmp(at(names[i]), last) == 0 ? "deny" : "allow", at(names[i]));
		assert_int_equal(rule_from_text(text, strlen(text), &rules[i]), 0);
		rules[i].number = i + 1;
	}
	assert_int_equal(ruleset_new(rules, total, &ruleset), 0);
	for (size_t i = 0; i < total; i++)
		rule_done(&rules[i]);
	free(rules);
	surroundings_look(ruleset, &subject, NULL, &looked);
	assert_false(is_safe(ruleset, &looked, last));
	assert_int_equal(decide_now(ruleset, &subject).reason, REASON_RULE_DENY);
}

static void test_overflow(void **state)
{
	(void)state;
	check_overflow(150);
}

static void test_units(void **state)
{
	static const char *const texts[] = {"allow unit:infer.service read m"};
	scope(ruleset_unref) struct ruleset *ruleset = ruleset_of(texts, 1);
	struct subject subject = runner_of("/usr/bin/env");
	char unit[] = "/no-such.slice/infer.service";

	(void)state;
	assert_int_equal(decide_now(ruleset, &subject).reason, REASON_UNIT_DIFFERS);
	subject.unit = unit;
	/* Of a question; and of a process, whose unit must be there. */
	assert_int_equal(decide_now(ruleset, &subject).verdict, VERDICT_ALLOW);
	subject.pid = 1;
	assert_int_equal(decide_now(ruleset, &subject).reason, REASON_UNIT_DIFFERS);
	subject.unit = NULL;
}

static pid_t run_program(const char *path)
{
	char link_path[64];
	struct stat wanted, found;
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(path, path, "1000", NULL);
		_exit(1);
	}
	assert_int_equal(stat(path, &wanted), 0);
	snprintf(link_path, sizeof(link_path), "/proc/%d/exe", pid);
	for (int i = 0; i < 5000; i++) {
		if (stat(link_path, &found) == 0 && found.st_ino == wanted.st_ino)
			return pid;
		usleep(1000);
	}
	fail_msg("%s does not run", path);
	return -1;
}

static void make_program(const char *name)
{
	scope_free char *bytes = NULL;
	size_t len;
	int fd;

	make_file(name);
	fd = open(at(name), O_WRONLY | O_CLOEXEC);
	assert_int_equal(file_load(AT_FDCWD, "/bin/sleep", 1 << 24, &bytes, &len), 0);
	assert_int_equal(file_write(fd, bytes, len), 0);
	close(fd);
}

static void capture(pid_t pid, struct subject *ret_subject)
{
	struct subject_origin origin = {0, 0, pid};
	enum reason reason;

	subject_done(ret_subject);
	assert_int_equal(subject_capture(&origin, ret_subject, &reason), 0);
}

static void test_replaced(void **state)
{
	static const char *const paths[] = {"x", "link"}, *const link_alone[] = {"link"},
				 *const other[] = {"y"};
	scope(ruleset_unref) struct ruleset *direct = NULL, *by_link = NULL, *others = NULL;
	scope_subject struct subject subject = {0};
	pid_t pid;

	(void)state;
	make_program("x");
	make_program("y");
	assert_int_equal(symlink("x", at("link")), 0);
	direct = ruleset_of_exes("allow", paths, 2);
	by_link = ruleset_of_exes("allow", link_alone, 1);
	others = ruleset_of_exes("allow", other, 1);
	pid = run_program(at("x"));
	capture(pid, &subject);
	assert_false(subject.exe_deleted);
	assert_int_equal(decide_now(direct, &subject).verdict, VERDICT_ALLOW);
	assert_false(surroundings_exe_replaced(direct, &subject));
	make_program("new");
	assert_int_equal(rename(at("new"), at("x")), 0);
	capture(pid, &subject);
	assert_true(subject.exe_deleted);
	assert_int_equal(decide_now(direct, &subject).verdict, VERDICT_DENY);
	assert_true(surroundings_exe_replaced(direct, &subject));
	assert_true(surroundings_exe_replaced(by_link, &subject));
	assert_false(surroundings_exe_replaced(others, &subject));
	/* Removed, and nothing in its place. */
	assert_int_equal(unlink(at("x")), 0);
	capture(pid, &subject);
	assert_true(surroundings_exe_replaced(direct, &subject));
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void test_hash(void **state)
{
	static const char *const texts[] = {
		"allow sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef "
		"read m"};
	scope(ruleset_unref) struct ruleset *ruleset = ruleset_of(texts, 1);
	scope(exe_hasher_free) struct exe_hasher *hasher = NULL;
	scope_subject struct subject subject = {0};
	uint8_t sha256[DIGEST_SIZE];
	struct looked_at looked;
	pid_t pid;
	int r = 1;

	(void)state;
	make_program("x");
	pid = run_program(at("x"));
	capture(pid, &subject);
	surroundings_look(ruleset, &subject, NULL, &looked);
	assert_true(looked.surroundings.hash_failed);
	assert_int_equal(exe_hasher_new(&hasher), 0);
	surroundings_look(ruleset, &subject, hasher, &looked);
	assert_null(looked.surroundings.sha256);
	assert_false(looked.surroundings.hash_failed);
	for (int i = 0; r == 1 && i < 3000; i++) {
		r = exe_hasher_ask(hasher, &subject, NULL, NULL, sha256);
		usleep(1000);
	}
	assert_int_equal(r, 0);
	surroundings_look(ruleset, &subject, hasher, &looked);
	assert_non_null(looked.surroundings.sha256);
	assert_memory_equal(looked.surroundings.sha256, sha256, DIGEST_SIZE);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_nothing_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_exes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_decisions, setup, teardown),
		cmocka_unit_test_setup_teardown(test_many_exes, setup, teardown),
		cmocka_unit_test_setup_teardown(test_overflow, setup, teardown),
		cmocka_unit_test_setup_teardown(test_units, setup, teardown),
		cmocka_unit_test_setup_teardown(test_replaced, setup, teardown),
		cmocka_unit_test_setup_teardown(test_hash, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
