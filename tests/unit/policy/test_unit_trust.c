/* SPDX-License-Identifier: Apache-2.0 */
/* test_unit_trust.c - how much of a cgroup's path is root's alone, in real hierarchies. Needs root.
 */
#include "policy/surroundings.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "policy/mount_table.h"

#define NAME "/modelvault-test"

static char points[2][256];

static bool visit(void *arg, const struct mountinfo *entry)
{
	(void)arg;
	if (strcmp(entry->root, "/") != 0)
		return true;
	if (strcmp(entry->type, "cgroup2") == 0)
		snprintf(points[UNIT_UNIFIED], sizeof(points[0]), "%s", entry->point);
	else if (strcmp(entry->type, "cgroup") == 0 && strstr(entry->super_options, "name=systemd"))
		snprintf(points[UNIT_SYSTEMD], sizeof(points[0]), "%s", entry->point);
	return true;
}

static const char *at(enum unit_hierarchy hierarchy, const char *name)
{
	static char path[4][1024];
	static unsigned next;
	char *to = path[next++ % 4];

	snprintf(to, sizeof(path[0]), "%s%s", points[hierarchy], name);
	return to;
}

static void remove_all(enum unit_hierarchy hierarchy)
{
	static const char *const names[] = {
		NAME "/a.slice/b.service/c", NAME "/a.slice/b.service", NAME "/a.slice", NAME};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		rmdir(at(hierarchy, names[i]));
}

static void make_all(enum unit_hierarchy hierarchy)
{
	static const char *const names[] = {
		NAME, NAME "/a.slice", NAME "/a.slice/b.service", NAME "/a.slice/b.service/c"};

	remove_all(hierarchy);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		assert_int_equal(mkdir(at(hierarchy, names[i]), 0755), 0);
}

static int setup(void **state)
{
	(void)state;
	if (mountinfo_each(AT_FDCWD, "/proc/self/mountinfo", visit, NULL) < 0)
		return -1;
	return points[UNIT_UNIFIED][0] || points[UNIT_SYSTEMD][0] ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(points); i++)
		if (points[i][0])
			remove_all((enum unit_hierarchy)i);
	return 0;
}

static const char whole[] = NAME "/a.slice/b.service/c";

static void assert_trusted(enum unit_hierarchy hierarchy, const char *expected)
{
	assert_int_equal(unit_trusted_len(whole, hierarchy), strlen(expected));
}

/* Takes the cgroup, or one file in it, out of root's hands and puts it back. */
static void assert_lost_by(enum unit_hierarchy hierarchy, const char *file)
{
	const char *path = at(hierarchy, file);

	assert_int_equal(chown(path, 65534, 0), 0);
	assert_trusted(hierarchy, NAME "/a.slice");
	assert_int_equal(chown(path, 0, 65534), 0);
	assert_trusted(hierarchy, whole);
	assert_int_equal(chmod(path, 0664), 0);
	assert_trusted(hierarchy, NAME "/a.slice");
	assert_int_equal(chmod(path, 0646), 0);
	assert_trusted(hierarchy, NAME "/a.slice");
	assert_int_equal(chmod(path, 0755), 0);
	assert_trusted(hierarchy, whole);
}

static void test_hierarchy(enum unit_hierarchy hierarchy, const char *threads)
{
	/* A system has one of the two, or both. */
	if (!points[hierarchy][0])
		return;
	make_all(hierarchy);
	assert_trusted(hierarchy, whole);
	assert_lost_by(hierarchy, NAME "/a.slice/b.service");
	assert_lost_by(hierarchy, NAME "/a.slice/b.service/cgroup.procs");
	assert_lost_by(hierarchy, threads);
	/* What others may do with the limits does not make it theirs. */
	assert_int_equal(chown(at(hierarchy, NAME "/a.slice/b.service/c"), 65534, 0), 0);
	assert_trusted(hierarchy, NAME "/a.slice/b.service");
	/* A component is never cut, and one that is gone does not count. */
	assert_int_equal(rmdir(at(hierarchy, NAME "/a.slice/b.service/c")), 0);
	assert_trusted(hierarchy, NAME "/a.slice/b.service");
	assert_int_equal(
		unit_trusted_len(NAME "/a.slice/b.serv", hierarchy), strlen(NAME "/a.slice"));
	assert_int_equal(chown(at(hierarchy, NAME), 65534, 0), 0);
	assert_trusted(hierarchy, "");
	remove_all(hierarchy);
}

static void test_unified(void **state)
{
	(void)state;
	test_hierarchy(UNIT_UNIFIED, NAME "/a.slice/b.service/cgroup.threads");
}

static void test_systemd(void **state)
{
	(void)state;
	test_hierarchy(UNIT_SYSTEMD, NAME "/a.slice/b.service/tasks");
}

static void test_odd_paths(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(points); i++) {
		enum unit_hierarchy hierarchy = (enum unit_hierarchy)i;

		assert_int_equal(unit_trusted_len("/", hierarchy), 0);
		assert_int_equal(unit_trusted_len("", hierarchy), 0);
		assert_int_equal(unit_trusted_len("/..", hierarchy), 0);
		assert_int_equal(unit_trusted_len("/../init.scope", hierarchy), 0);
		assert_int_equal(unit_trusted_len("/no-such-cgroup", hierarchy), 0);
		assert_int_equal(unit_trusted_len("relative", hierarchy), 0);
		/* A file of the root cgroup is no cgroup. */
		assert_int_equal(unit_trusted_len("/cgroup.procs", hierarchy), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_unified),
		cmocka_unit_test(test_systemd),
		cmocka_unit_test(test_odd_paths),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
