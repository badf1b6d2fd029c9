/* SPDX-License-Identifier: Apache-2.0 */
/* test_export_file.c - what of a file in somebody else's vault root makes a file of. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include <cmocka.h>

#include "fs/cmd/export_file.h"

/* One attribute as a server packs it. */
static struct buffer pack(const char *name, const char *value)
{
	struct buffer xattrs = {0};

	buffer_add(&xattrs, name, strlen(name) + 1);
	buffer_add_u32(&xattrs, (uint32_t)strlen(value));
	buffer_add(&xattrs, value, strlen(value));
	return xattrs;
}

static void test_no_power(void **state)
{
	static const struct {
		const char *name;
		bool comes_out;
	} attributes[] = {{"user.known", true}, {"trusted.known", false}};
	char path[] = "/tmp/test_export_file.XXXXXX", value[16];
	int fd = mkstemp(path);
	struct stat attr;

	(void)state;
	assert_true(fd >= 0);
	assert_int_equal(unlink(path), 0);
	if (geteuid() != 0 || fsetxattr(fd, "trusted.probe", "x", 1, 0) < 0)
		skip();
	for (size_t i = 0; i < ARRAY_SIZE(attributes); i++) {
		struct buffer xattrs = pack(attributes[i].name, "value");
		const struct export_look look = {
			.kind = ENTRY_FILE,
			.mode = 07755,
			.xattrs = (const uint8_t *)xattrs.data,
			.xattrs_len = xattrs.len,
		};

		export_set_attributes(fd, &look);
		assert_int_equal(fgetxattr(fd, attributes[i].name, value, sizeof(value)),
			attributes[i].comes_out ? 5 : -1);
		buffer_done(&xattrs);
	}
	assert_int_equal(fstat(fd, &attr), 0);
	assert_int_equal(attr.st_mode & 07777, 0755);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_power),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
