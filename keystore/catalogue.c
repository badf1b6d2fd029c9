/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue.c - inodes, names and children in memory: hash tables by inode number, file id and
 * (parent, name), and per directory an array ordered by cookie with holes where entries went.
 */
#include "keystore/catalogue_private.h"

#include <errno.h>
#include <string.h>

#include "keystore/base/bytes.h"
#include "keystore/base/secret.h"

int catalogue_new(struct catalogue **ret_catalogue)
{
	scope(catalogue_free) struct catalogue *catalogue = calloc(1, sizeof(*catalogue));
	int r;

	if (!catalogue)
		return -ENOMEM;
	r = random_fill(&catalogue->seed, sizeof(catalogue->seed));
	if (r < 0)
		return r;
	catalogue->next_ino = ROOT_INO + 1;
	*ret_catalogue = take(&catalogue);
	return 0;
}

struct catalogue *catalogue_free(struct catalogue *catalogue)
{
	struct hash_link *link;

	if (!catalogue)
		return NULL;
	link = hash_table_walk(&catalogue->by_name, NULL);
	while (link) {
		struct name *name = hash_object(link, struct name, link);

		link = hash_table_walk(&catalogue->by_name, link);
		name_free(name);
	}
	link = hash_table_walk(&catalogue->by_ino, NULL);
	while (link) {
		struct inode *inode = hash_object(link, struct inode, by_ino);

		link = hash_table_walk(&catalogue->by_ino, link);
		inode_free(inode);
	}
	hash_table_done(&catalogue->by_name);
	hash_table_done(&catalogue->by_ino);
	hash_table_done(&catalogue->by_file_id);
	free(catalogue);
	return NULL;
}

struct inode *inode_new(const struct entry_info *info)
{
	struct inode *inode = calloc(1, sizeof(*inode));

	if (!inode)
		return NULL;
	inode->info = *info;
	inode->info.nlink = info->kind == ENTRY_DIRECTORY ? 2 : 0;
	inode->next_cookie = 1;
	return inode;
}

struct inode *inode_free(struct inode *inode)
{
	if (!inode)
		return NULL;
	xattr_list_free(inode->xattrs);
	free(inode->target);
	free(inode->children);
	free(inode);
	return NULL;
}

struct name *name_new(const void *bytes, size_t len)
{
	struct name *name = calloc(1, sizeof(*name) + len + 1);

	if (!name)
		return NULL;
	name->len = (uint8_t)len;
	memcpy(name->bytes, bytes, len);
	return name;
}

struct name *name_free(struct name *name)
{
	free(name);
	return NULL;
}

bool inode_is_directory(const struct inode *inode)
{
	return inode->info.kind == ENTRY_DIRECTORY;
}

const struct entry_info *inode_info(const struct inode *inode)
{
	return &inode->info;
}

bool name_is_valid(const void *name, size_t len)
{
	const char *bytes = name;

	if (len == 0 || len > LIMIT_NAME || memchr(name, '\0', len) || memchr(name, '/', len))
		return false;
	return !(bytes[0] == '.' && (len == 1 || (len == 2 && bytes[1] == '.')));
}

static uint64_t ino_hash(const struct catalogue *catalogue, uint64_t ino)
{
	return hash_mix(ino ^ catalogue->seed);
}

static uint64_t file_id_hash(const struct catalogue *catalogue, const uint8_t file_id[ID_SIZE])
{
	return hash_bytes(catalogue->seed, file_id, ID_SIZE);
}

static uint64_t name_hash(
	const struct catalogue *catalogue, uint64_t parent, const void *bytes, size_t len)
{
	return hash_bytes(hash_mix(catalogue->seed + parent), bytes, len);
}

struct inode *catalogue_find(const struct catalogue *catalogue, uint64_t ino)
{
	struct hash_link *link = hash_table_first(&catalogue->by_ino, ino_hash(catalogue, ino));

	for (; link; link = hash_table_next(link)) {
		struct inode *inode = hash_object(link, struct inode, by_ino);

		if (inode->info.ino == ino)
			return inode;
	}
	return NULL;
}

bool catalogue_knows_file(const struct catalogue *catalogue, const uint8_t file_id[ID_SIZE])
{
	struct hash_link *link =
		hash_table_first(&catalogue->by_file_id, file_id_hash(catalogue, file_id));

	for (; link; link = hash_table_next(link))
		if (memcmp(hash_object(link, struct inode, by_file_id)->info.file_id, file_id,
			    ID_SIZE) == 0)
			return true;
	return false;
}

struct name *catalogue_find_name(const struct catalogue *catalogue, const struct inode *parent,
	const void *bytes, size_t len)
{
	struct hash_link *link = hash_table_first(
		&catalogue->by_name, name_hash(catalogue, parent->info.ino, bytes, len));

	for (; link; link = hash_table_next(link)) {
		struct name *name = hash_object(link, struct name, link);

		if (name->parent == parent && name->len == len &&
			memcmp(name->bytes, bytes, len) == 0)
			return name;
	}
	return NULL;
}

int catalogue_reserve(struct catalogue *catalogue)
{
	int r;

	r = hash_table_reserve(&catalogue->by_ino);
	if (r < 0)
		return r;
	r = hash_table_reserve(&catalogue->by_file_id);
	if (r < 0)
		return r;
	return hash_table_reserve(&catalogue->by_name);
}

/* Closes the holes, once they are more than the entries: amortised O(1) a removal. */
static void compact_children(struct inode *directory)
{
	size_t to = 0;

	for (size_t i = 0; i < directory->child_count; i++)
		if (directory->children[i].name)
			directory->children[to++] = directory->children[i];
	directory->child_count = to;
}

int inode_reserve_child(struct inode *directory)
{
	size_t capacity = directory->child_capacity ? directory->child_capacity * 2 : 4;
	struct child *children;

	if (directory->child_count < directory->child_capacity)
		return 0;
	children = reallocarray(directory->children, capacity, sizeof(*children));
	if (!children)
		return -ENOMEM;
	directory->children = children;
	directory->child_capacity = capacity;
	return 0;
}

static void count(struct catalogue *catalogue, const struct inode *inode, uint64_t one)
{
	if (inode->info.kind == ENTRY_FILE) {
		catalogue->files += one;
		catalogue->bytes += one * inode->info.size;
	} else if (inode->info.kind == ENTRY_SYMLINK) {
		catalogue->symlinks += one;
	} else if (inode->info.ino != ROOT_INO) {
		catalogue->directories += one;
	}
}

void catalogue_add_inode(struct catalogue *catalogue, struct inode *inode)
{
	hash_table_insert(&catalogue->by_ino, &inode->by_ino, ino_hash(catalogue, inode->info.ino));
	if (inode->has_file_row)
		hash_table_insert(&catalogue->by_file_id, &inode->by_file_id,
			file_id_hash(catalogue, inode->info.file_id));
	if (inode->info.ino == ROOT_INO)
		catalogue->root = inode;
	if (inode->info.ino >= catalogue->next_ino)
		catalogue->next_ino = inode->info.ino + 1;
	count(catalogue, inode, 1);
}

void catalogue_drop_inode(struct catalogue *catalogue, struct inode *inode)
{
	count(catalogue, inode, (uint64_t)-1);
	hash_table_remove(&catalogue->by_ino, &inode->by_ino);
	if (inode->has_file_row)
		hash_table_remove(&catalogue->by_file_id, &inode->by_file_id);
	inode_free(inode);
}

void catalogue_add_file(struct catalogue *catalogue, struct inode *inode)
{
	catalogue->bytes += inode->info.size;
	inode->has_file_row = true;
	hash_table_insert(&catalogue->by_file_id, &inode->by_file_id,
		file_id_hash(catalogue, inode->info.file_id));
}

void catalogue_make_directory(struct catalogue *catalogue, struct inode *inode)
{
	count(catalogue, inode, (uint64_t)-1);
	free(inode->target);
	inode->target = NULL;
	inode->info.kind = ENTRY_DIRECTORY;
	inode->info.nlink = 2;
	inode->info.size = 0;
	inode->info.damaged = true;
	count(catalogue, inode, 1);
	if (inode->names) {
		inode->info.parent = inode->names->parent->info.ino;
		inode->names->parent->info.nlink++;
	}
}

static void attach_name(struct name *name, struct inode *inode)
{
	name->inode = inode;
	name->next_of_inode = inode->names;
	inode->names = name;
	inode->name_count++;
	if (!inode_is_directory(inode))
		inode->info.nlink = inode->name_count;
}

static void detach_name(struct name *name)
{
	struct inode *inode = name->inode;
	struct name **at = &inode->names;

	while (*at != name)
		at = &(*at)->next_of_inode;
	*at = name->next_of_inode;
	inode->name_count--;
	if (!inode_is_directory(inode))
		inode->info.nlink = inode->name_count;
}

void catalogue_add_name(struct catalogue *catalogue, struct inode *parent, struct name *name,
	struct inode *inode, uint64_t cookie)
{
	name->parent = parent;
	name->cookie = cookie;
	attach_name(name, inode);
	hash_table_insert(&catalogue->by_name, &name->link,
		name_hash(catalogue, parent->info.ino, name->bytes, name->len));
	parent->children[parent->child_count++] = (struct child){cookie, name};
	parent->child_live++;
	if (cookie >= parent->next_cookie)
		parent->next_cookie = cookie + 1;
	if (inode_is_directory(inode)) {
		inode->info.parent = parent->info.ino;
		parent->info.nlink++;
	}
}

/* The first child whose cookie is greater than this one. */
static size_t child_after(const struct inode *directory, uint64_t cookie)
{
	size_t low = 0, high = directory->child_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (directory->children[middle].cookie <= cookie)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void catalogue_drop_name(struct catalogue *catalogue, struct name *name)
{
	struct inode *parent = name->parent;

	/* Cookies are distinct: the one before the first greater is this name's own. */
	parent->children[child_after(parent, name->cookie) - 1].name = NULL;
	parent->child_live--;
	if (inode_is_directory(name->inode))
		parent->info.nlink--;
	if (parent->child_live * 2 < parent->child_count)
		compact_children(parent);
	detach_name(name);
	hash_table_remove(&catalogue->by_name, &name->link);
	name_free(name);
}

void catalogue_turn_name(struct name *name, struct inode *inode)
{
	detach_name(name);
	attach_name(name, inode);
}

int catalogue_list(const struct catalogue *catalogue, uint64_t ino, uint64_t cookie,
	int (*each)(void *arg, uint64_t cookie, const char *name, size_t len,
		const struct entry_info *info),
	void *arg)
{
	const struct inode *directory = catalogue_find(catalogue, ino);

	if (!directory)
		return -ENOENT;
	if (!inode_is_directory(directory))
		return -ENOTDIR;
	for (size_t i = child_after(directory, cookie); i < directory->child_count; i++) {
		const struct name *name = directory->children[i].name;

		if (name && each(arg, name->cookie, name->bytes, name->len, &name->inode->info))
			return 0;
	}
	return 0;
}
