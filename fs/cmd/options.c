/* SPDX-License-Identifier: Apache-2.0 */
/* options.c - a table-driven parser: "--name value", "--name=value", "--" ends options, "-" is an
 * operand, "-o value", "-f", "-l" and "-r" are the short ones. */
#include "fs/cmd/options.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/command_meant.h"

const struct option_spec unlock_options[] = {
	{"key-file", true},
	{"passphrase-file", true},
	{"passphrase-fd", true},
	{NULL, false},
};

static const struct option_spec *find_in(
	const struct option_spec *specs, const char *name, size_t len)
{
	for (; specs && specs->name; specs++) {
		if (strlen(specs->name) == len && memcmp(specs->name, name, len) == 0)
			return specs;
	}
	return NULL;
}

static const struct option_spec *find_option(
	const struct command *command, const char *name, size_t len)
{
	const struct option_spec *spec = find_in(command->options, name, len);

	if (!spec && command->min_operands)
		spec = find_in(unlock_options, name, len);
	return spec;
}

static bool may_repeat(const struct command *command, const struct option_spec *spec)
{
	return !spec->takes_value ||
	       (command->many_secrets && find_in(unlock_options, spec->name, strlen(spec->name)));
}

static int usage(const struct command *command, struct output *output)
{
	remark(output, "usage: modelvault %s %s", command->name, command->operands);
	for (const struct option_spec *spec = command->options; spec && spec->name; spec++)
		remark(output, "         %s%s%s", spec->name[1] ? "--" : "-", spec->name,
			spec->takes_value ? " VALUE" : "");
	return EXIT_USAGE;
}

static int complain_unknown(const struct command *command, const char *argument, const char *name,
	size_t len, struct output *output)
{
	if (!meant_option(command, argument, name, len, output))
		complain(output, "%s: unknown option '%s'; `modelvault help %s` lists them",
			command->name, argument, command->name);
	return EXIT_USAGE;
}

static int add_option(const struct command *command, struct invocation *invocation, int *index,
	int argc, char **argv, struct output *output)
{
	const char *argument = argv[*index];
	const char *name = argument + (argument[1] == '-' ? 2 : 1);
	const char *equals = argument[1] == '-' ? strchr(name, '=') : NULL;
	size_t len = equals ? (size_t)(equals - name) : strlen(name);
	const struct option_spec *spec = find_option(command, name, len);
	const char *value = "";

	if (!spec || (argument[1] != '-' && len != 1) || (argument[1] == '-' && len == 1))
		return complain_unknown(command, argument, name, len, output);
	if (spec->takes_value && equals) {
		value = equals + 1;
	} else if (spec->takes_value) {
		if (*index + 1 >= argc) {
			complain(output, "%s: option '%s' needs a value", command->name, argument);
			return EXIT_USAGE;
		}
		value = argv[++*index];
	} else if (equals) {
		complain(output, "%s: option '--%s' takes no value", command->name, spec->name);
		return EXIT_USAGE;
	}
	if (!may_repeat(command, spec) && message_has(invocation->request, spec->name)) {
		complain(output, "%s: option '%s%s' is given twice; give it once", command->name,
			spec->name[1] ? "--" : "-", spec->name);
		return EXIT_USAGE;
	}
	if (meant_value(command, spec->name, value, *index + 1 < argc ? argv[*index + 1] : NULL,
		    output))
		return EXIT_USAGE;
	return message_add_text(invocation->request, spec->name, value) < 0 ? EXIT_FAILED
									    : EXIT_DONE;
}

static int add_operand(struct invocation *invocation, const char *operand)
{
	size_t count = invocation->operand_count;
	const char **grown = reallocarray(invocation->operands, count + 1, sizeof(*grown));

	if (!grown)
		return EXIT_FAILED;
	invocation->operands = grown;
	grown[invocation->operand_count++] = operand;
	if (!count) {
		invocation->vault = operand;
		return EXIT_DONE;
	}
	return message_add_text(invocation->request, "arg", operand) < 0 ? EXIT_FAILED : EXIT_DONE;
}

static int check_operands(const struct invocation *invocation, struct output *output)
{
	const struct command *command = invocation->command;

	if (meant_operands(invocation, output))
		return EXIT_USAGE;
	if (invocation->operand_count < command->min_operands) {
		complain(output, "%s: %s is missing", command->name,
			invocation->operand_count ? "an operand" : "the first operand");
		return usage(command, output);
	}
	if (invocation->operand_count > command->max_operands) {
		complain(output, "%s: '%s' is one operand too many", command->name,
			invocation->operands[command->max_operands]);
		return usage(command, output);
	}
	return EXIT_DONE;
}

int options_parse(const struct command *command, int argc, char **argv,
	struct invocation *ret_invocation, struct output *output)
{
	struct invocation invocation = {.command = command};
	bool only_operands = false;
	int code = EXIT_DONE;

	if (message_new(&invocation.request) < 0 ||
		message_add_text(invocation.request, "verb", command->name) < 0)
		code = EXIT_FAILED;
	for (int i = 0; i < argc && code == EXIT_DONE; i++) {
		if (!only_operands && strcmp(argv[i], "--") == 0)
			only_operands = true;
		else if (!only_operands && argv[i][0] == '-' && argv[i][1])
			code = add_option(command, &invocation, &i, argc, argv, output);
		else
			code = add_operand(&invocation, argv[i]);
	}
	if (code == EXIT_FAILED)
		complain(output, "%s: the command line is too long", command->name);
	if (code == EXIT_DONE)
		code = check_operands(&invocation, output);
	if (code != EXIT_DONE) {
		invocation_done(&invocation);
		return code;
	}
	*ret_invocation = invocation;
	return EXIT_DONE;
}

void invocation_done(struct invocation *invocation)
{
	message_free(invocation->request);
	free(invocation->operands);
	*invocation = (struct invocation){0};
}

const char *invocation_option(const struct invocation *invocation, const char *name)
{
	return message_get(invocation->request, name, NULL);
}

int number_from_text(const char *text, uint64_t max, uint64_t *ret_number)
{
	uint64_t number = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned digit = (unsigned)(*text - '0');

		if (digit > 9)
			return -EINVAL;
		if (number > (max - digit) / 10)
			return -ERANGE;
		number = number * 10 + digit;
	}
	*ret_number = number;
	return 0;
}

int size_from_text(const char *text, uint64_t *ret_size)
{
	static const char units[] = "KMGT";
	size_t len = strlen(text);
	const char *unit = len ? strchr(units, text[len - 1]) : NULL;
	unsigned shift = unit ? 10 * (unsigned)(unit - units + 1) : 0;
	char digits[24];
	uint64_t number;
	int r;

	if (unit)
		len--;
	if (!len || len >= sizeof(digits))
		return -EINVAL;
	memcpy(digits, text, len);
	digits[len] = '\0';
	r = number_from_text(digits, UINT64_MAX >> shift, &number);
	if (r == 0)
		*ret_size = number << shift;
	return r;
}
