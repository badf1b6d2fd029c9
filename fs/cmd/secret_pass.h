/* SPDX-License-Identifier: Apache-2.0 */
/*
 * secret_pass.h - secrets that go with a request: never as bytes of a field, but in a memory file
 * (memfd, its pages locked) whose descriptor is passed. Whoever receives it wipes it.
 */
#ifndef FS_CMD_SECRET_PASS_H
#define FS_CMD_SECRET_PASS_H

#include "fs/control/message.h"
#include "keystore/provider.h"

/* Secrets of any kinds, each by itself: of every struct one member is set. */
struct secret_list {
	struct unlock_secrets list[LIMIT_DESCRIPTORS];
	size_t count;
};

void secret_list_done(struct secret_list *secrets);
/* Moves what is set in *secrets to the end of the list. -E2BIG when it is full; all are freed. */
int secret_list_add(struct secret_list *list, struct unlock_secrets *secrets);

/* Adds fields `secret` (key-file, passphrase), and a descriptor for each. */
int secrets_pass(const struct secret_list *secrets, struct message *request);
/*
 * The secrets of a request. -EINVAL: the descriptors are no memory files, which alone can be read
 * without ever waiting for who passed them, or do not fit the fields.
 */
int secrets_receive(struct message *request, struct secret_list *ret_secrets);

#endif
