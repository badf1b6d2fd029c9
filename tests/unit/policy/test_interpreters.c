/* SPDX-License-Identifier: Apache-2.0 */
/* test_interpreters.c - which programs do what they are told, by their names. */
#include "policy/interpreters.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "keystore/base/scope.h"

static const struct {
	const char *path;
	bool is;
} cases[] = {
	{"/usr/bin/python3", true},
	{"/usr/bin/python3.11", true},
	{"/opt/venv/bin/python", true},
	{"python2-2.7", true},
	{"/usr/bin/python3-config", false},
	{"/usr/bin/pythonic", false},
	{"/usr/bin/perl5.36.0", true},
	{"/bin/sh", true},
	{"/bin/bash", true},
	{"/usr/bin/node", true},
	{"/usr/bin/java", true},
	{"/usr/bin/javac", false},
	{"/bin/busybox", true},
	{"/usr/bin/env", true},
	{"/usr/bin/envsubst", false},
	{"/usr/bin/sudo", true},
	{"/lib64/ld-linux-x86-64.so.2", true},
	{"/lib/ld-musl-aarch64.so.1", true},
	{"/usr/bin/ld.so", true},
	{"/usr/bin/ld", false},
	{"/usr/bin/ld-tool", false},
	{"/usr/bin/tritonserver", false},
	{"/usr/bin/R", true},
	{"/python3/serve", false},
	{"/", false},
	{"", false},
};

static void test_cases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		if (is_interpreter(cases[i].path) != cases[i].is)
			fail_msg("%s", cases[i].path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_cases)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
