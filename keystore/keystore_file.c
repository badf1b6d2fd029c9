/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keystore_file.c - files come, are replaced, and names go. A file that loses its last name loses
 * its key in the same transaction; keystore_settle then takes it out of log and copy.
 */
#include <errno.h>
#include <string.h>

#include "keystore/catalogue_store.h"
#include "keystore/keystore_private.h"

int change_put_loss(struct change *change, const struct inode *inode, bool *ret_last)
{
	struct entry_info info = inode->info;

	*ret_last = inode->name_count == 1;
	if (*ret_last)
		return catalogue_delete_inode(change->rows, inode);
	if (inode->info.damaged)
		return -EBADMSG;
	info.ctime_ns = change->now_ns;
	return catalogue_put_inode(change->rows, &info, inode->name_count - 1, inode->target);
}

void change_apply_loss(struct change *change, struct inode *inode, uint8_t ret_old_id[ID_SIZE])
{
	if (inode->name_count > 0) {
		inode->info.ctime_ns = change->now_ns;
		return;
	}
	/* The id in a damaged row may be that of another file, whose object must stay. */
	if (!inode->info.damaged)
		memcpy(ret_old_id, inode->info.file_id, ID_SIZE);
	if (inode->info.kind == ENTRY_FILE)
		keystore_unsettle_file(change->keystore, inode);
	catalogue_drop_inode(change->keystore->catalogue, inode);
}

static int put_removal(struct change *change, bool *ret_last)
{
	const struct name *name = change->old_name;
	int r;

	r = catalogue_delete_name(change->rows, name);
	if (r == 0)
		r = change_put_loss(change, name->inode, ret_last);
	if (r == 0)
		r = change_put_parent(change);
	return r;
}

static int remove_locked(struct keystore *keystore, uint64_t parent, const void *name, size_t len,
	uint8_t ret_old_id[ID_SIZE])
{
	uint8_t old_id[ID_SIZE] = {0};
	struct change change;
	struct inode *inode;
	bool last = false;
	int r;

	r = change_init(&change, keystore, parent, name, len);
	if (r < 0)
		return r;
	if (!change.old_name)
		return -ENOENT;
	inode = change.old_name->inode;
	if (inode->child_live > 0)
		return -ENOTEMPTY;
	r = sealed_rows_begin(change.rows);
	if (r < 0)
		return r;
	r = change_commit(&change, put_removal(&change, &last));
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&keystore->tree_lock);
	catalogue_drop_name(keystore->catalogue, change.old_name);
	change_apply_loss(&change, inode, old_id);
	change_touch_parent(&change);
	pthread_rwlock_unlock(&keystore->tree_lock);
	if (ret_old_id)
		memcpy(ret_old_id, old_id, ID_SIZE);
	return 0;
}

int keystore_remove(struct keystore *keystore, uint64_t parent, const void *name, size_t len,
	uint8_t ret_old_id[ID_SIZE])
{
	int r;

	keystore_lock_rows(keystore);
	r = remove_locked(keystore, parent, name, len, ret_old_id);
	keystore_unlock_rows(keystore);
	return r;
}

static int setting_number(const struct settings *settings, const char *name, uint32_t *ret_number)
{
	const char *text = settings_find(settings, name);
	unsigned long number;
	char *end;

	if (!text)
		return -ENOENT;
	errno = 0;
	number = strtoul(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || number > UINT32_MAX)
		return -EUCLEAN;
	*ret_number = (uint32_t)number;
	return 0;
}

static int file_defaults(struct keystore *keystore, struct new_file *file)
{
	enum aead_suite suite;
	const char *name;
	int r;

	pthread_rwlock_rdlock(&keystore->tree_lock);
	name = settings_find(keystore->settings, "suite");
	r = name ? aead_suite_from_name(name, &suite) : -ENOENT;
	if (r == 0) {
		file->suite = suite;
		r = setting_number(keystore->settings, "chunk_log2", &file->chunk_log2);
	}
	pthread_rwlock_unlock(&keystore->tree_lock);
	return r;
}

int keystore_new_file(struct keystore *keystore, struct new_file *ret_file)
{
	struct new_file file = {.generation = 1};
	int r;

	r = keystore_usable(keystore);
	if (r < 0)
		return r;
	r = file_defaults(keystore, &file);
	if (r < 0)
		return r;
	r = random_fill(file.file_id, ID_SIZE);
	if (r < 0)
		return r;
	r = secret_random(KEY_SIZE, &file.dek);
	if (r < 0)
		return r;
	*ret_file = file;
	return 0;
}

void new_file_done(struct new_file *file)
{
	file->dek = secret_free(file->dek);
}

static bool file_is_sane(const struct new_file *file, uint64_t size)
{
	return aead_suite_name(file->suite) && file->chunk_log2 >= CHUNK_LOG2_MIN &&
	       file->chunk_log2 <= CHUNK_LOG2_MAX && file->generation >= 1 &&
	       size <= LIMIT_FILE_SIZE && file->dek && secret_len(file->dek) == KEY_SIZE;
}

/* What is to be added, as keystore_add_file was given it. */
struct addition {
	const struct new_entry *entry;
	const struct new_file *file;
	uint64_t size;
	const uint8_t *root;
};

static int make_file(
	struct change *change, const struct addition *addition, struct inode **ret_inode)
{
	const struct new_file *file = addition->file;
	scope(inode_free) struct inode *inode = NULL;
	int r;

	if (!file_is_sane(file, addition->size))
		return -EINVAL;
	if (catalogue_knows_file(change->keystore->catalogue, file->file_id))
		return -EEXIST;
	r = change_make_inode(change, addition->entry, ENTRY_FILE, &inode);
	if (r < 0)
		return r;
	memcpy(inode->info.file_id, file->file_id, ID_SIZE);
	inode->info.suite = file->suite;
	inode->info.chunk_log2 = file->chunk_log2;
	inode->info.generation = file->generation;
	inode->info.size = addition->size;
	inode->info.state = FILE_ROOTED;
	memcpy(inode->info.root, addition->root, DIGEST_SIZE);
	inode->has_file_row = true;
	r = dek_wrap(change->keystore->keks, file->file_id, file->dek, &inode->dek);
	if (r < 0)
		return r;
	*ret_inode = take(&inode);
	return 0;
}

static int put_replacement(struct change *change, const struct inode *inode, bool *ret_last)
{
	const struct name *name = change->old_name;
	int r;

	r = change_put_entry(change, inode, name, name->cookie);
	if (r == 0)
		r = change_put_loss(change, name->inode, ret_last);
	return r;
}

/* The name turns to the new inode and keeps its place in the directory. Takes the inode over. */
static int replace_entry(struct change *change, struct inode **inode, uint8_t ret_old_id[ID_SIZE])
{
	struct inode *old = change->old_name->inode;
	bool last = false;
	int r;

	if (inode_is_directory(old))
		return -EISDIR;
	r = change_reserve(change, change->old_name->len);
	if (r < 0)
		return r;
	r = sealed_rows_begin(change->rows);
	if (r < 0)
		return r;
	r = change_commit(change, put_replacement(change, *inode, &last));
	if (r < 0)
		return r;
	pthread_rwlock_wrlock(&change->keystore->tree_lock);
	catalogue_add_inode(change->keystore->catalogue, *inode);
	catalogue_turn_name(change->old_name, take(inode));
	change_apply_loss(change, old, ret_old_id);
	change_touch_parent(change);
	pthread_rwlock_unlock(&change->keystore->tree_lock);
	return 0;
}

static int add_file_locked(struct keystore *keystore, const struct addition *addition, bool replace,
	uint8_t ret_old_id[ID_SIZE], uint64_t *ret_ino)
{
	const struct new_entry *entry = addition->entry;
	scope(inode_free) struct inode *inode = NULL;
	uint8_t old_id[ID_SIZE] = {0};
	struct change change;
	uint64_t ino;
	int r;

	r = change_init(&change, keystore, entry->parent, entry->name, entry->name_len);
	if (r < 0)
		return r;
	if (change.old_name && !replace)
		return -EEXIST;
	r = make_file(&change, addition, &inode);
	if (r < 0)
		return r;
	ino = inode->info.ino;
	if (change.old_name)
		r = replace_entry(&change, &inode, old_id);
	else
		r = change_add_entry(&change, entry, &inode);
	if (r < 0)
		return r;
	if (ret_old_id)
		memcpy(ret_old_id, old_id, ID_SIZE);
	*ret_ino = ino;
	return 0;
}

int keystore_add_file(struct keystore *keystore, const struct new_entry *entry,
	const struct new_file *file, uint64_t size, const uint8_t root[DIGEST_SIZE], bool replace,
	uint8_t ret_old_id[ID_SIZE], uint64_t *ret_ino)
{
	const struct addition addition = {entry, file, size, root};
	int r;

	keystore_lock_rows(keystore);
	r = add_file_locked(keystore, &addition, replace, ret_old_id, ret_ino);
	keystore_unlock_rows(keystore);
	return r;
}
