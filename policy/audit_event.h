/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_event.h - one record in its three forms: struct, canonical bytes (what the chain hashes),
 * columns (what audit.db holds). The columns are the truth: canonical bytes are always computed
 * from them.
 */
#ifndef POLICY_AUDIT_EVENT_H
#define POLICY_AUDIT_EVENT_H

#include "keystore/base/db.h"
#include "policy/audit.h"

#define AUDIT_RECORD_VERSION 1

/* X(column, kind): what an author says of an event; the order is part of the canonical form. */
#define AUDIT_FIELD_TABLE(X)   \
	X(uid, NUMBER)         \
	X(gid, NUMBER)         \
	X(loginuid, NUMBER)    \
	X(pid, NUMBER)         \
	X(exe, TEXT)           \
	X(sha256, DIGEST)      \
	X(unit, TEXT)          \
	X(userns, NUMBER)      \
	X(path, PATH)          \
	X(file_id, ID)         \
	X(rule, NUMBER)        \
	X(perm, TEXT)          \
	X(bytes, NUMBER)       \
	X(duration_ms, NUMBER) \
	X(count, NUMBER)       \
	X(via, TEXT)           \
	X(detail, TEXT)

/* Columns of a record: seq segment time_ns action outcome reason, the fields, chain. */
enum audit_column {
	AUDIT_COLUMN_SEQ,
	AUDIT_COLUMN_SEGMENT,
	AUDIT_COLUMN_TIME,
	AUDIT_COLUMN_ACTION,
	AUDIT_COLUMN_OUTCOME,
	AUDIT_COLUMN_REASON,
#define AUDIT_COLUMN_ENUM(name, kind) AUDIT_COLUMN_##name,
	AUDIT_FIELD_TABLE(AUDIT_COLUMN_ENUM)
#undef AUDIT_COLUMN_ENUM
		AUDIT_COLUMN_CHAIN,
	AUDIT_COLUMNS
};
const char *audit_column_name(enum audit_column column);

/* -EINVAL for an event no reader could print, -EMSGSIZE for a text beyond LIMIT_AUDIT_TEXT. */
int audit_event_check(const struct audit_event *event);
/* Bytes that audit_event_copy needs at text. Only for an event that passed audit_event_check. */
size_t audit_event_text_size(const struct audit_event *event);
/* A deep copy whose texts lie at text. */
void audit_event_copy(const struct audit_event *event, struct audit_event *ret_event, char *text);
/* Equal in everything but time and count. */
bool audit_event_is_like(const struct audit_event *a, const struct audit_event *b);
/* A number that is equal for events that are alike; spreads the others. */
uint32_t audit_event_hash(const struct audit_event *event);

/* Appends the canonical bytes (contrib/docs/audit.md). The chain is no part of them. */
void audit_record_encode(const struct audit_record *record, struct buffer *to);
/* The values point into the record. */
void audit_record_to_columns(
	const struct audit_record *record, struct db_value ret_values[AUDIT_COLUMNS]);
/*
 * The record points into the values. -EUCLEAN for a value that no writer of ours puts there; then
 * *ret_column says which.
 */
int audit_record_from_columns(const struct db_value values[AUDIT_COLUMNS],
	struct audit_record *ret_record, enum audit_column *ret_column);

#endif
