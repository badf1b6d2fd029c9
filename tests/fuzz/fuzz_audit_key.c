/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fuzz_audit_key.c - the file audit.key: what is read is written again the same, and of its entries
 * only those open that were wrapped for this vault and segment.
 * libFuzzer: -max_len=300 -max_total_time=4
 */
#include <errno.h>
#include <fcntl.h>

#include "keystore/aead.h"
#include "keystore/base/file.h"
#include "policy/audit_key.h"
#include "tests/fuzz/fuzz.h"

#define FILE_MAX 232

static const uint8_t vault_id[ID_SIZE] = "vault id of 16 b";
static struct secret *key;
static uint8_t genuine[FILE_MAX];
static struct audit_keys written = {.count = 2};
static int dir_fd;

static int wrap(void *arg, const void *aad, size_t aad_len, const struct secret *secret,
	uint8_t *ret_wrapped)
{
	(void)arg;
	return key_wrap(key, aad, aad_len, secret, ret_wrapped);
}

static int unwrap(void *arg, const void *aad, size_t aad_len, const uint8_t *wrapped,
	size_t wrapped_len, struct secret **ret_secret)
{
	(void)arg;
	return key_unwrap(key, aad, aad_len, wrapped, wrapped_len, ret_secret);
}

static const struct audit_key_wrapper wrapper = {.wrap = wrap, .unwrap = unwrap};

static size_t read_file(uint8_t bytes[FILE_MAX + 1])
{
	scope_fd int fd = openat(dir_fd, "audit.key", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, FILE_MAX + 1);

	holds(n >= 0);
	return (size_t)n;
}

/* Below the working directory, which whoever runs this throws away. */
static void make_directory(void)
{
	char path[] = "audit-key-XXXXXX";

	holds(mkdtemp(path));
	dir_fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	holds(dir_fd >= 0);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	key = fuzz_key("the wrapping key of 32 bytes, ok");
	make_directory();
	for (size_t i = 0; i < written.count; i++) {
		scope(audit_signer_free) struct audit_signer *signer = NULL;

		holds(audit_signer_generate(&signer) == 0);
		holds(audit_key_wrap(signer, 7 + i, vault_id, &wrapper, &written.keys[i]) == 0);
	}
	holds(audit_keys_save(dir_fd, vault_id, &written) == 0);
	holds(read_file(genuine) == FILE_MAX);
	return 0;
}

static void check_entry(const struct audit_key *entry)
{
	scope(audit_signer_free) struct audit_signer *signer = NULL;
	bool same = false;
	int r;

	for (size_t i = 0; i < written.count; i++)
		same |= entry->segment == written.keys[i].segment &&
			memcmp(entry->public_key, written.keys[i].public_key, 32) == 0 &&
			memcmp(entry->wrapped, written.keys[i].wrapped, 60) == 0;
	r = audit_key_unwrap(entry, vault_id, &wrapper, &signer);
	holds(r == (same ? 0 : -EKEYREJECTED));
}

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	uint8_t bytes[FILE_MAX + 8] = {0}, again[FILE_MAX + 1];
	struct audit_keys keys;
	struct cursor cursor;
	size_t len;
	int fd, r;

	cursor_init(&cursor, input, size);
	memcpy(bytes, genuine, FILE_MAX);
	if (cursor_u8(&cursor) & 1)
		len = 132;
	else
		len = FILE_MAX - cursor_u8(&cursor) % sizeof(bytes) + 8;
	len = len > sizeof(bytes) ? FILE_MAX : len;
	fuzz_edit(&cursor, bytes, sizeof(bytes));
	fd = openat(dir_fd, "audit.key", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	holds(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	close(fd);
	r = audit_keys_load(dir_fd, vault_id, &keys);
	holds(r == 0 || r == -EUCLEAN || r == -EKEYREJECTED || r == -EPROTONOSUPPORT);
	if (r < 0)
		return 0;
	holds(keys.count == 1 || keys.count == 2);
	for (size_t i = 0; i < keys.count; i++)
		check_entry(&keys.keys[i]);
	holds(audit_keys_save(dir_fd, vault_id, &keys) == 0);
	holds(read_file(again) == len && memcmp(again, bytes, len) == 0);
	return 0;
}
