/* SPDX-License-Identifier: Apache-2.0 */
/* db_migrate.c - numbered migrations; PRAGMA user_version holds the number of the last one done. */
#include "keystore/base/db.h"

#include <errno.h>
#include <stdio.h>

/* One migration, unless another process was faster. */
static int migrate_one(struct db *db, const struct db_migration *migration)
{
	char sql[64];
	int64_t version;
	int r;

	r = db_begin(db);
	if (r < 0)
		return r;
	r = db_read_integer(db, "PRAGMA user_version", &version);
	if (r == 0 && version < migration->version) {
		snprintf(sql, sizeof(sql), "PRAGMA user_version=%d", migration->version);
		r = db_exec(db, migration->sql);
		if (r == 0)
			r = db_exec(db, sql);
	}
	if (r == 0)
		return db_commit(db);
	db_rollback(db);
	return r;
}

int db_check_plain(struct db *db)
{
	int64_t strange;
	int r;

	r = db_read_integer(db,
		"SELECT count(*) FROM sqlite_schema WHERE type NOT IN ('table', 'index')"
		" OR sql LIKE 'CREATE VIRTUAL%'",
		&strange);
	if (r < 0)
		return r;
	return strange == 0 ? 0 : -EUCLEAN;
}

int db_migrate(struct db *db, const struct db_migration *migrations, size_t count)
{
	int64_t version;
	int r;

	r = db_read_integer(db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	if (version < 0)
		return -EUCLEAN;
	if ((uint64_t)version > count)
		return -EPROTONOSUPPORT;
	for (size_t i = (size_t)version; i < count; i++) {
		r = migrate_one(db, &migrations[i]);
		if (r < 0)
			return r;
	}
	return 0;
}
