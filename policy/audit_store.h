/* SPDX-License-Identifier: Apache-2.0 */
/*
 * audit_store.h - the tables of audit.db (contrib/docs/audit.md) and every statement that writes
 * them. A struct db is used by one thread at a time.
 */
#ifndef POLICY_AUDIT_STORE_H
#define POLICY_AUDIT_STORE_H

#include "keystore/base/db.h"
#include "policy/audit_chain.h"

struct audit_segment {
	uint64_t number;
	uint8_t public_key[AUDIT_PUBLIC_KEY_SIZE];
	uint64_t first_seq;
};

/* A new database with its tables, for this vault; -EEXIST when there is one. */
int audit_store_create(const char *path, const uint8_t vault_id[ID_SIZE], struct db **ret_db);
/* Opens for writing; commits do not wait for the disk. -EPROTONOSUPPORT when it is newer. */
int audit_store_open(const char *path, struct db **ret_db);

int audit_store_add_record(struct db *db, const struct audit_record *record);
int audit_store_add_segment(struct db *db, const struct audit_segment *segment);
int audit_store_add_checkpoint(struct db *db, const struct audit_place *place);
int audit_store_set_head(struct db *db, const struct audit_place *head);

/* Moves what the write-ahead log holds into the database, as far as readers let it; waits for none.
 */
int audit_store_checkpoint_log(struct db *db);

#endif
