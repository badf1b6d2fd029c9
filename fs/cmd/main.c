/* SPDX-License-Identifier: Apache-2.0 */
/* main.c - finds the command, parses its line, runs it. */
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/command_meant.h"
#include "fs/cmd/commands.h"
#include "fs/cmd/mount_helper.h"
#include "fs/cmd/options.h"

/* With 0, 1 or 2 closed the next open would get that number, and words would go into a database. */
static int hold_standard_descriptors(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0)
			return -1;
	} while (fd <= 2);
	close(fd);
	return 0;
}

static bool asks_for_help(const char *word)
{
	return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
}

/* `key VAULT add --help`: whoever asks does not want it done. */
static bool asks_for_help_later(int argc, char **argv)
{
	for (int i = 2; i < argc && strcmp(argv[i], "--") != 0; i++) {
		if (strcmp(argv[i], "--help") == 0)
			return true;
	}
	return argc > 2 && asks_for_help(argv[2]);
}

int main(int argc, char **argv)
{
	struct output output = output_to_terminal();
	struct invocation invocation;
	const struct command *command;
	const char *name;
	int code;

	if (hold_standard_descriptors() < 0 || subject_init() < 0) {
		complain(&output, "/dev/null or /proc cannot be read");
		return EXIT_FAILED;
	}
	if (argc && is_mount_helper(argv[0]))
		return mount_helper(argc, argv);
	if (argc < 2) {
		complain(&output, "no command; `modelvault help` lists them");
		return EXIT_USAGE;
	}
	name = asks_for_help(argv[1])		   ? "help"
	       : strcmp(argv[1], "--version") == 0 ? "version"
						   : argv[1];
	command = command_find(name);
	if (!command || command->internal) {
		meant_command(name, argc > 2 ? argv[2] : NULL, &output);
		return EXIT_USAGE;
	}
	if (asks_for_help_later(argc, argv)) {
		argv[2] = argv[1];
		argc = 3;
		command = command_find("help");
	}
	code = options_parse(command, argc - 2, argv + 2, &invocation, &output);
	if (code != EXIT_DONE)
		return code;
	code = command->run ? command->run(&invocation) : run_verb(&invocation);
	invocation_done(&invocation);
	return output_check(code, &output);
}
