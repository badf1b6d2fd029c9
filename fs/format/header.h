/* SPDX-License-Identifier: Apache-2.0 */
/*
 * header.h - the first page of an object. It says what the object is and holds no key material.
 * Nothing in it is believed: for a rooted object the catalogue's row decides, and the header only
 * tells damage, misplacement and an older state apart.
 *
 *   OFFSET  SIZE  MEANING
 *        0     8  magic: "MVOBJ" 00 0d 0a
 *        8     2  format version, 1
 *       10     2  minimum reader version, 1
 *       12     1  suite (keystore/aead.h)
 *       13     1  log2 of the chunk size, 12..20
 *       14     2  zero
 *       16    16  vault id
 *       32    16  file id
 *       48     8  size of the plaintext
 *       56     4  generation
 *       60     4  zero
 *       64    32  root
 *       96    32  MAC = HMAC-SHA-256(header key, bytes 0..95)
 *      128  3968  zero
 */
#ifndef FS_FORMAT_HEADER_H
#define FS_FORMAT_HEADER_H

#include "fs/format/object.h"

#define HEADER_FORMAT_VERSION 1
#define HEADER_SIZE	      PAGE_BYTES

/* Writes all of the page. -EIO when OpenSSL fails. */
int header_pack(const struct object_identity *identity, const struct object_version *version,
	const struct secret *header_key, uint8_t ret_page[HEADER_SIZE]);

struct header {
	struct object_identity identity;
	struct object_version version;
	uint8_t mac[DIGEST_SIZE];
};

/*
 * Reads untrusted bytes; the MAC is not checked. -EUCLEAN: not of the form above;
 * -EPROTONOSUPPORT: a format that asks for a newer reader.
 */
int header_parse(const uint8_t page[HEADER_SIZE], struct header *ret_header);

/*
 * Is this the header of the object that identity and version describe? -EBADMSG with the cause:
 *   header       form, version, suite, chunk size or MAC are wrong, or it is newer than the row
 *   foreign      carries another vault id  (told from the clear bytes: the MAC was made with
 *   misplaced    carries another file id    another file's key)
 *   rolled-back  authentic, but of an older generation or with another root or size
 */
int header_check(const uint8_t page[HEADER_SIZE], const struct object_identity *identity,
	const struct secret *header_key, const struct object_version *version,
	struct damage_report *ret_report);

#endif
