/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_read_store.h - every statement that reads audit.db. What is read may have been written by
 * anybody: a value of the wrong type, size or sign is -EUCLEAN, a row that is missing -ENOENT.
 */
#ifndef POLICY_AUDIT_READ_STORE_H
#define POLICY_AUDIT_READ_STORE_H

#include "policy/audit_event.h"
#include "policy/audit_store.h"

/*
 * A read-only connection that sees one moment of the trail until it is closed. -EUCLEAN when it is
 * no audit.db, -EPROTONOSUPPORT when it is a newer one.
 */
int audit_read_open(const char *path, struct db **ret_db);

int audit_read_vault_id(struct db *db, uint8_t ret_vault_id[ID_SIZE]);
int audit_read_head(struct db *db, struct audit_place *ret_head);
int audit_read_segment(struct db *db, uint64_t number, struct audit_segment *ret_segment);
int audit_read_checkpoint(struct db *db, uint64_t seq, struct audit_place *ret_checkpoint);
/* Whether rows exist that no writer of ours leaves: beyond the last segment, other vault ids ... */
int audit_read_count(struct db *db, const char *table, uint64_t *ret_count);
/* The highest seq in the record table; 0 when it is empty. */
int audit_read_last_seq(struct db *db, uint64_t *ret_seq);
/* 0, or -EUCLEAN when SQLite finds its own structures (indexes too) inconsistent. */
int audit_read_check_database(struct db *db);

/* Which records a walk visits: what SQL can tell. AUDIT_UNKNOWN or 0: any. */
struct audit_range {
	int64_t uid, gid, rule, action, outcome, since_ns, until_ns;
	uint64_t after_seq;
	bool newest_first;
};

/* A walk over records; db_done ends it. */
int audit_read_records(struct db *db, const struct audit_range *range, struct db_query **ret_query);
/*
 * 1: a record, which lives until the next call; 0: the end. On -EUCLEAN *ret_column is the column
 * whose value is not of the format, or AUDIT_COLUMNS when the database itself is damaged.
 */
int audit_read_next(
	struct db_query *query, struct audit_record *ret_record, enum audit_column *ret_column);
/* One record whose texts are freed with *ret_query. */
int audit_read_record(
	struct db *db, uint64_t seq, struct db_query **ret_query, struct audit_record *ret_record);

#endif
