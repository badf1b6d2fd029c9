/* SPDX-License-Identifier: Apache-2.0 */
/*
 * db.c - one SQLite connection and its prepared statements, kept by their text for the life of the
 * connection. The database file is data that others may have written: extensions of the schema
 * that run code (triggers, views, untrusted functions) are off.
 */
#include "keystore/base/db.h"

#include <errno.h>
#include <sqlite3.h>
#include <string.h>
#include <sys/stat.h>

#include "keystore/base/db_path.h"

#define BUSY_TIMEOUT_MS 5000
#define CACHE_LISTS	64
#define VALUE_MAX	(64 << 20) /* no row of ours comes near; bounds what a forged file allocates */

struct db_query {
	struct db *db;
	sqlite3_stmt *statement;
	struct db_query *next; /* in its cache list */
	bool is_used;
	int failed_bind; /* 0 or the -errno that db_step will return */
	char sql[];
};

struct db {
	sqlite3 *handle;
	dev_t dev; /* of the file that was opened */
	ino_t ino;
	struct db_query *cache[CACHE_LISTS];
};

/* The -errno for what SQLite said last. */
static int db_result(sqlite3 *handle, int code)
{
	int system_errno;

	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
		return -EBUSY;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_CONSTRAINT:
		return -EEXIST;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_READONLY:
		return -EROFS;
	case SQLITE_CANTOPEN:
		system_errno = handle ? sqlite3_system_errno(handle) : 0;
		return system_errno > 0 ? -system_errno : -ENOENT;
	default:
		return -EIO;
	}
}

static int harden(sqlite3 *handle)
{
	static const struct {
		int option;
		int value;
	} settings[] = {
		{SQLITE_DBCONFIG_DEFENSIVE, 1},
		{SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0},
		{SQLITE_DBCONFIG_DQS_DML, 0},
		{SQLITE_DBCONFIG_DQS_DDL, 0},
		{SQLITE_DBCONFIG_ENABLE_FKEY, 1},
		{SQLITE_DBCONFIG_ENABLE_TRIGGER, 0},
		{SQLITE_DBCONFIG_ENABLE_VIEW, 0},
	};

	for (size_t i = 0; i < ARRAY_SIZE(settings); i++) {
		int value;

		if (sqlite3_db_config(handle, settings[i].option, settings[i].value, &value) !=
				SQLITE_OK ||
			value != settings[i].value)
			return -EIO;
	}
	sqlite3_limit(handle, SQLITE_LIMIT_LENGTH, VALUE_MAX);
	return db_result(handle, sqlite3_busy_timeout(handle, BUSY_TIMEOUT_MS));
}

static int set_pragmas(struct db *db, unsigned flags)
{
	int r;

	r = db_exec(db, "PRAGMA mmap_size=0; PRAGMA cell_size_check=ON; PRAGMA secure_delete=ON");
	if (r < 0 || (flags & DB_READ_ONLY))
		return r;
	r = db_exec(db, "PRAGMA journal_mode=WAL");
	if (r < 0)
		return r;
	return db_set_sync_full(db, !(flags & DB_SYNC_NORMAL));
}

/* mode: SQLITE_OPEN_READONLY or _READWRITE, and _URI when path is one. */
static int open_handle(const char *path, int mode, struct db **ret_db)
{
	scope(db_close) struct db *db = NULL;
	int flags = mode | SQLITE_OPEN_NOFOLLOW | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	int r;

	db = calloc(1, sizeof(*db));
	if (!db)
		return -ENOMEM;
	r = db_result(db->handle, sqlite3_open_v2(path, &db->handle, flags, NULL));
	if (r < 0)
		return r;
	r = harden(db->handle);
	if (r < 0)
		return r;
	*ret_db = take(&db);
	return 0;
}

/* 1 when a first read fails because the index of the log cannot be made beside the database. */
static int needs_writing(struct db *db)
{
	int r = db_exec(db, "SELECT 1 FROM sqlite_schema LIMIT 1");
	int code = sqlite3_errcode(db->handle);

	return r < 0 && (code == SQLITE_CANTOPEN || code == SQLITE_READONLY) ? 1 : r;
}

/*
 * Reading takes an index of the log (-shm), which SQLite makes when there is none. Where it cannot
 * and there is nothing in the log, the file alone is the database and nobody is writing.
 */
static int open_read_only(const char *path, struct db **ret_db)
{
	scope(db_close) struct db *db = NULL;
	char uri[DB_URI_SIZE];
	int r;

	r = open_handle(path, SQLITE_OPEN_READONLY, &db);
	if (r < 0)
		return r;
	r = needs_writing(db);
	if (r <= 0) {
		if (r == 0)
			*ret_db = take(&db);
		return r;
	}
	r = db_path_has_log(path);
	if (r != 0)
		return r < 0 ? r : -EROFS;
	db_path_to_immutable_uri(path, uri);
	return open_handle(uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, ret_db);
}

/* Everything of db_open after the file is there. */
static int open_configured(const char *path, unsigned flags, struct db **ret_db)
{
	scope(db_close) struct db *db = NULL;
	struct stat st;
	int r;

	r = db_path_check(path);
	if (r < 0)
		return r;
	if (flags & DB_READ_ONLY)
		r = open_read_only(path, &db);
	else
		r = open_handle(path, SQLITE_OPEN_READWRITE, &db);
	if (r < 0)
		return r;
	r = set_pragmas(db, flags);
	if (r < 0)
		return r;
	if (stat(path, &st) < 0)
		return -errno;
	db->dev = st.st_dev;
	db->ino = st.st_ino;
	*ret_db = take(&db);
	return 0;
}

bool db_is_in_place(const struct db *db)
{
	struct stat st;

	/* What cannot be told now (a store that fails) is no other file. */
	if (stat(sqlite3_db_filename(db->handle, "main"), &st) < 0)
		return errno != ENOENT && errno != ENOTDIR;
	return st.st_dev == db->dev && st.st_ino == db->ino;
}

int db_open(const char *path, unsigned flags, struct db **ret_db)
{
	char full_path[DB_PATH_SIZE];
	int r;

	if ((flags & DB_READ_ONLY) && (flags & DB_CREATE))
		return -EINVAL;
	r = db_path_resolve(path, full_path);
	if (r < 0)
		return r;
	if (flags & DB_CREATE) {
		r = db_path_create(full_path);
		if (r < 0)
			return r;
		close(r);
	}
	r = open_configured(full_path, flags, ret_db);
	if (r < 0 && (flags & DB_CREATE))
		unlink(full_path);
	return r;
}

bool db_has_log(const char *path)
{
	char full_path[DB_PATH_SIZE];

	/* What cannot be told counts as yes. */
	return db_path_resolve(path, full_path) < 0 || db_path_has_log(full_path) != 0;
}

struct db *db_close(struct db *db)
{
	if (!db)
		return NULL;
	for (size_t i = 0; i < CACHE_LISTS; i++) {
		while (db->cache[i]) {
			struct db_query *query = db->cache[i];

			db->cache[i] = query->next;
			sqlite3_finalize(query->statement);
			free(query);
		}
	}
	sqlite3_close_v2(db->handle);
	free(db);
	return NULL;
}

const char *db_error(const struct db *db)
{
	return sqlite3_errmsg(db->handle);
}

int db_exec(struct db *db, const char *sql)
{
	return db_result(db->handle, sqlite3_exec(db->handle, sql, NULL, NULL, NULL));
}

int db_set_sync_full(struct db *db, bool full)
{
	if (db_in_transaction(db))
		return -EBUSY; /* SQLite refuses it there */
	return db_exec(db, full ? "PRAGMA synchronous=FULL" : "PRAGMA synchronous=NORMAL");
}

/* FNV-1a: spreads our own few statements over the lists. */
static struct db_query **cache_list(struct db *db, const char *sql)
{
	uint32_t hash = 2166136261u;

	for (; *sql; sql++)
		hash = (hash ^ (uint8_t)*sql) * 16777619u;
	return &db->cache[hash % CACHE_LISTS];
}

static int query_new(struct db *db, const char *sql, struct db_query **ret_query)
{
	size_t size = strlen(sql) + 1;
	struct db_query *query;
	int r;

	query = calloc(1, sizeof(*query) + size);
	if (!query)
		return -ENOMEM;
	query->db = db;
	memcpy(query->sql, sql, size);
	r = db_result(db->handle, sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT,
					  &query->statement, NULL));
	if (r == 0 && !query->statement)
		r = -EINVAL; /* only blanks or a comment */
	if (r < 0) {
		free(query);
		return r;
	}
	*ret_query = query;
	return 0;
}

int db_prepare(struct db *db, const char *sql, struct db_query **ret_query)
{
	struct db_query **list = cache_list(db, sql);
	struct db_query *query;
	int r;

	for (query = *list; query; query = query->next)
		if (!query->is_used && strcmp(query->sql, sql) == 0)
			break;
	if (!query) {
		r = query_new(db, sql, &query);
		if (r < 0)
			return r;
		query->next = *list;
		*list = query;
	}
	query->is_used = true;
	*ret_query = query;
	return 0;
}

static void bind(
	struct db_query *query, int index, struct db_value value, sqlite3_destructor_type lifetime)
{
	sqlite3_stmt *statement = query->statement;
	/* SQLite would take a NULL pointer for the value NULL. */
	const void *data = value.data ? value.data : "";
	int code = SQLITE_MISUSE;

	switch (value.type) {
	case DB_NULL:
		code = sqlite3_bind_null(statement, index);
		break;
	case DB_INTEGER:
		code = sqlite3_bind_int64(statement, index, value.integer);
		break;
	case DB_TEXT:
		code = sqlite3_bind_text64(
			statement, index, data, value.len, lifetime, SQLITE_UTF8);
		break;
	case DB_BLOB:
		code = sqlite3_bind_blob64(statement, index, data, value.len, lifetime);
		break;
	case DB_REAL:
		break;
	}
	if (code != SQLITE_OK && !query->failed_bind)
		query->failed_bind = db_result(query->db->handle, code);
}

void db_bind(struct db_query *query, int index, struct db_value value)
{
	bind(query, index, value, SQLITE_TRANSIENT);
}

int db_step(struct db_query *query)
{
	int code;

	if (query->failed_bind)
		return query->failed_bind;
	code = sqlite3_step(query->statement);
	return code == SQLITE_ROW ? 1 : db_result(query->db->handle, code);
}

int db_column_count(const struct db_query *query)
{
	return sqlite3_column_count(query->statement);
}

struct db_value db_column(const struct db_query *query, int index)
{
	sqlite3_stmt *statement = query->statement;
	struct db_value value = {.type = DB_NULL};

	switch (sqlite3_column_type(statement, index)) {
	case SQLITE_INTEGER:
		return db_integer(sqlite3_column_int64(statement, index));
	case SQLITE_TEXT:
		value.type = DB_TEXT;
		value.data = sqlite3_column_text(statement, index);
		break;
	case SQLITE_BLOB:
		value.type = DB_BLOB;
		value.data = sqlite3_column_blob(statement, index);
		break;
	case SQLITE_FLOAT:
		value.type = DB_REAL;
		return value;
	default:
		return value;
	}
	value.len = (size_t)sqlite3_column_bytes(statement, index);
	if (!value.data && value.len > 0)
		return db_null(); /* out of memory */
	if (!value.data)
		value.data = "";
	return value;
}

int64_t db_column_integer(const struct db_query *query, int index)
{
	return db_column(query, index).integer;
}

struct db_query *db_done(struct db_query *query)
{
	if (query) {
		sqlite3_reset(query->statement); /* repeats the error that db_step returned */
		sqlite3_clear_bindings(query->statement);
		query->failed_bind = 0;
		query->is_used = false;
	}
	return NULL;
}

int db_run(struct db *db, const char *sql, const struct db_value *values, size_t count)
{
	scope(db_done) struct db_query *query = NULL;
	int r;

	r = db_prepare(db, sql, &query);
	if (r < 0)
		return r;
	for (size_t i = 0; i < count; i++)
		bind(query, (int)i + 1, values[i], SQLITE_STATIC);
	do
		r = db_step(query);
	while (r > 0);
	return r;
}

int db_read_integer(struct db *db, const char *sql, int64_t *ret_integer)
{
	scope(db_done) struct db_query *query = NULL;
	int r;

	r = db_prepare(db, sql, &query);
	if (r < 0)
		return r;
	r = db_step(query);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret_integer = db_column_integer(query, 0);
	return 0;
}

int db_begin(struct db *db)
{
	return db_run(db, "BEGIN IMMEDIATE", NULL, 0);
}

int db_commit(struct db *db)
{
	int r;

	r = db_run(db, "COMMIT", NULL, 0);
	if (r < 0)
		db_rollback(db);
	return r;
}

void db_rollback(struct db *db)
{
	/* SQLite has rolled back by itself after some errors. */
	if (db_in_transaction(db))
		db_exec(db, "ROLLBACK");
}

bool db_in_transaction(const struct db *db)
{
	return !sqlite3_get_autocommit(db->handle);
}

int64_t db_changes(const struct db *db)
{
	return sqlite3_changes64(db->handle);
}

int64_t db_last_rowid(const struct db *db)
{
	return sqlite3_last_insert_rowid(db->handle);
}

int db_data_version(struct db *db, int64_t *ret_version)
{
	return db_read_integer(db, "PRAGMA data_version", ret_version);
}

int db_checkpoint(struct db *db)
{
	return db_result(db->handle, sqlite3_wal_checkpoint_v2(db->handle, NULL,
					     SQLITE_CHECKPOINT_TRUNCATE, NULL, NULL));
}

int db_vacuum(struct db *db)
{
	int r;

	/* Its temporary database holds every row: no file of it may lie in somebody's /var/tmp. */
	r = db_exec(db, "PRAGMA temp_store=MEMORY");
	return r < 0 ? r : db_exec(db, "VACUUM");
}

#define PIECE_SIZE ((size_t)1 << 20)

int db_each_piece(struct db *db, size_t overlap,
	int (*each)(void *arg, const uint8_t *bytes, size_t len), void *arg)
{
	scope_free uint8_t *piece = NULL;
	sqlite3_file *file = NULL;
	sqlite3_int64 size = 0;
	int r = 0;

	if (overlap >= PIECE_SIZE)
		return -EINVAL;
	piece = malloc(PIECE_SIZE);
	if (!piece)
		return -ENOMEM;
	r = db_result(db->handle,
		sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_FILE_POINTER, &file));
	if (r == 0 && !(file && file->pMethods))
		r = -EIO;
	if (r == 0)
		r = db_result(db->handle, file->pMethods->xFileSize(file, &size));
	for (sqlite3_int64 at = 0; r == 0 && at < size;) {
		sqlite3_int64 left = size - at;
		size_t len = left < (sqlite3_int64)PIECE_SIZE ? (size_t)left : PIECE_SIZE;

		r = db_result(db->handle, file->pMethods->xRead(file, piece, (int)len, at));
		if (r == 0)
			r = each(arg, piece, len);
		at += (sqlite3_int64)(len == PIECE_SIZE ? len - overlap : len);
	}
	return r;
}

static int copy_pages(struct db *to, struct db *from)
{
	sqlite3_backup *backup;
	int r;

	/* The copy is thrown away when it does not succeed: it needs no journal of its own. */
	r = db_exec(to, "PRAGMA journal_mode=OFF");
	if (r < 0)
		return r;
	backup = sqlite3_backup_init(to->handle, "main", from->handle, "main");
	if (!backup)
		return db_result(to->handle, sqlite3_extended_errcode(to->handle));
	r = sqlite3_backup_step(backup, -1);
	if (r == SQLITE_BUSY || r == SQLITE_LOCKED) {
		sqlite3_backup_finish(backup);
		return -EBUSY;
	}
	return db_result(to->handle, sqlite3_backup_finish(backup));
}

int db_backup(struct db *db, const char *path)
{
	char full_path[DB_PATH_SIZE];
	struct db *copy = NULL;
	scope_fd int fd = -1;
	int r;

	if (db_in_transaction(db))
		return -EBUSY; /* its uncommitted rows would be copied */
	r = db_path_resolve(path, full_path);
	if (r < 0)
		return r;
	fd = db_path_create(full_path);
	if (fd < 0)
		return fd;
	r = open_handle(full_path, SQLITE_OPEN_READWRITE, &copy);
	if (r == 0)
		r = copy_pages(copy, db);
	db_close(copy);
	if (r == 0)
		r = db_path_sync(fd, full_path);
	if (r < 0)
		unlink(full_path);
	return r;
}
