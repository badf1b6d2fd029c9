/* SPDX-License-Identifier: Apache-2.0 */
/* vault_store.c - reads the row of table vault. */
#include "keystore/vault_store.h"

#include <errno.h>

int vault_row_read(struct db *db, int (*row)(void *arg, const struct db_value *values), void *arg)
{
	scope(db_done) struct db_query *query = NULL;
	struct db_value values[3];
	int r;

	r = db_prepare(db, "SELECT format, vault_id, objects FROM vault WHERE id = 1", &query);
	if (r < 0)
		return r == -EIO ? -EUCLEAN : r; /* no such table or column */
	r = db_step(query);
	if (r <= 0)
		return r < 0 ? r : -EUCLEAN;
	for (int i = 0; i < 3; i++)
		values[i] = db_column(query, i);
	return row(arg, values);
}
