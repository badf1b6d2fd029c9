/* SPDX-License-Identifier: Apache-2.0 */
/* options.h - the command line: options anywhere after the command, strict numbers, sizes and
 * times. */
#ifndef FS_CMD_OPTIONS_H
#define FS_CMD_OPTIONS_H

#include "fs/cmd/command.h"

/*
 * Parses argv[0..argc) (what follows the command's name) into the invocation: options become fields
 * of their names, operands after VAULT fields `arg`. Exit code; complains about what is wrong and
 * says what would be right.
 */
int options_parse(const struct command *command, int argc, char **argv,
	struct invocation *ret_invocation, struct output *output);
void invocation_done(struct invocation *invocation);

/* Options of every command that may have to unlock, which is those with operands; ends with a NULL
 * name. */
extern const struct option_spec unlock_options[];

/* "16K", "4096", "1M": powers of 1024. -EINVAL, -ERANGE. */
int size_from_text(const char *text, uint64_t *ret_size);
int number_from_text(const char *text, uint64_t max, uint64_t *ret_number);

#endif
