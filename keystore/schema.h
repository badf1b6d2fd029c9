/* SPDX-License-Identifier: Apache-2.0 */
/* schema.h - the tables of keystore.db: numbered migrations as text, and which tables are sealed.
 */
#ifndef KEYSTORE_SCHEMA_H
#define KEYSTORE_SCHEMA_H

#include "keystore/base/db.h"
#include "keystore/base/sealed_rows.h"

/* PRAGMA application_id of every keystore.db: "MVKS". */
#define SCHEMA_APPLICATION_ID 0x4d564b53

/* The order of vault_tables is part of the format: bucket MACs are sealed in it. */
extern const struct sealed_table vault_tables[];
extern const size_t vault_table_count;

/* Makes the tables in a new, empty database. */
int schema_create(struct db *db);
/*
 * Looks whether the database is a keystore that this program knows, and brings an older one up to
 * date. -EUCLEAN: not ours, or with a trigger, view or virtual table that we never made.
 * -EPROTONOSUPPORT: newer.
 */
int schema_open(struct db *db);

#endif
