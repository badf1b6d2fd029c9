/* SPDX-License-Identifier: Apache-2.0 */
/* test_keystore.c - the facade: life, keys, changes that outlive a restart, copies. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "tests/unit/keystore/fixture.h"

static void test_create_opens_again(void **state)
{
	struct fixture *fixture = *state;
	struct entry_info root = fixture_stat(fixture, ROOT_INO);
	const struct keystore_options options = {.suite = 1, .chunk_log2 = 14, .timezone = "UTC"};
	struct keystore *other = NULL;
	uint8_t id[ID_SIZE];
	char path[128];
	struct stat st;

	assert_int_equal(root.kind, ENTRY_DIRECTORY);
	assert_int_equal(root.mode, 0755);
	assert_int_equal(root.nlink, 2);
	assert_int_equal(root.uid, geteuid());
	memcpy(id, keystore_vault_id(fixture->keystore), ID_SIZE);
	assert_int_equal(stat(fixture_path(fixture, "keystore.db", path), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	assert_int_equal(access(fixture_path(fixture, "keystore.db.new", path), F_OK), -1);
	assert_int_equal(
		keystore_create(fixture->dir, &options, &fixture->secrets, &other), -EEXIST);
	fixture_reopen(fixture);
	assert_false(keystore_is_unlocked(fixture->keystore));
	assert_memory_equal(keystore_vault_id(fixture->keystore), id, ID_SIZE);
	assert_int_equal(keystore_stat(fixture->keystore, ROOT_INO, &root), -ENOKEY);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_false(keystore_is_broken(fixture->keystore));
	assert_string_equal(
		keystore_objects_path(fixture->keystore) + strlen(fixture->dir), "/objects");
}

static void test_unlock_refuses_other_secrets(void **state)
{
	struct fixture *fixture = *state;
	scope(secret_free) struct secret *wrong = NULL;
	struct unlock_secrets secrets = {0};
	uint32_t slot = 99;

	fixture_reopen(fixture);
	assert_int_equal(keystore_unlock(fixture->keystore, &secrets, &slot), -ENOKEY);
	secrets.passphrase = fixture->passphrase;
	assert_int_equal(keystore_unlock(fixture->keystore, &secrets, &slot), -ENOKEY);
	assert_int_equal(secret_copy(fixture->key_file, &wrong), 0);
	secret_bytes(wrong)[31] ^= 1;
	secrets.key_file = wrong;
	assert_int_equal(keystore_unlock(fixture->keystore, &secrets, &slot), -EKEYREJECTED);
	assert_int_equal(slot, 99);
	assert_false(keystore_is_unlocked(fixture->keystore));
	assert_int_equal(keystore_unlock(fixture->keystore, &fixture->secrets, &slot), 0);
	assert_int_equal(slot, 1);
}

static void test_open_refuses_what_is_not_ours(void **state)
{
	struct fixture *fixture = *state;
	struct keystore *keystore = NULL;
	char path[128];
	FILE *file;

	fixture_sql(fixture, "PRAGMA user_version = 2");
	assert_int_equal(keystore_open(fixture->dir, &keystore), -EPROTONOSUPPORT);
	fixture_sql(fixture, "PRAGMA user_version = 1; UPDATE vault SET format = 2");
	assert_int_equal(keystore_open(fixture->dir, &keystore), -EPROTONOSUPPORT);
	fixture_sql(fixture, "UPDATE vault SET format = 1; PRAGMA application_id = 1");
	assert_int_equal(keystore_open(fixture->dir, &keystore), -EUCLEAN);
	fixture_sql(fixture, "PRAGMA application_id = 1297501011;"
			     "CREATE VIEW mine AS SELECT 1");
	assert_int_equal(keystore_open(fixture->dir, &keystore), -EUCLEAN);
	fixture_sql(fixture, "DROP VIEW mine; UPDATE vault SET vault_id = x'00'");
	assert_int_equal(keystore_open(fixture->dir, &keystore), -EUCLEAN);
	fixture_sql(fixture, "DROP TABLE vault");
	assert_int_equal(keystore_open(fixture->dir, &keystore), -EUCLEAN);
	fixture->keystore = keystore_close(fixture->keystore);
	unlink(fixture_path(fixture, "keystore.db", path));
	assert_int_equal(keystore_open(fixture->dir, &keystore), -ENOENT);
	file = fopen(path, "we");
	fputs("this has never been a database, however long it may be made by repeating", file);
	fclose(file);
	assert_int_equal(keystore_open(fixture->dir, &keystore), -EUCLEAN);
}

static void test_objects_path_is_kept(void **state)
{
	struct fixture *fixture = *state;
	const struct keystore_options options = {
		.objects = "/elsewhere/objects", .suite = 3, .chunk_log2 = 20, .timezone = "UTC"};
	struct new_file file;
	char path[128];

	fixture->keystore = keystore_close(fixture->keystore);
	unlink(fixture_path(fixture, "keystore.db", path));
	assert_int_equal(
		keystore_create(fixture->dir, &options, &fixture->secrets, &fixture->keystore), 0);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_string_equal(keystore_objects_path(fixture->keystore), "/elsewhere/objects");
	assert_int_equal(keystore_new_file(fixture->keystore, &file), 0);
	assert_int_equal(file.suite, 3);
	assert_int_equal(file.chunk_log2, 20);
	new_file_done(&file);
}

static void test_file_key_outlives_restart(void **state)
{
	struct fixture *fixture = *state;
	const struct new_entry entry = fixture_entry(ROOT_INO, "model.gguf");
	const uint8_t root[DIGEST_SIZE] = {1, 2, 3};
	scope(secret_free) struct secret *dek = NULL;
	struct entry_info info;
	struct new_file file;
	uint64_t ino;

	assert_int_equal(keystore_new_file(fixture->keystore, &file), 0);
	assert_int_equal(
		keystore_add_file(fixture->keystore, &entry, &file, 4711, root, false, NULL, &ino),
		0);
	assert_int_equal(
		keystore_add_file(fixture->keystore, &entry, &file, 4711, root, false, NULL, &ino),
		-EEXIST);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(keystore_lookup(fixture->keystore, ROOT_INO, "model.gguf", 10, &info), 0);
	assert_false(info.damaged);
	assert_int_equal(info.ino, ino);
	assert_int_equal(info.size, 4711);
	assert_int_equal(info.mode, 0640);
	assert_int_equal(info.nlink, 1);
	assert_true(info.mtime_ns == 1234567890123456789);
	assert_memory_equal(info.root, root, DIGEST_SIZE);
	assert_memory_equal(info.file_id, file.file_id, ID_SIZE);
	assert_int_equal(keystore_file_key(fixture->keystore, ino, &dek), 0);
	assert_true(secret_equal(dek, file.dek));
	assert_int_equal(keystore_file_key(fixture->keystore, ROOT_INO, &dek), -ENOENT);
	assert_int_equal(keystore_file_key(fixture->keystore, 999, &dek), -ENOENT);
	new_file_done(&file);
}

static void test_bad_names_are_refused(void **state)
{
	struct fixture *fixture = *state;
	char longest[257];
	struct new_entry entry;
	uint64_t ino;
	static const char *const bad[] = {"", ".", "..", "a/b", "/"};

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		entry = fixture_entry(ROOT_INO, bad[i]);
		assert_int_equal(keystore_mkdir(fixture->keystore, &entry, &ino), -EINVAL);
	}
	entry = fixture_entry(ROOT_INO, "a");
	entry.name = "a\0b";
	entry.name_len = 3;
	assert_int_equal(keystore_mkdir(fixture->keystore, &entry, &ino), -EINVAL);
	memset(longest, 'x', 256);
	longest[256] = '\0';
	entry = fixture_entry(ROOT_INO, longest);
	assert_int_equal(keystore_mkdir(fixture->keystore, &entry, &ino), -EINVAL);
	longest[255] = '\0';
	fixture_mkdir(fixture, ROOT_INO, longest);
	fixture_mkdir(fixture, ROOT_INO, "...");
	fixture_mkdir(fixture, ROOT_INO, "\xff\xfe\n");
	entry = fixture_entry(999, "a");
	assert_int_equal(keystore_mkdir(fixture->keystore, &entry, &ino), -ENOENT);
	entry = fixture_entry(fixture_file(fixture, ROOT_INO, "f", 1), "a");
	assert_int_equal(keystore_mkdir(fixture->keystore, &entry, &ino), -ENOTDIR);
}

static void test_links_and_last_name(void **state)
{
	struct fixture *fixture = *state;
	uint64_t directory = fixture_mkdir(fixture, ROOT_INO, "d");
	uint64_t ino = fixture_file(fixture, directory, "one", 10);
	const struct new_entry second = fixture_entry(ROOT_INO, "two");
	uint8_t id[ID_SIZE], zero[ID_SIZE] = {0};
	struct entry_info info = fixture_stat(fixture, ino);
	struct name_list names;

	assert_int_equal(keystore_link(fixture->keystore, &second, directory), -EPERM);
	assert_int_equal(keystore_link(fixture->keystore, &second, ino), 0);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(fixture_stat(fixture, ino).nlink, 2);
	assert_false(fixture_stat(fixture, ino).damaged);
	assert_int_equal(keystore_names(fixture->keystore, ino, &names), 0);
	assert_int_equal(names.count, 2);
	assert_string_equal(
		names.names[0].path[0] == 'd' ? names.names[0].path : names.names[1].path, "d/one");
	name_list_done(&names);
	assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, "d", 1, id), -ENOTEMPTY);
	assert_int_equal(keystore_remove(fixture->keystore, directory, "one", 3, id), 0);
	assert_memory_equal(id, zero, ID_SIZE);
	assert_int_equal(keystore_remove(fixture->keystore, directory, "one", 3, id), -ENOENT);
	assert_true(keystore_knows_file(fixture->keystore, info.file_id));
	assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, "two", 3, id), 0);
	assert_memory_equal(id, info.file_id, ID_SIZE);
	assert_false(keystore_knows_file(fixture->keystore, info.file_id));
	assert_int_equal(keystore_stat(fixture->keystore, ino, &info), -ENOENT);
	assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, "d", 1, id), 0);
	assert_int_equal(fixture_stat(fixture, ROOT_INO).nlink, 2);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(keystore_stat(fixture->keystore, ino, &info), -ENOENT);
}

static void test_replace(void **state)
{
	struct fixture *fixture = *state;
	uint64_t old = fixture_file(fixture, ROOT_INO, "m", 10), ino;
	uint64_t directory = fixture_mkdir(fixture, ROOT_INO, "d");
	const struct new_entry link = fixture_entry(directory, "kept");
	struct new_entry entry = fixture_entry(ROOT_INO, "m");
	const uint8_t root[DIGEST_SIZE] = {9};
	uint8_t id[ID_SIZE], zero[ID_SIZE] = {0};
	struct entry_info before = fixture_stat(fixture, old), info;
	struct new_file file;

	assert_int_equal(keystore_link(fixture->keystore, &link, old), 0);
	assert_int_equal(keystore_new_file(fixture->keystore, &file), 0);
	assert_int_equal(
		keystore_add_file(fixture->keystore, &entry, &file, 20, root, true, id, &ino), 0);
	new_file_done(&file);
	assert_memory_equal(id, zero, ID_SIZE);
	assert_int_equal(fixture_stat(fixture, old).nlink, 1);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(keystore_lookup(fixture->keystore, ROOT_INO, "m", 1, &info), 0);
	assert_int_equal(info.ino, ino);
	assert_int_equal(info.size, 20);
	assert_false(info.damaged);
	assert_int_equal(keystore_lookup(fixture->keystore, directory, "kept", 4, &info), 0);
	assert_int_equal(info.ino, old);
	assert_false(info.damaged);

	entry = link;
	assert_int_equal(keystore_new_file(fixture->keystore, &file), 0);
	assert_int_equal(
		keystore_add_file(fixture->keystore, &entry, &file, 30, root, true, id, &ino), 0);
	new_file_done(&file);
	assert_memory_equal(id, before.file_id, ID_SIZE);
	assert_int_equal(keystore_stat(fixture->keystore, old, &info), -ENOENT);

	entry = fixture_entry(ROOT_INO, "d");
	assert_int_equal(keystore_new_file(fixture->keystore, &file), 0);
	assert_int_equal(
		keystore_add_file(fixture->keystore, &entry, &file, 30, root, true, id, &ino),
		-EISDIR);
	new_file_done(&file);
}

/* The wrapped key of a removed file must be in none of the vault's files. */
static bool vault_contains(struct fixture *fixture, const void *bytes, size_t len)
{
	static const char *const files[] = {"keystore.db", "keystore.db-wal", "keystore.copy"};
	char path[128], *content;
	bool found = false;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		FILE *file = fopen(fixture_path(fixture, files[i], path), "re");
		struct stat st;

		if (!file)
			continue;
		assert_int_equal(fstat(fileno(file), &st), 0);
		content = calloc(1, (size_t)st.st_size + 1);
		assert_int_equal(fread(content, 1, (size_t)st.st_size, file), st.st_size);
		found |= memmem(content, (size_t)st.st_size, bytes, len) != NULL;
		free(content);
		fclose(file);
	}
	return found;
}

static void test_removed_key_is_gone(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ino = fixture_file(fixture, ROOT_INO, "m", 10);
	struct entry_info info = fixture_stat(fixture, ino);
	uint8_t id[ID_SIZE];

	assert_int_equal(keystore_copy(fixture->keystore), 0);
	assert_true(vault_contains(fixture, info.file_id, ID_SIZE));
	assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, "m", 1, id), 0);
	assert_int_equal(keystore_settle(fixture->keystore), 0);
	assert_false(vault_contains(fixture, info.file_id, ID_SIZE));
}

static void test_copy_is_a_keystore(void **state)
{
	struct fixture *fixture = *state;
	char from[128], to[128];
	struct stat before, after;
	struct entry_info info;

	fixture_file(fixture, ROOT_INO, "m", 10);
	assert_int_equal(keystore_copy(fixture->keystore), 0);
	assert_int_equal(stat(fixture_path(fixture, "keystore.copy", from), &before), 0);
	assert_int_equal(before.st_mode & 07777, 0600);
	assert_int_equal(keystore_copy(fixture->keystore), 0);
	assert_int_equal(stat(from, &after), 0);
	assert_true(before.st_ino == after.st_ino); /* nothing changed: not written again */
	fixture->keystore = keystore_close(fixture->keystore);
	assert_int_equal(rename(from, fixture_path(fixture, "keystore.db", to)), 0);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(keystore_resolve(fixture->keystore, "/m", 2, &info), 0);
	assert_false(info.damaged);
}

static void test_copy_outlives_damage(void **state)
{
	struct fixture *fixture = *state;
	uint64_t ino = fixture_file(fixture, ROOT_INO, "m", 10);
	struct entry_info info;
	struct stat before, after;
	char path[128], to[128];
	uint8_t id[ID_SIZE];

	fixture_file(fixture, ROOT_INO, "n", 10);
	assert_int_equal(keystore_copy(fixture->keystore), 0);
	assert_int_equal(stat(fixture_path(fixture, "keystore.copy", path), &before), 0);
	fixture->keystore = keystore_close(fixture->keystore);
	fixture_sql(fixture, "UPDATE file SET size = 11 WHERE ino = (SELECT min(ino) FROM file)");
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_false(keystore_is_intact(fixture->keystore));
	assert_int_equal(keystore_settle(fixture->keystore), 0);
	assert_int_equal(keystore_copy(fixture->keystore), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino == after.st_ino);
	/* A key that is removed must go from it all the same. */
	assert_int_equal(keystore_remove(fixture->keystore, ROOT_INO, "n", 1, id), 0);
	assert_int_equal(keystore_settle(fixture->keystore), 0);
	assert_int_equal(stat(path, &after), 0);
	assert_true(before.st_ino != after.st_ino);
	fixture->keystore = keystore_close(fixture->keystore);
	assert_int_equal(rename(path, fixture_path(fixture, "keystore.db", to)), 0);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(keystore_stat(fixture->keystore, ino, &info), 0);
	assert_int_equal(keystore_resolve(fixture->keystore, "n", 1, &info), -ENOENT);
}

static void test_symlink_and_xattrs(void **state)
{
	struct fixture *fixture = *state;
	static const char pairs[] = "user.a\0\3\0\0\0xyzuser.b\0\0\0\0\0";
	struct new_entry entry = fixture_entry(ROOT_INO, "link");
	char *target = NULL, value[8], names[32];
	uint64_t ino;
	size_t len;

	assert_int_equal(keystore_symlink(fixture->keystore, &entry, "", 0, &ino), -EINVAL);
	entry.xattrs = pairs;
	entry.xattrs_len = sizeof(pairs) - 2;
	assert_int_equal(keystore_symlink(fixture->keystore, &entry, "x", 1, &ino), -EINVAL);
	entry.xattrs_len = sizeof(pairs) - 1;
	assert_int_equal(keystore_symlink(fixture->keystore, &entry, "../x", 4, &ino), 0);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(keystore_link_target(fixture->keystore, ino, &target, &len), 0);
	assert_string_equal(target, "../x");
	assert_int_equal(len, 4);
	free(target);
	assert_int_equal(keystore_xattr(fixture->keystore, ino, "user.a", NULL, 0), 3);
	assert_int_equal(keystore_xattr(fixture->keystore, ino, "user.a", value, 2), -ERANGE);
	assert_int_equal(keystore_xattr(fixture->keystore, ino, "user.a", value, 8), 3);
	assert_memory_equal(value, "xyz", 3);
	assert_int_equal(keystore_xattr(fixture->keystore, ino, "user.c", value, 8), -ENODATA);
	assert_int_equal(keystore_xattr_names(fixture->keystore, ino, names, 32), 14);
	assert_int_equal(keystore_xattr_names(fixture->keystore, ino, names, 13), -ERANGE);
	assert_int_equal(keystore_link_target(fixture->keystore, ROOT_INO, &target, &len), -EINVAL);
}

static void test_settings(void **state)
{
	struct fixture *fixture = *state;
	char *value = NULL;

	assert_int_equal(keystore_setting(fixture->keystore, "audit", &value), -ENOENT);
	assert_int_equal(keystore_set_setting(fixture->keystore, "audit", "required"), 0);
	assert_int_equal(keystore_set_setting(fixture->keystore, "audit", "sync"), 0);
	assert_int_equal(keystore_set_setting(fixture->keystore, "", "x"), -EINVAL);
	assert_int_equal(keystore_set_setting(fixture->keystore, "x", "\xff"), -EINVAL);
	assert_int_equal(fixture_unlock_again(fixture), 0);
	assert_int_equal(keystore_setting(fixture->keystore, "audit", &value), 0);
	assert_string_equal(value, "sync");
	free(value);
	assert_int_equal(keystore_setting(fixture->keystore, "timezone", &value), 0);
	assert_string_equal(value, "UTC");
	free(value);
}

static void test_wrap_is_bound_to_aad(void **state)
{
	struct fixture *fixture = *state;
	scope(secret_free) struct secret *secret = NULL;
	scope(secret_free) struct secret *back = NULL;
	uint8_t wrapped[28 + 32];

	assert_int_equal(secret_random(32, &secret), 0);
	assert_int_equal(keystore_wrap(fixture->keystore, "aad", 3, secret, wrapped), 0);
	assert_int_equal(
		keystore_unwrap(fixture->keystore, "aaD", 3, wrapped, 60, &back), -EBADMSG);
	assert_int_equal(keystore_unwrap(fixture->keystore, "aad", 3, wrapped, 60, &back), 0);
	assert_true(secret_equal(secret, back));
}

static void test_key_file_parse(void **state)
{
	scope(secret_free) struct secret *key = NULL;
	static const char text[] = "0123456789abcdef0123456789abcdef\n\n";
	static char big[LIMIT_KEY_FILE + 1];

	(void)state;
	assert_int_equal(key_file_parse(text, 31, &key), -EINVAL);
	assert_int_equal(key_file_parse("", 0, &key), -EINVAL);
	assert_int_equal(key_file_parse(big, sizeof(big), &key), -EINVAL);
	/* A raw key of 32 bytes may end in a newline by chance. */
	assert_int_equal(key_file_parse(text + 1, 32, &key), 0);
	assert_int_equal(secret_len(key), 32);
	key = secret_free(key);
	assert_int_equal(key_file_parse(text, 33, &key), 0);
	assert_int_equal(secret_len(key), 32);
	key = secret_free(key);
	assert_int_equal(key_file_parse(text, 34, &key), 0);
	assert_int_equal(secret_len(key), 33);
}

static int count_slot(void *arg, const struct slot_info *slot)
{
	assert_int_equal(slot->number, 1);
	assert_string_equal(slot->kind, "key-file");
	++*(int *)arg;
	return 0;
}

static void test_slots_need_no_key(void **state)
{
	struct fixture *fixture = *state;
	int count = 0;

	fixture_reopen(fixture);
	assert_int_equal(keystore_slots(fixture->keystore, count_slot, &count), 0);
	assert_int_equal(count, 1);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, fixture_setup, fixture_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_create_opens_again),
		TEST(test_unlock_refuses_other_secrets),
		TEST(test_open_refuses_what_is_not_ours),
		TEST(test_objects_path_is_kept),
		TEST(test_file_key_outlives_restart),
		TEST(test_bad_names_are_refused),
		TEST(test_links_and_last_name),
		TEST(test_replace),
		TEST(test_removed_key_is_gone),
		TEST(test_copy_is_a_keystore),
		TEST(test_copy_outlives_damage),
		TEST(test_symlink_and_xattrs),
		TEST(test_settings),
		TEST(test_wrap_is_bound_to_aad),
		TEST(test_key_file_parse),
		TEST(test_slots_need_no_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
