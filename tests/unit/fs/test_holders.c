/* SPDX-License-Identifier: Apache-2.0 */
/* test_holders.c - who uses a mount, and above all who does not: --kill ends whoever is named. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fs/cmd/holders.h"

/* The mount went while its holders were looked for: anonymous memory is of device 0 too. */
static void test_no_device(void **state)
{
	struct holder *all = NULL;
	size_t count = 0;

	(void)state;
	assert_int_equal(holders_find(0, &all, &count), -ENODEV);
	assert_int_equal(count, 0);
	assert_null(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_device),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
