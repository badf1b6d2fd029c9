/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of keystore/base/secret.c: where secrets lie, what the process gives up, wiping, limits. */
#include "keystore/base/secret.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#define ARENA (2 << 20)

/* The flags of the mapping that an address lies in, from /proc/self/smaps; false when not found. */
static bool mapping_flags(const void *address, char flags[256])
{
	FILE *file = fopen("/proc/self/smaps", "re");
	char line[512];
	bool inside = false, found = false;

	assert_non_null(file);
	while (!found && fgets(line, sizeof(line), file)) {
		unsigned long from, to;

		if (sscanf(line, "%lx-%lx ", &from, &to) == 2)
			inside = (uintptr_t)address >= from && (uintptr_t)address < to;
		else if (inside && sscanf(line, "VmFlags: %255[^\n]", flags) == 1)
			found = true;
	}
	fclose(file);
	return found;
}

static void test_locked_and_not_dumped(void **state)
{
	scope(secret_free) struct secret *secret = NULL;
	struct rlimit core;
	char flags[256];

	(void)state;
	assert_int_equal(secret_random(32, &secret), 0);
	assert_true(mapping_flags(secret_view(secret), flags));
	assert_non_null(strstr(flags, "lo")); /* VM_LOCKED */
	assert_non_null(strstr(flags, "dd")); /* VM_DONTDUMP */
	assert_int_equal(prctl(PR_GET_DUMPABLE), 0);
	assert_int_equal(getrlimit(RLIMIT_CORE, &core), 0);
	assert_int_equal(core.rlim_cur, 0);
	assert_int_equal(core.rlim_max, 0);
	assert_int_equal(secret_init(), 0); /* once more is harmless */
}

/* Runs in a child, which has not called secret_init before. */
static int without_arena(void)
{
	const struct rlimit none = {0, 0};
	struct secret *secret = NULL;

	if (secret_new(32, &secret) != -ENOMEM)
		return 1; /* OpenSSL would have fallen back to malloc */
	/* CAP_IPC_LOCK overrides the limit: only for others can locking fail. */
	if (geteuid() == 0 && setuid(65534) < 0)
		return 2;
	if (setrlimit(RLIMIT_MEMLOCK, &none) < 0)
		return 3;
	return secret_init() == -ENOMEM && secret_new(32, &secret) == -ENOMEM ? 0 : 4;
}

static int with_little(void)
{
	const struct rlimit little = {64 << 10, 64 << 10};
	struct secret *secret = NULL;
	char flags[256];

	if (geteuid() == 0 && setuid(65534) < 0)
		return 2;
	if (setrlimit(RLIMIT_MEMLOCK, &little) < 0)
		return 3;
	if (secret_init() < 0 || secret_new(4096, &secret) < 0)
		return 4;
	prctl(PR_SET_DUMPABLE, 1); /* or /proc/self is root's */
	return mapping_flags(secret_view(secret), flags) && strstr(flags, "lo") ? 0 : 5;
}

static int exit_of(int (*function)(void))
{
	pid_t child = fork();
	int status;

	if (child == 0)
		_exit(function());
	if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
		return -1;
	return WEXITSTATUS(status);
}

static int forked;

static int after_fork(void)
{
	return secret_init() == -ENOMEM ? 0 : 1; /* a child's copy of the arena is not locked */
}

static void test_values(void **state)
{
	scope(secret_free) struct secret *a = NULL;
	scope(secret_free) struct secret *b = NULL;
	scope(secret_free) struct secret *random = NULL;
	static const uint8_t zeros[100];

	(void)state;
	assert_int_equal(secret_new(100, &a), 0);
	assert_int_equal(secret_len(a), 100);
	assert_memory_equal(secret_view(a), zeros, 100);
	memset(secret_bytes(a), 7, 100);
	assert_int_equal(secret_copy(a, &b), 0);
	assert_ptr_not_equal(secret_view(a), secret_view(b));
	assert_true(secret_equal(a, b));
	secret_bytes(b)[99] ^= 1;
	assert_false(secret_equal(a, b));
	secret_shorten(b, 99);
	assert_false(secret_equal(a, b));
	assert_int_equal(secret_view(b)[99], 0); /* wiped, though still allocated */
	secret_shorten(a, 99);
	assert_true(secret_equal(a, b));
	assert_int_equal(secret_random(100, &random), 0);
	assert_memory_not_equal(secret_view(random), zeros, 100);
	a = secret_free(a);
	assert_null(a);
	assert_int_equal(secret_from("key", 3, &a), 0);
	assert_memory_equal(secret_view(a), "key", 3);
	assert_null(secret_free(NULL));
}

static void test_wiped_when_freed(void **state)
{
	struct secret *secret = NULL;
	const volatile uint8_t *bytes;
	uint8_t after[64];

	(void)state;
	assert_int_equal(secret_random(64, &secret), 0);
	bytes = secret_view(secret);
	secret_free(secret);
	/* The arena stays mapped. Its first 16 bytes are now a list entry of the allocator. */
	for (int i = 0; i < 64; i++)
		after[i] = bytes[i];
	for (int i = 16; i < 64; i++)
		assert_int_equal(after[i], 0);
}

static void test_limits(void **state)
{
	struct secret *secret = NULL;
	struct secret *large = NULL;

	(void)state;
	assert_int_equal(secret_new(0, &secret), -EINVAL);
	assert_int_equal(secret_new(ARENA + 1, &secret), -ENOMEM);
	assert_int_equal(secret_new(SIZE_MAX, &secret), -ENOMEM);
	assert_int_equal(secret_random(SIZE_MAX, &secret), -EINVAL);
	assert_int_equal(random_fill(&secret, SIZE_MAX), -EINVAL);
	assert_null(secret);
	assert_int_equal(secret_new(ARENA / 2, &large), 0);
	secret_free(large);
}

static void test_public_bytes(void **state)
{
	uint8_t a[32] = {0}, b[32] = {0};

	(void)state;
	assert_int_equal(random_fill(a, 0), 0);
	assert_true(bytes_equal_constant_time(a, b, 32));
	assert_int_equal(random_fill(a, 32), 0);
	assert_false(bytes_equal_constant_time(a, b, 32));
	assert_true(bytes_equal_constant_time(a, b, 0));
	secret_wipe(a, 32);
	assert_true(bytes_equal_constant_time(a, b, 32));
}

static void test_children(void **state)
{
	(void)state;
	assert_int_equal(forked, 0);
	assert_int_equal(exit_of(after_fork), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_locked_and_not_dumped),
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_wiped_when_freed),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_public_bytes),
		cmocka_unit_test(test_children),
	};

	/* Before the arena is there: each child tries without, or with little, lockable memory. */
	forked = exit_of(without_arena);
	if (forked == 0)
		forked = exit_of(with_little);
	if (secret_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
