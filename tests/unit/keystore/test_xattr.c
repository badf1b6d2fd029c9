/* SPDX-License-Identifier: Apache-2.0 */
/* test_xattr.c - pairs as given by importers, well formed and not. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/base/limits.h"
#include "keystore/xattr.h"

static int parse(const char *pairs, size_t len)
{
	scope(xattr_list_free) struct xattr *list = NULL;

	return xattr_list_parse(pairs, len, &list);
}

static void test_pairs(void **state)
{
	static const char good[] = "user.a\0\2\0\0\0xyuser.b\0\0\0\0\0";
	static const char twice[] = "a\0\0\0\0\0a\0\0\0\0\0";

	(void)state;
	assert_int_equal(parse("", 0), 0);
	assert_int_equal(parse(good, sizeof(good) - 1), 0);
	/* Cut anywhere but between the pairs it is none. */
	for (size_t len = 1; len < sizeof(good) - 1; len++)
		assert_int_equal(parse(good, len), len == 13 ? 0 : -EINVAL);
	assert_int_equal(parse(twice, sizeof(twice) - 1), -EINVAL);
	assert_int_equal(parse("\0\0\0\0\0", 5), -EINVAL);
	assert_int_equal(parse("a\0\xff\xff\xff\xff", 6), -EINVAL);
}

static void test_bounds(void **state)
{
	scope(xattr_list_free) struct xattr *list = NULL;
	static char bytes[LIMIT_XATTR_VALUE + 1];
	char name[LIMIT_XATTR_NAME + 2];

	(void)state;
	memset(name, 'n', sizeof(name));
	name[LIMIT_XATTR_NAME + 1] = 0;
	assert_int_equal(xattr_list_add(&list, name, LIMIT_XATTR_NAME + 1, "", 0), -EINVAL);
	assert_int_equal(xattr_list_add(&list, "n", 1, bytes, LIMIT_XATTR_VALUE + 1), -EINVAL);
	assert_int_equal(
		xattr_list_add(&list, name, LIMIT_XATTR_NAME, bytes, LIMIT_XATTR_VALUE), 0);
	assert_int_equal(xattr_list_add(&list, name, LIMIT_XATTR_NAME, "", 0), -EEXIST);
	name[LIMIT_XATTR_NAME] = 0;
	assert_int_equal(xattr_list_get(list, name, bytes, 1), -ERANGE);
	assert_int_equal(xattr_list_get(list, name, NULL, 0), LIMIT_XATTR_VALUE);
	assert_int_equal(xattr_list_names(list, NULL, 0), LIMIT_XATTR_NAME + 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_pairs),
		cmocka_unit_test(test_bounds),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
