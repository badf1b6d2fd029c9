/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_store.c - writing audit.db. The log is checkpointed by the writer thread when nobody waits,
 * never by a commit.
 */
#include "policy/audit_store.h"

#include "policy/audit_event.h"

/* Two indexes only: every one costs each record a page in the log. */
static const char migration_1[] =
	"CREATE TABLE trail(id INTEGER PRIMARY KEY CHECK(id = 1), vault_id BLOB NOT NULL) STRICT;"
	"CREATE TABLE record(seq INTEGER PRIMARY KEY, segment INTEGER NOT NULL,"
	" time_ns INTEGER NOT NULL, action INTEGER NOT NULL, outcome INTEGER NOT NULL,"
	" reason INTEGER NOT NULL, uid INTEGER, gid INTEGER, loginuid INTEGER, pid INTEGER,"
	" exe TEXT, sha256 BLOB, unit TEXT, userns INTEGER, path BLOB, file_id BLOB, rule INTEGER,"
	" perm TEXT, bytes INTEGER, duration_ms INTEGER, count INTEGER, via TEXT, detail TEXT,"
	" chain BLOB NOT NULL) STRICT;"
	"CREATE INDEX record_time ON record(time_ns);"
	"CREATE INDEX record_uid ON record(uid);"
	"CREATE TABLE segment(number INTEGER PRIMARY KEY, public_key BLOB NOT NULL,"
	" first_seq INTEGER NOT NULL) STRICT;"
	"CREATE TABLE checkpoint(seq INTEGER PRIMARY KEY, segment INTEGER NOT NULL,"
	" chain BLOB NOT NULL, signature BLOB NOT NULL) STRICT;"
	"CREATE TABLE head(id INTEGER PRIMARY KEY CHECK(id = 1), seq INTEGER NOT NULL,"
	" segment INTEGER NOT NULL, chain BLOB NOT NULL, signature BLOB NOT NULL) STRICT;"
	"PRAGMA application_id = 1297501524;"; /* "MVAT" */

static const struct db_migration migrations[] = {
	{1, migration_1},
};

#define RECORD_NAME(name, kind)	 ", " #name
#define RECORD_PLACE(name, kind) ", ?"
static const char insert_record[] =
	"INSERT INTO record(seq, segment, time_ns, action, outcome, "
	"reason" AUDIT_FIELD_TABLE(RECORD_NAME) ", chain) VALUES(?, ?, ?, ?, ?, "
						"?" AUDIT_FIELD_TABLE(RECORD_PLACE) ", ?)";

static int configure(struct db *db)
{
	int r;

	r = db_migrate(db, migrations, ARRAY_SIZE(migrations));
	if (r < 0)
		return r;
	return db_exec(db, "PRAGMA wal_autocheckpoint=0");
}

int audit_store_create(const char *path, const uint8_t vault_id[ID_SIZE], struct db **ret_db)
{
	const struct db_value values[] = {db_blob(vault_id, ID_SIZE)};
	scope(db_close) struct db *db = NULL;
	int r;

	r = db_open(path, DB_CREATE, &db);
	if (r < 0)
		return r;
	r = configure(db);
	if (r < 0)
		return r;
	r = db_run(db, "INSERT INTO trail(id, vault_id) VALUES(1, ?)", values, ARRAY_SIZE(values));
	if (r < 0)
		return r;
	*ret_db = take(&db);
	return 0;
}

int audit_store_open(const char *path, struct db **ret_db)
{
	scope(db_close) struct db *db = NULL;
	int r;

	r = db_open(path, DB_SYNC_NORMAL, &db);
	if (r < 0)
		return r;
	r = db_check_plain(db);
	if (r < 0)
		return r;
	r = configure(db);
	if (r < 0)
		return r;
	*ret_db = take(&db);
	return 0;
}

int audit_store_add_record(struct db *db, const struct audit_record *record)
{
	struct db_value values[AUDIT_COLUMNS];

	audit_record_to_columns(record, values);
	return db_run(db, insert_record, values, ARRAY_SIZE(values));
}

int audit_store_add_segment(struct db *db, const struct audit_segment *segment)
{
	const struct db_value values[] = {
		db_integer((int64_t)segment->number),
		db_blob(segment->public_key, sizeof(segment->public_key)),
		db_integer((int64_t)segment->first_seq),
	};

	return db_run(db, "INSERT INTO segment(number, public_key, first_seq) VALUES(?, ?, ?)",
		values, ARRAY_SIZE(values));
}

#define PLACE_VALUES(place)                                                               \
	{                                                                                 \
		db_integer((int64_t)(place)->seq), db_integer((int64_t)(place)->segment), \
			db_blob((place)->chain, sizeof((place)->chain)),                  \
			db_blob((place)->signature, sizeof((place)->signature))           \
	}

int audit_store_add_checkpoint(struct db *db, const struct audit_place *place)
{
	const struct db_value values[] = PLACE_VALUES(place);

	return db_run(db,
		"INSERT INTO checkpoint(seq, segment, chain, signature) VALUES(?, ?, ?, ?)", values,
		ARRAY_SIZE(values));
}

int audit_store_set_head(struct db *db, const struct audit_place *head)
{
	const struct db_value values[] = PLACE_VALUES(head);

	return db_run(db,
		"INSERT INTO head(id, seq, segment, chain, signature) VALUES(1, ?, ?, ?, ?)"
		" ON CONFLICT(id) DO UPDATE SET seq = excluded.seq, segment = excluded.segment,"
		" chain = excluded.chain, signature = excluded.signature",
		values, ARRAY_SIZE(values));
}

int audit_store_checkpoint_log(struct db *db)
{
	return db_exec(db, "PRAGMA wal_checkpoint(PASSIVE)");
}
