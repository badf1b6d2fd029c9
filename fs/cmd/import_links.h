/* SPDX-License-Identifier: Apache-2.0 */
/* import_links.h - files with several names: the first one seen is imported, the others are linked.
 */
#ifndef FS_CMD_IMPORT_LINKS_H
#define FS_CMD_IMPORT_LINKS_H

#include "fs/cmd/importer.h"

struct import_links;

int import_links_new(struct import_links **ret_links);
struct import_links *import_links_free(struct import_links *links);
/*
 * A file with several names. *ret_later: it was seen before, and the entry is taken over to be
 * linked at the end; else it is the caller's to import.
 */
int import_links_add(struct import_links *links, struct import_entry *entry, bool *ret_later);
/*
 * Once, after the last entry: waits for the workers, sends the links. Then sources that shall go
 * do, each file with all names at once.
 */
void import_links_send(struct import_links *links, struct importer *importer);

SCOPE_FUNCTION(struct import_links *, import_links_free);

#endif
