/* SPDX-License-Identifier: Apache-2.0 */
/* audit_chain.c - the arithmetic of the trail; the table in the header is the format. */
#include "policy/audit_chain.h"

#include <assert.h>
#include <errno.h>

#include "policy/audit_event.h"

#define CHAIN_WORD	"modelvault/1/audit"
#define HEAD_WORD	"modelvault/1/audit-head"
#define CHECKPOINT_WORD "modelvault/1/audit-checkpoint"

static_assert(sizeof(CHECKPOINT_WORD) - 1 + ID_SIZE + 8 + 8 + DIGEST_SIZE <= AUDIT_MESSAGE_MAX,
	"the longer message fits");

int audit_chain_start(const uint8_t vault_id[ID_SIZE], uint8_t ret_chain[DIGEST_SIZE])
{
	const struct iovec parts[] = {PART_TEXT(CHAIN_WORD), PART(vault_id, ID_SIZE)};

	return sha256_parts(parts, ARRAY_SIZE(parts), ret_chain);
}

int audit_chain_next(const uint8_t chain[DIGEST_SIZE], const struct audit_record *record,
	struct buffer *scratch, uint8_t ret_chain[DIGEST_SIZE])
{
	struct iovec parts[2] = {PART(chain, DIGEST_SIZE)};

	scratch->len = 0;
	audit_record_encode(record, scratch);
	if (scratch->failed)
		return -ENOMEM;
	parts[1] = (struct iovec){scratch->data, scratch->len};
	return sha256_parts(parts, ARRAY_SIZE(parts), ret_chain);
}

size_t audit_chain_message(enum audit_statement statement, const uint8_t vault_id[ID_SIZE],
	const struct audit_place *place, uint8_t ret_message[AUDIT_MESSAGE_MAX])
{
	const char *word = statement == AUDIT_STATES_HEAD ? HEAD_WORD : CHECKPOINT_WORD;
	size_t len = strlen(word);
	uint8_t *at = ret_message + len;

	memcpy(ret_message, word, len);
	memcpy(at, vault_id, ID_SIZE);
	store_u64(at + ID_SIZE, place->segment);
	store_u64(at + ID_SIZE + 8, place->seq);
	memcpy(at + ID_SIZE + 16, place->chain, DIGEST_SIZE);
	return len + ID_SIZE + 16 + DIGEST_SIZE;
}

bool audit_chain_has_checkpoint(const struct audit_record *record)
{
	return record->seq % AUDIT_CHECKPOINT_EVERY == 0 ||
	       record->event.action == AUDIT_SEGMENT_END;
}
