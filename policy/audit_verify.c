/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_verify.c - the whole trail walked once, in order of seq, with public data only. At every
 * record: seq without a gap, values of the format, the chain, a checkpoint where there must be one;
 * at a segment's end the next one's key; at the end the head's signature, and that nothing is there
 * that the walk did not meet.
 */
#include "policy/audit.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>

#include "policy/audit_read_store.h"
#include "policy/audit_sign.h"

struct walk {
	struct db *db;
	struct audit_verdict *verdict;
	uint8_t vault_id[ID_SIZE];
	struct audit_segment segment; /* the current one */
	struct audit_place head;
	uint64_t seq;		    /* of the last record that fitted */
	uint8_t chain[DIGEST_SIZE]; /* after it */
	uint64_t checkpoints;

	struct buffer scratch;
};

/* Notes the first problem. Returns -EBADMSG. */
__attribute__((format(printf, 3, 4))) static int broken(
	struct walk *walk, uint64_t seq, const char *format, ...)
{
	struct audit_verdict *verdict = walk->verdict;
	va_list arguments;

	verdict->broken_seq = seq;
	va_start(arguments, format);
	vsnprintf(verdict->problem, sizeof(verdict->problem), format, arguments);
	va_end(arguments);
	return -EBADMSG;
}

/* What a failed read of something means: missing or malformed is broken, all else is the errno. */
static int unreadable(struct walk *walk, uint64_t seq, const char *what, int result)
{
	switch (result) {
	case -ENOENT:
		return broken(walk, seq, "%s is missing", what);
	case -EUCLEAN:
		return broken(walk, seq, "%s is not of the format", what);
	case -EIO: /* also a table without one of its columns: the words tell which */
		return broken(walk, seq, "%s cannot be read: %s", what, db_error(walk->db));
	default:
		return result;
	}
}

static int read_segment(struct walk *walk, uint64_t number, struct audit_segment *ret_segment)
{
	char what[64];
	int r;

	r = audit_read_segment(walk->db, number, ret_segment);
	if (r == 0)
		return 0;
	snprintf(what, sizeof(what), "the row of segment %llu", (unsigned long long)number);
	return unreadable(walk, walk->seq, what, r);
}

/* ---- before the records ---- */

static int check_pin(struct walk *walk, const uint8_t *public_key, const uint8_t *fingerprint)
{
	int r;

	r = audit_fingerprint(walk->segment.public_key, walk->verdict->fingerprint);
	if (r < 0)
		return r;
	if (public_key && memcmp(public_key, walk->segment.public_key, AUDIT_PUBLIC_KEY_SIZE) != 0)
		return broken(walk, 1, "segment 1 has another public key than the one given");
	if (fingerprint && memcmp(fingerprint, walk->verdict->fingerprint, DIGEST_SIZE) != 0)
		return broken(walk, 1,
			"segment 1 has another public key than the one of the fingerprint given");
	return 0;
}

static int check_beginning(struct walk *walk)
{
	int r;

	r = audit_read_check_database(walk->db);
	if (r < 0)
		return unreadable(walk, 0, "the database", r);
	r = audit_read_vault_id(walk->db, walk->vault_id);
	if (r < 0)
		return unreadable(walk, 0, "the vault id", r);
	r = audit_read_head(walk->db, &walk->head);
	if (r < 0)
		return unreadable(walk, 0, "the head", r);
	r = read_segment(walk, 1, &walk->segment);
	if (r < 0)
		return r;
	if (walk->segment.first_seq != 1)
		return broken(walk, 1, "segment 1 does not begin with record 1");
	return audit_chain_start(walk->vault_id, walk->chain);
}

/* ---- one record ---- */

static int check_checkpoint(struct walk *walk, const struct audit_record *record)
{
	struct audit_place checkpoint;
	char what[64];
	int r;

	r = audit_read_checkpoint(walk->db, record->seq, &checkpoint);
	if (r < 0) {
		snprintf(what, sizeof(what), "the checkpoint of record %llu",
			(unsigned long long)record->seq);
		return unreadable(walk, record->seq, what, r);
	}
	walk->checkpoints++;
	if (checkpoint.segment != record->segment ||
		memcmp(checkpoint.chain, record->chain, DIGEST_SIZE) != 0)
		return broken(walk, record->seq, "the checkpoint of record %llu does not fit it",
			(unsigned long long)record->seq);
	r = audit_place_check(
		walk->segment.public_key, AUDIT_STATES_CHECKPOINT, walk->vault_id, &checkpoint);
	if (r == -EBADMSG)
		return broken(walk, record->seq,
			"the checkpoint of record %llu is not signed by the key of segment %llu",
			(unsigned long long)record->seq, (unsigned long long)record->segment);
	return r;
}

/* The record ends its segment: the next one must be the one that it names. */
static int enter_next_segment(struct walk *walk, const struct audit_record *record)
{
	uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE];
	struct audit_segment next;
	int r;

	if (!record->event.detail ||
		hex_decode(record->event.detail, public_key, sizeof(public_key)) < 0)
		return broken(walk, record->seq, "record %llu ends segment %llu and names no key",
			(unsigned long long)record->seq, (unsigned long long)record->segment);
	r = read_segment(walk, record->segment + 1, &next);
	if (r < 0)
		return r;
	if (memcmp(next.public_key, public_key, sizeof(public_key)) != 0)
		return broken(walk, record->seq,
			"the key of segment %llu is not the one that record %llu names",
			(unsigned long long)next.number, (unsigned long long)record->seq);
	if (next.first_seq != record->seq + 1)
		return broken(walk, record->seq,
			"segment %llu does not begin after record %llu, which ends the one before",
			(unsigned long long)next.number, (unsigned long long)record->seq);
	walk->segment = next;
	walk->verdict->segments++;
	return 0;
}

static int check_chain(struct walk *walk, const struct audit_record *record)
{
	const char *action = audit_action_word(record->event.action);
	char uid[24] = "unknown";
	int r;

	r = audit_chain_next(walk->chain, record, &walk->scratch, walk->chain);
	if (r < 0)
		return r;
	if (memcmp(walk->chain, record->chain, DIGEST_SIZE) == 0)
		return 0;
	if (record->event.uid != AUDIT_UNKNOWN)
		snprintf(uid, sizeof(uid), "%lld", (long long)record->event.uid);
	return broken(walk, record->seq,
		"record %llu or its chain is not what was written (%s, uid %s)",
		(unsigned long long)record->seq, action ? action : "unknown action", uid);
}

static int check_record(struct walk *walk, const struct audit_record *record)
{
	unsigned long long expected = walk->seq + 1;
	int r;

	if (record->seq > expected)
		return broken(walk, expected, "record %llu is missing: record %llu follows",
			expected, (unsigned long long)record->seq);
	if (record->seq < expected) /* only of a database whose order is damaged */
		return broken(walk, record->seq, "record %llu comes twice or too late",
			(unsigned long long)record->seq);
	if (record->segment != walk->segment.number)
		return broken(walk, record->seq, "record %llu is in segment %llu, expected %llu",
			expected, (unsigned long long)record->segment,
			(unsigned long long)walk->segment.number);
	r = check_chain(walk, record);
	if (r < 0)
		return r;
	if (audit_chain_has_checkpoint(record)) {
		r = check_checkpoint(walk, record);
		if (r < 0)
			return r;
	}
	walk->seq = record->seq;
	walk->verdict->records++;
	walk->verdict->last_seq = record->seq;
	return record->event.action == AUDIT_SEGMENT_END ? enter_next_segment(walk, record) : 0;
}

static int check_records(struct walk *walk)
{
	const struct audit_range all = {
		.uid = AUDIT_UNKNOWN, .gid = AUDIT_UNKNOWN, .rule = AUDIT_UNKNOWN};
	scope(db_done) struct db_query *query = NULL;
	struct audit_record record;
	enum audit_column column;
	int r;

	r = audit_read_records(walk->db, &all, &query);
	if (r < 0)
		return unreadable(walk, 0, "the table of records", r);
	while ((r = audit_read_next(query, &record, &column)) > 0) {
		r = check_record(walk, &record);
		if (r < 0)
			return r;
	}
	if (r == -EUCLEAN && column < AUDIT_COLUMNS)
		return broken(walk, walk->seq + 1,
			"the record after %llu: its %s is not of the format",
			(unsigned long long)walk->seq, audit_column_name(column));
	return r < 0 ? unreadable(walk, walk->seq + 1, "the table of records", r) : 0;
}

/* ---- after the records ---- */

static int check_head(struct walk *walk)
{
	const struct audit_place *head = &walk->head;
	int r;

	if (head->seq > walk->seq)
		return broken(walk, walk->seq + 1,
			"records %llu to %llu are missing: the head is at %llu",
			(unsigned long long)walk->seq + 1, (unsigned long long)head->seq,
			(unsigned long long)head->seq);
	if (head->seq < walk->seq)
		return broken(walk, head->seq + 1,
			"the head is at record %llu, but records up to %llu follow",
			(unsigned long long)head->seq, (unsigned long long)walk->seq);
	if (head->segment != walk->segment.number)
		return broken(walk, walk->seq,
			"the head is in segment %llu, the last record in %llu",
			(unsigned long long)head->segment,
			(unsigned long long)walk->segment.number);
	if (memcmp(head->chain, walk->chain, DIGEST_SIZE) != 0)
		return broken(walk, walk->seq, "the head has another chain than the last record");
	r = audit_place_check(walk->segment.public_key, AUDIT_STATES_HEAD, walk->vault_id, head);
	if (r == -EBADMSG)
		return broken(walk, walk->seq, "the head is not signed by the key of segment %llu",
			(unsigned long long)walk->segment.number);
	return r;
}

/* Rows that the walk had no reason to read. */
static int check_rest(struct walk *walk)
{
	const struct {
		const char *table;
		uint64_t expected;
	} tables[] = {
		{"trail", 1},
		{"head", 1},
		{"segment", walk->verdict->segments},
		{"checkpoint", walk->checkpoints},
	};

	for (size_t i = 0; i < ARRAY_SIZE(tables); i++) {
		uint64_t count;
		int r;

		r = audit_read_count(walk->db, tables[i].table, &count);
		if (r < 0)
			return unreadable(walk, walk->seq, tables[i].table, r);
		if (count != tables[i].expected)
			return broken(walk, walk->seq, "table %s has %llu rows, expected %llu",
				tables[i].table, (unsigned long long)count,
				(unsigned long long)tables[i].expected);
	}
	return 0;
}

static int check_trail(struct walk *walk, const uint8_t *public_key, const uint8_t *fingerprint)
{
	int r;

	r = check_beginning(walk);
	if (r < 0)
		return r;
	walk->verdict->segments = 1;
	r = check_pin(walk, public_key, fingerprint);
	if (r < 0)
		return r;
	r = check_records(walk);
	if (r < 0)
		return r;
	memcpy(walk->verdict->chain, walk->chain, DIGEST_SIZE);
	walk->verdict->first_seq = walk->seq ? 1 : 0;
	r = check_head(walk);
	if (r < 0)
		return r;
	return check_rest(walk);
}

int audit_verify(const char *trail, const uint8_t *public_key, const uint8_t *fingerprint,
	struct audit_verdict *ret_verdict)
{
	scope(db_close) struct db *db = NULL;
	struct audit_verdict verdict = {0};
	struct walk walk = {.verdict = &verdict};
	int r;

	r = audit_read_open(trail, &db);
	if (r == -EUCLEAN) {
		r = broken(&walk, 0,
			"this is no audit trail, or its database is damaged, or it has a "
			"trigger, view or virtual table that no writer made");
	} else if (r == 0) {
		walk.db = db;
		r = check_trail(&walk, public_key, fingerprint);
		buffer_done(&walk.scratch);
	}
	if (r == 0 || r == -EBADMSG)
		*ret_verdict = verdict;
	return r;
}
