/* SPDX-License-Identifier: Apache-2.0 */
/* test_looked_memory.c - what was looked at once in a pass is not looked at again. */
#include "policy/looked_memory.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <cmocka.h>

#define OTHERS 3000

static char program[] = "/tmp/test_looked_memory.XXXXXX";

static struct ruleset *rules_of_program(void)
{
	struct rule rule = {0};
	struct ruleset *ruleset;
	char line[128];

	snprintf(line, sizeof(line), "deny exe:%s read x", program);
	assert_int_equal(rule_from_text(line, strlen(line), &rule), 0);
	rule.number = 1;
	assert_int_equal(ruleset_new(&rule, 1, &ruleset), 0);
	rule_done(&rule);
	return ruleset;
}

static size_t names_of_program(const struct surroundings *around)
{
	return around->exe_count + around->unsafe_exe_count;
}

static void test_remembers(void **state)
{
	scope(ruleset_unref) struct ruleset *ruleset = NULL, *other = NULL;
	struct looked_memory *memory = looked_memory_new();
	struct looked_at own;
	struct surroundings around;
	struct stat attr;
	int fd = mkstemp(program);

	(void)state;
	assert_true(fd >= 0 && fstat(fd, &attr) == 0);
	close(fd);
	ruleset = rules_of_program();
	other = rules_of_program();
	struct subject runs = {.pid = 1,
		.initial_userns = true,
		.exe_dev = makedev(major(attr.st_dev), minor(attr.st_dev)),
		.exe_ino = attr.st_ino};

	around = looked_memory_look(memory, ruleset, &runs, NULL, &own);
	assert_int_equal(names_of_program(&around), 1);
	for (size_t i = 1; i <= OTHERS; i++) {
		struct subject others = runs;

		others.exe_ino += i;
		around = looked_memory_look(memory, ruleset, &others, NULL, &own);
		assert_int_equal(names_of_program(&around), 0);
	}
	/* Were it looked at again, nothing would be there. */
	assert_int_equal(unlink(program), 0);
	around = looked_memory_look(memory, ruleset, &runs, NULL, &own);
	assert_int_equal(names_of_program(&around), 1);
	/* Without a process, by other rules and without a memory it is. */
	runs.pid = 0;
	around = looked_memory_look(memory, ruleset, &runs, NULL, &own);
	assert_int_equal(names_of_program(&around), 0);
	runs.pid = 1;
	around = looked_memory_look(NULL, ruleset, &runs, NULL, &own);
	assert_int_equal(names_of_program(&around), 0);
	around = looked_memory_look(memory, other, &runs, NULL, &own);
	assert_int_equal(names_of_program(&around), 0);
	looked_memory_free(memory);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_remembers)};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
