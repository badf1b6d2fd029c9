/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Tests of policy/audit_verify.c: whole trails pass, and every single edit of what a trail holds is
 * found: each column of each table, rows taken out, put in, exchanged, cut off, signed anew.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "keystore/base/db.h"
#include "policy/audit_chain.h"
#include "policy/audit_read_store.h"
#include "policy/audit_sign.h"
#include "tests/unit/policy/audit_fixture.h"

static uint8_t fingerprint[DIGEST_SIZE];

/* Two closed segments and a third: records 1..5, 6..11, 12..14; kept in "good". */
static void make_trail(void)
{
	struct audit *audit = fixture_trail(AUDIT_REQUIRED, fingerprint);

	fixture_append(audit, 4);
	assert_int_equal(audit_next_segment(audit), 0);
	fixture_append(audit, 5);
	assert_int_equal(audit_next_segment(audit), 0);
	fixture_append(audit, 3);
	audit_close(audit);
	fixture_copy("audit.db", "good");
}

static void restore(void)
{
	unlink(audit_fixture_path("audit.db-wal"));
	unlink(audit_fixture_path("audit.db-shm"));
	fixture_copy("good", "audit.db");
}

static int verify(struct audit_verdict *verdict)
{
	return audit_verify(audit_fixture_path("audit.db"), NULL, fingerprint, verdict);
}

static void assert_found(const char *what)
{
	struct audit_verdict verdict;
	int r = verify(&verdict);

	if (r != -EBADMSG)
		fail_msg("not found (%d): %s", r, what);
	assert_true(verdict.problem[0]);
}

static void edit(const char *sql)
{
	restore();
	audit_fixture_sql(sql);
	assert_found(sql);
}

static void test_whole(void **state)
{
	struct audit_verdict verdict;

	(void)state;
	make_trail();
	assert_int_equal(verify(&verdict), 0);
	assert_string_equal(verdict.problem, "");
	assert_int_equal(verdict.broken_seq, 0);
	assert_int_equal(verdict.records, 14);
	assert_int_equal(verdict.segments, 3);
	assert_int_equal(verdict.first_seq, 1);
	assert_int_equal(verdict.last_seq, 14);
	assert_memory_equal(verdict.fingerprint, fingerprint, DIGEST_SIZE);
}

static void test_empty(void **state)
{
	struct audit_verdict verdict;

	(void)state;
	audit_close(fixture_trail(AUDIT_REQUIRED, fingerprint));
	assert_int_equal(verify(&verdict), 0);
	assert_int_equal(verdict.records, 0);
	assert_int_equal(verdict.first_seq, 0);
}

/* Checkpoints at 4096 and 8192 and nowhere else. */
static void test_checkpoints(void **state)
{
	struct audit_verdict verdict;
	struct audit *audit;

	(void)state;
	audit = fixture_trail(AUDIT_REQUIRED, fingerprint);
	fixture_append(audit, 8193);
	audit_close(audit);
	assert_int_equal(verify(&verdict), 0);
	fixture_copy("audit.db", "good");
	edit("DELETE FROM checkpoint WHERE seq = 4096");
	edit("UPDATE checkpoint SET seq = 4095 WHERE seq = 4096");
	edit("UPDATE checkpoint SET signature = (SELECT signature FROM checkpoint WHERE seq = 8192)"
	     " WHERE seq = 4096");
	/* A checkpoint is no head: cut off there, with the checkpoint pasted in. */
	edit("DELETE FROM record WHERE seq > 4096; DELETE FROM checkpoint WHERE seq > 4096;"
	     "UPDATE head SET (seq, chain, signature) ="
	     " (SELECT seq, chain, signature FROM checkpoint WHERE seq = 4096)");
}

/* An edit of one value to something else of its type. */
static const char *other_value(const struct db_value *value, const char *column)
{
	static char text[128];

	switch (value->type) {
	case DB_INTEGER:
		snprintf(text, sizeof(text), "%s + 1", column);
		break;
	case DB_TEXT:
		snprintf(text, sizeof(text), "%s || 'x'", column);
		break;
	case DB_BLOB:
		snprintf(text, sizeof(text), "zeroblob(length(%s))", column);
		break;
	default:
		fail_msg("column %s is null in the fixture", column);
	}
	return text;
}

/* Every column of the row that the condition names, once changed, once (if it may be) made null. */
static void edit_columns(const char *table, const char *condition)
{
	scope(db_close) struct db *db = NULL;
	scope(db_done) struct db_query *columns = NULL;
	char sql[512];

	assert_int_equal(db_open(audit_fixture_path("good"), DB_READ_ONLY, &db), 0);
	snprintf(sql, sizeof(sql), "PRAGMA table_info(%s)", table);
	assert_int_equal(db_prepare(db, sql, &columns), 0);
	while (db_step(columns) > 0) {
		scope(db_done) struct db_query *query = NULL;
		const char *column = db_column(columns, 1).data;
		bool may_be_null = !db_column_integer(columns, 3) && !db_column_integer(columns, 5);
		struct db_value value;

		if (strcmp(column, "id") == 0)
			continue; /* its CHECK lets only 1 stand */
		snprintf(sql, sizeof(sql), "SELECT %s FROM %s WHERE %s", column, table, condition);
		assert_int_equal(db_prepare(db, sql, &query), 0);
		assert_int_equal(db_step(query), 1);
		value = db_column(query, 0);
		snprintf(sql, sizeof(sql), "UPDATE %s SET %s = %s WHERE %s", table, column,
			other_value(&value, column), condition);
		if (strcmp(column, "seq") == 0 || strcmp(column, "number") == 0)
			snprintf(sql, sizeof(sql), "UPDATE %s SET %s = 1000 WHERE %s", table,
				column, condition);
		edit(sql);
		if (!may_be_null)
			continue;
		snprintf(sql, sizeof(sql), "UPDATE %s SET %s = NULL WHERE %s", table, column,
			condition);
		edit(sql);
	}
}

static void test_edited_columns(void **state)
{
	(void)state;
	make_trail();
	edit_columns("record", "seq = 1");
	edit_columns("record", "seq = 7");
	edit_columns("record", "seq = 14");
	edit_columns("segment", "number = 1");
	edit_columns("segment", "number = 2");
	edit_columns("segment", "number = 3");
	edit_columns("checkpoint", "seq = 5");
	edit_columns("checkpoint", "seq = 11");
	edit_columns("head", "id = 1");
	edit_columns("trail", "id = 1");
}

static void test_null_for_value_and_back(void **state)
{
	struct audit_event event = AUDIT_EVENT_EMPTY;
	struct audit *audit;

	(void)state;
	audit = fixture_trail(AUDIT_REQUIRED, fingerprint);
	event.action = AUDIT_START;
	event.outcome = AUDIT_ALLOW;
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
	audit_close(audit);
	fixture_copy("audit.db", "good");
	edit("UPDATE record SET uid = 0");
	edit("UPDATE record SET uid = -9223372036854775807 - 1"); /* what stands for null in memory
								   */
	edit("UPDATE record SET exe = ''");
	edit("UPDATE record SET exe = CAST(x'00' AS TEXT)");
	edit("UPDATE record SET path = x''");
	edit("UPDATE record SET sha256 = x''");
	edit("UPDATE record SET file_id = x'00'");
	edit("UPDATE record SET detail = CAST(zeroblob(70000) AS TEXT)");
	edit("UPDATE record SET path = zeroblob(30000000)");
}

static void test_rows(void **state)
{
	struct audit_verdict verdict;

	(void)state;
	make_trail();
	edit("DELETE FROM record WHERE seq = 1");
	edit("DELETE FROM record WHERE seq = 8");
	assert_int_equal(verify(&verdict), -EBADMSG);
	assert_int_equal(verdict.broken_seq, 8);
	edit("DELETE FROM record WHERE seq = 14");
	assert_int_equal(verify(&verdict), -EBADMSG);
	assert_int_equal(verdict.broken_seq, 14);
	edit("DELETE FROM record");
	edit("DELETE FROM record WHERE seq = 8; UPDATE record SET seq = seq - 1 WHERE seq > 8");
	edit("UPDATE record SET seq = 100 WHERE seq = 2; UPDATE record SET seq = 2 WHERE seq = 3;"
	     "UPDATE record SET seq = 3 WHERE seq = 100");
	edit("INSERT INTO record SELECT 15, segment, time_ns, action, outcome, reason, uid, gid,"
	     " loginuid, pid, exe, sha256, unit, userns, path, file_id, rule, perm, bytes,"
	     " duration_ms, count, via, detail, chain FROM record WHERE seq = 14");
	edit("INSERT INTO record(seq, segment, time_ns, action, outcome, reason, chain)"
	     " VALUES(0, 1, 0, 1, 1, 0, zeroblob(32))");
	edit("INSERT INTO record(seq, segment, time_ns, action, outcome, reason, chain)"
	     " VALUES(-5, 1, 0, 1, 1, 0, zeroblob(32))");
	edit("DELETE FROM checkpoint WHERE seq = 5");
	edit("INSERT INTO checkpoint SELECT 6, segment, chain, signature FROM checkpoint"
	     " WHERE seq = 5");
	edit("DELETE FROM segment WHERE number = 2");
	edit("DELETE FROM segment WHERE number = 3");
	edit("INSERT INTO segment VALUES(4, zeroblob(32), 15)");
	edit("DELETE FROM head");
	edit("DELETE FROM trail");
	/* The segment row agrees with an edited record, as far as the two tables go. */
	edit("UPDATE segment SET public_key = zeroblob(32) WHERE number = 3;"
	     "UPDATE record SET detail = hex(zeroblob(32)) WHERE seq = 11");
	edit("UPDATE record SET action = 6 WHERE seq = 11");
}

static void test_tables(void **state)
{
	(void)state;
	make_trail();
	edit("DROP TABLE record");
	edit("DROP TABLE head");
	edit("DROP TABLE checkpoint");
	edit("ALTER TABLE record DROP COLUMN via");
	edit("ALTER TABLE record RENAME TO was; CREATE VIEW record AS SELECT * FROM was");
	/* A table that takes any type. */
	edit("CREATE TABLE loose(id, seq, segment, chain, signature);"
	     "INSERT INTO loose VALUES(1, 'x', NULL, 3.5, zeroblob(10000000));"
	     "DROP TABLE head; ALTER TABLE loose RENAME TO head");
	edit("CREATE TABLE loose AS SELECT * FROM record; DROP TABLE record;"
	     "ALTER TABLE loose RENAME TO record; UPDATE record SET uid = 'root' WHERE seq = 3");
	edit("CREATE TABLE loose AS SELECT * FROM record; DROP TABLE record;"
	     "ALTER TABLE loose RENAME TO record; UPDATE record SET seq = NULL WHERE seq = 3");
	edit("PRAGMA application_id = 1");
	edit("PRAGMA user_version = 0");
}

/* Signs the head of the database anew, for its last record, by another key. */
static void sign_head(struct audit_signer *signer, uint64_t seq)
{
	struct audit_place head = {.segment = 3, .seq = seq};
	scope(db_close) struct db *db = NULL;
	scope(db_done) struct db_query *query = NULL;
	struct audit_record record;

	assert_int_equal(db_open(audit_fixture_path("audit.db"), 0, &db), 0);
	assert_int_equal(audit_read_record(db, seq, &query, &record), 0);
	memcpy(head.chain, record.chain, DIGEST_SIZE);
	query = db_done(query);
	assert_int_equal(audit_place_sign(signer, AUDIT_STATES_HEAD, fixture_vault_id, &head), 0);
	assert_int_equal(audit_store_set_head(db, &head), 0);
}

static void test_signed_anew(void **state)
{
	scope(audit_signer_free) struct audit_signer *other = NULL;
	char sql[256] = "UPDATE segment SET public_key = x'";

	(void)state;
	make_trail();
	assert_int_equal(audit_signer_generate(&other), 0);
	audit_fixture_sql("DELETE FROM record WHERE seq = 14");
	sign_head(other, 13);
	assert_found("cut off and signed by another key");
	hex_encode(audit_signer_public(other), 32, sql + strlen(sql));
	strncat(sql, "' WHERE number = 3", sizeof(sql) - strlen(sql) - 1);
	audit_fixture_sql(sql);
	assert_found("signed by another key that the segment's row names");
}

static void test_pins(void **state)
{
	struct audit_verdict verdict;
	uint8_t wrong[DIGEST_SIZE];
	scope(db_close) struct db *db = NULL;
	struct audit_segment segment;

	(void)state;
	make_trail();
	memcpy(wrong, fingerprint, sizeof(wrong));
	wrong[31] ^= 1;
	assert_int_equal(
		audit_verify(audit_fixture_path("audit.db"), NULL, wrong, &verdict), -EBADMSG);
	assert_int_equal(
		audit_verify(audit_fixture_path("audit.db"), wrong, NULL, &verdict), -EBADMSG);
	assert_int_equal(db_open(audit_fixture_path("audit.db"), DB_READ_ONLY, &db), 0);
	assert_int_equal(audit_read_segment(db, 1, &segment), 0);
	assert_int_equal(audit_verify(audit_fixture_path("audit.db"), segment.public_key,
				 fingerprint, &verdict),
		0);
}

/* An older head of the same trail does not fit the newer records, nor the other way round. */
static void test_old_head(void **state)
{
	struct audit *audit;

	(void)state;
	make_trail();
	fixture_copy("audit.db", "old.db");
	audit = fixture_open(AUDIT_REQUIRED);
	fixture_append(audit, 2);
	audit_close(audit);
	fixture_copy("audit.db", "good");
	{
		scope(db_close) struct db *old = NULL, *db = NULL;
		struct audit_place head;

		assert_int_equal(db_open(audit_fixture_path("old.db"), DB_READ_ONLY, &old), 0);
		assert_int_equal(audit_read_head(old, &head), 0);
		assert_int_equal(db_open(audit_fixture_path("audit.db"), 0, &db), 0);
		assert_int_equal(audit_store_set_head(db, &head), 0);
	}
	assert_found("old head");
	edit("DELETE FROM record WHERE seq > 14");
}

static void test_no_database(void **state)
{
	struct audit_verdict verdict;
	scope_fd int fd = -1;

	(void)state;
	assert_int_equal(verify(&verdict), -ENOENT);
	fd = open(audit_fixture_path("audit.db"), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_found("an empty file");
	for (int i = 0; i < 2000; i++)
		assert_int_equal(write(fd, "rubbish", 7), 7);
	assert_found("a file of rubbish");
}

/* Every page of the database destroyed in turn: an answer, never a crash; never "whole" with fewer
 * records. */
static void test_damaged_pages(void **state)
{
	struct audit_verdict verdict;
	off_t size;

	(void)state;
	make_trail();
	{
		scope_fd int fd = open(audit_fixture_path("good"), O_RDONLY | O_CLOEXEC);

		size = lseek(fd, 0, SEEK_END);
	}
	for (off_t at = 0; at < size; at += 1024) {
		uint8_t noise[1024];
		scope_fd int fd = -1;
		int r;

		restore();
		fd = open(audit_fixture_path("audit.db"), O_WRONLY | O_CLOEXEC);
		assert_int_equal(random_fill(noise, sizeof(noise)), 0);
		assert_int_equal(pwrite(fd, noise, sizeof(noise), at), sizeof(noise));
		r = verify(&verdict);
		if (r == 0)
			assert_int_equal(verdict.records, 14); /* unused space was hit */
	}
}

#define TEST(name) \
	cmocka_unit_test_setup_teardown(name, audit_fixture_setup, audit_fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_whole),
		TEST(test_empty),
		TEST(test_checkpoints),
		TEST(test_edited_columns),
		TEST(test_null_for_value_and_back),
		TEST(test_rows),
		TEST(test_tables),
		TEST(test_signed_anew),
		TEST(test_pins),
		TEST(test_old_head),
		TEST(test_no_database),
		TEST(test_damaged_pages),
	};

	return cmocka_run_group_tests(tests, fixture_group_setup, NULL);
}
