/* SPDX-License-Identifier: Apache-2.0 */
/* export_links.h - files with several names: the first is written, the others are linked to it. */
#ifndef FS_CMD_EXPORT_LINKS_H
#define FS_CMD_EXPORT_LINKS_H

#include "fs/cmd/export_file.h"

struct export_links;

int export_links_new(struct export_links **ret_links);
struct export_links *export_links_free(struct export_links *links);
/*
 * A file with several names. *ret_later: it was seen before, and the job is taken over to be linked
 * at the end; else it is the caller's to queue.
 */
int export_links_add(struct export_links *links, struct export_job *job, bool *ret_later);
/* Once, after the last job: waits for the workers, then makes the links. */
void export_links_send(struct export_links *links, struct exporter *exporter);

#endif
