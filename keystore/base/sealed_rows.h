/* SPDX-License-Identifier: Apache-2.0 */
/*
 * sealed_rows.h - tables whose every row carries a MAC and whose set of rows is sealed, so that
 * who can write the database but holds no slot secret can neither edit, add, remove, paste back
 * nor exchange a row without its being seen.
 *
 *   row MAC    = HMAC-SHA-256(row key, "modelvault/1/row", table, key columns, other columns)
 *   bucket     = first byte of SHA-256(table, key columns): 256 a table
 *   bucket MAC = HMAC-SHA-256(seal key, "modelvault/1/bucket", table, bucket, row MACs in key
 * order); 32 zero bytes for an empty bucket seal       = one row: vault id, policy epoch, catalogue
 * epoch, all bucket MACs in table order, HMAC-SHA-256(seal key, "modelvault/1/seal", all of these)
 * The exact bytes stand in contrib/docs/keystore.md. A sealed table has, after its own columns,
 * `bucket INTEGER NOT NULL` and `mac BLOB NOT NULL`, an index on (bucket, key columns), and exactly
 * its key columns as PRIMARY KEY or UNIQUE. It is STRICT, has no REAL, no collation but BINARY, no
 * NULL in a key and no foreign key that cascades. A value that is put has its column's type: what
 * SQLite had to convert would not be what the MAC is over.
 * Not thread-safe: the owner of the db locks. This is the only writer of sealed tables.
 */
#ifndef KEYSTORE_BASE_SEALED_ROWS_H
#define KEYSTORE_BASE_SEALED_ROWS_H

#include "keystore/base/db.h"
#include "keystore/base/limits.h"
#include "keystore/base/secret.h"

enum sealed_epoch { SEALED_POLICY, SEALED_CATALOGUE, SEALED_EPOCHS };

/* One sealed table: plain data, in a constant array whose order is part of the format. */
struct sealed_table {
	const char *name;
	const char *columns; /* "parent, name, ino": key columns first, without bucket and mac */
	unsigned key_columns;
	unsigned column_count;
	enum sealed_epoch epoch; /* which epoch a change of this table raises */
};

struct sealed_rows;

/* Takes copies of both keys. Reads nothing yet. tables must live as long as the result. */
int sealed_rows_open(struct db *db, const struct sealed_table *tables, size_t table_count,
	const uint8_t vault_id[ID_SIZE], const struct secret *row_key,
	const struct secret *seal_key, struct sealed_rows **ret_rows);
struct sealed_rows *sealed_rows_close(struct sealed_rows *rows);

/* A migration: the table `seal` that every database with sealed tables has. */
extern const char sealed_rows_schema[];

/*
 * Writes the first seal, of empty tables, epochs 1, in a transaction of its own. -EEXIST when there
 * is a seal.
 */
int sealed_rows_create(struct sealed_rows *rows);

/*
 * Reads the seal row and every row, and compares, in one read transaction (or the one it is called
 * in). 0: the seal row is sound and every row was compared; which of them differed is then asked
 * with the functions below. -EBADMSG: the seal row itself is broken (nothing can be believed).
 * After a failure of I/O: that -errno, and nothing is believed either.
 */
int sealed_rows_check(struct sealed_rows *rows);
/* True when everything was found as it was sealed. */
bool sealed_rows_is_intact(const struct sealed_rows *rows);
/*
 * True when any row or bucket of a policy-epoch table differed, or the seal itself was broken, or
 * there was no check yet.
 */
bool sealed_rows_policy_is_broken(const struct sealed_rows *rows);
/* The epoch as checked or last committed; 0 when the seal is broken. */
uint64_t sealed_rows_epoch(const struct sealed_rows *rows, enum sealed_epoch epoch);

/*
 * Calls row(arg, values, intact) for every row of the table, values in the order of `columns`.
 * intact is false when the row's MAC is wrong or its bucket differs from the seal. A negative
 * result of row ends the walk and is returned. Call sealed_rows_check first, in the same
 * transaction (db_begin) when others may write the database between the two.
 */
int sealed_rows_each(struct sealed_rows *rows, const char *table,
	int (*row)(void *arg, const struct db_value *values, bool intact), void *arg);

/*
 * A change: begin, any number of put and delete, commit. commit recomputes the touched buckets,
 * raises the epochs of the touched tables by one, writes the seal and commits the transaction.
 * put inserts or replaces the row with that key. delete of a row that is not there is -ENOENT.
 * -EBADMSG from begin: the seal row is not the one checked; from put and delete: the bucket is not
 * as it was sealed, and a new seal over it would bless what somebody else did.
 * After an error in any of them call sealed_rows_abort; a failed commit has aborted.
 */
int sealed_rows_begin(struct sealed_rows *rows);
int sealed_rows_put(struct sealed_rows *rows, const char *table, const struct db_value *values);
int sealed_rows_delete(struct sealed_rows *rows, const char *table, const struct db_value *key);
int sealed_rows_commit(struct sealed_rows *rows);
/*
 * The same under other keys: every row of every table gets a new MAC, the seal too, and both epochs
 * rise. From then on only these keys fit; when it fails, still only the old ones. -EBADMSG when any
 * row or bucket is not as it was sealed.
 */
int sealed_rows_commit_rekeyed(
	struct sealed_rows *rows, const struct secret *row_key, const struct secret *seal_key);
void sealed_rows_abort(struct sealed_rows *rows);
bool sealed_rows_in_change(const struct sealed_rows *rows);

SCOPE_FUNCTION(struct sealed_rows *, sealed_rows_close);

#endif
