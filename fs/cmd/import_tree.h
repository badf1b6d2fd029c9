/* SPDX-License-Identifier: Apache-2.0 */
/*
 * import_tree.h - walks the sources of an import and sends what it finds: directories before what
 * is in them, files to the workers, further names of a file after its first.
 */
#ifndef FS_CMD_IMPORT_TREE_H
#define FS_CMD_IMPORT_TREE_H

#include "fs/cmd/importer.h"

struct import_tree;

/* place: the vault, which is not imported into itself. */
int import_tree_new(
	const struct vault_place *place, bool dereference, struct import_tree **ret_tree);
struct import_tree *import_tree_free(struct import_tree *tree);
/* True when source is, or is in, the vault's directory or a mount of it. -errno: not there. */
int import_tree_is_own(const struct import_tree *tree, const char *source);
/* The bytes of regular files at or below source; what cannot be read counts nothing. */
uint64_t import_tree_count(struct import_tree *tree, const char *source);
/* Sends source and what is below it to the directory destination in the vault ("": the root). */
void import_tree_send(struct import_tree *tree, struct importer *importer, const char *source,
	const char *destination);
/*
 * After the last source, once: waits for the workers, then sends the hard links among all that was
 * sent, and the times of the directories.
 */
void import_tree_finish(struct import_tree *tree, struct importer *importer);

SCOPE_FUNCTION(struct import_tree *, import_tree_free);

#endif
