/* SPDX-License-Identifier: Apache-2.0 */
/* test_object_store.c - the life of an object's file, hostile names, symlinks, collection. */
#include "fs/format/object_store.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <cmocka.h>

#include "keystore/base/scope.h"

#define KNOWN_NAME "a1000000000000000000000000000000"
#define LOST_NAME  "b2000000000000000000000000000000"

static const uint8_t known[ID_SIZE] = {0xa1}, lost[ID_SIZE] = {0xb2};
static char base[64], root[80];
static struct object_store *store;

static const char *at(const char *name)
{
	static char path[256];

	snprintf(path, sizeof(path), "%s/%s", root, name);
	return path;
}

static int setup(void **state)
{
	(void)state;
	snprintf(base, sizeof(base), "/tmp/test_object_store.XXXXXX");
	if (!mkdtemp(base))
		return -1;
	snprintf(root, sizeof(root), "%s/objects", base);
	if (object_store_create(root) < 0)
		return -1;
	return object_store_open(root, &store);
}

static int remove_entry(const char *path, const struct stat *st, int type, struct FTW *walk)
{
	(void)st;
	(void)type;
	(void)walk;
	return remove(path);
}

static int teardown(void **state)
{
	(void)state;
	store = object_store_close(store);
	return nftw(base, remove_entry, 8, FTW_DEPTH | FTW_PHYS);
}

static void publish(const uint8_t id[ID_SIZE])
{
	int fd = object_store_new_object(store, id);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, "object", 6), 6);
	assert_int_equal(object_store_publish(store, id, fd), 0);
	close(fd);
}

static int open_object(const uint8_t id[ID_SIZE])
{
	bool direct;
	int fd = object_store_open_object(store, id, false, &direct);

	if (fd >= 0)
		assert_false(direct);
	return fd;
}

static void test_create(void **state)
{
	struct object_store *other;
	struct stat st;

	(void)state;
	assert_int_equal(stat(root, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(object_store_create(root), -EEXIST);
	assert_int_equal(object_store_open(at("none"), &other), -ENOENT);
	assert_int_equal(mknod(at("file"), S_IFREG | 0600, 0), 0);
	assert_int_equal(object_store_open(at("file"), &other), -ENOTDIR);
}

static void test_life(void **state)
{
	struct stat st;
	char bytes[8];
	int fd;

	(void)state;
	assert_int_equal(open_object(known), -ENOENT);
	fd = object_store_new_object(store, known);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(object_store_new_object(store, known), -EEXIST);
	assert_int_equal(stat(at(".new/" KNOWN_NAME), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(open_object(known), -ENOENT);
	assert_int_equal(write(fd, "object", 6), 6);
	assert_int_equal(object_store_publish(store, known, fd), 0);
	close(fd);
	assert_int_equal(stat(at(".new/" KNOWN_NAME), &st), -1);
	assert_int_equal(stat(at("a1"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	fd = open_object(known);
	assert_true(fd >= 0);
	assert_true(fcntl(fd, F_GETFD) & FD_CLOEXEC);
	assert_int_equal(read(fd, bytes, sizeof(bytes)), 6);
	close(fd);
	/* A second one of that name does not replace it. */
	fd = object_store_new_object(store, known);
	assert_int_equal(object_store_publish(store, known, fd), -EEXIST);
	close(fd);
	assert_int_equal(object_store_discard(store, known), 0);
	assert_int_equal(object_store_discard(store, known), 0);
	assert_int_equal(object_store_remove(store, known), 0);
	assert_int_equal(object_store_remove(store, known), -ENOENT);
	assert_int_equal(object_store_remove(store, lost), -ENOENT);
}

static void test_direct(void **state)
{
	bool direct = false;
	int fd;

	(void)state;
	publish(known);
	fd = object_store_open_object(store, known, true, &direct);
	assert_true(fd >= 0);
	assert_int_equal(direct, (fcntl(fd, F_GETFL) & O_DIRECT) != 0);
	close(fd);
}

/* What stands in an object's place and is none. */
static void test_not_regular(void **state)
{
	bool direct;

	(void)state;
	assert_int_equal(mkdir(at("a1"), 0700), 0);
	assert_int_equal(symlink("/etc/passwd", at("a1/" KNOWN_NAME)), 0);
	assert_int_equal(open_object(known), -EUCLEAN);
	assert_int_equal(object_store_open_object(store, known, true, &direct), -EUCLEAN);
	assert_int_equal(object_store_remove(store, known), 0);
	assert_int_equal(mkfifo(at("a1/" KNOWN_NAME), 0600), 0);
	assert_int_equal(open_object(known), -EUCLEAN);
	assert_int_equal(object_store_open_object(store, known, true, &direct), -EUCLEAN);
	assert_int_equal(object_store_remove(store, known), 0);
	assert_int_equal(mkdir(at("a1/" KNOWN_NAME), 0700), 0);
	assert_int_equal(open_object(known), -EUCLEAN);
	assert_int_equal(object_store_open_object(store, known, true, &direct), -EUCLEAN);
	/* A shelf that leads elsewhere. */
	assert_int_equal(mkdir(at("elsewhere"), 0700), 0);
	assert_int_equal(mknod(at("elsewhere/" LOST_NAME), S_IFREG | 0600, 0), 0);
	assert_int_equal(symlink("elsewhere", at("b2")), 0);
	assert_int_equal(open_object(lost), -EUCLEAN);
	assert_true(object_store_remove(store, lost) < 0);
	assert_int_equal(access(at("elsewhere/" LOST_NAME), F_OK), 0);
}

static void test_publish_not_through_symlink(void **state)
{
	int fd;

	(void)state;
	assert_int_equal(mkdir(at("elsewhere"), 0700), 0);
	assert_int_equal(symlink("elsewhere", at("b2")), 0);
	fd = object_store_new_object(store, lost);
	assert_true(fd >= 0);
	assert_true(object_store_publish(store, lost, fd) < 0);
	close(fd);
	assert_int_equal(access(at("elsewhere/" LOST_NAME), F_OK), -1);
}

static bool is_known(void *arg, const uint8_t *file_id)
{
	++*(int *)arg;
	return memcmp(file_id, known, ID_SIZE) == 0;
}

static void test_collect(void **state)
{
	static const char *const junk[] = {"README", "b2/README", "b2/" KNOWN_NAME,
		"b2/B2000000000000000000000000000000", "b2/" LOST_NAME "0", ".new/note"};
	int asked = 0;
	int fd;

	(void)state;
	publish(known);
	publish(lost);
	fd = object_store_new_object(store, known);
	assert_true(fd >= 0);
	close(fd);
	for (size_t i = 0; i < ARRAY_SIZE(junk); i++)
		assert_int_equal(mknod(at(junk[i]), S_IFREG | 0600, 0), 0);
	assert_int_equal(mkdir(at("b2/b2ffffffffffffffffffffffffffffff"), 0700), 0);
	assert_int_equal(mkdir(at("elsewhere"), 0700), 0);
	assert_int_equal(
		mknod(at("elsewhere/c3000000000000000000000000000000"), S_IFREG | 0600, 0), 0);
	assert_int_equal(symlink("elsewhere", at("c3")), 0);
	assert_int_equal(symlink("/etc/passwd", at("b2/b2eeeeeeeeeeeeeeeeeeeeeeeeeeeeee")), 0);

	/* The lost object, the unfinished one, and the symlink that has an object's name. */
	assert_int_equal(object_store_collect(store, is_known, &asked), 3);
	assert_int_equal(asked, 4);
	fd = open_object(known);
	assert_true(fd >= 0);
	close(fd);
	assert_int_equal(open_object(lost), -ENOENT);
	for (size_t i = 0; i < ARRAY_SIZE(junk); i++)
		assert_int_equal(access(at(junk[i]), F_OK), 0);
	assert_int_equal(access(at("elsewhere/c3000000000000000000000000000000"), F_OK), 0);
	assert_int_equal(access("/etc/passwd", F_OK), 0);
	assert_int_equal(object_store_collect(store, is_known, &asked), 0);
}

static void test_space(void **state)
{
	uint64_t bytes = 0, free_bytes = 0;

	(void)state;
	assert_int_equal(object_store_space(store, &bytes, &free_bytes), 0);
	assert_true(bytes > 0);
	assert_true(free_bytes <= bytes);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_create, setup, teardown),
		cmocka_unit_test_setup_teardown(test_life, setup, teardown),
		cmocka_unit_test_setup_teardown(test_direct, setup, teardown),
		cmocka_unit_test_setup_teardown(test_not_regular, setup, teardown),
		cmocka_unit_test_setup_teardown(test_publish_not_through_symlink, setup, teardown),
		cmocka_unit_test_setup_teardown(test_collect, setup, teardown),
		cmocka_unit_test_setup_teardown(test_space, setup, teardown),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
