/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue_load.c - rows into a tree in memory. A row that fails its MAC or its form still makes
 * an inode when its number can be read, marked damaged: what is broken is shown, not hidden. An
 * inode that other rows speak of without a row of its own is made up, damaged. Names that failed
 * are put in last, so that they never take the place of good ones.
 */
#include <errno.h>
#include <string.h>

#include "keystore/catalogue_store.h"

struct loader {
	struct catalogue *catalogue;
	const struct kek_ring *keks;
	struct late_name *late; /* broken names, newest first */
};

struct late_name {
	struct late_name *next;
	int64_t parent, ino, cookie;
	struct name *name;
};

static bool in_range(const struct db_value *value, int64_t low, int64_t high)
{
	return value->type == DB_INTEGER && value->integer >= low && value->integer <= high;
}

static bool is_blob(const struct db_value *value, size_t low, size_t high)
{
	return value->type == DB_BLOB && value->len >= low && value->len <= high;
}

/* The inode of that number, made up and damaged when there is none yet. */
static int find_or_invent(
	struct loader *loader, int64_t ino, enum entry_kind kind, struct inode **ret_inode)
{
	struct entry_info info = {.ino = (uint64_t)ino, .kind = kind, .damaged = true};
	scope(inode_free) struct inode *inode = NULL;
	int r;

	*ret_inode = catalogue_find(loader->catalogue, info.ino);
	if (*ret_inode)
		return 0;
	inode = inode_new(&info);
	if (!inode)
		return -ENOMEM;
	r = catalogue_reserve(loader->catalogue);
	if (r < 0)
		return r;
	*ret_inode = inode;
	catalogue_add_inode(loader->catalogue, take(&inode));
	return 0;
}

static bool inode_row_is_sane(const struct db_value *values)
{
	bool link = values[1].integer == ENTRY_SYMLINK;

	if (!in_range(&values[1], ENTRY_DIRECTORY, ENTRY_SYMLINK) ||
		!in_range(&values[2], 0, 07777) || !in_range(&values[3], 0, UINT32_MAX) ||
		!in_range(&values[4], 0, UINT32_MAX) || !in_range(&values[8], 0, UINT32_MAX))
		return false;
	for (int i = 5; i <= 7; i++)
		if (values[i].type != DB_INTEGER)
			return false;
	if (!link)
		return values[9].type == DB_NULL;
	return is_blob(&values[9], 1, LIMIT_LINK_TARGET) &&
	       !memchr(values[9].data, '\0', values[9].len);
}

static int set_target(struct inode *inode, const struct db_value *target)
{
	if (target->type != DB_BLOB)
		return 0;
	inode->target = strndup(target->data, target->len);
	if (!inode->target)
		return -ENOMEM;
	inode->info.size = target->len;
	return 0;
}

static int load_inode(void *arg, const struct db_value *values, bool intact)
{
	struct loader *loader = arg;
	struct entry_info info = {0};
	scope(inode_free) struct inode *inode = NULL;
	struct inode *other;
	bool sane = inode_row_is_sane(values);
	int r;

	if (!in_range(&values[0], ROOT_INO, INO_MAX))
		return 0;
	info.ino = (uint64_t)values[0].integer;
	other = catalogue_find(loader->catalogue, info.ino);
	if (other) {
		other->info.damaged = true;
		return 0;
	}
	info.kind = ENTRY_FILE;
	info.damaged = !intact || !sane;
	if (sane) {
		info.kind = (enum entry_kind)values[1].integer;
		info.mode = (uint32_t)values[2].integer;
		info.uid = (uint32_t)values[3].integer;
		info.gid = (uint32_t)values[4].integer;
		info.mtime_ns = values[5].integer;
		info.ctime_ns = values[6].integer;
		info.btime_ns = values[7].integer;
	}
	inode = inode_new(&info);
	if (!inode)
		return -ENOMEM;
	inode->has_row = true;
	if (sane) {
		inode->stored_names = values[8].integer;
		r = set_target(inode, &values[9]);
		if (r < 0)
			return r;
	}
	r = catalogue_reserve(loader->catalogue);
	if (r < 0)
		return r;
	catalogue_add_inode(loader->catalogue, take(&inode));
	return 0;
}

static bool file_row_is_sane(const struct db_value *values)
{
	return is_blob(&values[1], ID_SIZE, ID_SIZE) && in_range(&values[2], 1, UINT8_MAX) &&
	       in_range(&values[3], CHUNK_LOG2_MIN, CHUNK_LOG2_MAX) &&
	       in_range(&values[4], 0, LIMIT_FILE_SIZE) && in_range(&values[5], 0, UINT32_MAX) &&
	       in_range(&values[6], FILE_ROOTED, FILE_OPEN) &&
	       is_blob(&values[7], DIGEST_SIZE, DIGEST_SIZE) &&
	       in_range(&values[8], 1, UINT32_MAX) &&
	       is_blob(&values[9], DEK_WRAPPED_SIZE, DEK_WRAPPED_SIZE);
}

static void fill_file(struct inode *inode, const struct db_value *values)
{
	struct entry_info *info = &inode->info;

	memcpy(info->file_id, values[1].data, ID_SIZE);
	info->suite = (uint32_t)values[2].integer;
	info->chunk_log2 = (uint32_t)values[3].integer;
	info->size = (uint64_t)values[4].integer;
	info->generation = (uint32_t)values[5].integer;
	info->state = (enum file_state)values[6].integer;
	memcpy(info->root, values[7].data, DIGEST_SIZE);
	inode->dek.kek = (uint32_t)values[8].integer;
	memcpy(inode->dek.bytes, values[9].data, DEK_WRAPPED_SIZE);
}

static int load_file(void *arg, const struct db_value *values, bool intact)
{
	struct loader *loader = arg;
	struct inode *inode;
	bool sane = file_row_is_sane(values);
	int r;

	if (!in_range(&values[0], ROOT_INO, INO_MAX))
		return 0;
	r = find_or_invent(loader, values[0].integer, ENTRY_FILE, &inode);
	if (r < 0)
		return r;
	if (!intact || !sane || inode->info.kind != ENTRY_FILE || inode->has_file_row ||
		catalogue_knows_file(loader->catalogue, values[1].data) ||
		!kek_ring_has(loader->keks, (uint32_t)values[8].integer))
		inode->info.damaged = true;
	if (!sane || inode->info.kind != ENTRY_FILE || inode->has_file_row)
		return 0;
	fill_file(inode, values);
	catalogue_add_file(loader->catalogue, inode);
	return 0;
}

static int load_xattr(void *arg, const struct db_value *values, bool intact)
{
	struct loader *loader = arg;
	struct inode *inode;
	int r;

	if (!in_range(&values[0], ROOT_INO, INO_MAX))
		return 0;
	r = find_or_invent(loader, values[0].integer, ENTRY_FILE, &inode);
	if (r < 0)
		return r;
	if (!intact)
		inode->info.damaged = true;
	if (values[1].type != DB_BLOB || values[2].type != DB_BLOB)
		r = -EINVAL;
	else
		r = xattr_list_add(&inode->xattrs, values[1].data, values[1].len, values[2].data,
			values[2].len);
	if (r == -ENOMEM)
		return r;
	if (r < 0)
		inode->info.damaged = true;
	return 0;
}

/*
 * Hangs a name below its parent. Returns the name to its owner (1) when it cannot hang there: the
 * parent is no directory, a name of the root, a second name of a directory, a second such name.
 */
static int place_name(struct loader *loader, struct inode *parent, struct inode *inode,
	struct name *name, int64_t cookie)
{
	int r;

	if (!inode_is_directory(parent) || inode->info.ino == ROOT_INO ||
		(inode_is_directory(inode) && inode->names) ||
		catalogue_find_name(loader->catalogue, parent, name->bytes, name->len)) {
		parent->info.damaged |= !inode_is_directory(parent);
		inode->info.damaged = true;
		return 1;
	}
	r = inode_reserve_child(parent);
	if (r < 0)
		return r;
	r = catalogue_reserve(loader->catalogue);
	if (r < 0)
		return r;
	if (cookie < 1 || (uint64_t)cookie > COOKIE_MAX)
		cookie = COOKIE_MAX;
	catalogue_add_name(loader->catalogue, parent, name, inode, (uint64_t)cookie);
	return 0;
}

/* Takes the name over, whatever the result. */
static int hang_name(
	struct loader *loader, int64_t parent_ino, int64_t ino, int64_t cookie, struct name *name)
{
	scope(name_free) struct name *owned = name;
	struct inode *parent, *inode;
	int r;

	r = find_or_invent(loader, parent_ino, ENTRY_DIRECTORY, &parent);
	if (r < 0)
		return r;
	/* Made up as a file until this row showed that it has entries. */
	if (!parent->has_row && !parent->has_file_row && parent->name_count <= 1 &&
		parent->info.kind == ENTRY_FILE)
		catalogue_make_directory(loader->catalogue, parent);
	r = find_or_invent(loader, ino, ENTRY_FILE, &inode);
	if (r < 0)
		return r;
	inode->seen_names++;
	r = place_name(loader, parent, inode, name, cookie);
	if (r < 0)
		return r;
	if (r == 0)
		take(&owned);
	return 0;
}

static int load_name(void *arg, const struct db_value *values, bool intact)
{
	struct loader *loader = arg;
	scope(name_free) struct name *name = NULL;
	struct late_name *late;

	if (!in_range(&values[0], ROOT_INO, INO_MAX) || !in_range(&values[2], ROOT_INO, INO_MAX) ||
		values[3].type != DB_INTEGER || values[1].type != DB_BLOB ||
		!name_is_valid(values[1].data, values[1].len))
		return 0;
	name = name_new(values[1].data, values[1].len);
	if (!name)
		return -ENOMEM;
	if (intact)
		return hang_name(loader, values[0].integer, values[2].integer, values[3].integer,
			take(&name));
	late = calloc(1, sizeof(*late));
	if (!late)
		return -ENOMEM;
	name->damaged = true;
	*late = (struct late_name){
		.next = loader->late,
		.parent = values[0].integer,
		.ino = values[2].integer,
		.cookie = values[3].integer,
		.name = take(&name),
	};
	loader->late = late;
	return 0;
}

static void free_late(struct loader *loader)
{
	while (loader->late) {
		struct late_name *next = loader->late->next;

		name_free(loader->late->name);
		free(loader->late);
		loader->late = next;
	}
}

static int hang_late(struct loader *loader)
{
	int r;

	for (struct late_name *late = loader->late; late; late = late->next) {
		r = hang_name(loader, late->parent, late->ino, late->cookie, take(&late->name));
		if (r < 0)
			return r;
	}
	return 0;
}

static int load_rows(struct sealed_rows *rows, struct loader *loader)
{
	struct inode *root;
	int r;

	r = sealed_rows_each(rows, "inode", load_inode, loader);
	if (r < 0)
		return r;
	r = find_or_invent(loader, ROOT_INO, ENTRY_DIRECTORY, &root);
	if (r < 0)
		return r;
	/* Nothing can be shown without a root: whatever its row says, it is a directory. */
	if (!inode_is_directory(root))
		catalogue_make_directory(loader->catalogue, root);
	r = sealed_rows_each(rows, "file", load_file, loader);
	if (r < 0)
		return r;
	r = sealed_rows_each(rows, "xattr", load_xattr, loader);
	if (r < 0)
		return r;
	return sealed_rows_each(rows, "name", load_name, loader);
}

int catalogue_load(
	struct sealed_rows *rows, const struct kek_ring *keks, struct catalogue **ret_catalogue)
{
	scope(catalogue_free) struct catalogue *catalogue = NULL;
	struct loader loader = {.keks = keks};
	int r;

	r = catalogue_new(&catalogue);
	if (r < 0)
		return r;
	loader.catalogue = catalogue;
	r = load_rows(rows, &loader);
	if (r == 0)
		r = hang_late(&loader);
	free_late(&loader);
	if (r == 0)
		r = catalogue_check(catalogue);
	if (r < 0)
		return r;
	*ret_catalogue = take(&catalogue);
	return 0;
}
