/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_chain.h - the hash chain over records and the messages that signatures are made of. Pure.
 *
 *   chain_0 = SHA-256("modelvault/1/audit" | vault id)
 *   chain_i = SHA-256(chain_(i-1) | canonical record i)
 *
 * A signed message:
 *   OFFSET  SIZE  MEANING
 *        0     n  "modelvault/1/audit-head" or "modelvault/1/audit-checkpoint", without NUL
 *        n    16  vault id
 *     n+16     8  segment
 *     n+24     8  seq of the last record covered
 *     n+32    32  chain of that record
 * The two words keep a checkpoint, which stays in the database for ever, from being pasted in as
 * the head of a trail cut off there.
 */
#ifndef POLICY_AUDIT_CHAIN_H
#define POLICY_AUDIT_CHAIN_H

#include "keystore/base/digest.h"
#include "policy/audit.h"

#define AUDIT_CHECKPOINT_EVERY 4096
#define AUDIT_SIGNATURE_SIZE   64
#define AUDIT_PUBLIC_KEY_SIZE  32
#define AUDIT_MESSAGE_MAX      96

/* A place in the trail, and its signature: the head row and checkpoint rows. */
struct audit_place {
	uint64_t segment, seq;
	uint8_t chain[DIGEST_SIZE];
	uint8_t signature[AUDIT_SIGNATURE_SIZE];
};

enum audit_statement { AUDIT_STATES_HEAD, AUDIT_STATES_CHECKPOINT };

int audit_chain_start(const uint8_t vault_id[ID_SIZE], uint8_t ret_chain[DIGEST_SIZE]);
/* The chain after record; scratch is emptied and used for the canonical bytes. */
int audit_chain_next(const uint8_t chain[DIGEST_SIZE], const struct audit_record *record,
	struct buffer *scratch, uint8_t ret_chain[DIGEST_SIZE]);
/* The message whose signature stands for the place. Returns its length. */
size_t audit_chain_message(enum audit_statement statement, const uint8_t vault_id[ID_SIZE],
	const struct audit_place *place, uint8_t ret_message[AUDIT_MESSAGE_MAX]);
/* A checkpoint is kept of this record. */
bool audit_chain_has_checkpoint(const struct audit_record *record);

#endif
