/* SPDX-License-Identifier: Apache-2.0 */
/* command_name_meant.c - which command was meant by a word that is none. */
#include <string.h>
#include <strings.h>

#include "fs/cmd/command_meant.h"
#include "fs/cmd/commands.h"
#include "policy/near_word.h"

#define COMMANDS_SEEN 64
#define BEGINNING_MIN 3

/* What other tools call it. */
static const char *command_called(const char *name)
{
	static const struct {
		const char *word, *command;
	} known[] = {{"allow", "grant"}, {"permit", "grant"}, {"give", "grant"}, {"forbid", "deny"},
		{"disallow", "deny"}, {"block", "deny"}, {"ban", "deny"}, {"reject", "deny"},
		{"unmount", "umount"}, {"list", "ls"}, {"dir", "ls"}, {"move", "mv"},
		{"rename", "mv"}, {"add", "import"}, {"copy", "import"}, {"create", "init"},
		{"learn", "mode"}, {"enforce", "mode"}, {"suggest", "rules"}, {"lint", "rules"},
		{"policy", "rules"}, {"log", "audit"}, {"ungrant", "revoke"}, {"undeny", "revoke"},
		{"team", "role"}, {"check", "verify"}, {"delete", "revoke' or 'rm"},
		{"remove", "revoke' or 'rm"}, {"test", "explain"}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasecmp(known[i].word, name) == 0)
			return known[i].command;
	return NULL;
}

static const char *word_begun(const char *name, const char *const *names, size_t count)
{
	size_t len = strlen(name);

	for (size_t i = 0; i < count && len >= BEGINNING_MIN; i++)
		if (strncmp(names[i], name, len) == 0)
			return names[i];
	return NULL;
}

/*
 * In capital letters, cut off, mistyped, or with the same beginning of two letters. "rule" is of
 * rules, though role is as near.
 */
static const char *nearest_command(const char *name)
{
	const char *names[COMMANDS_SEEN] = {0}, *near;
	size_t count = 0;

	for (const struct command *command = commands; command->name; command++) {
		if (command->internal || count == COMMANDS_SEEN)
			continue;
		if (strcasecmp(command->name, name) == 0)
			return command->name;
		names[count++] = command->name;
	}
	near = word_begun(name, names, count);
	if (!near)
		near = nearest_word(name, strlen(name), names, count);
	for (size_t i = 0; i < count && !near; i++)
		if (strncmp(names[i], name, 2) == 0)
			near = names[i];
	return near ? near : "help";
}

void meant_command(const char *name, const char *next, struct output *output)
{
	const struct command *behind = next ? command_find(next) : NULL;
	const char *called = command_called(name);

	if (behind && !behind->internal && !called)
		complain(output,
			"there is no command '%s': the command comes first: modelvault %s %s ...",
			name, next, *name == '-' ? "VAULT" : name);
	else if (*name == '-')
		complain(output,
			"there is no command '%s': the command comes first, options anywhere "
			"behind it; `modelvault help` lists them",
			name);
	else
		complain(output, "there is no command '%s'; did you mean '%s'?", name,
			called ? called : nearest_command(name));
}
