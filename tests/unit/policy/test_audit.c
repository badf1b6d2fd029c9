/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of policy/audit.c: making and opening a trail, an end that does not fit, and a segment
 * change that a crash interrupted at each of its steps.
 */
#include "policy/audit.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "policy/audit_key.h"
#include "tests/unit/policy/audit_fixture.h"

static int try_open(void)
{
	struct audit *audit;
	int r = audit_open(
		fixture_directory(), fixture_vault_id, &fixture_wrapper, AUDIT_REQUIRED, &audit);

	if (r == 0)
		audit_close(audit);
	return r;
}

static void assert_whole(uint64_t records, uint64_t segments)
{
	struct audit_verdict verdict;

	if (audit_verify(audit_fixture_path("audit.db"), NULL, NULL, &verdict) != 0)
		fail_msg("%s", verdict.problem);
	assert_int_equal(verdict.records, records);
	assert_int_equal(verdict.segments, segments);
}

static size_t key_count(void)
{
	scope_fd int fd = open(fixture_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct audit_keys keys;

	assert_int_equal(audit_keys_load(fd, fixture_vault_id, &keys), 0);
	return keys.count;
}

static void test_create(void **state)
{
	uint8_t fingerprint[DIGEST_SIZE], expected[DIGEST_SIZE];
	struct audit *audit;
	struct audit_head head;
	struct stat st;

	(void)state;
	audit = fixture_trail(AUDIT_REQUIRED_SYNC, fingerprint);
	audit_head(audit, &head);
	assert_int_equal(head.segment, 1);
	assert_int_equal(head.seq, 0);
	assert_int_equal(head.queued, 0);
	assert_int_equal(audit_fingerprint(head.public_key, expected), 0);
	assert_memory_equal(fingerprint, expected, DIGEST_SIZE);
	assert_int_equal(audit_append_wait(audit, &(struct audit_event){0}, false), -EINVAL);
	fixture_append(audit, 2);
	audit_close(audit);
	assert_int_equal(stat(audit_fixture_path("audit.db"), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_whole(2, 1);
}

static void test_create_twice(void **state)
{
	uint8_t fingerprint[DIGEST_SIZE];

	(void)state;
	audit_close(fixture_trail(AUDIT_REQUIRED, NULL));
	assert_int_equal(
		audit_create(fixture_directory(), fixture_vault_id, &fixture_wrapper, fingerprint),
		-EEXIST);
	assert_int_equal(try_open(), 0); /* nothing of the first was touched */
	assert_int_equal(audit_create(audit_fixture_path("none"), fixture_vault_id,
				 &fixture_wrapper, fingerprint),
		-ENOENT);
}

static void test_reopen(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	struct audit_head before, after;

	(void)state;
	fixture_append(audit, 3);
	audit_head(audit, &before);
	audit_close(audit);
	audit = fixture_open(AUDIT_REQUIRED);
	audit_head(audit, &after);
	assert_memory_equal(&before, &after, sizeof(before));
	fixture_append(audit, 1);
	audit_close(audit);
	assert_whole(4, 1);
}

static void test_other_vault(void **state)
{
	static const uint8_t other[ID_SIZE] = "another vault";
	struct audit *audit;

	(void)state;
	audit_close(fixture_trail(AUDIT_REQUIRED, NULL));
	assert_int_equal(
		audit_open(fixture_directory(), other, &fixture_wrapper, AUDIT_REQUIRED, &audit),
		-EBADMSG);
}

/* What audit_open sees without walking the trail. */
static void test_end_does_not_fit(void **state)
{
	static const char *const edits[] = {
		"DELETE FROM record WHERE seq = 3",
		"DELETE FROM record WHERE seq = 2",
		"DELETE FROM record",
		"UPDATE record SET uid = 0 WHERE seq = 3",
		"UPDATE record SET chain = zeroblob(32) WHERE seq = 2",
		"UPDATE record SET seq = 4 WHERE seq = 3",
		"INSERT INTO record(seq, segment, time_ns, action, outcome, reason, chain)"
		" VALUES(4, 1, 0, 1, 1, 0, zeroblob(32))",
		"UPDATE head SET seq = 2, chain = (SELECT chain FROM record WHERE seq = 2)",
		"UPDATE head SET signature = zeroblob(64)",
		"UPDATE head SET segment = 2",
		"UPDATE segment SET public_key = zeroblob(32)",
		"INSERT INTO segment VALUES(2, zeroblob(32), 4)",
		"DELETE FROM head",
		"DELETE FROM segment",
		"DELETE FROM trail",
		"UPDATE trail SET vault_id = zeroblob(16)",
	};
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);

	(void)state;
	fixture_append(audit, 3);
	audit_close(audit);
	fixture_copy("audit.db", "good");
	for (size_t i = 0; i < ARRAY_SIZE(edits); i++) {
		int r;

		fixture_copy("good", "audit.db");
		audit_fixture_sql(edits[i]);
		r = try_open();
		if (r != -EBADMSG)
			fail_msg("%d: %s", r, edits[i]);
	}
	fixture_copy("good", "audit.db");
	assert_int_equal(try_open(), 0);
}

static void test_wrong_key(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);

	(void)state;
	fixture_copy("audit.key", "first.key");
	assert_int_equal(audit_next_segment(audit), 0);
	audit_close(audit);
	fixture_copy("first.key", "audit.key");
	assert_int_equal(try_open(), -EKEYREJECTED);
	assert_int_equal(unlink(audit_fixture_path("audit.key")), 0);
	assert_int_equal(try_open(), -ENOENT);
}

static void test_segments(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	struct audit_head first, second;

	(void)state;
	audit_head(audit, &first);
	fixture_append(audit, 2);
	assert_int_equal(audit_next_segment(audit), 0);
	audit_head(audit, &second);
	assert_int_equal(second.segment, 2);
	assert_int_equal(second.seq, 3);
	assert_memory_not_equal(first.public_key, second.public_key, 32);
	assert_int_equal(key_count(), 1);
	assert_int_equal(audit_next_segment(audit), 0); /* a segment of one record */
	fixture_append(audit, 1);
	audit_close(audit);
	assert_int_equal(try_open(), 0);
	assert_whole(5, 3);
}

/* Puts both keys into audit.key, as step 1 does; the next one is of a pair that is never used. */
static void write_both_keys(uint64_t current)
{
	scope_fd int fd = open(fixture_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	scope(audit_signer_free) struct audit_signer *next = NULL;
	struct audit_keys keys;

	assert_int_equal(audit_keys_load(fd, fixture_vault_id, &keys), 0);
	assert_int_equal(keys.count, 1);
	assert_int_equal(audit_signer_generate(&next), 0);
	assert_int_equal(audit_key_wrap(next, current + 1, fixture_vault_id, &fixture_wrapper,
				 &keys.keys[1]),
		0);
	keys.count = 2;
	assert_int_equal(audit_keys_save(fd, fixture_vault_id, &keys), 0);
}

/* Ended after step 1: the transaction never happened. */
static void test_crash_before_commit(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);

	(void)state;
	fixture_append(audit, 2);
	audit_close(audit);
	write_both_keys(1);
	audit = fixture_open(AUDIT_REQUIRED);
	assert_int_equal(key_count(), 1);
	fixture_append(audit, 1);
	assert_int_equal(audit_next_segment(audit), 0);
	audit_close(audit);
	assert_whole(4, 2);
}

/* Ended after step 2: the database is in the next segment, audit.key still holds both keys. */
static void test_crash_after_commit(void **state)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, NULL);
	scope_fd int fd = open(fixture_directory(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct audit_keys before, after;

	(void)state;
	fixture_append(audit, 2);
	assert_int_equal(audit_keys_load(fd, fixture_vault_id, &before), 0);
	assert_int_equal(audit_next_segment(audit), 0);
	audit_close(audit);
	assert_int_equal(audit_keys_load(fd, fixture_vault_id, &after), 0);
	before.keys[1] = after.keys[0];
	before.count = 2;
	assert_int_equal(audit_keys_save(fd, fixture_vault_id, &before), 0);
	audit = fixture_open(AUDIT_REQUIRED);
	assert_int_equal(key_count(), 1);
	assert_int_equal(audit_keys_load(fd, fixture_vault_id, &after), 0);
	assert_int_equal(after.keys[0].segment, 2);
	fixture_append(audit, 1);
	audit_close(audit);
	assert_whole(4, 2);
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, audit_fixture_setup, audit_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create),
		TEST(test_create_twice),
		TEST(test_reopen),
		TEST(test_other_vault),
		TEST(test_end_does_not_fit),
		TEST(test_wrong_key),
		TEST(test_segments),
		TEST(test_crash_before_commit),
		TEST(test_crash_after_commit),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, NULL);
}
