/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of keystore/base/file.c: short reads, symlinks and escapes, replacing, loading. */
#include "keystore/base/file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "keystore/base/scope.h"

static char directory[64];
static int dir_fd;

static int setup(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test_file.XXXXXX");
	if (!mkdtemp(directory))
		return -1;
	dir_fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir_fd < 0;
}

static int teardown(void **state)
{
	char command[128];

	(void)state;
	close(dir_fd);
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

static int entries(void)
{
	DIR *dir = opendir(directory);
	int count = 0;

	assert_non_null(dir);
	while (readdir(dir))
		count++;
	closedir(dir);
	return count - 2;
}

static void test_reads_and_writes(void **state)
{
	scope_fd int fd = openat(dir_fd, "rw", O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	char a[3], b[10];
	const struct iovec parts[] = {{a, 3}, {NULL, 0}, {b, 10}};
	const struct iovec many[9] = {{a, 1}};

	(void)state;
	assert_int_equal(file_write_at(fd, "01234567", 8, 2), 0);
	assert_int_equal(file_read_at(fd, b, 10, 4), 6);
	assert_memory_equal(b, "234567", 6);
	assert_int_equal(file_read_at(fd, b, 10, 10), 0);
	assert_int_equal(file_readv_at(fd, parts, 3, 1), 9);
	assert_memory_equal(a,
		"\0"
		"01",
		3);
	assert_memory_equal(b, "234567", 6);
	assert_int_equal(parts[2].iov_len, 10);
	assert_int_equal(file_readv_at(fd, many, 9, 0), -EINVAL);
	assert_int_equal(file_read_at(fd, b, 1, UINT64_MAX), -EINVAL);
	assert_int_equal(file_read_at(fd, b, 2, INT64_MAX - 1), -EINVAL);
	assert_int_equal(file_write_at(fd, b, SIZE_MAX, 0), -EINVAL);
	assert_int_equal(file_read_at(-1, b, 1, 0), -EBADF);
	assert_int_equal(file_write_at(-1, b, 1, 0), -EBADF);
}

static void test_pipe(void **state)
{
	int ends[2];
	char buf[8];

	(void)state;
	assert_int_equal(pipe2(ends, O_CLOEXEC), 0);
	assert_int_equal(file_write(ends[1], "abc", 3), 0);
	assert_int_equal(file_write(ends[1], "def", 3), 0);
	close(ends[1]);
	assert_int_equal(file_read(ends[0], buf, 8), 6);
	assert_memory_equal(buf, "abcdef", 6);
	close(ends[0]);
	assert_int_equal(file_write(-1, "x", 1), -EBADF);
	assert_int_equal(file_read(-1, buf, 1), -EBADF);
}

static void test_full_device(void **state)
{
	scope_fd int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);

	(void)state;
	assert_int_equal(file_write(fd, "x", 1), -ENOSPC);
	assert_int_equal(file_write_at(fd, "x", 1, 0), -ENOSPC);
}

static void test_open_beneath(void **state)
{
	static const struct {
		const char *path;
		int flags;
		int result;
	} cases[] = {
		{"sub/file", O_RDONLY, 0},
		{"sub/../sub/file", O_RDONLY, 0},
		{"sub/new", O_RDWR | O_CREAT | O_EXCL, 0},
		{"sub/new", O_RDWR | O_CREAT | O_EXCL, -EEXIST},
		{"sub/absent", O_RDONLY, -ENOENT},
		{"link", O_RDONLY, -ELOOP},
		{"to-sub/file", O_RDONLY, -ELOOP},
		{"../etc/passwd", O_RDONLY, -EXDEV},
		{"/etc/passwd", O_RDONLY, -EXDEV},
		{"sub/../../x", O_RDONLY, -EXDEV},
	};

	(void)state;
	assert_int_equal(mkdirat(dir_fd, "sub", 0700), 0);
	assert_int_equal(file_replace(dir_fd, "link-target", "x", 1, 0600), 0);
	assert_int_equal(symlinkat("link-target", dir_fd, "link"), 0);
	assert_int_equal(symlinkat("sub", dir_fd, "to-sub"), 0);
	close(openat(dir_fd, "sub/file", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		scope_fd int fd = file_open_beneath(dir_fd, cases[i].path, cases[i].flags, 0640);

		if (cases[i].result < 0 ? fd != cases[i].result : fd < 0)
			fail_msg("%s: %d", cases[i].path, fd);
		if (fd >= 0)
			assert_int_equal(fcntl(fd, F_GETFD), FD_CLOEXEC);
	}
}

static void assert_content(const char *name, const char *expected)
{
	scope_free char *bytes = NULL;
	size_t len;

	assert_int_equal(file_load(dir_fd, name, 100, &bytes, &len), 0);
	assert_int_equal(len, strlen(expected));
	assert_string_equal(bytes, expected);
}

static void test_replace(void **state)
{
	scope_fd int path_only = open(directory, O_PATH | O_DIRECTORY | O_CLOEXEC);
	int before = entries();
	mode_t umask_before = umask(077);
	struct stat st;

	(void)state;
	assert_int_equal(file_replace(dir_fd, "config", "one", 3, 0644), 0);
	assert_int_equal(file_replace(path_only, "config", "second", 6, 0640), 0);
	umask(umask_before);
	assert_content("config", "second");
	assert_int_equal(fstatat(dir_fd, "config", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0640);
	/* A symlink is replaced, not followed. */
	assert_int_equal(symlinkat("config", dir_fd, "alias"), 0);
	assert_int_equal(file_replace(dir_fd, "alias", "", 0, 0600), 0);
	assert_content("config", "second");
	assert_content("alias", "");
	/* What fails leaves nothing behind. */
	assert_int_equal(mkdirat(dir_fd, "occupied", 0700), 0);
	assert_int_equal(file_replace(dir_fd, "occupied", "x", 1, 0600), -EISDIR);
	assert_int_equal(file_replace(dir_fd, "sub/x", "x", 1, 0600), -EINVAL);
	assert_int_equal(file_replace(dir_fd, "..", "x", 1, 0600), -EINVAL);
	assert_int_equal(file_replace(dir_fd, "", "x", 1, 0600), -EINVAL);
	assert_int_equal(entries(), before + 3);
}

static void test_load(void **state)
{
	scope_free char *bytes = NULL;
	char large[10000];
	size_t len = 77;

	(void)state;
	memset(large, 'x', sizeof(large));
	assert_int_equal(file_replace(dir_fd, "large", large, sizeof(large), 0600), 0);
	assert_int_equal(file_load(dir_fd, "large", 9999, &bytes, &len), -EFBIG);
	assert_int_equal(file_load(dir_fd, "absent", 10, &bytes, &len), -ENOENT);
	assert_int_equal(file_load(dir_fd, ".", 10, &bytes, &len), -EINVAL);
	assert_int_equal(mkfifoat(dir_fd, "fifo", 0600), 0);
	assert_int_equal(file_load(dir_fd, "fifo", 10, &bytes, &len), -EINVAL);
	assert_int_equal(file_load(dir_fd, "/dev/zero", 10, &bytes, &len), -EINVAL);
	assert_null(bytes);
	assert_int_equal(len, 77);
	assert_int_equal(file_load(dir_fd, "large", 10000, &bytes, &len), 0);
	assert_int_equal(len, 10000);
	assert_memory_equal(bytes, large, 10000);
	assert_int_equal(bytes[10000], 0);
	free(take(&bytes));
	/* Files in /proc say that they are empty. */
	assert_int_equal(file_load(dir_fd, "/proc/self/smaps", 1 << 22, &bytes, &len), 0);
	assert_true(len > 8192);
	free(take(&bytes));
	assert_int_equal(file_load(dir_fd, "/proc/self/smaps", 5000, &bytes, &len), -EFBIG);
}

static void test_directories(void **state)
{
	mode_t umask_before = umask(077);
	char path[128];
	struct stat st;

	(void)state;
	snprintf(path, sizeof(path), "%s//a/b/./c/", directory);
	assert_int_equal(file_make_directories(path, 0750), 0);
	assert_int_equal(file_make_directories(path, 0700), 0);
	umask(umask_before);
	assert_int_equal(fstatat(dir_fd, "a/b/c", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0750);
	snprintf(path, sizeof(path), "%s/plain/x", directory);
	assert_int_equal(file_replace(dir_fd, "plain", "", 0, 0600), 0);
	assert_int_equal(file_make_directories(path, 0750), -ENOTDIR);
	assert_int_equal(file_make_directories("", 0750), -ENOENT);
	assert_int_equal(file_make_directories("/", 0750), 0);
	assert_int_equal(file_sync_directory(dir_fd), 0);
	assert_int_equal(file_sync_directory(AT_FDCWD), 0);
	assert_int_equal(file_sync_directory(-1), -EBADF);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reads_and_writes),
		cmocka_unit_test(test_pipe),
		cmocka_unit_test(test_full_device),
		cmocka_unit_test(test_open_beneath),
		cmocka_unit_test(test_replace),
		cmocka_unit_test(test_load),
		cmocka_unit_test(test_directories),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
