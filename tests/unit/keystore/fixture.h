/* SPDX-License-Identifier: Apache-2.0 */
/* fixture.h - a keystore in a temporary directory, for the tests of this folder. */
#ifndef TESTS_UNIT_KEYSTORE_FIXTURE_H
#define TESTS_UNIT_KEYSTORE_FIXTURE_H

#include "keystore/keystore.h"

struct fixture {
	char dir[64];
	struct secret *key_file, *passphrase;
	struct unlock_secrets secrets; /* the key file */
	struct keystore *keystore;
};

/* cmocka setup and teardown; the state is a struct fixture with an unlocked, empty keystore. */
int fixture_setup(void **state);
int fixture_teardown(void **state);

/* Closes and opens again, locked. Fails the test on an error. */
void fixture_reopen(struct fixture *fixture);
/* Closes, opens and unlocks; the result of keystore_unlock. */
int fixture_unlock_again(struct fixture *fixture);
/* Runs SQL on keystore.db as somebody without a key would. */
void fixture_sql(struct fixture *fixture, const char *sql);
char *fixture_path(const struct fixture *fixture, const char *name, char to[128]);

/* Adds things below a directory and returns their inode number; fails the test on an error. */
uint64_t fixture_mkdir(struct fixture *fixture, uint64_t parent, const char *name);
uint64_t fixture_file(struct fixture *fixture, uint64_t parent, const char *name, uint64_t size);
struct new_entry fixture_entry(uint64_t parent, const char *name);
struct entry_info fixture_stat(struct fixture *fixture, uint64_t ino);

#endif
