/* SPDX-License-Identifier: Apache-2.0 */
/* test_exe_path.c - which file a path names, and who could change that. Needs root. */
#include "policy/surroundings_private.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cmocka.h>

#include "policy/mount_table.h"

/* Not in /tmp: nothing beneath that is root's alone. */
static char top[] = "/run/modelvault-exe.XXXXXX";

static const char *at(const char *name)
{
	static char path[8][512];
	static unsigned next;
	char *to = path[next++ % 8];

	snprintf(to, sizeof(path[0]), "%s/%s", top, name);
	return to;
}

static void make_file(const char *name)
{
	int fd = open(at(name), O_WRONLY | O_CREAT | O_CLOEXEC, 0755);

	assert_true(fd >= 0);
	assert_int_equal(fchmod(fd, 0755), 0);
	close(fd);
}

static void make_directory(const char *name)
{
	assert_int_equal(mkdir(at(name), 0755), 0);
	assert_int_equal(chmod(at(name), 0755), 0);
}

static void make_link(const char *target, const char *name)
{
	assert_int_equal(symlink(target, at(name)), 0);
}

static int setup(void **state)
{
	(void)state;
	strcpy(top + strlen(top) - 6, "XXXXXX");
	return mkdtemp(top) && chmod(top, 0755) == 0 ? 0 : -1;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	umount2(at("fuse"), MNT_DETACH);
	snprintf(command, sizeof(command), "rm -rf %s", top);
	return system(command);
}

static void assert_safe(const char *path, const char *same_as)
{
	struct exe_file file = {0, 0};
	char *offender = NULL;
	struct stat attrs;

	assert_int_equal(exe_path_resolve(path, &file, &offender), 0);
	assert_null(offender);
	assert_int_equal(stat(same_as, &attrs), 0);
	assert_int_equal(file.dev, attrs.st_dev);
	assert_int_equal(file.ino, attrs.st_ino);
}

static void assert_unsafe(const char *path, const char *same_as, const char *expected)
{
	struct exe_file file = {0, 0};
	char *offender = NULL;
	struct stat attrs;

	assert_int_equal(exe_path_resolve(path, &file, NULL), -EPERM);
	assert_int_equal(exe_path_resolve(path, &file, &offender), -EPERM);
	assert_non_null(offender);
	assert_string_equal(offender, expected);
	free(offender);
	assert_int_equal(stat(same_as, &attrs), 0);
	assert_int_equal(file.ino, attrs.st_ino);
}

static int resolve(const char *path)
{
	struct exe_file file;

	return exe_path_resolve(path, &file, NULL);
}

static void test_plain(void **state)
{
	(void)state;
	assert_safe("/usr/bin/env", "/usr/bin/env");
	assert_safe("//usr///bin/./env", "/usr/bin/env");
	assert_safe("/usr/bin/../bin/env", "/usr/bin/env");
	assert_safe("/../usr/bin/env", "/usr/bin/env");
	make_directory("a");
	make_file("a/x");
	assert_safe(at("a/x"), at("a/x"));
	assert_int_equal(resolve(at("a")), -EACCES);
	assert_int_equal(resolve("/"), -EACCES);
	assert_int_equal(resolve(at("a/y")), -ENOENT);
	assert_int_equal(resolve(at("a/x/y")), -ENOTDIR);
	assert_int_equal(resolve("usr/bin/env"), -EINVAL);
	assert_int_equal(mkfifo(at("fifo"), 0755), 0);
	assert_int_equal(resolve(at("fifo")), -EACCES);
}

static void test_others_may_write(void **state)
{
	(void)state;
	make_directory("a");
	make_directory("a/b");
	make_file("a/b/x");
	assert_safe(at("a/b/x"), at("a/b/x"));
	assert_int_equal(chmod(at("a/b/x"), 0775), 0);
	assert_unsafe(at("a/b/x"), at("a/b/x"), at("a/b/x"));
	assert_int_equal(chmod(at("a/b/x"), 0757), 0);
	assert_unsafe(at("a/b/x"), at("a/b/x"), at("a/b/x"));
	assert_int_equal(chmod(at("a/b/x"), 0755), 0);
	assert_int_equal(chown(at("a/b/x"), 65534, 0), 0);
	assert_unsafe(at("a/b/x"), at("a/b/x"), at("a/b/x"));
	assert_int_equal(chown(at("a/b/x"), 0, 65534), 0);
	assert_safe(at("a/b/x"), at("a/b/x"));
	/* A sticky directory keeps others from renaming, not from making what is not there. */
	assert_int_equal(chmod(at("a"), 01777), 0);
	assert_unsafe(at("a/b/x"), at("a/b/x"), at("a"));
	assert_int_equal(chmod(at("a"), 0775), 0);
	assert_unsafe(at("a/b/x"), at("a/b/x"), at("a"));
	assert_int_equal(chmod(at("a"), 0755), 0);
	assert_int_equal(chown(at("a/b"), 65534, 0), 0);
	assert_unsafe(at("a/b/x"), at("a/b/x"), at("a/b"));
	/* The way counts, also where it is left again. */
	assert_int_equal(chown(at("a/b"), 0, 0), 0);
	make_directory("open");
	assert_int_equal(chmod(at("open"), 0777), 0);
	assert_unsafe(at("open/../a/b/x"), at("a/b/x"), at("open"));
	assert_safe(at("a/b/x"), at("a/b/x"));
}

static void test_links(void **state)
{
	(void)state;
	make_directory("a");
	make_directory("b");
	make_directory("user");
	make_file("a/x");
	make_link("../a/x", "b/relative");
	make_link(at("a/x"), "b/absolute");
	make_link("absolute", "b/twice");
	make_link("../a", "b/directory");
	make_link("../a/", "b/slash");
	assert_safe(at("b/relative"), at("a/x"));
	assert_safe(at("b/absolute"), at("a/x"));
	assert_safe(at("b/twice"), at("a/x"));
	assert_safe(at("b/directory/x"), at("a/x"));
	assert_safe(at("b/slash/x"), at("a/x"));
	/* A link's own mode says nothing, its owner does. */
	make_link(at("a/x"), "b/users");
	assert_int_equal(lchown(at("b/users"), 65534, 0), 0);
	assert_unsafe(at("b/users"), at("a/x"), at("b/users"));
	/* The way to the target counts, not only the way to the link. */
	make_file("user/y");
	make_link("../user/y", "b/there");
	assert_safe(at("b/there"), at("user/y"));
	assert_int_equal(chown(at("user"), 65534, 0), 0);
	assert_unsafe(at("b/there"), at("user/y"), at("user"));
	/* And a link in a user's directory is his, whoever owns it. */
	make_link("../a/x", "user/link");
	make_link("user/link", "through");
	assert_unsafe(at("through"), at("a/x"), at("user"));
}

static void test_odd_links(void **state)
{
	char name[32], target[32];

	(void)state;
	make_file("x");
	make_link("x", "link-1");
	for (int i = 2; i <= 41; i++) {
		snprintf(name, sizeof(name), "link-%d", i);
		snprintf(target, sizeof(target), "link-%d", i - 1);
		make_link(target, name);
	}
	assert_safe(at("link-40"), at("x"));
	assert_int_equal(resolve(at("link-41")), -ELOOP);
	make_link("loop", "loop");
	assert_int_equal(resolve(at("loop")), -ELOOP);
	make_link("nothing", "dangling");
	assert_int_equal(resolve(at("dangling")), -ENOENT);
	make_link("/", "root");
	assert_safe(at("root/usr/bin/env"), "/usr/bin/env");
}

static void test_glance(void **state)
{
	struct exe_file file;
	struct stat attrs;
	int r;

	(void)state;
	make_file("x");
	make_link("x", "link");
	assert_int_equal(stat(at("link"), &attrs), 0);
	r = exe_path_glance(at("link"), &file);
	/* A kernel without RESOLVE_CACHED, or one whose cache was just emptied, cannot tell. */
	if (r == -EAGAIN)
		skip();
	assert_int_equal(r, 0);
	assert_int_equal(file.dev, attrs.st_dev);
	assert_int_equal(file.ino, attrs.st_ino);
	assert_true(stat(at("missing"), &attrs) < 0);
	assert_int_equal(exe_path_glance(at("missing"), &file), -ENOENT);
	assert_int_equal(exe_path_glance(at("x/y"), &file), -EAGAIN);
}

/* A FUSE file system whose server never answers; whoever asked it anything would hang. */
static int mount_silent_fuse(const char *path)
{
	char options[128];
	int fd = open("/dev/fuse", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	snprintf(options, sizeof(options), "fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other",
		fd);
	if (mount("silent", path, "fuse.silent", MS_NOSUID | MS_NODEV, options) < 0) {
		int r = -errno;

		close(fd);
		return r;
	}
	return fd;
}

static bool visit_fuse(void *arg, const struct mountinfo *entry)
{
	uint64_t *dev = arg;

	if (strcmp(entry->point, at("fuse")) == 0) {
		assert_string_equal(entry->type, "fuse.silent");
		assert_string_equal(entry->root, "/");
		assert_int_equal(mount_kind_of(entry), MOUNT_FUSE);
		*dev = entry->dev;
	}
	return true;
}

static void test_fuse_is_not_asked(void **state)
{
	struct exe_file file = {0, 0};
	uint64_t dev = 0;
	int fd;

	(void)state;
	make_directory("fuse");
	/* Mounts are read before, so that the change has to be seen. */
	assert_int_equal(resolve(at("fuse/x")), -ENOENT);
	fd = mount_silent_fuse(at("fuse"));
	if (fd == -ENOENT || fd == -ENODEV)
		skip();
	assert_true(fd >= 0);
	alarm(20);
	assert_int_equal(exe_path_resolve(at("fuse/x"), &file, NULL), -ENOTSUP);
	make_link("fuse/x", "link");
	assert_int_equal(resolve(at("link")), -ENOTSUP);
	assert_int_equal(exe_path_glance(at("fuse/x"), &file), -EAGAIN);
	alarm(0);
	assert_int_equal(mountinfo_each(AT_FDCWD, "/proc/self/mountinfo", visit_fuse, &dev), 0);
	assert_true(dev != 0);
	assert_int_equal(exe_path_resolve(at("fuse/x"), &file, NULL), -ENOTSUP);
	assert_int_equal(file.dev, dev);
	assert_int_equal(file.ino, 0);
	close(fd);
	assert_int_equal(umount2(at("fuse"), MNT_DETACH), 0);
	assert_int_equal(resolve(at("fuse/x")), -ENOENT);
}

static bool visit_spaces(void *arg, const struct mountinfo *entry)
{
	if (strcmp(entry->point, at("a b\\c\n")) != 0)
		return true;
	assert_int_equal(mount_kind_of(entry), MOUNT_MEMORY);
	*(bool *)arg = true;
	return false;
}

static void test_mountinfo(void **state)
{
	const struct mountinfo entries[] = {
		{.type = "ext4", .dev = makedev(8, 1)},
		{.type = "fuseblk", .dev = makedev(8, 1)},
		{.type = "btrfs", .dev = makedev(0, 30)},
		{.type = "nfs4", .dev = makedev(0, 31)},
		{.type = "some-new-network", .dev = makedev(0, 32)},
	};
	const enum mount_kind kinds[] = {
		MOUNT_LOCAL, MOUNT_FUSE, MOUNT_LOCAL, MOUNT_FOREIGN, MOUNT_FOREIGN};
	struct mount_place nowhere = {.has_mount_id = true, .mount_id = UINT64_MAX};
	enum mount_kind kind;
	bool seen = false;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++)
		assert_int_equal(mount_kind_of(&entries[i]), kinds[i]);
	make_directory("a b\\c\n");
	assert_int_equal(mount("tmpfs", at("a b\\c\n"), "tmpfs", 0, "size=4k"), 0);
	assert_int_equal(mountinfo_each(AT_FDCWD, "/proc/self/mountinfo", visit_spaces, &seen), 0);
	assert_int_equal(umount(at("a b\\c\n")), 0);
	assert_true(seen);
	assert_int_equal(
		mountinfo_each(AT_FDCWD, "/proc/self/nothing", visit_spaces, &seen), -ENOENT);
	assert_int_equal(mount_kind_here(&nowhere, &kind), -ENOENT);
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
		cmocka_unit_test_setup_teardown(test_plain, setup, teardown),
		cmocka_unit_test_setup_teardown(test_others_may_write, setup, teardown),
		cmocka_unit_test_setup_teardown(test_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_odd_links, setup, teardown),
		cmocka_unit_test_setup_teardown(test_glance, setup, teardown),
		cmocka_unit_test_setup_teardown(test_fuse_is_not_asked, setup, teardown),
		cmocka_unit_test_setup_teardown(test_mountinfo, setup, teardown),
	};

	return cmocka_run_group_tests(tests, keep_mounts_private, NULL);
}
