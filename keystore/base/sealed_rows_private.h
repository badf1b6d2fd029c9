/* SPDX-License-Identifier: Apache-2.0 */
/* sealed_rows_private.h - what the files of sealed_rows share, sectioned by file. */
#ifndef KEYSTORE_BASE_SEALED_ROWS_PRIVATE_H
#define KEYSTORE_BASE_SEALED_ROWS_PRIVATE_H

#include <assert.h>

#include "keystore/base/bytes.h"
#include "keystore/base/digest.h"
#include "keystore/base/sealed_rows.h"

#define SEALED_BUCKETS	     256
#define SEALED_TABLE_BUCKETS (SEALED_BUCKETS * DIGEST_SIZE) /* bytes of a table in the seal */
#define SEAL_VERSION	     1

static_assert(SEALED_TABLE_BUCKETS == 8192, "part of the format");
static_assert(DB_NULL == 0 && DB_INTEGER == 1 && DB_TEXT == 2 && DB_BLOB == 3,
	"type bytes of the row encoding");

/* sealed_rows_mac.c */

/*
 * Sets encoded to the bytes of the key (count = key_columns) or of the whole row (column_count), of
 * which those of the key are the beginning. -EFBIG beyond LIMIT_SEALED_ROW, -EINVAL for a key that
 * is NULL.
 */
int sealed_encode(const struct sealed_table *table, const struct db_value *values, unsigned count,
	struct buffer *encoded);
/* Of an encoded key. */
int sealed_bucket_of(const char *key, size_t len, unsigned *ret_bucket);
/* Of an encoded row. */
int sealed_row_mac(
	struct hmac *row_hmac, const struct buffer *encoded, uint8_t ret_mac[DIGEST_SIZE]);
int sealed_bucket_mac(struct hmac *seal_hmac, const struct sealed_table *table, unsigned bucket,
	const struct buffer *row_macs, uint8_t ret_mac[DIGEST_SIZE]);

/* One state of the seal row. */
struct seal {
	uint64_t epochs[SEALED_EPOCHS];
	uint8_t mac[DIGEST_SIZE];
	uint8_t *buckets; /* table by table, SEALED_TABLE_BUCKETS each */
};

int seal_mac(struct hmac *seal_hmac, const uint8_t vault_id[ID_SIZE], const struct seal *seal,
	size_t table_count, uint8_t ret_mac[DIGEST_SIZE]);

/* sealed_rows.c */

struct bucket_set {
	uint64_t bits[SEALED_BUCKETS / 64];
};

static inline void bucket_set_add(struct bucket_set *set, unsigned bucket)
{
	set->bits[bucket / 64] |= 1ULL << bucket % 64;
}

static inline bool bucket_set_has(const struct bucket_set *set, unsigned bucket)
{
	return set->bits[bucket / 64] >> bucket % 64 & 1;
}

/* A table with its SQL, made once. */
struct sealed_part {
	const struct sealed_table *table;
	char *select_all;  /* columns, bucket, mac ORDER BY bucket, key */
	char *select_macs; /* of one bucket, in key order */
	char *put;
	char *delete;
	struct bucket_set broken;  /* differed from the seal when last checked */
	bool is_broken;		   /* some row or bucket did */
	struct bucket_set touched; /* by the change under way, and found sound before */
};

struct sealed_rows {
	struct db *db;
	struct hmac *row_hmac;
	struct hmac *seal_hmac;
	uint8_t vault_id[ID_SIZE];
	struct sealed_part *parts;
	size_t part_count;
	bool is_sound; /* `seal` below is what the database holds and was verified */
	bool in_change;
	struct seal seal; /* of the last check or commit */
	struct seal next; /* of the change under way */
};

struct sealed_part *sealed_part_of(const struct sealed_rows *rows, const char *table);
uint8_t *seal_bucket(const struct sealed_rows *rows, const struct seal *seal,
	const struct sealed_part *part, unsigned bucket);

/* sealed_rows_change.c */

/* Makes the MAC of seal and writes it over the stored one. */
int seal_update(struct sealed_rows *rows, struct seal *seal);
void seal_copy(const struct sealed_rows *rows, struct seal *to, const struct seal *from);

/* sealed_rows_check.c */

#define SEALED_NO_BUCKET SEALED_BUCKETS /* a number that is none */

static inline bool sealed_is_blob(const struct db_value *value, size_t len)
{
	return value->type == DB_BLOB && value->len == len;
}

/* A walk over all rows of a table, in the order of bucket and key. */
struct sealed_walk {
	struct sealed_rows *rows;
	struct sealed_part *part;
	struct db_query *query;
	struct buffer encoded; /* of the row, when it is genuine */
	struct db_value values[LIMIT_SEALED_COLUMNS];
	unsigned bucket;     /* that the row says it is in, or SEALED_NO_BUCKET */
	struct db_value mac; /* that the row carries */
	bool is_genuine;     /* the row's bucket and MAC are right */
};

int sealed_walk_init(struct sealed_walk *walk, struct sealed_rows *rows, struct sealed_part *part);
/* 1: a row; 0: the end; -errno. */
int sealed_walk_next(struct sealed_walk *walk);
void sealed_walk_done(struct sealed_walk *walk);

/* The row MACs of every bucket of one table, gathered while its rows go by. */
struct sealed_macs {
	struct buffer macs[SEALED_BUCKETS];
};

struct sealed_macs *sealed_macs_free(struct sealed_macs *gathered);
SCOPE_FUNCTION(struct sealed_macs *, sealed_macs_free);

/* The MAC of a bucket as the table holds it now. */
int sealed_bucket_read(struct sealed_rows *rows, const struct sealed_part *part, unsigned bucket,
	uint8_t ret_mac[DIGEST_SIZE]);
/* Reads and verifies the seal row. -EBADMSG. ret_seal->buckets is written to. */
int seal_read(struct sealed_rows *rows, struct seal *ret_seal);

#endif
