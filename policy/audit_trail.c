/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_trail.c - the end of the trail. A transaction works on a copy of the place (`next`) that
 * becomes the head when the database has committed; whatever fails before leaves no trace.
 */
#include "policy/audit_trail.h"

#include <errno.h>
#include <stdio.h>

#include "keystore/base/clock.h"
#include "policy/audit_read_store.h"

#define PAGES_PER_COMMIT 6 /* record, two indexes, head, page 1 and a split now and then */

struct audit_trail {
	struct db *db;
	uint8_t vault_id[ID_SIZE];
	struct audit_place head;
	int64_t head_time_ns;
	struct audit_signer *signer; /* of head.segment */

	/* the transaction */
	struct audit_place next;
	int64_t next_time_ns;
	struct audit_signer *next_signer; /* of next.segment; the caller's until commit */
	bool is_synced;			  /* this one's commit waits for the disk */
	uint64_t group_records;

	uint64_t log_pages;
	struct buffer scratch;
};

int audit_trail_create(struct db *db, const uint8_t vault_id[ID_SIZE], struct audit_signer *signer)
{
	struct audit_segment segment = {.number = 1, .first_seq = 1};
	struct audit_place head = {.segment = 1};
	int r;

	memcpy(segment.public_key, audit_signer_public(signer), sizeof(segment.public_key));
	r = audit_chain_start(vault_id, head.chain);
	if (r < 0)
		return r;
	r = audit_place_sign(signer, AUDIT_STATES_HEAD, vault_id, &head);
	if (r < 0)
		return r;
	r = db_begin(db);
	if (r < 0)
		return r;
	r = audit_store_add_segment(db, &segment);
	if (r == 0)
		r = audit_store_set_head(db, &head);
	if (r == 0)
		return db_commit(db);
	db_rollback(db);
	return r;
}

/* The chain before record seq. */
static int chain_before(
	struct db *db, const uint8_t vault_id[ID_SIZE], uint64_t seq, uint8_t *ret_chain)
{
	scope(db_done) struct db_query *query = NULL;
	struct audit_record record;
	int r;

	if (seq == 1)
		return audit_chain_start(vault_id, ret_chain);
	r = audit_read_record(db, seq - 1, &query, &record);
	if (r < 0)
		return r;
	memcpy(ret_chain, record.chain, DIGEST_SIZE);
	return 0;
}

/* Whether the record at the head follows from the one before it. */
static int check_last_record(struct audit_trail *trail)
{
	const struct audit_place *head = &trail->head;
	scope(db_done) struct db_query *query = NULL;
	struct audit_record record;
	uint8_t chain[DIGEST_SIZE];
	uint64_t last_seq;
	int r;

	r = audit_read_last_seq(trail->db, &last_seq);
	if (r < 0)
		return r;
	if (last_seq != head->seq)
		return -EBADMSG;
	if (last_seq == 0) {
		r = audit_chain_start(trail->vault_id, chain);
		if (r < 0)
			return r;
		return memcmp(chain, head->chain, DIGEST_SIZE) == 0 ? 0 : -EBADMSG;
	}
	r = chain_before(trail->db, trail->vault_id, last_seq, chain);
	if (r < 0)
		return r;
	r = audit_read_record(trail->db, last_seq, &query, &record);
	if (r < 0)
		return r;
	r = audit_chain_next(chain, &record, &trail->scratch, chain);
	if (r < 0)
		return r;
	trail->head_time_ns = record.event.time_ns;
	return memcmp(chain, record.chain, DIGEST_SIZE) == 0 &&
			       memcmp(chain, head->chain, DIGEST_SIZE) == 0
		       ? 0
		       : -EBADMSG;
}

/* The row of the head's segment, which must be the last one. */
static int read_last_segment(struct audit_trail *trail, struct audit_segment *ret_segment)
{
	struct audit_segment beyond;
	int r;

	r = audit_read_segment(trail->db, trail->head.segment + 1, &beyond);
	if (r != -ENOENT)
		return r < 0 ? r : -EBADMSG;
	return audit_read_segment(trail->db, trail->head.segment, ret_segment);
}

static int check_end(struct audit_trail *trail)
{
	struct audit_segment segment;
	uint8_t vault_id[ID_SIZE];
	int r;

	r = audit_read_vault_id(trail->db, vault_id);
	if (r < 0)
		return r;
	if (memcmp(vault_id, trail->vault_id, ID_SIZE) != 0)
		return -EBADMSG;
	r = audit_read_head(trail->db, &trail->head);
	if (r < 0)
		return r;
	r = read_last_segment(trail, &segment);
	if (r < 0)
		return r;
	r = audit_place_check(segment.public_key, AUDIT_STATES_HEAD, trail->vault_id, &trail->head);
	if (r < 0)
		return r;
	return check_last_record(trail);
}

int audit_trail_open(struct db *db, const uint8_t vault_id[ID_SIZE], struct audit_trail **ret_trail)
{
	scope(audit_trail_close) struct audit_trail *trail = NULL;
	int r;

	trail = calloc(1, sizeof(*trail));
	if (!trail) {
		db_close(db);
		return -ENOMEM;
	}
	trail->db = db;
	memcpy(trail->vault_id, vault_id, ID_SIZE);
	r = check_end(trail);
	if (r < 0) /* a row that is missing or malformed does not fit the head either */
		return r == -ENOENT || r == -EUCLEAN ? -EBADMSG : r;
	*ret_trail = take(&trail);
	return 0;
}

struct audit_trail *audit_trail_close(struct audit_trail *trail)
{
	if (trail) {
		db_close(trail->db);
		audit_signer_free(trail->signer);
		buffer_done(&trail->scratch);
		free(trail);
	}
	return NULL;
}

int audit_trail_set_signer(struct audit_trail *trail, struct audit_signer *signer)
{
	struct audit_segment segment;
	int r;

	r = audit_read_segment(trail->db, trail->head.segment, &segment);
	if (r < 0)
		return r;
	if (memcmp(segment.public_key, audit_signer_public(signer), AUDIT_PUBLIC_KEY_SIZE) != 0)
		return -EKEYREJECTED;
	audit_signer_free(trail->signer);
	trail->signer = signer;
	return 0;
}

uint64_t audit_trail_segment(const struct audit_trail *trail)
{
	return trail->head.segment;
}

void audit_trail_head(const struct audit_trail *trail, struct audit_head *ret_head)
{
	ret_head->segment = trail->head.segment;
	ret_head->seq = trail->head.seq;
	memcpy(ret_head->chain, trail->head.chain, DIGEST_SIZE);
	memcpy(ret_head->public_key, audit_signer_public(trail->signer), AUDIT_PUBLIC_KEY_SIZE);
}

int audit_trail_begin(struct audit_trail *trail, bool sync)
{
	int r;

	/* Records in a file that nobody can find any more are none. */
	if (!db_is_in_place(trail->db))
		return -ESTALE;
	trail->is_synced = sync;
	if (trail->is_synced) {
		r = db_set_sync_full(trail->db, true);
		if (r < 0)
			return r;
	}
	trail->next = trail->head;
	trail->next_time_ns = trail->head_time_ns;
	trail->next_signer = trail->signer;
	trail->group_records = 0;
	return db_begin(trail->db);
}

static int add_checkpoint(struct audit_trail *trail)
{
	struct audit_place checkpoint = trail->next;
	int r;

	r = audit_place_sign(
		trail->next_signer, AUDIT_STATES_CHECKPOINT, trail->vault_id, &checkpoint);
	if (r < 0)
		return r;
	return audit_store_add_checkpoint(trail->db, &checkpoint);
}

static int add_record(struct audit_trail *trail, const struct audit_event *event)
{
	struct audit_record record = {.event = *event};
	int r;

	record.seq = trail->next.seq + 1;
	record.segment = trail->next.segment;
	r = audit_chain_next(trail->next.chain, &record, &trail->scratch, record.chain);
	if (r < 0)
		return r;
	r = audit_store_add_record(trail->db, &record);
	if (r < 0)
		return r;
	trail->next.seq = record.seq;
	memcpy(trail->next.chain, record.chain, DIGEST_SIZE);
	trail->next_time_ns = event->time_ns;
	trail->group_records++;
	return audit_chain_has_checkpoint(&record) ? add_checkpoint(trail) : 0;
}

/* The clock was set back before this event. */
static int add_clock_step(struct audit_trail *trail, int64_t time_ns)
{
	struct audit_event event = AUDIT_EVENT_EMPTY;
	char detail[64];
	int64_t step_ms = (trail->next_time_ns / NS_PER_MS) - (time_ns / NS_PER_MS);

	snprintf(detail, sizeof(detail), "back by %lld ms", (long long)step_ms);
	event.action = AUDIT_CLOCK;
	event.outcome = AUDIT_ALLOW;
	event.time_ns = time_ns;
	event.detail = detail;
	return add_record(trail, &event);
}

int audit_trail_add(struct audit_trail *trail, const struct audit_event *event)
{
	int r;

	if (trail->next.seq > 0 && event->time_ns < INT64_MAX - NS_PER_S &&
		event->time_ns + NS_PER_S < trail->next_time_ns) {
		r = add_clock_step(trail, event->time_ns);
		if (r < 0)
			return r;
	}
	return add_record(trail, event);
}

int audit_trail_end_segment(struct audit_trail *trail, int64_t time_ns, struct audit_signer *next)
{
	struct audit_event event = AUDIT_EVENT_EMPTY;
	char detail[2 * AUDIT_PUBLIC_KEY_SIZE + 1];
	struct audit_segment segment;
	int r;

	if (trail->next_signer != trail->signer)
		return -EBUSY;
	hex_encode(audit_signer_public(next), AUDIT_PUBLIC_KEY_SIZE, detail);
	event.action = AUDIT_SEGMENT_END;
	event.outcome = AUDIT_ALLOW;
	event.time_ns = time_ns;
	event.detail = detail;
	r = audit_trail_add(trail, &event);
	if (r < 0)
		return r;
	segment.number = trail->next.segment + 1;
	segment.first_seq = trail->next.seq + 1;
	memcpy(segment.public_key, audit_signer_public(next), sizeof(segment.public_key));
	r = audit_store_add_segment(trail->db, &segment);
	if (r < 0)
		return r;
	trail->next.segment = segment.number;
	trail->next_signer = next;
	return 0;
}

/* Back to commits that do not wait; when that fails they go on waiting, which is no harm. */
static void end_sync(struct audit_trail *trail)
{
	if (trail->is_synced && db_set_sync_full(trail->db, false) == 0)
		trail->is_synced = false;
}

static int commit(struct audit_trail *trail)
{
	int r;

	r = audit_place_sign(trail->next_signer, AUDIT_STATES_HEAD, trail->vault_id, &trail->next);
	if (r < 0)
		return r;
	r = audit_store_set_head(trail->db, &trail->next);
	if (r < 0)
		return r;
	return db_commit(trail->db);
}

int audit_trail_commit(struct audit_trail *trail)
{
	int r;

	r = commit(trail);
	if (r < 0) {
		audit_trail_rollback(trail);
		return r;
	}
	end_sync(trail);
	trail->head = trail->next;
	trail->head_time_ns = trail->next_time_ns;
	if (trail->next_signer != trail->signer) {
		audit_signer_free(trail->signer);
		trail->signer = trail->next_signer;
	}
	trail->log_pages += PAGES_PER_COMMIT + trail->group_records / 4;
	return 0;
}

void audit_trail_rollback(struct audit_trail *trail)
{
	db_rollback(trail->db);
	end_sync(trail);
	trail->next_signer = trail->signer;
}

uint64_t audit_trail_log_pages(const struct audit_trail *trail)
{
	return trail->log_pages;
}

int audit_trail_checkpoint_log(struct audit_trail *trail)
{
	trail->log_pages = 0;
	return audit_store_checkpoint_log(trail->db);
}
