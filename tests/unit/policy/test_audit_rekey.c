/* SPDX-License-Identifier: Apache-2.0 */
/*
 * test_audit_rekey.c - the trail follows a change of the master key: whichever of audit.key and
 * audit.key.next fits is taken, the other goes; and a trail that is begun anew.
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "keystore/aead.h"
#include "policy/audit.h"
#include "tests/unit/policy/audit_fixture.h"

/* The wrapper of the "new master key". */
static struct secret *next_key;

static int wrap(void *arg, const void *aad, size_t aad_len, const struct secret *secret,
	uint8_t *ret_wrapped)
{
	(void)arg;
	return key_wrap(next_key, aad, aad_len, secret, ret_wrapped);
}

static int unwrap(void *arg, const void *aad, size_t aad_len, const uint8_t *wrapped,
	size_t wrapped_len, struct secret **ret_secret)
{
	(void)arg;
	return key_unwrap(next_key, aad, aad_len, wrapped, wrapped_len, ret_secret);
}

static const struct audit_key_wrapper next_wrapper = {.wrap = wrap, .unwrap = unwrap};

static int open_with(const struct audit_key_wrapper *wrapper)
{
	scope(audit_close) struct audit *audit = NULL;
	int r = audit_open(fixture_directory(), fixture_vault_id, wrapper, AUDIT_REQUIRED, &audit);

	if (r == 0)
		fixture_append(audit, 2);
	return r;
}

static bool is_there(const char *name)
{
	return access(audit_fixture_path(name), F_OK) == 0;
}

static void begin_rekey(bool end, bool in_force)
{
	uint8_t fingerprint[DIGEST_SIZE];
	scope(audit_close) struct audit *audit = fixture_trail(AUDIT_REQUIRED, fingerprint);

	fixture_append(audit, 3);
	assert_int_equal(audit_rekey_begin(audit, &next_wrapper), 0);
	assert_true(is_there("audit.key.next"));
	if (!end)
		fixture_copy("audit.key.next", "left");
	assert_int_equal(audit_rekey_end(audit, end && in_force), 0);
	assert_false(is_there("audit.key.next"));
	fixture_append(audit, 3);
	if (!end)
		fixture_copy("left", "audit.key.next");
}

static void test_in_force(void **state)
{
	(void)state;
	begin_rekey(true, true);
	assert_int_equal(open_with(&fixture_wrapper), -EKEYREJECTED);
	assert_int_equal(open_with(&next_wrapper), 0);
	assert_int_equal(audit_verify(audit_fixture_path("audit.db"), NULL, NULL,
				 &(struct audit_verdict){0}),
		0);
}

static void test_given_up(void **state)
{
	(void)state;
	begin_rekey(true, false);
	assert_int_equal(open_with(&next_wrapper), -EKEYREJECTED);
	assert_int_equal(open_with(&fixture_wrapper), 0);
}

static void test_crash_before_commit(void **state)
{
	(void)state;
	begin_rekey(false, false);
	assert_int_equal(open_with(&fixture_wrapper), 0);
	assert_false(is_there("audit.key.next"));
	assert_int_equal(open_with(&next_wrapper), -EKEYREJECTED);
}

static void test_crash_after_commit(void **state)
{
	(void)state;
	begin_rekey(false, false);
	assert_int_equal(open_with(&next_wrapper), 0);
	assert_false(is_there("audit.key.next"));
	assert_int_equal(open_with(&fixture_wrapper), -EKEYREJECTED);
	assert_int_equal(open_with(&next_wrapper), 0);
}

static void test_anew(void **state)
{
	uint8_t first[DIGEST_SIZE], second[DIGEST_SIZE];
	struct audit_verdict verdict = {0};
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, first);

	(void)state;
	fixture_append(audit, 3);
	audit_close(audit);
	assert_int_equal(unlink(audit_fixture_path("audit.key")), 0);
	assert_int_equal(open_with(&fixture_wrapper), -ENOENT);
	assert_int_equal(audit_create_anew(fixture_directory(), fixture_vault_id, "audit-old",
				 &fixture_wrapper, second),
		0);
	assert_memory_not_equal(first, second, DIGEST_SIZE);
	assert_int_equal(open_with(&fixture_wrapper), 0);
	assert_int_equal(
		audit_verify(audit_fixture_path("audit-old.db"), NULL, first, &verdict), 0);
	assert_int_equal(verdict.records, 3);
	/* What was set aside is never overwritten. */
	assert_int_equal(audit_create_anew(fixture_directory(), fixture_vault_id, "audit-old",
				 &fixture_wrapper, second),
		-EEXIST);
}

static int setup(void **state)
{
	int r = audit_fixture_setup(state);

	return r < 0 ? r : secret_random(KEY_SIZE, &next_key);
}

static int teardown(void **state)
{
	next_key = secret_free(next_key);
	return audit_fixture_teardown(state);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_in_force),
		TEST(test_given_up),
		TEST(test_crash_before_commit),
		TEST(test_crash_after_commit),
		TEST(test_anew),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, NULL);
}
