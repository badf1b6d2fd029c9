/* SPDX-License-Identifier: Apache-2.0 */
/*
 * object.h - what all parts of an object share: its identity, its keys, and the causes of damage.
 */
#ifndef FS_FORMAT_OBJECT_H
#define FS_FORMAT_OBJECT_H

#include "fs/format/geometry.h"
#include "keystore/aead.h"
#include "keystore/base/secret.h"

/* What the catalogue says an object is. For a rooted object all of it is believed, nothing of the
 * object. */
struct object_identity {
	uint8_t vault_id[ID_SIZE];
	uint8_t file_id[ID_SIZE];
	enum aead_suite suite;
	uint32_t chunk_log2;
};

struct object_version {
	uint64_t size; /* plaintext bytes */
	uint32_t generation;
	uint8_t root[DIGEST_SIZE];
};

/* Why an object cannot be served. The words are an interface (audit records, verify). */
enum damage {
	DAMAGE_NONE,
	DAMAGE_CHUNK_TAG,   /* "chunk-tag": a chunk's tag does not fit */
	DAMAGE_TAG_PAGE,    /* "tag-page": a tag page is not the one that its leaf names, or entries
			       not used are not zero */
	DAMAGE_SEAL,	    /* "seal": a seal page or the index is not what root says */
	DAMAGE_HEADER,	    /* "header": header MAC, magic, version, or fields that differ from the
			       catalogue */
	DAMAGE_SIZE,	    /* "size": the object's length is not the exact one */
	DAMAGE_MISPLACED,   /* "misplaced": carries another file id of this vault */
	DAMAGE_FOREIGN,	    /* "foreign": carries another vault id */
	DAMAGE_ROLLED_BACK, /* "rolled-back": an authentic older state of this object */
	DAMAGE_MISSING,	    /* "missing": no such object */
	DAMAGE_IO,	    /* "io": the backing store failed or answered short */
	DAMAGE_KINDS
};
const char *damage_text(enum damage damage);

#define DAMAGE_NO_CHUNK UINT64_MAX
/* What was found, for the integrity record. */
struct damage_report {
	enum damage cause;
	uint64_t chunk; /* DAMAGE_NO_CHUNK when not about one chunk */
};

#define DAMAGE_TEXT_SIZE 48
/* "chunk-tag chunk 7", or the cause alone. */
void damage_report_text(const struct damage_report *report, char ret_text[DAMAGE_TEXT_SIZE]);

/* Fills the report. -EIO for DAMAGE_IO, -EBADMSG for every other cause. */
int damage_found(struct damage_report *ret_report, enum damage cause, uint64_t chunk);

/* Subkeys of one file, derived from its DEK by derive_key. */
struct object_keys {
	struct secret *chunk;
	struct secret *header;
	struct secret *root;
};
int object_keys_derive(const struct object_identity *identity, const struct secret *dek,
	struct object_keys *ret_keys);
void object_keys_done(struct object_keys *keys);

#endif
