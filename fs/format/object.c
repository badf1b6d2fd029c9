/* SPDX-License-Identifier: Apache-2.0 */
/* object.c - the words for damage, and the subkeys of a file. */
#include "fs/format/object.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "keystore/derive.h"

static const char *const damage_texts[] = {
	[DAMAGE_NONE] = "none",
	[DAMAGE_CHUNK_TAG] = "chunk-tag",
	[DAMAGE_TAG_PAGE] = "tag-page",
	[DAMAGE_SEAL] = "seal",
	[DAMAGE_HEADER] = "header",
	[DAMAGE_SIZE] = "size",
	[DAMAGE_MISPLACED] = "misplaced",
	[DAMAGE_FOREIGN] = "foreign",
	[DAMAGE_ROLLED_BACK] = "rolled-back",
	[DAMAGE_MISSING] = "missing",
	[DAMAGE_IO] = "io",
};
static_assert(ARRAY_SIZE(damage_texts) == DAMAGE_KINDS, "a word for every cause");

const char *damage_text(enum damage damage)
{
	return (unsigned)damage < DAMAGE_KINDS ? damage_texts[damage] : "unknown";
}

void damage_report_text(const struct damage_report *report, char ret_text[DAMAGE_TEXT_SIZE])
{
	if (report->chunk == DAMAGE_NO_CHUNK)
		snprintf(ret_text, DAMAGE_TEXT_SIZE, "%s", damage_text(report->cause));
	else
		snprintf(ret_text, DAMAGE_TEXT_SIZE, "%s chunk %llu", damage_text(report->cause),
			(unsigned long long)report->chunk);
}

int damage_found(struct damage_report *ret_report, enum damage cause, uint64_t chunk)
{
	*ret_report = (struct damage_report){.cause = cause, .chunk = chunk};
	return cause == DAMAGE_IO ? -EIO : -EBADMSG;
}

int object_keys_derive(const struct object_identity *identity, const struct secret *dek,
	struct object_keys *ret_keys)
{
	uint8_t context[2 * ID_SIZE + 2];
	struct object_keys keys = {0};
	int r;

	memcpy(context, identity->vault_id, ID_SIZE);
	memcpy(context + ID_SIZE, identity->file_id, ID_SIZE);
	context[2 * ID_SIZE] = (uint8_t)identity->suite;
	context[2 * ID_SIZE + 1] = (uint8_t)identity->chunk_log2;
	r = derive_key(dek, DERIVE_CHUNK, context, sizeof(context), &keys.chunk);
	if (r == 0)
		r = derive_key(dek, DERIVE_HEADER, context, sizeof(context), &keys.header);
	if (r == 0)
		r = derive_key(dek, DERIVE_ROOT, context, sizeof(context), &keys.root);
	if (r < 0) {
		object_keys_done(&keys);
		return r;
	}
	*ret_keys = keys;
	return 0;
}

void object_keys_done(struct object_keys *keys)
{
	keys->chunk = secret_free(keys->chunk);
	keys->header = secret_free(keys->header);
	keys->root = secret_free(keys->root);
}
