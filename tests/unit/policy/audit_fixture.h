/* SPDX-License-Identifier: Apache-2.0 */
/* audit_fixture.h - a trail in a directory of its own, for the tests of the audit files. */
#ifndef TESTS_UNIT_POLICY_AUDIT_FIXTURE_H
#define TESTS_UNIT_POLICY_AUDIT_FIXTURE_H

#include "policy/audit.h"

extern const uint8_t fixture_vault_id[ID_SIZE];
extern const struct audit_key_wrapper fixture_wrapper;

/* cmocka's group setup: secret_init. */
int fixture_group_setup(void **state);
/* cmocka's setup and teardown: an empty directory. */
int audit_fixture_setup(void **state);
int audit_fixture_teardown(void **state);
const char *fixture_directory(void);
/* Of a file in it; valid until the next but one call. */
const char *audit_fixture_path(const char *name);

/* Makes the trail and opens it; asserts success. The fingerprint is that of segment 1. */
struct audit *fixture_trail(enum audit_level level, uint8_t ret_fingerprint[DIGEST_SIZE]);
struct audit *fixture_open(enum audit_level level);
struct audit_event fixture_event(const char *path);
/* Appends n allowed opens and waits for the last. */
void fixture_append(struct audit *audit, unsigned n);
/* Runs statements on audit.db by a connection of its own, as an attacker would. */
void audit_fixture_sql(const char *sql);
/* Copies file name to name to. */
void fixture_copy(const char *name, const char *to);

#endif
