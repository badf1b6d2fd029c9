/* SPDX-License-Identifier: Apache-2.0 */
/*
 * catalogue_check.c - looks at a tree just loaded for what no row alone can show: names that are
 * missing or too many, entries that no way leads to, cycles, and what lies below a name that was
 * tampered with. A rule judges paths, so a file is only as good as every name above it.
 */
#include <errno.h>

#include "keystore/catalogue_private.h"

static int compare_children(const void *a, const void *b)
{
	uint64_t left = ((const struct child *)a)->cookie;
	uint64_t right = ((const struct child *)b)->cookie;

	return (left > right) - (left < right);
}

/* Intact rows never share a cookie; others are moved behind the one they collide with. */
static void sort_children(struct inode *directory)
{
	uint64_t last = 0;

	if (directory->child_count == 0)
		return;
	qsort(directory->children, directory->child_count, sizeof(struct child), compare_children);
	for (size_t i = 0; i < directory->child_count; i++) {
		struct child *child = &directory->children[i];

		if (child->cookie <= last)
			child->cookie = last + 1;
		child->name->cookie = child->cookie;
		last = child->cookie;
	}
	directory->next_cookie = last + 1;
}

/* Breadth first from the root; a directory has one name, so each is queued once at most. */
static void reach(struct inode **queue, struct inode *root)
{
	size_t head = 0, tail = 0, level_end = 1, depth = 0;

	root->reachable = true;
	queue[tail++] = root;
	while (head < tail) {
		struct inode *directory = queue[head++];

		for (size_t i = 0; i < directory->child_count; i++) {
			const struct name *name = directory->children[i].name;
			struct inode *inode = name->inode;

			inode->reachable = true;
			if (name->damaged || directory->path_damaged || depth >= LIMIT_DEPTH) {
				inode->info.damaged = true;
				inode->path_damaged = true;
			}
			if (inode_is_directory(inode) && depth < LIMIT_DEPTH)
				queue[tail++] = inode;
		}
		if (head == level_end) {
			level_end = tail;
			depth++;
		}
	}
}

static void judge(struct inode *inode)
{
	if (!inode->reachable || !inode->has_row || inode->stored_names != inode->seen_names)
		inode->info.damaged = true;
	if (inode->has_file_row != (inode->info.kind == ENTRY_FILE))
		inode->info.damaged = true;
	if (!inode->target != (inode->info.kind != ENTRY_SYMLINK))
		inode->info.damaged = true;
	/* A second name may hang where reach() never came: rules could not judge it. */
	for (const struct name *name = inode->names; name; name = name->next_of_inode)
		if (!name->parent->reachable || name->parent->path_damaged)
			inode->info.damaged = true;
}

int catalogue_check(struct catalogue *catalogue)
{
	scope_free struct inode **queue = NULL;
	struct hash_link *link = NULL;

	queue = calloc(catalogue->by_ino.count, sizeof(*queue));
	if (!queue)
		return -ENOMEM;
	while ((link = hash_table_walk(&catalogue->by_ino, link)))
		sort_children(hash_object(link, struct inode, by_ino));
	reach(queue, catalogue->root);
	while ((link = hash_table_walk(&catalogue->by_ino, link)))
		judge(hash_object(link, struct inode, by_ino));
	return 0;
}

void catalogue_continue(struct catalogue *catalogue, const struct catalogue *old)
{
	struct hash_link *link = NULL;

	if (old->next_ino > catalogue->next_ino)
		catalogue->next_ino = old->next_ino;
	while ((link = hash_table_walk(&catalogue->by_ino, link))) {
		struct inode *inode = hash_object(link, struct inode, by_ino);
		const struct inode *before = catalogue_find(old, inode->info.ino);

		if (before && before->next_cookie > inode->next_cookie)
			inode->next_cookie = before->next_cookie;
	}
}
