/* SPDX-License-Identifier: Apache-2.0 */
/* audit_fixture.c - what the tests of the audit files share. The wrapper only has to be reversible.
 */
#include "tests/unit/policy/audit_fixture.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "keystore/base/db.h"
#include "keystore/base/digest.h"
#include "keystore/base/file.h"

static char directory[64];

const uint8_t fixture_vault_id[ID_SIZE] = "vault of a test";

/* XOR with a pad, and a checksum over pad, additional data and plaintext instead of a tag. */
static int checksum(const void *aad, size_t aad_len, const uint8_t *bytes, uint8_t *ret_digest)
{
	const struct iovec parts[] = {PART(aad, aad_len), PART(bytes, KEY_SIZE)};

	return sha256_parts(parts, ARRAY_SIZE(parts), ret_digest);
}

static int wrap(void *arg, const void *aad, size_t aad_len, const struct secret *secret,
	uint8_t *ret_wrapped)
{
	uint8_t digest[DIGEST_SIZE];

	(void)arg;
	assert_int_equal(secret_len(secret), KEY_SIZE);
	assert_int_equal(checksum(aad, aad_len, secret_view(secret), digest), 0);
	assert_int_equal(random_fill(ret_wrapped, 12), 0);
	for (size_t i = 0; i < KEY_SIZE; i++)
		ret_wrapped[12 + i] = secret_view(secret)[i] ^ ret_wrapped[i % 12];
	memcpy(ret_wrapped + 12 + KEY_SIZE, digest, 16);
	return 0;
}

static int unwrap(void *arg, const void *aad, size_t aad_len, const uint8_t *wrapped,
	size_t wrapped_len, struct secret **ret_secret)
{
	uint8_t plain[KEY_SIZE], digest[DIGEST_SIZE];

	(void)arg;
	assert_int_equal(wrapped_len, 12 + KEY_SIZE + 16);
	for (size_t i = 0; i < KEY_SIZE; i++)
		plain[i] = wrapped[12 + i] ^ wrapped[i % 12];
	assert_int_equal(checksum(aad, aad_len, plain, digest), 0);
	if (memcmp(digest, wrapped + 12 + KEY_SIZE, 16) != 0)
		return -EBADMSG;
	return secret_from(plain, KEY_SIZE, ret_secret);
}

const struct audit_key_wrapper fixture_wrapper = {wrap, unwrap, NULL};

int fixture_group_setup(void **state)
{
	(void)state;
	return secret_init();
}

int audit_fixture_setup(void **state)
{
	(void)state;
	snprintf(directory, sizeof(directory), "/tmp/test_audit.XXXXXX");
	return mkdtemp(directory) ? 0 : -1;
}

int audit_fixture_teardown(void **state)
{
	DIR *dir = opendir(directory);
	struct dirent *entry;

	(void)state;
	if (!dir)
		return -1;
	while ((entry = readdir(dir)))
		unlinkat(dirfd(dir), entry->d_name, 0);
	closedir(dir);
	return rmdir(directory);
}

const char *fixture_directory(void)
{
	return directory;
}

const char *audit_fixture_path(const char *name)
{
	static char path[2][128];
	static int turn;

	turn = !turn;
	snprintf(path[turn], sizeof(path[turn]), "%s/%s", directory, name);
	return path[turn];
}

struct audit *fixture_open(enum audit_level level)
{
	struct audit *audit;

	assert_int_equal(
		audit_open(directory, fixture_vault_id, &fixture_wrapper, level, &audit), 0);
	return audit;
}

struct audit *fixture_trail(enum audit_level level, uint8_t ret_fingerprint[DIGEST_SIZE])
{
	uint8_t fingerprint[DIGEST_SIZE];

	assert_int_equal(
		audit_create(directory, fixture_vault_id, &fixture_wrapper, fingerprint), 0);
	if (ret_fingerprint)
		memcpy(ret_fingerprint, fingerprint, DIGEST_SIZE);
	return fixture_open(level);
}

struct audit_event fixture_event(const char *path)
{
	static const uint8_t sha256[DIGEST_SIZE] = "a digest", file_id[ID_SIZE] = "a file id";
	struct audit_event event = AUDIT_EVENT_EMPTY;

	event.action = AUDIT_OPEN;
	event.outcome = AUDIT_ALLOW;
	event.reason = REASON_RULE_ALLOW;
	event.uid = 1000;
	event.gid = 1001;
	event.loginuid = 1002;
	event.pid = 4242;
	event.rule = 3;
	event.bytes = 17;
	event.duration_ms = 18;
	event.userns = 19;
	event.exe = "/usr/bin/python3";
	event.sha256 = sha256;
	event.unit = "/system.slice/infer.service";
	event.path = path;
	event.path_len = strlen(path);
	event.file_id = file_id;
	event.perm = "read";
	event.via = "mount";
	event.detail = "nothing";
	return event;
}

void fixture_append(struct audit *audit, unsigned n)
{
	struct audit_event event = fixture_event("models/a");

	for (unsigned i = 1; i < n; i++)
		assert_int_equal(audit_append(audit, &event, NULL, NULL), 0);
	assert_int_equal(audit_append_wait(audit, &event, false), 0);
}

void audit_fixture_sql(const char *sql)
{
	scope(db_close) struct db *db = NULL;

	assert_int_equal(db_open(audit_fixture_path("audit.db"), 0, &db), 0);
	assert_int_equal(db_exec(db, "PRAGMA foreign_keys=OFF"), 0);
	if (db_exec(db, sql) < 0)
		fail_msg("%s: %s", sql, db_error(db));
}

void fixture_copy(const char *name, const char *to)
{
	scope_free char *bytes = NULL;
	size_t len;

	assert_int_equal(file_load(AT_FDCWD, audit_fixture_path(name), 64 << 20, &bytes, &len), 0);
	unlink(audit_fixture_path(to));
	{
		scope_fd int fd =
			open(audit_fixture_path(to), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

		assert_true(fd >= 0);
		assert_int_equal(file_write(fd, bytes, len), 0);
	}
}
