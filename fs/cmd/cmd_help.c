/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_help.c - `help [COMMAND]` and `version`, from the command table. */
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/options.h"

static int help_for(const struct command *command, struct output *output)
{
	say(output, "modelvault %s %s\n  %s\n", command->name, command->operands, command->summary);
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++)
		say(output, "  %s%s%s\n", spec->name[1] ? "--" : "-", spec->name,
			spec->takes_value ? " VALUE" : "");
	return EXIT_DONE;
}

static void say_options(const struct option_spec *options, struct output *output)
{
	for (const struct option_spec *spec = options; spec && spec->name; spec++)
		say(output, "%s%s%s%s", spec == options ? "" : " ", spec->name[1] ? "--" : "-",
			spec->name, spec->takes_value ? "=" : "");
}

/* For programs: name, operands, options; tabs between. "*" are the options of all with operands. */
static int help_table(struct output *output)
{
	for (const struct command *command = commands; command->name; command++) {
		if (command->internal)
			continue;
		say(output, "%s\t%s\t", command->name, command->operands);
		say_options(command->options, output);
		say(output, "\n");
	}
	say(output, "*\t\t");
	say_options(unlock_options, output);
	say(output, "\n");
	return EXIT_DONE;
}

int run_help(struct invocation *invocation)
{
	struct output output = output_to_terminal();
	const struct command *command;

	if (invocation_option(invocation, "table"))
		return help_table(&output);
	if (invocation->operand_count) {
		command = command_find(invocation->operands[0]);
		if (command && !command->internal)
			return help_for(command, &output);
		complain(&output, "help: there is no command '%s'; `modelvault help` lists them",
			invocation->operands[0]);
		return EXIT_USAGE;
	}
	say(&output,
		"usage: modelvault COMMAND VAULT ...\n\n"
		"VAULT is a vault directory or a mount point of one; @ stands for $MODELVAULT.\n"
		"Unlocking: --key-file F (or $MODELVAULT_KEY_FILE), --passphrase-file F,\n"
		"--passphrase-fd N, $CREDENTIALS_DIRECTORY/modelvault.\n\n");
	for (command = commands; command->name; command++) {
		if (!command->internal)
			say(&output, "  %-8s %-44s %s\n", command->name, command->operands,
				command->summary);
	}
	say(&output, "\nExit codes: 0 done, 1 failed, 2 usage, 3 refused, 4 wrong key or locked,\n"
		     "5 integrity failure, 6 not found, 7 busy, 128+n signal.\n");
	return EXIT_DONE;
}

int run_version(struct invocation *invocation)
{
	struct output output = output_to_terminal();

	(void)invocation;
	say(&output, "modelvault %s\n", MODELVAULT_VERSION);
	return EXIT_DONE;
}
