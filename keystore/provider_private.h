/* SPDX-License-Identifier: Apache-2.0 */
/*
 * provider_private.h - the providers, for the table in provider.c. Parameters of every kind begin
 * with the slot's salt (SLOT_SALT_SIZE random bytes), which also enters the wrapping key.
 */
#ifndef KEYSTORE_PROVIDER_PRIVATE_H
#define KEYSTORE_PROVIDER_PRIVATE_H

#include "keystore/provider.h"

/* provider_key_file.c */
extern const struct provider provider_key_file;

/* provider_passphrase.c */
extern const struct provider provider_passphrase;

#endif
