/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.h - a SQLite database: opening with our pragmas, cached statements, transactions, numbered
 * migrations, consistent copies. The only file that includes sqlite3.h is db.c.
 *
 * A struct db is used by one thread at a time (its owner locks). Results: 0, counts, or -errno:
 * SQLITE_BUSY -EBUSY, FULL -ENOSPC, CORRUPT and NOTADB -EUCLEAN, CONSTRAINT -EEXIST, NOMEM -ENOMEM,
 * READONLY -EROFS, CANTOPEN -ENOENT or the errno of the system call, all else -EIO.
 */
#ifndef KEYSTORE_BASE_DB_H
#define KEYSTORE_BASE_DB_H

#include "keystore/base/scope.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct db;
struct db_query;

enum db_flags {
	DB_READ_ONLY = 1 << 0,
	DB_CREATE = 1 << 1, /* must not exist yet; mode 0600 */
	DB_SYNC_NORMAL =
		1 << 2, /* synchronous=NORMAL instead of FULL (the audit trail's default) */
};

/*
 * WAL, synchronous=FULL, secure_delete=ON, foreign_keys=ON, trusted_schema=OFF, defensive mode,
 * mmap_size=0, a busy timeout of 5 s, no double-quoted strings. The file must be regular, is
 * opened without following a symlink at its last component. DB_READ_ONLY works in a directory that
 * cannot be written, too; -EROFS when the log beside the file has commits that need it written.
 */
int db_open(const char *path, unsigned flags, struct db **ret_db);
/* True when commits lie in the write-ahead log beside the file: it was not closed in order. */
bool db_has_log(const char *path);
/* Closes; finalises cached statements; NULL is accepted. Returns NULL. */
struct db *db_close(struct db *db);
/* SQLite's own words about the last failure on this connection. */
const char *db_error(const struct db *db);

/* Runs statements that return no rows (several, separated by ';'). */
int db_exec(struct db *db, const char *sql);
/* synchronous=FULL for the commits that follow, or back to NORMAL. */
int db_set_sync_full(struct db *db, bool full);

/* DB_REAL: read only, without its value: no table of ours has one, but a forged one may. */
enum db_type { DB_NULL, DB_INTEGER, DB_TEXT, DB_BLOB, DB_REAL };

/* One column's value. Pointers read from a row live until the next db_step or db_done. */
struct db_value {
	enum db_type type;
	int64_t integer;
	const void *data;
	size_t len;
};

static inline struct db_value db_null(void)
{
	return (struct db_value){.type = DB_NULL};
}

static inline struct db_value db_integer(int64_t integer)
{
	return (struct db_value){.type = DB_INTEGER, .integer = integer};
}

static inline struct db_value db_blob(const void *data, size_t len)
{
	return (struct db_value){.type = DB_BLOB, .data = data, .len = len};
}

static inline struct db_value db_text(const char *text)
{
	return (struct db_value){.type = DB_TEXT, .data = text, .len = __builtin_strlen(text)};
}

/*
 * A prepared statement, cached per connection by its text (sql must be a string that lives as long
 * as the db, or it is copied: the cache compares by content). Give it back with db_done.
 */
int db_prepare(struct db *db, const char *sql, struct db_query **ret_query);
/* Binds parameter index (from 1). A failed bind makes the next db_step fail. */
void db_bind(struct db_query *query, int index, struct db_value value);
/* 1: a row; 0: finished; -errno. */
int db_step(struct db_query *query);
int db_column_count(const struct db_query *query);
struct db_value db_column(const struct db_query *query, int index);
int64_t db_column_integer(const struct db_query *query, int index);
/* Resets and returns the statement to the cache; NULL is accepted. */
struct db_query *db_done(struct db_query *query);
/* prepare, bind values[0..count), step to the end, done. */
int db_run(struct db *db, const char *sql, const struct db_value *values, size_t count);
/* The first column of the first row as an integer; -ENOENT when there is no row. */
int db_read_integer(struct db *db, const char *sql, int64_t *ret_integer);

/* BEGIN IMMEDIATE / COMMIT / ROLLBACK. A failed commit has rolled back. */
int db_begin(struct db *db);
int db_commit(struct db *db);
void db_rollback(struct db *db);
bool db_in_transaction(const struct db *db);
/* Rows changed by the last INSERT, UPDATE or DELETE. */
int64_t db_changes(const struct db *db);
int64_t db_last_rowid(const struct db *db);

struct db_migration {
	int version; /* 1, 2, 3 ... without gaps */
	const char *sql;
};

/*
 * Brings PRAGMA user_version up to migrations[count-1].version, each migration in one transaction.
 * -EPROTONOSUPPORT when the database is newer than the last migration known here.
 */
int db_migrate(struct db *db, const struct db_migration *migrations, size_t count);
/*
 * -EUCLEAN when the database has a trigger, a view or a virtual table: ours have none, and they
 * would run somebody else's SQL in whatever program opens it.
 */
int db_check_plain(struct db *db);
/*
 * False when another file, or none, has the name of the one that was opened: what is committed
 * here would be lost. Not for DB_READ_ONLY.
 */
bool db_is_in_place(const struct db *db);
/* PRAGMA data_version: changes when another connection has committed. */
int db_data_version(struct db *db, int64_t *ret_version);
/* Checkpoints the WAL into the database and truncates it to nothing. */
int db_checkpoint(struct db *db);
/*
 * Builds the whole database anew, in memory until the commit. secure_delete wipes what is deleted,
 * but not what moving rows between pages left in their gaps: this does. Not in a transaction.
 */
int db_vacuum(struct db *db);
/*
 * Hands out the bytes of the database file itself, the log's not, in pieces of which each begins
 * with the last `overlap` bytes of the one before. A non-zero result of each ends it and is
 * returned. By SQLite's own descriptor: closing another one would drop its locks.
 */
int db_each_piece(struct db *db, size_t overlap,
	int (*each)(void *arg, const uint8_t *bytes, size_t len), void *arg);
/* A consistent copy (backup API) to a new file path, mode 0600, fsynced. */
int db_backup(struct db *db, const char *path);

SCOPE_FUNCTION(struct db *, db_close);
SCOPE_FUNCTION(struct db_query *, db_done);

#endif
