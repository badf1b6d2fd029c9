/* SPDX-License-Identifier: Apache-2.0 */
/* backup.h - a consistent copy of a database that replaces the last one atomically. */
#ifndef KEYSTORE_BACKUP_H
#define KEYSTORE_BACKUP_H

#include "keystore/base/db.h"

/*
 * Copies db to DIRECTORY/name: written to name.new, fsynced, renamed, the directory fsynced. After
 * an error or a crash the old copy is there whole.
 */
int backup_replace(struct db *db, const char *directory, const char *name);

#endif
