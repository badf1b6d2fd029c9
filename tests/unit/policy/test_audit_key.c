/* SPDX-License-Identifier: Apache-2.0 */
/* Tests of policy/audit_key.c: the file audit.key by its byte table, and every changed byte of it.
 */
#include "policy/audit_key.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "keystore/base/file.h"
#include "tests/unit/policy/audit_fixture.h"

static int vault_fd;
static struct audit_signer *signer;
static struct audit_keys saved;

static int setup(void **state)
{
	int r = audit_fixture_setup(state);

	if (r < 0)
		return r;
	vault_fd = open(fixture_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	saved = (struct audit_keys){.count = 2};
	if (vault_fd < 0 || audit_signer_generate(&signer) < 0)
		return -1;
	for (uint64_t i = 0; i < 2; i++)
		if (audit_key_wrap(
			    signer, 7 + i, fixture_vault_id, &fixture_wrapper, &saved.keys[i]) < 0)
			return -1;
	return audit_keys_save(vault_fd, fixture_vault_id, &saved);
}

static int teardown(void **state)
{
	close(vault_fd);
	signer = audit_signer_free(signer);
	return audit_fixture_teardown(state);
}

static size_t load(uint8_t bytes[256])
{
	scope_free char *loaded = NULL;
	size_t len;

	assert_int_equal(file_load(vault_fd, "audit.key", 256, &loaded, &len), 0);
	memcpy(bytes, loaded, len);
	return len;
}

static void store(const uint8_t *bytes, size_t len)
{
	assert_int_equal(file_replace(vault_fd, "audit.key", bytes, len, 0600), 0);
}

static void test_layout(void **state)
{
	uint8_t bytes[256];
	struct stat st;

	(void)state;
	assert_int_equal(load(bytes), 232);
	assert_memory_equal(bytes, "MVAUDKEY\1\0\0\0\2\0\0\0", 16);
	assert_memory_equal(bytes + 16, fixture_vault_id, 16);
	assert_memory_equal(bytes + 32, "\7\0\0\0\0\0\0\0", 8);
	assert_memory_equal(bytes + 40, audit_signer_public(signer), 32);
	assert_memory_equal(bytes + 72, saved.keys[0].wrapped, 60);
	assert_memory_equal(bytes + 132, "\10\0\0\0\0\0\0\0", 8);
	assert_int_equal(fstatat(vault_fd, "audit.key", &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
}

static void test_round_trip(void **state)
{
	scope(audit_signer_free) struct audit_signer *again = NULL;
	struct audit_keys keys;
	const struct audit_key *key;

	(void)state;
	assert_int_equal(audit_keys_load(vault_fd, fixture_vault_id, &keys), 0);
	assert_int_equal(keys.count, 2);
	key = audit_keys_find(&keys, 8);
	assert_non_null(key);
	assert_null(audit_keys_find(&keys, 9));
	assert_int_equal(audit_key_unwrap(key, fixture_vault_id, &fixture_wrapper, &again), 0);
	assert_memory_equal(audit_signer_public(again), audit_signer_public(signer), 32);
}

static void test_other_vault(void **state)
{
	static const uint8_t other[ID_SIZE] = "another vault";
	scope(audit_signer_free) struct audit_signer *again = NULL;
	struct audit_keys keys;

	(void)state;
	assert_int_equal(audit_keys_load(vault_fd, other, &keys), -EKEYREJECTED);
	assert_int_equal(
		audit_key_unwrap(&saved.keys[0], other, &fixture_wrapper, &again), -EKEYREJECTED);
}

/* The additional data binds segment and public key: an entry cannot stand for another segment. */
static void test_changed_bytes(void **state)
{
	uint8_t bytes[256], changed[256];
	size_t len = load(bytes);

	(void)state;
	for (size_t at = 0; at < 132; at++) {
		scope(audit_signer_free) struct audit_signer *again = NULL;
		struct audit_keys keys;
		int r;

		memcpy(changed, bytes, len);
		changed[at] ^= 1;
		store(changed, len);
		r = audit_keys_load(vault_fd, fixture_vault_id, &keys);
		if (r == 0)
			r = audit_key_unwrap(
				&keys.keys[0], fixture_vault_id, &fixture_wrapper, &again);
		if (r >= 0)
			fail_msg("byte %zu", at);
	}
}

static void test_malformed(void **state)
{
	uint8_t bytes[256] = {0};
	struct audit_keys keys;
	size_t len = load(bytes);

	(void)state;
	for (size_t shorter = 0; shorter < len; shorter++) {
		store(bytes, shorter);
		assert_int_equal(audit_keys_load(vault_fd, fixture_vault_id, &keys), -EUCLEAN);
	}
	store(bytes, len + 1);
	assert_int_equal(audit_keys_load(vault_fd, fixture_vault_id, &keys), -EUCLEAN);
	store_u32(bytes + 12, 0);
	store(bytes, len);
	assert_int_equal(audit_keys_load(vault_fd, fixture_vault_id, &keys), -EUCLEAN);
	store_u32(bytes + 12, UINT32_MAX);
	store(bytes, len);
	assert_int_equal(audit_keys_load(vault_fd, fixture_vault_id, &keys), -EUCLEAN);
	store_u32(bytes + 12, 2);
	store_u32(bytes + 8, 2);
	store(bytes, len);
	assert_int_equal(audit_keys_load(vault_fd, fixture_vault_id, &keys), -EPROTONOSUPPORT);
	assert_int_equal(unlinkat(vault_fd, "audit.key", 0), 0);
	assert_int_equal(audit_keys_load(vault_fd, fixture_vault_id, &keys), -ENOENT);
}

/* Whoever still has the replaced file open finds no key in it. */
static void test_overwritten(void **state)
{
	scope_fd int old = openat(vault_fd, "audit.key", O_RDONLY | O_CLOEXEC);
	static const uint8_t zeros[232];
	uint8_t bytes[232];

	(void)state;
	assert_true(old >= 0);
	saved.count = 1;
	assert_int_equal(audit_keys_save(vault_fd, fixture_vault_id, &saved), 0);
	assert_int_equal(file_read_at(old, bytes, sizeof(bytes), 0), sizeof(bytes));
	assert_memory_equal(bytes, zeros, sizeof(zeros));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_layout),
		TEST(test_round_trip),
		TEST(test_other_vault),
		TEST(test_changed_bytes),
		TEST(test_malformed),
		TEST(test_overwritten),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, NULL);
}
