/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_trail.h - the end of the trail in memory, and one group commit as a transaction: begin, add
 * any number of events, commit. Until commit succeeds the head in memory is the last committed one.
 * One thread at a time.
 */
#ifndef POLICY_AUDIT_TRAIL_H
#define POLICY_AUDIT_TRAIL_H

#include "policy/audit_key.h"
#include "policy/audit_store.h"

struct audit_trail;

/* Writes the first segment and a head before any record. */
int audit_trail_create(struct db *db, const uint8_t vault_id[ID_SIZE], struct audit_signer *signer);
/*
 * Takes db. Checks that the head is signed by its segment's key and that the last record fits it
 * and its predecessor: -EBADMSG. Nothing can be added before audit_trail_set_signer.
 */
int audit_trail_open(
	struct db *db, const uint8_t vault_id[ID_SIZE], struct audit_trail **ret_trail);
struct audit_trail *audit_trail_close(struct audit_trail *trail);
/* Takes the signer on success; -EKEYREJECTED when it is not the segment's. */
int audit_trail_set_signer(struct audit_trail *trail, struct audit_signer *signer);

uint64_t audit_trail_segment(const struct audit_trail *trail);
/* The last committed head; the trail must have its signer. */
void audit_trail_head(const struct audit_trail *trail, struct audit_head *ret_head);

/* sync: this commit waits for the disk. */
int audit_trail_begin(struct audit_trail *trail, bool sync);
/* time_ns must be set; a step of the clock back by more than a second gets a record of its own. */
int audit_trail_add(struct audit_trail *trail, const struct audit_event *event);
/*
 * Ends the segment with a record that names next's public key; what is added afterwards belongs to
 * the next segment. Once in a transaction; on commit the trail takes next, else the caller keeps
 * it.
 */
int audit_trail_end_segment(struct audit_trail *trail, int64_t time_ns, struct audit_signer *next);
/* After an error of any of these: audit_trail_rollback. A failed commit has rolled back. */
int audit_trail_commit(struct audit_trail *trail);
void audit_trail_rollback(struct audit_trail *trail);

/* About how many pages the write-ahead log has grown by since it was checkpointed. */
uint64_t audit_trail_log_pages(const struct audit_trail *trail);
int audit_trail_checkpoint_log(struct audit_trail *trail);

SCOPE_FUNCTION(struct audit_trail *, audit_trail_close);

#endif
