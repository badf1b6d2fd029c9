/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command_meant.h - what was meant by a command line that is not right, in one line that says what
 * would be. Each: true when it saw it, and complained; else the general words are the caller's.
 */
#ifndef FS_CMD_COMMAND_MEANT_H
#define FS_CMD_COMMAND_MEANT_H

#include "fs/cmd/command.h"

/* An option that the command has not: argument as it stands, its name the len bytes of name. */
bool meant_option(const struct command *command, const char *argument, const char *name, size_t len,
	struct output *output);
/* A value that is not what the option takes; next (or NULL) is the argument behind it. */
bool meant_value(const struct command *command, const char *option, const char *value,
	const char *next, struct output *output);
/* Operands that are too few or too many, or begin with something that is no vault. */
bool meant_operands(const struct invocation *invocation, struct output *output);
/* A command that there is not; next (or NULL) stands behind it. Always complains. */
void meant_command(const char *name, const char *next, struct output *output);

#endif
