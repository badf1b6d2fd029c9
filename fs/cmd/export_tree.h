/* SPDX-License-Identifier: Apache-2.0 */
/*
 * export_tree.h - walks what is to be exported: directories are made before what is in them, files
 * go to the workers, further names of a file are linked when it is out.
 */
#ifndef FS_CMD_EXPORT_TREE_H
#define FS_CMD_EXPORT_TREE_H

#include "fs/cmd/exporter.h"

struct export_tree;

int export_tree_new(
	struct exporter *exporter, enum existing_choice existing, struct export_tree **ret_tree);
struct export_tree *export_tree_free(struct export_tree *tree);
/* The bytes of files at or below the path; what may not be seen counts nothing. */
uint64_t export_tree_count(struct export_tree *tree, const char *path);
/* The path becomes dest, whose directory is there. True when it is a directory. */
bool export_tree_send(struct export_tree *tree, const char *path, const char *dest);
/* After it: waits for the workers, then makes the hard links. */
void export_tree_finish(struct export_tree *tree);

SCOPE_FUNCTION(struct export_tree *, export_tree_free);

#endif
