/* SPDX-License-Identifier: Apache-2.0 */
/* test_answer.c - which errors the kernel is ever told. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/mount/mount_private.h"

static void test_told_as_they_are(void **state)
{
	static const int told[] = {EACCES, EIO, EINVAL, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENFILE,
		ENODATA, ENOENT, ENOMEM, ENOTDIR, ENOTTY, ENXIO, EOPNOTSUPP, ERANGE, EROFS, ESTALE};

	(void)state;
	assert_int_equal(errno_for_kernel(0), 0);
	for (size_t i = 0; i < ARRAY_SIZE(told); i++)
		assert_int_equal(errno_for_kernel(-told[i]), told[i]);
}

/* Those that make the kernel stop asking, retry or interrupt, and our own vocabulary. */
static void test_others_are_eio(void **state)
{
	static const int others[] = {ENOSYS, EINTR, EAGAIN, ERESTART, ENODEV, EPERM, EEXIST,
		EBADMSG, EUCLEAN, ENOKEY, EKEYREJECTED, EKEYREVOKED, ETIMEDOUT, ENOTCONN, EPROTO};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		assert_int_equal(errno_for_kernel(-others[i]), EIO);
	for (int number = 134; number < 5000; number++)
		assert_int_equal(errno_for_kernel(-number), EIO);
}

static void test_no_error_of_ours(void **state)
{
	(void)state;
	assert_int_equal(errno_for_kernel(1), EIO);
	assert_int_equal(errno_for_kernel(EACCES), EIO);
	assert_int_equal(errno_for_kernel(INT32_MAX), EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_told_as_they_are),
		cmocka_unit_test(test_others_are_eio),
		cmocka_unit_test(test_no_error_of_ours),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
