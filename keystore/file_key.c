/* SPDX-License-Identifier: Apache-2.0 */
/*
 * file_key.c - KEK rows and wrapped DEKs.
 *   wrapped KEK: under HKDF(master; DERIVE_KEK_WRAP, vault id), AAD "modelvault/1/kek" | vault id |
 *                number u32
 *   wrapped DEK: under its KEK, AAD "modelvault/1/dek" | vault id | file id | KEK number u32
 */
#include "keystore/file_key.h"

#include <assert.h>
#include <errno.h>

#include "keystore/base/bytes.h"
#include "keystore/base/clock.h"
#include "keystore/master_key.h"

/* A vault has one KEK, and a second one for a moment; more rows than this are not ours. */
#define KEKS_MAX 16

#define KEK_LABEL "modelvault/1/kek"
#define DEK_LABEL "modelvault/1/dek"
#define LABEL_LEN (sizeof(KEK_LABEL) - 1)

static_assert(sizeof(KEK_LABEL) == sizeof(DEK_LABEL), "one size of label");

struct kek_ring {
	uint8_t vault_id[ID_SIZE];
	const struct secret *wrapping_key; /* while loading only */
	size_t count;
	struct {
		uint32_t number;
		struct secret *key;
	} keks[KEKS_MAX];
};

#define KEK_AAD_SIZE (LABEL_LEN + ID_SIZE + 4)
#define DEK_AAD_SIZE (LABEL_LEN + ID_SIZE + ID_SIZE + 4)

static void kek_aad(const uint8_t vault_id[ID_SIZE], uint32_t number, uint8_t ret_aad[KEK_AAD_SIZE])
{
	memcpy(ret_aad, KEK_LABEL, LABEL_LEN);
	memcpy(ret_aad + LABEL_LEN, vault_id, ID_SIZE);
	store_u32(ret_aad + LABEL_LEN + ID_SIZE, number);
}

static void dek_aad(const struct kek_ring *ring, const uint8_t file_id[ID_SIZE], uint32_t number,
	uint8_t ret_aad[DEK_AAD_SIZE])
{
	memcpy(ret_aad, DEK_LABEL, LABEL_LEN);
	memcpy(ret_aad + LABEL_LEN, ring->vault_id, ID_SIZE);
	memcpy(ret_aad + LABEL_LEN + ID_SIZE, file_id, ID_SIZE);
	store_u32(ret_aad + LABEL_LEN + 2 * ID_SIZE, number);
}

static int put_kek(struct sealed_rows *rows, const struct secret *wrapping_key,
	const uint8_t vault_id[ID_SIZE], uint32_t number, const struct secret *kek)
{
	uint8_t aad[KEK_AAD_SIZE], wrapped[WRAPPED_SIZE(KEY_SIZE)];
	int r;

	kek_aad(vault_id, number, aad);
	r = key_wrap(wrapping_key, aad, sizeof(aad), kek, wrapped);
	if (r < 0)
		return r;
	return sealed_rows_put(rows, "kek",
		(struct db_value[]){
			db_integer(number),
			db_blob(wrapped, sizeof(wrapped)),
			db_integer(clock_now_ns()),
		});
}

int kek_create(struct sealed_rows *rows, const struct secret *master,
	const uint8_t vault_id[ID_SIZE], uint32_t number)
{
	scope(secret_free) struct secret *wrapping_key = NULL;
	scope(secret_free) struct secret *kek = NULL;
	int r;

	r = secret_random(KEY_SIZE, &kek);
	if (r < 0)
		return r;
	r = master_key_derive(master, DERIVE_KEK_WRAP, vault_id, &wrapping_key);
	if (r < 0)
		return r;
	return put_kek(rows, wrapping_key, vault_id, number, kek);
}

int kek_ring_put(struct sealed_rows *rows, const struct kek_ring *ring, const struct secret *master)
{
	scope(secret_free) struct secret *wrapping_key = NULL;
	int r;

	r = master_key_derive(master, DERIVE_KEK_WRAP, ring->vault_id, &wrapping_key);
	for (size_t i = 0; i < ring->count && r == 0; i++)
		r = put_kek(rows, wrapping_key, ring->vault_id, ring->keks[i].number,
			ring->keks[i].key);
	return r;
}

int kek_ring_delete(struct sealed_rows *rows, const struct kek_ring *ring)
{
	int r = 0;

	for (size_t i = 0; i < ring->count && r == 0; i++)
		r = sealed_rows_delete(
			rows, "kek", (struct db_value[]){db_integer(ring->keks[i].number)});
	return r;
}

uint32_t kek_ring_newest(const struct kek_ring *ring)
{
	uint32_t newest = 0;

	for (size_t i = 0; i < ring->count; i++)
		if (ring->keks[i].number > newest)
			newest = ring->keks[i].number;
	return newest;
}

static int load_kek(void *arg, const struct db_value *values, bool intact)
{
	struct kek_ring *ring = arg;
	uint8_t aad[KEK_AAD_SIZE];
	struct secret *key;
	uint32_t number;
	int r;

	if (!intact || values[0].integer < 1 || values[0].integer > UINT32_MAX)
		return 0;
	number = (uint32_t)values[0].integer;
	if (values[1].type != DB_BLOB || values[1].len != WRAPPED_SIZE(KEY_SIZE) ||
		ring->count == KEKS_MAX || kek_ring_has(ring, number))
		return 0;
	kek_aad(ring->vault_id, number, aad);
	r = key_unwrap(ring->wrapping_key, aad, sizeof(aad), values[1].data, values[1].len, &key);
	if (r == -EBADMSG || r == -EUCLEAN)
		return 0;
	if (r < 0)
		return r;
	ring->keks[ring->count].number = number;
	ring->keks[ring->count++].key = key;
	return 0;
}

int kek_ring_load(struct sealed_rows *rows, const struct secret *master,
	const uint8_t vault_id[ID_SIZE], struct kek_ring **ret_ring)
{
	scope(secret_free) struct secret *wrapping_key = NULL;
	scope(kek_ring_free) struct kek_ring *ring = calloc(1, sizeof(*ring));
	int r;

	if (!ring)
		return -ENOMEM;
	r = master_key_derive(master, DERIVE_KEK_WRAP, vault_id, &wrapping_key);
	if (r < 0)
		return r;
	memcpy(ring->vault_id, vault_id, ID_SIZE);
	ring->wrapping_key = wrapping_key;
	r = sealed_rows_each(rows, "kek", load_kek, ring);
	ring->wrapping_key = NULL;
	if (r < 0)
		return r;
	*ret_ring = take(&ring);
	return 0;
}

struct kek_ring *kek_ring_free(struct kek_ring *ring)
{
	if (!ring)
		return NULL;
	for (size_t i = 0; i < ring->count; i++)
		secret_free(ring->keks[i].key);
	free(ring);
	return NULL;
}

static const struct secret *find(const struct kek_ring *ring, uint32_t number)
{
	for (size_t i = 0; i < ring->count; i++)
		if (ring->keks[i].number == number)
			return ring->keks[i].key;
	return NULL;
}

bool kek_ring_has(const struct kek_ring *ring, uint32_t number)
{
	return find(ring, number);
}

int dek_wrap(const struct kek_ring *ring, const uint8_t file_id[ID_SIZE], const struct secret *dek,
	struct wrapped_dek *ret_wrapped)
{
	struct wrapped_dek wrapped = {0};
	uint8_t aad[DEK_AAD_SIZE];
	int r;

	if (secret_len(dek) != KEY_SIZE)
		return -EINVAL;
	wrapped.kek = kek_ring_newest(ring);
	if (wrapped.kek == 0)
		return -ENOKEY;
	dek_aad(ring, file_id, wrapped.kek, aad);
	r = key_wrap(find(ring, wrapped.kek), aad, sizeof(aad), dek, wrapped.bytes);
	if (r < 0)
		return r;
	*ret_wrapped = wrapped;
	return 0;
}

int dek_unwrap(const struct kek_ring *ring, const uint8_t file_id[ID_SIZE],
	const struct wrapped_dek *wrapped, struct secret **ret_dek)
{
	const struct secret *kek = find(ring, wrapped->kek);
	uint8_t aad[DEK_AAD_SIZE];

	if (!kek)
		return -EBADMSG;
	dek_aad(ring, file_id, wrapped->kek, aad);
	return key_unwrap(kek, aad, sizeof(aad), wrapped->bytes, sizeof(wrapped->bytes), ret_dek);
}
