/* SPDX-License-Identifier: Apache-2.0 */
/*
 * text_pass.h - a text of the user's that is too long for a request: read by the command into a
 * memory file, sealed, and passed beside the request. Who receives it never waits for anybody, and
 * what it has read once does not change.
 */
#ifndef FS_CMD_TEXT_PASS_H
#define FS_CMD_TEXT_PASS_H

#include "fs/cmd/command.h"

/* Reads the file ("-": standard input) of at most max bytes. Exit code; complains, after `what`. */
int text_pass(struct message *request, const char *what, const char *file, size_t max,
	struct output *output);
/*
 * The passed text and its length; the caller frees it. -EINVAL: none, or not as text_pass makes
 * it. -EFBIG: longer than max.
 */
int text_receive(struct message *request, size_t max, char **ret_text, size_t *ret_len);

#endif
