/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal_objects.c - puts files into an unserved vault whose objects are made here, by fs/format's
 * parts alone: of any suite, chunk size and length, sealed only where the list says, and in several
 * states of the same id and key.
 *   seal_objects VAULT KEY-FILE OUT < LIST
 * A line of the list: NAME SUITE LOG2-CHUNK SIZE CHUNKS STATES. CHUNKS is "all" or indices with
 * commas: the others are holes, below true leaves only where a seal page has a sealed chunk at all.
 * The row's state is generation 3; OUT/NAME is its plaintext. STATES is "-", or as CHUNKS for the
 * other states of the object, which go to OUT:
 *   NAME.older    generation 2, the same length       NAME.longer   generation 1, another length
 *   NAME.twin     generation 3, other contents        NAME.newer    generation 4
 *   NAME.import   what an earlier import under this name had left
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "fs/format/chunk.h"
#include "fs/format/header.h"
#include "fs/format/object_seal.h"
#include "fs/format/object_store.h"
#include "keystore/base/file.h"
#include "keystore/keystore.h"

#define GENERATION 3
#define CHUNK_MAX  (1U << CHUNK_LOG2_MAX)

static struct keystore *keystore;
static struct object_store *objects;
static const char *out;
static uint8_t plain[CHUNK_MAX], cipher[CHUNK_MAX];

/* One state of one object on its way to a file. */
struct sealing {
	struct object_identity identity;
	struct object_version version;
	struct geometry geometry;
	struct object_keys keys;
	struct aead *aead;
	int fd;
	int plain_fd; /* or -1 */
	uint8_t *seal_pages;
	uint8_t *touched; /* of each seal page: does it cover a sealed chunk? */
};

static void check(int r, const char *what)
{
	if (r >= 0)
		return;
	fprintf(stderr, "seal_objects: %s: %s\n", what, strerror(-r));
	exit(1);
}

static void *room(size_t size)
{
	void *bytes = calloc(size + 1, 1);

	check(bytes ? 0 : -ENOMEM, "memory");
	return bytes;
}

static int create(const char *name, const char *suffix)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s/%s%s", out, name, suffix);
	fd = open(path, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600);
	check(fd < 0 ? -errno : 0, path);
	return fd;
}

static uint64_t number_of(const char *text, char **ret_end)
{
	uint64_t number = strtoull(text, ret_end, 10);

	check(*ret_end == text ? -EINVAL : 0, text);
	return number;
}

static void seal_chunk(struct sealing *sealing, uint64_t index)
{
	uint32_t len = geometry_chunk_len(&sealing->geometry, index);
	uint64_t at = geometry_tag_page_offset(&sealing->geometry, index / GROUP_CHUNKS) +
		      index % GROUP_CHUNKS * TAG_ENTRY_SIZE;
	uint8_t entry[TAG_ENTRY_SIZE];

	check(len ? 0 : -EINVAL, "a chunk behind the end");
	check(random_fill(plain, len), "random bytes");
	check(chunk_seal(sealing->aead, &sealing->identity, index, sealing->version.generation,
		      plain, len, cipher, entry),
		"chunk");
	check(file_write_at(
		      sealing->fd, cipher, len, geometry_chunk_offset(&sealing->geometry, index)),
		"chunk");
	check(file_write_at(sealing->fd, entry, sizeof(entry), at), "tag entry");
	if (sealing->plain_fd >= 0)
		check(file_write_at(
			      sealing->plain_fd, plain, len, index << sealing->identity.chunk_log2),
			"plaintext");
	sealing->touched[index / GROUP_CHUNKS / GROUP_CHUNKS] = 1;
}

/* Those of the list that the object has. */
static void seal_chunks(struct sealing *sealing, const char *list)
{
	char *end;

	if (strcmp(list, "all") == 0) {
		for (uint64_t index = 0; index < sealing->geometry.chunks; index++)
			seal_chunk(sealing, index);
		return;
	}
	for (;;) {
		uint64_t index = number_of(list, &end);

		if (index < sealing->geometry.chunks)
			seal_chunk(sealing, index);
		if (*end != ',')
			return;
		list = end + 1;
	}
}

static void write_seal_page(struct sealing *sealing, uint64_t number)
{
	const struct geometry *geometry = &sealing->geometry;
	uint8_t *seal_page = sealing->seal_pages + number * PAGE_BYTES;
	uint32_t leaves = geometry_seal_page_leaves(geometry, number);
	uint8_t tag_page[PAGE_BYTES];

	for (uint32_t leaf = 0; leaf < leaves; leaf++) {
		uint64_t group = number * GROUP_CHUNKS + leaf;

		check(file_read_at(sealing->fd, tag_page, PAGE_BYTES,
			      geometry_tag_page_offset(geometry, group)) == PAGE_BYTES
				? 0
				: -EIO,
			"tag page");
		check(object_seal_leaf(&sealing->identity, group, tag_page,
			      seal_page + (size_t)leaf * DIGEST_SIZE),
			"leaf");
	}
	check(file_write_at(sealing->fd, seal_page, PAGE_BYTES,
		      geometry_seal_page_offset(geometry, number)),
		"seal page");
}

static void write_seal(struct sealing *sealing)
{
	const struct geometry *geometry = &sealing->geometry;
	size_t index_size = geometry_index_size(geometry);
	uint8_t header[HEADER_SIZE], *index = room(index_size);

	for (uint64_t i = 0; i < geometry->seal_pages; i++) {
		if (sealing->touched[i])
			write_seal_page(sealing, i);
		check(object_seal_page_digest(
			      sealing->seal_pages + i * PAGE_BYTES, index + i * DIGEST_SIZE),
			"index");
	}
	check(file_write_at(sealing->fd, index, index_size, geometry->index_offset), "index");
	check(object_seal_root(&sealing->identity, sealing->keys.root, sealing->version.size,
		      sealing->version.generation, index, index_size, sealing->version.root),
		"root");
	check(header_pack(&sealing->identity, &sealing->version, sealing->keys.header, header),
		"header");
	check(file_write_at(sealing->fd, header, sizeof(header), 0), "header");
	free(index);
}

/* Makes one state; the version's root is filled in. */
static void seal_object(const struct new_file *file, struct object_version *version,
	const char *chunks, int fd, int plain_fd)
{
	struct sealing sealing = {
		.identity = {.suite = (enum aead_suite)file->suite, .chunk_log2 = file->chunk_log2},
		.version = *version,
		.fd = fd,
		.plain_fd = plain_fd,
	};

	memcpy(sealing.identity.vault_id, keystore_vault_id(keystore), ID_SIZE);
	memcpy(sealing.identity.file_id, file->file_id, ID_SIZE);
	check(geometry_init(version->size, file->chunk_log2, &sealing.geometry), "size");
	check(object_keys_derive(&sealing.identity, file->dek, &sealing.keys), "keys");
	check(aead_new(sealing.identity.suite, sealing.keys.chunk, &sealing.aead), "suite");
	sealing.seal_pages = room(sealing.geometry.seal_pages * PAGE_BYTES);
	sealing.touched = room(sealing.geometry.seal_pages);
	check(ftruncate(fd, (off_t)sealing.geometry.object_size) < 0 ? -errno : 0, "length");
	if (plain_fd >= 0)
		check(ftruncate(plain_fd, (off_t)version->size) < 0 ? -errno : 0, "plaintext");
	if (version->size > 0)
		seal_chunks(&sealing, chunks);
	write_seal(&sealing);
	*version = sealing.version;
	free(sealing.seal_pages);
	free(sealing.touched);
	aead_free(sealing.aead);
	object_keys_done(&sealing.keys);
}

/* The object of the row, published, and its plaintext; then the row, over one of the same name. */
static void add_file(const struct new_file *file, const char *name, uint64_t size,
	const char *chunks, int plain_fd)
{
	struct new_entry entry = {
		.parent = ROOT_INO, .name = name, .name_len = strlen(name), .mode = 0644};
	struct object_version version = {.size = size, .generation = GENERATION};
	uint8_t old_id[ID_SIZE];
	uint64_t ino;
	int fd = object_store_new_object(objects, file->file_id);

	check(fd, "object");
	seal_object(file, &version, chunks, fd, plain_fd);
	check(object_store_publish(objects, file->file_id, fd), "publish");
	close(fd);
	check(keystore_add_file(
		      keystore, &entry, file, version.size, version.root, true, old_id, &ino),
		name);
}

static void new_file(uint32_t suite, uint32_t chunk_log2, struct new_file *ret_file)
{
	check(keystore_new_file(keystore, ret_file), "new file");
	ret_file->suite = suite;
	ret_file->chunk_log2 = chunk_log2;
	ret_file->generation = GENERATION;
}

static void make_state(const struct new_file *file, const char *name, const char *suffix,
	uint64_t size, uint32_t generation, const char *chunks)
{
	struct object_version version = {.size = size, .generation = generation};
	int fd = create(name, suffix);

	seal_object(file, &version, chunks, fd, -1);
	close(fd);
}

/* A file under the name before this one; its object is kept aside. */
static void make_import(
	uint32_t suite, uint32_t chunk_log2, const char *name, uint64_t size, const char *chunks)
{
	char from[4096], to[4096], id[2 * ID_SIZE + 1];
	struct new_file file;

	new_file(suite, chunk_log2, &file);
	add_file(&file, name, size, chunks, -1);
	for (size_t i = 0; i < ID_SIZE; i++)
		snprintf(id + 2 * i, 3, "%02x", file.file_id[i]);
	snprintf(from, sizeof(from), "%s/%.2s/%s", keystore_objects_path(keystore), id, id);
	snprintf(to, sizeof(to), "%s/%s.import", out, name);
	check(rename(from, to) < 0 ? -errno : 0, from);
	new_file_done(&file);
}

/* One line of the list. */
static void make(char *line)
{
	char *word[6], *end, *rest = line;
	uint32_t suite, chunk_log2;
	struct new_file file;
	uint64_t size;
	int plain_fd;

	for (size_t i = 0; i < ARRAY_SIZE(word); i++)
		check((word[i] = strsep(&rest, " ")) ? 0 : -EINVAL, "a line of six words");
	suite = (uint32_t)number_of(word[1], &end);
	chunk_log2 = (uint32_t)number_of(word[2], &end);
	size = number_of(word[3], &end);
	if (strcmp(word[5], "-") != 0)
		make_import(suite, chunk_log2, word[0], size, word[5]);
	new_file(suite, chunk_log2, &file);
	plain_fd = create(word[0], "");
	add_file(&file, word[0], size, word[4], plain_fd);
	close(plain_fd);
	if (strcmp(word[5], "-") != 0) {
		make_state(&file, word[0], ".longer", size + 4097, 1, word[5]);
		make_state(&file, word[0], ".older", size, 2, word[5]);
		make_state(&file, word[0], ".twin", size, GENERATION, word[5]);
		make_state(&file, word[0], ".newer", size, 4, word[5]);
	}
	new_file_done(&file);
}

static void unlock(const char *vault, const char *key_file)
{
	struct unlock_secrets secrets = {0};
	uint32_t slot;
	size_t len;
	char *key;

	check(secret_init(), "locked memory");
	check(file_load(AT_FDCWD, key_file, LIMIT_KEY_FILE, &key, &len), key_file);
	check(key_file_parse(key, len, &secrets.key_file), key_file);
	secret_wipe(key, len);
	free(key);
	check(keystore_open(vault, &keystore), vault);
	check(keystore_unlock(keystore, &secrets, &slot), vault);
	secret_free(secrets.key_file);
	check(object_store_open(keystore_objects_path(keystore), &objects), vault);
}

int main(int argc, char **argv)
{
	char *line = NULL;
	size_t size = 0;
	ssize_t len;

	if (argc != 4) {
		fprintf(stderr, "usage: seal_objects VAULT KEY-FILE OUT < LIST\n");
		return 2;
	}
	unlock(argv[1], argv[2]);
	out = argv[3];
	while ((len = getline(&line, &size, stdin)) > 0) {
		if (line[len - 1] == '\n')
			line[len - 1] = '\0';
		make(line);
	}
	free(line);
	object_store_close(objects);
	keystore_close(keystore);
	return 0;
}
