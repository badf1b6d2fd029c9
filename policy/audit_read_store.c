/* SPDX-License-Identifier: Apache-2.0 */
/* audit_read_store.c - reading audit.db: parameters are bound, values are checked. */
#include "policy/audit_read_store.h"

#include <errno.h>

#define APPLICATION_ID 1297501524
#define TABLES	       5
#define VERSION	       1

/* The parameters of a walk; SQL names them by number. */
enum parameter {
	PARAMETER_AFTER = 1,
	PARAMETER_UID,
	PARAMETER_GID,
	PARAMETER_RULE,
	PARAMETER_ACTION,
	PARAMETER_OUTCOME,
	PARAMETER_SINCE,
	PARAMETER_UNTIL,
};

#define RECORD_NAME(name, kind) ", " #name
#define SELECT_RECORD                                                              \
	"SELECT seq, segment, time_ns, action, outcome, reason" AUDIT_FIELD_TABLE( \
		RECORD_NAME) ", chain FROM record"

static int check_form(struct db *db)
{
	int64_t application, version, tables;
	int r;

	r = db_read_integer(db, "PRAGMA application_id", &application);
	if (r < 0)
		return r;
	r = db_read_integer(db, "PRAGMA user_version", &version);
	if (r < 0)
		return r;
	r = db_read_integer(db,
		"SELECT count(*) FROM sqlite_schema WHERE type = 'table' AND name IN"
		" ('trail', 'record', 'segment', 'checkpoint', 'head')",
		&tables);
	if (r < 0)
		return r;
	if (application == APPLICATION_ID && version > VERSION)
		return -EPROTONOSUPPORT;
	r = db_check_plain(db);
	if (r < 0)
		return r;
	return application == APPLICATION_ID && version == VERSION && tables == TABLES ? 0
										       : -EUCLEAN;
}

int audit_read_open(const char *path, struct db **ret_db)
{
	scope(db_close) struct db *db = NULL;
	int r;

	r = db_open(path, DB_READ_ONLY, &db);
	if (r < 0)
		return r;
	r = db_exec(db, "BEGIN");
	if (r < 0)
		return r;
	r = check_form(db);
	if (r < 0)
		return r;
	*ret_db = take(&db);
	return 0;
}

/* The bytes of a BLOB column of exactly len bytes. */
static int column_bytes(const struct db_query *query, int index, void *ret_bytes, size_t len)
{
	struct db_value value = db_column(query, index);

	if (value.type != DB_BLOB || value.len != len)
		return -EUCLEAN;
	memcpy(ret_bytes, value.data, len);
	return 0;
}

static int column_number(const struct db_query *query, int index, uint64_t *ret_number)
{
	struct db_value value = db_column(query, index);

	if (value.type != DB_INTEGER || value.integer < 0)
		return -EUCLEAN;
	*ret_number = (uint64_t)value.integer;
	return 0;
}

/* Prepares and steps to the first row; number is parameter 1 when the statement has one. */
static int first_row(
	struct db *db, const char *sql, const uint64_t *number, struct db_query **ret_query)
{
	scope(db_done) struct db_query *query = NULL;
	int r;

	r = db_prepare(db, sql, &query);
	if (r < 0)
		return r;
	if (number)
		db_bind(query, 1, db_integer((int64_t)*number));
	r = db_step(query);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret_query = take(&query);
	return 0;
}

int audit_read_vault_id(struct db *db, uint8_t ret_vault_id[ID_SIZE])
{
	scope(db_done) struct db_query *query = NULL;
	int r;

	r = first_row(db, "SELECT vault_id FROM trail WHERE id = 1", NULL, &query);
	if (r < 0)
		return r;
	return column_bytes(query, 0, ret_vault_id, ID_SIZE);
}

/* From columns seq, segment, chain, signature. */
static int place_from_row(const struct db_query *query, struct audit_place *ret_place)
{
	struct audit_place place;

	if (column_number(query, 0, &place.seq) < 0 ||
		column_number(query, 1, &place.segment) < 0 ||
		column_bytes(query, 2, place.chain, sizeof(place.chain)) < 0 ||
		column_bytes(query, 3, place.signature, sizeof(place.signature)) < 0)
		return -EUCLEAN;
	*ret_place = place;
	return 0;
}

int audit_read_head(struct db *db, struct audit_place *ret_head)
{
	scope(db_done) struct db_query *query = NULL;
	int r;

	r = first_row(
		db, "SELECT seq, segment, chain, signature FROM head WHERE id = 1", NULL, &query);
	if (r < 0)
		return r;
	return place_from_row(query, ret_head);
}

int audit_read_checkpoint(struct db *db, uint64_t seq, struct audit_place *ret_checkpoint)
{
	scope(db_done) struct db_query *query = NULL;
	int r;

	r = first_row(db, "SELECT seq, segment, chain, signature FROM checkpoint WHERE seq = ?",
		&seq, &query);
	if (r < 0)
		return r;
	return place_from_row(query, ret_checkpoint);
}

int audit_read_segment(struct db *db, uint64_t number, struct audit_segment *ret_segment)
{
	scope(db_done) struct db_query *query = NULL;
	struct audit_segment segment;
	int r;

	r = first_row(db, "SELECT number, public_key, first_seq FROM segment WHERE number = ?",
		&number, &query);
	if (r < 0)
		return r;
	if (column_number(query, 0, &segment.number) < 0 ||
		column_bytes(query, 1, segment.public_key, sizeof(segment.public_key)) < 0 ||
		column_number(query, 2, &segment.first_seq) < 0)
		return -EUCLEAN;
	*ret_segment = segment;
	return 0;
}

int audit_read_count(struct db *db, const char *table, uint64_t *ret_count)
{
	scope_buffer struct buffer sql = {0};
	int64_t count;
	int r;

	buffer_add_text(&sql, "SELECT count(*) FROM ");
	buffer_add_text(&sql, table); /* a name of ours: parameters cannot be tables */
	if (sql.failed)
		return -ENOMEM;
	r = db_read_integer(db, buffer_text(&sql), &count);
	if (r < 0)
		return r;
	*ret_count = (uint64_t)count;
	return 0;
}

int audit_read_last_seq(struct db *db, uint64_t *ret_seq)
{
	scope(db_done) struct db_query *query = NULL;
	int r;

	r = first_row(db, "SELECT seq FROM record ORDER BY seq DESC LIMIT 1", NULL, &query);
	if (r == -ENOENT) {
		*ret_seq = 0;
		return 0;
	}
	if (r < 0)
		return r;
	return column_number(query, 0, ret_seq);
}

int audit_read_check_database(struct db *db)
{
	scope(db_done) struct db_query *query = NULL;
	struct db_value value;
	int r;

	r = first_row(db, "PRAGMA integrity_check(1)", NULL, &query);
	if (r < 0)
		return r;
	value = db_column(query, 0);
	return value.type == DB_TEXT && value.len == 2 && memcmp(value.data, "ok", 2) == 0
		       ? 0
		       : -EUCLEAN;
}

/*
 * Conditions are added only where asked for. Times become a range of seq first: records come out in
 * order without sorting, and the clock need not have been monotonic; '+' keeps the planner there.
 */
static void add_conditions(const struct audit_range *range, struct buffer *sql)
{
	buffer_add_text(sql, " WHERE true");
	/* Not always: a forged record below 1 would be left out. */
	if (range->after_seq)
		buffer_add_text(sql, " AND seq > ?1");
	if (range->uid != AUDIT_UNKNOWN)
		buffer_add_text(sql, " AND uid = ?2");
	if (range->gid != AUDIT_UNKNOWN)
		buffer_add_text(sql, " AND gid = ?3");
	if (range->rule != AUDIT_UNKNOWN)
		buffer_add_text(sql, " AND rule = ?4");
	if (range->action)
		buffer_add_text(sql, " AND action = ?5");
	if (range->outcome)
		buffer_add_text(sql, " AND outcome = ?6");
	if (range->since_ns)
		buffer_add_text(sql, " AND seq >= (SELECT min(seq) FROM record WHERE time_ns >= ?7)"
				     " AND +time_ns >= ?7");
	if (range->until_ns)
		buffer_add_text(sql, " AND seq <= (SELECT max(seq) FROM record WHERE time_ns < ?8)"
				     " AND +time_ns < ?8");
}

static void bind_conditions(const struct audit_range *range, struct db_query *query)
{
	if (range->after_seq)
		db_bind(query, PARAMETER_AFTER, db_integer((int64_t)range->after_seq));
	if (range->uid != AUDIT_UNKNOWN)
		db_bind(query, PARAMETER_UID, db_integer(range->uid));
	if (range->gid != AUDIT_UNKNOWN)
		db_bind(query, PARAMETER_GID, db_integer(range->gid));
	if (range->rule != AUDIT_UNKNOWN)
		db_bind(query, PARAMETER_RULE, db_integer(range->rule));
	if (range->action)
		db_bind(query, PARAMETER_ACTION, db_integer(range->action));
	if (range->outcome)
		db_bind(query, PARAMETER_OUTCOME, db_integer(range->outcome));
	if (range->since_ns)
		db_bind(query, PARAMETER_SINCE, db_integer(range->since_ns));
	if (range->until_ns)
		db_bind(query, PARAMETER_UNTIL, db_integer(range->until_ns));
}

int audit_read_records(struct db *db, const struct audit_range *range, struct db_query **ret_query)
{
	scope_buffer struct buffer sql = {0};
	struct db_query *query;
	int r;

	if (range->after_seq > INT64_MAX)
		return -EINVAL;
	buffer_add_text(&sql, SELECT_RECORD);
	add_conditions(range, &sql);
	buffer_add_text(&sql, range->newest_first ? " ORDER BY seq DESC" : " ORDER BY seq");
	if (sql.failed)
		return -ENOMEM;
	r = db_prepare(db, buffer_text(&sql), &query);
	if (r < 0)
		return r;
	bind_conditions(range, query);
	*ret_query = query;
	return 0;
}

int audit_read_next(
	struct db_query *query, struct audit_record *ret_record, enum audit_column *ret_column)
{
	struct db_value values[AUDIT_COLUMNS];
	int r;

	*ret_column = AUDIT_COLUMNS;
	r = db_step(query);
	if (r <= 0)
		return r;
	for (int i = 0; i < AUDIT_COLUMNS; i++)
		values[i] = db_column(query, i);
	r = audit_record_from_columns(values, ret_record, ret_column);
	return r < 0 ? r : 1;
}

int audit_read_record(
	struct db *db, uint64_t seq, struct db_query **ret_query, struct audit_record *ret_record)
{
	scope(db_done) struct db_query *query = NULL;
	enum audit_column column;
	int r;

	r = db_prepare(db, SELECT_RECORD " WHERE seq = ?", &query);
	if (r < 0)
		return r;
	db_bind(query, 1, db_integer((int64_t)seq));
	r = audit_read_next(query, ret_record, &column);
	if (r <= 0)
		return r < 0 ? r : -ENOENT;
	*ret_query = take(&query);
	return 0;
}
