/* SPDX-License-Identifier: Apache-2.0 */
/* unlock.h - where the secrets of a command come from: options, environment, the terminal. */
#ifndef FS_CMD_UNLOCK_H
#define FS_CMD_UNLOCK_H

#include "fs/cmd/command.h"
#include "keystore/provider.h"

/*
 * What the user offers to unlock an existing vault: --key-file F or $MODELVAULT_KEY_FILE,
 * --passphrase-file F, --passphrase-fd N, $CREDENTIALS_DIRECTORY/modelvault, and when there is none
 * of these and a terminal, a question. vault_path: a key file inside the vault is refused. Exit
 * code.
 */
int unlock_secrets_get(const struct invocation *invocation, const char *vault_path,
	struct unlock_secrets *ret_secrets, struct output *output);
/*
 * For a process that forks before it unlocks (locked memory is not inherited): when only the
 * terminal is left, asks it now and makes the answer the option passphrase-fd. ret_fd is to be
 * closed, or -1.
 */
int unlock_ask_ahead(struct invocation *invocation, int *ret_fd);
/* For init: --new-key-file F (made here, 0600), --new-passphrase-file F, --new-passphrase-fd N. */
int new_secrets_get(const struct invocation *invocation, const char *vault_path,
	struct unlock_secrets *ret_secrets, struct output *output);
/*
 * All that the options offer, each as often as it stands there: for rekey, which needs the secret
 * of every slot. Without any of these options as unlock_secrets_get.
 */
struct secret_list;
int offered_secrets_get(const struct invocation *invocation, const char *vault_path,
	struct secret_list *ret_secrets, struct output *output);
void unlock_secrets_done(struct unlock_secrets *secrets);

#endif
