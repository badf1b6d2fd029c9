/* SPDX-License-Identifier: Apache-2.0 */
/* vault_store.h - the one row of table vault, as far as it is needed before unlocking. */
#ifndef KEYSTORE_VAULT_STORE_H
#define KEYSTORE_VAULT_STORE_H

#include "keystore/base/db.h"

/*
 * Calls row(arg, {format, vault_id, objects}), unchecked values of any type, and returns its
 * result. -EUCLEAN when there is no such row or table.
 */
int vault_row_read(struct db *db, int (*row)(void *arg, const struct db_value *values), void *arg);

#endif
