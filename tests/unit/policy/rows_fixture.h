/* SPDX-License-Identifier: Apache-2.0 */
/* rows_fixture.h - sealed rows in a database of their own, for the tests of what is kept in them.
 */
#ifndef TESTS_UNIT_POLICY_ROWS_FIXTURE_H
#define TESTS_UNIT_POLICY_ROWS_FIXTURE_H

#include "keystore/base/sealed_rows.h"

struct rows_fixture {
	char dir[64], path[80]; /* path: of the database */
	struct db *db;
	struct sealed_rows *rows;
};

/* Empty and intact; asserts success. */
void rows_fixture_make(struct rows_fixture *fixture);
void rows_fixture_done(struct rows_fixture *fixture);
/* As after the server was started anew; not whether they are intact. */
void rows_fixture_open_again(struct rows_fixture *fixture);

#endif
