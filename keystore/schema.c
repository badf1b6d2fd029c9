/* SPDX-License-Identifier: Apache-2.0 */
/*
 * schema.c - the tables of keystore.db (contrib/docs/keystore.md, "Tables"). A migration that was
 * released is never edited: a change of tables is a new one at the end.
 */
#include "keystore/schema.h"

#include <assert.h>
#include <errno.h>

/* What ends every sealed table; the index serves the walk over one bucket in key order. */
#define SEALED_END(keys)	  ", bucket INTEGER NOT NULL, mac BLOB NOT NULL" keys ") STRICT;"
#define SEALED_INDEX(table, keys) "CREATE INDEX " table "_bucket ON " table "(bucket, " keys ");"

/* Table seal: as in sealed_rows.c; frozen with the rest. vault.objects: NULL is VAULT/objects. */
/* clang-format off */
static const char migration_1[] =
	"CREATE TABLE seal(id INTEGER PRIMARY KEY CHECK (id = 1), version INTEGER NOT NULL,"
	" vault_id BLOB NOT NULL, policy_epoch INTEGER NOT NULL,"
	" catalogue_epoch INTEGER NOT NULL, buckets BLOB NOT NULL, mac BLOB NOT NULL) STRICT;"
	"CREATE TABLE vault(id INTEGER PRIMARY KEY, format INTEGER NOT NULL,"
	" vault_id BLOB NOT NULL, objects TEXT, created_ns INTEGER NOT NULL"
	SEALED_END("") SEALED_INDEX("vault", "id")
	"CREATE TABLE slot(number INTEGER PRIMARY KEY, kind TEXT NOT NULL, params BLOB NOT NULL,"
	" wrapped BLOB NOT NULL, created_ns INTEGER NOT NULL"
	SEALED_END("") SEALED_INDEX("slot", "number")
	"CREATE TABLE setting(name TEXT NOT NULL, value TEXT NOT NULL"
	SEALED_END(", PRIMARY KEY(name)") SEALED_INDEX("setting", "name")
	"CREATE TABLE rule(number INTEGER PRIMARY KEY, version INTEGER NOT NULL,"
	" words TEXT NOT NULL, created_ns INTEGER NOT NULL, created_by INTEGER NOT NULL"
	SEALED_END("") SEALED_INDEX("rule", "number")
	"CREATE TABLE role(role TEXT NOT NULL, kind TEXT NOT NULL, number INTEGER NOT NULL,"
	" name TEXT NOT NULL"
	SEALED_END(", PRIMARY KEY(role, kind, number)") SEALED_INDEX("role", "role, kind, number")
	"CREATE TABLE kek(number INTEGER PRIMARY KEY, wrapped BLOB NOT NULL,"
	" created_ns INTEGER NOT NULL"
	SEALED_END("") SEALED_INDEX("kek", "number")
	"CREATE TABLE inode(ino INTEGER PRIMARY KEY, kind INTEGER NOT NULL, mode INTEGER NOT NULL,"
	" uid INTEGER NOT NULL, gid INTEGER NOT NULL, mtime_ns INTEGER NOT NULL,"
	" ctime_ns INTEGER NOT NULL, btime_ns INTEGER NOT NULL, names INTEGER NOT NULL, target BLOB"
	SEALED_END("") SEALED_INDEX("inode", "ino")
	"CREATE TABLE name(parent INTEGER NOT NULL, name BLOB NOT NULL, ino INTEGER NOT NULL,"
	" cookie INTEGER NOT NULL"
	SEALED_END(", PRIMARY KEY(parent, name)") SEALED_INDEX("name", "parent, name")
	"CREATE TABLE xattr(ino INTEGER NOT NULL, name BLOB NOT NULL, value BLOB NOT NULL"
	SEALED_END(", PRIMARY KEY(ino, name)") SEALED_INDEX("xattr", "ino, name")
	"CREATE TABLE file(ino INTEGER PRIMARY KEY, file_id BLOB NOT NULL UNIQUE,"
	" suite INTEGER NOT NULL, chunk_log2 INTEGER NOT NULL, size INTEGER NOT NULL,"
	" generation INTEGER NOT NULL, state INTEGER NOT NULL, root BLOB NOT NULL,"
	" kek INTEGER NOT NULL, wrapped_dek BLOB NOT NULL"
	SEALED_END("") SEALED_INDEX("file", "ino")
	"CREATE TABLE usage(rule INTEGER NOT NULL, uid INTEGER NOT NULL,"
	" opens_period INTEGER NOT NULL, opens INTEGER NOT NULL, bytes_period INTEGER NOT NULL,"
	" bytes INTEGER NOT NULL"
	SEALED_END(", PRIMARY KEY(rule, uid)") SEALED_INDEX("usage", "rule, uid")
	"PRAGMA application_id = 1297501011;";
/* clang-format on */

static_assert(SCHEMA_APPLICATION_ID == 1297501011, "the pragma above takes digits only");

static const struct db_migration migrations[] = {
	{1, migration_1},
};

const struct sealed_table vault_tables[] = {
	{"vault", "id, format, vault_id, objects, created_ns", 1, 5, SEALED_POLICY},
	{"slot", "number, kind, params, wrapped, created_ns", 1, 5, SEALED_POLICY},
	{"setting", "name, value", 1, 2, SEALED_POLICY},
	{"rule", "number, version, words, created_ns, created_by", 1, 5, SEALED_POLICY},
	{"role", "role, kind, number, name", 3, 4, SEALED_POLICY},
	{"kek", "number, wrapped, created_ns", 1, 3, SEALED_CATALOGUE},
	{"inode", "ino, kind, mode, uid, gid, mtime_ns, ctime_ns, btime_ns, names, target", 1, 10,
		SEALED_CATALOGUE},
	{"name", "parent, name, ino, cookie", 2, 4, SEALED_CATALOGUE},
	{"xattr", "ino, name, value", 2, 3, SEALED_CATALOGUE},
	{"file", "ino, file_id, suite, chunk_log2, size, generation, state, root, kek, wrapped_dek",
		1, 10, SEALED_CATALOGUE},
	{"usage", "rule, uid, opens_period, opens, bytes_period, bytes", 2, 6, SEALED_POLICY},
};
const size_t vault_table_count = ARRAY_SIZE(vault_tables);

int schema_create(struct db *db)
{
	return db_migrate(db, migrations, ARRAY_SIZE(migrations));
}

/* A failed read of a file that is no database, or not ours, is one answer: not of our form. */
static int read_expected(struct db *db, const char *sql, int64_t *ret_integer)
{
	int r = db_read_integer(db, sql, ret_integer);

	return r == -ENOENT ? -EUCLEAN : r;
}

int schema_open(struct db *db)
{
	int64_t application, version;
	int r;

	r = read_expected(db, "PRAGMA application_id", &application);
	if (r < 0)
		return r;
	r = read_expected(db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (application != SCHEMA_APPLICATION_ID || version < 1)
		return -EUCLEAN;
	r = db_check_plain(db);
	if (r < 0 && version <= migrations[ARRAY_SIZE(migrations) - 1].version)
		return r;
	return db_migrate(db, migrations, ARRAY_SIZE(migrations));
}
