/* SPDX-License-Identifier: Apache-2.0 */
/* command_meant.c - tables of what people write for what; nothing that is guessed here is done. */
#include "fs/cmd/command_meant.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "fs/cmd/options.h"
#include "keystore/base/bytes.h"
#include "policy/near_word.h"
#include "policy/rule_text.h"

#define OPTIONS_SEEN 32
#define DIGITS	     "0123456789"

static bool is_grant(const struct command *command)
{
	return strcmp(command->name, "grant") == 0 || strcmp(command->name, "deny") == 0;
}

/* ---- options ---- */

/* Names of all that the command takes. */
static size_t names_of(const struct command *command, const char *ret_names[OPTIONS_SEEN])
{
	const struct option_spec *lists[] = {
		command->options, command->min_operands ? unlock_options : NULL};
	size_t count = 0;

	for (size_t i = 0; i < ARRAY_SIZE(lists); i++)
		for (const struct option_spec *spec = lists[i];
			spec && spec->name && count < OPTIONS_SEEN; spec++)
			ret_names[count++] = spec->name;
	return count;
}

static bool is_word(const char *word, const char *name, size_t len)
{
	return strlen(word) == len && memcmp(word, name, len) == 0;
}

/* What other tools call it, of which the command has the first. */
static const char *option_called(
	const char *name, size_t len, const char *const *names, size_t count)
{
	static const struct {
		const char *word, *option;
	} known[] = {{"time", "hours"}, {"time", "at"}, {"time", "timezone"}, {"when", "at"},
		{"hour", "hours"}, {"tz", "timezone"}, {"zone", "timezone"}, {"since", "from"},
		{"from", "since"}, {"start", "from"}, {"begin", "from"}, {"after", "from"},
		{"to", "until"}, {"end", "until"}, {"till", "until"}, {"expires", "until"},
		{"expiry", "until"}, {"before", "until"}, {"duration", "for"}, {"weekdays", "days"},
		{"comment", "note"}, {"reason", "note"}, {"message", "note"},
		{"opens", "max-opens"}, {"max-reads", "max-opens"}, {"on", "at"},
		{"bytes", "max-bytes"}, {"max-size", "max-bytes"}, {"quota", "max-bytes"},
		{"permission", "perm"}, {"perms", "perm"}, {"permissions", "perm"},
		{"program", "exe"}, {"service", "unit"}, {"login", "loginuid"}, {"uid", "user"},
		{"hash", "sha256"}, {"simulate", "dry-run"}, {"preview", "dry-run"},
		{"dryrun", "dry-run"}, {"key", "key-file"}, {"keyfile", "key-file"},
		{"password-file", "passphrase-file"}, {"new-key", "new-key-file"},
		{"recursive", "r"}, {"options", "o"}, {"foreground", "f"}, {"long", "l"},
		{"overwrite", "replace"}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (is_word(known[i].word, name, len) &&
			word_in(known[i].option, strlen(known[i].option), names, count))
			return known[i].option;
	return NULL;
}

/* "max-o": the one option that begins so. */
static const char *option_begun(
	const char *name, size_t len, const char *const *names, size_t count)
{
	const char *found = NULL;

	for (size_t i = 0; i < count && len >= 3; i++) {
		if (strncmp(names[i], name, len) != 0)
			continue;
		if (found)
			return NULL;
		found = names[i];
	}
	return found;
}

/* Subjects, permissions and exceptions are not options of a rule. */
static bool meant_word_of_rule(const struct command *command, const char *argument,
	const char *name, size_t len, struct output *output)
{
	static const char *const kinds[] = {
		"user", "group", "role", "exe", "sha256", "unit", "loginuid", "userns"};
	static const char *const exceptions[] = {
		"except", "exclude", "excluding", "but", "without", "not", "unless"};
	static const char *const permissions[] = {
		"read", "write", "list", "perm", "perms", "permission", "permissions"};

	if (word_in(name, len, exceptions, ARRAY_SIZE(exceptions)))
		complain(output,
			"%s: unknown option '%s': an exception is a rule of its own, and deny "
			"wins: modelvault deny VAULT user:NAME read 'PATTERN'",
			command->name, argument);
	else if (word_in(name, len, kinds, ARRAY_SIZE(kinds)))
		complain(output, "%s: unknown option '%s': who is a word, not an option: %.*s:%s",
			command->name, argument, (int)len, name,
			is_word("userns", name, len) ? "contained" : "NAME");
	else if (word_in(name, len, permissions, ARRAY_SIZE(permissions)))
		complain(output,
			"%s: unknown option '%s': permissions are a word before the pattern: %.*s "
			"'PATTERN'",
			command->name, argument, *name == 'p' ? 4 : (int)len,
			*name == 'p' ? "read" : name);
	else
		return false;
	return true;
}

bool meant_option(const struct command *command, const char *argument, const char *name, size_t len,
	struct output *output)
{
	const char *names[OPTIONS_SEEN], *meant;
	size_t count = names_of(command, names);

	if (is_grant(command) && meant_word_of_rule(command, argument, name, len, output))
		return true;
	meant = option_called(name, len, names, count);
	if (!meant)
		meant = option_begun(name, len, names, count);
	/* "-until" is one dash short. */
	for (size_t i = 0; i < count && !meant; i++)
		if (is_word(names[i], name, len))
			meant = names[i];
	if (!meant)
		meant = nearest_word(name, len, names, count);
	if (meant)
		complain(output, "%s: unknown option '%s'; did you mean %s%s?", command->name,
			argument, meant[1] ? "--" : "-", meant);
	return meant != NULL;
}

/* ---- values ---- */

/* "18:00", "9:30:00" */
static bool is_time_of_day(const char *word)
{
	size_t digits = strspn(word, DIGITS);

	return digits >= 1 && digits <= 2 && word[digits] == ':' &&
	       strspn(word + digits + 1, DIGITS ":") >= 2 && word[strspn(word, DIGITS ":")] == '\0';
}

static bool is_date(const char *word)
{
	return strlen(word) == 10 && word[4] == '-' && word[7] == '-' &&
	       word[strspn(word, DIGITS "-")] == '\0';
}

static bool begins(const char *value, const char *kind)
{
	size_t len = strlen(kind);

	return strncmp(value, kind, len) == 0 && value[len] == ':' && value[len + 1];
}

/* A subject word where its name alone is asked for. */
static bool meant_name_alone(
	const struct command *command, const char *option, const char *value, struct output *output)
{
	static const struct {
		const char *option, *kind;
	} known[] = {{"user", "user"}, {"user", "loginuid"}, {"group", "group"}, {"exe", "exe"},
		{"unit", "unit"}, {"sha256", "sha256"}, {"loginuid", "loginuid"},
		{"loginuid", "user"}, {"userns", "userns"}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++) {
		if (strcmp(known[i].option, option) != 0 || !begins(value, known[i].kind))
			continue;
		complain(output, "%s: --%s %s: here it stands without '%s:': --%s %s",
			command->name, option, value, known[i].kind, option,
			value + strlen(known[i].kind) + 1);
		return true;
	}
	if (strcmp(option, "user") != 0 || (!begins(value, "role") && !begins(value, "group")))
		return false;
	if (begins(value, "role"))
		complain(output,
			"%s: --user %s: a user is meant, one of the role; `modelvault role VAULT "
			"list %s` shows who they are",
			command->name, value, value + 5);
	else
		complain(output,
			"%s: --user %s: a user is meant, one of the group; `getent group %s` shows "
			"who they are",
			command->name, value, value + 6);
	return true;
}

/* Does what stands behind a value look like more of it? */
static bool goes_on(const char *option, const char *next)
{
	static const struct {
		const char *option, *words[12];
	} known[] = {{"hours", {"-", "to", "until"}},
		{"days", {"-", ",", "to", "mon", "tue", "wed", "thu", "fri", "sat", "sun"}},
		{"max-opens", {"/", "per", "a", "each", "every", "opens", "times", "in"}},
		{"max-bytes", {"/", "per", "a", "each", "every", "bytes", "GB", "G", "in"}},
		{"for", {"m", "h", "d", "w", "minutes", "hours", "days", "weeks", "months"}}};

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		for (size_t j = 0; strcmp(known[i].option, option) == 0 && known[i].words[j]; j++)
			if (strcasecmp(known[i].words[j], next) == 0)
				return true;
	return strcmp(option, "hours") == 0 && is_time_of_day(next);
}

/* "--hours 09:00 - 17:00": one value in several words. */
static bool meant_one_word(const struct command *command, const char *option, const char *value,
	const char *next, struct output *output)
{
	static const char *const examples[][2] = {{"hours", "09:00-18:00"}, {"days", "mon-fri"},
		{"max-opens", "20/day"}, {"max-bytes", "200G/day"}, {"for", "30d"}};

	if (!goes_on(option, next))
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(examples); i++)
		if (strcmp(examples[i][0], option) == 0)
			complain(output,
				"%s: --%s %s %s: the value is one word without blanks, as in --%s "
				"%s",
				command->name, option, value, next, option, examples[i][1]);
	return true;
}

bool meant_value(const struct command *command, const char *option, const char *value,
	const char *next, struct output *output)
{
	static const char *const times[] = {"from", "until", "at", "since"};

	if (next && word_in(option, strlen(option), times, ARRAY_SIZE(times)) && is_date(value) &&
		is_time_of_day(next)) {
		complain(output,
			"%s: --%s %s %s: day and time are one word; quote it: --%s '%s %s'",
			command->name, option, value, next, option, value, next);
		return true;
	}
	return (next && meant_one_word(command, option, value, next, output)) ||
	       meant_name_alone(command, option, value, output);
}

/* ---- operands ---- */

static bool is_permissions(const char *word)
{
	unsigned permissions;

	return permissions_from_text(word, &permissions) == 0;
}

/* Is it something that stands behind VAULT? */
static bool belongs_behind(const struct invocation *invocation, const char *word)
{
	static const struct {
		const char *command, *word;
	} known[] = {{"role", "list"}, {"role", "add"}, {"role", "remove"}, {"rules", "list"},
		{"rules", "export"}, {"rules", "import"}, {"rules", "lint"}, {"rules", "suggest"},
		{"mode", "enforce"}, {"mode", "learn"}, {"mode", "set"}, {"audit", "query"},
		{"audit", "verify"}, {"key", "slots"}, {"key", "add"}, {"key", "remove"},
		{"key", "rotate"}, {"key", "rekey"}, {"key", "destroy"}};
	const struct command *command = invocation->command;

	if (is_grant(command))
		return word_means_subject(word) || is_permissions(word) ||
		       (invocation->operand_count > 1 && is_permissions(invocation->operands[1]));
	if (strcmp(command->name, "revoke") == 0)
		return *word && word[strspn(word, DIGITS)] == '\0';
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(known[i].command, command->name) == 0 &&
			strcmp(known[i].word, word) == 0)
			return true;
	return false;
}

static bool meant_without_vault(const struct invocation *invocation, struct output *output)
{
	const char *first = invocation->vault, *name = invocation->command->name;

	if (!first || strcmp(first, "@") == 0 || !belongs_behind(invocation, first) ||
		access(first, F_OK) == 0)
		return false;
	complain(output,
		"%s: VAULT is missing before %s: a vault's directory or mount point, or @ for "
		"$MODELVAULT: modelvault %s @ %s%s",
		name, first, name, first, invocation->operand_count > 1 ? " ..." : "");
	return true;
}

/* "unit:infer.service", "read": the option that says it; NULL: none. */
static const char *meant_circumstance(const char *word)
{
	static const char *const kinds[] = {"unit", "exe", "sha256", "loginuid", "userns"};

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (begins(word, kinds[i]))
			return kinds[i];
	return is_permissions(word) ? "perm" : NULL;
}

static bool meant_question(const struct invocation *invocation, struct output *output)
{
	const char *const *operands = invocation->operands;
	const char *name = invocation->command->name;
	size_t count = invocation->operand_count;
	const char *user = count > 2 ? operands[2] : "";

	if (begins(user, "user"))
		user += 5;
	if (strcmp(name, "explain") == 0 && count == 1)
		complain(output, "explain: which path? explain VAULT PATH --user NAME");
	else if (strcmp(name, "who") == 0 && count == 1)
		complain(output, "who: which path? who VAULT PATH");
	else if (strcmp(name, "explain") == 0 && count == 3 && meant_circumstance(operands[2]))
		complain(output, "explain: '%s' is one operand too many: did you mean --%s %s?",
			operands[2], meant_circumstance(operands[2]),
			is_permissions(operands[2]) ? operands[2] : strchr(operands[2], ':') + 1);
	else if (strcmp(name, "explain") == 0 && count == 3 &&
		 !invocation_option(invocation, "user"))
		complain(output, "explain: '%s' is one operand too many; for a user: --user %s",
			operands[2], user);
	else if (strcmp(name, "who") == 0 && count == 3)
		complain(output,
			"who: '%s' is one operand too many; who is about everybody, of one user "
			"tells `modelvault explain %s %s --user %s`",
			operands[2], operands[0], operands[1], user);
	else if (strcmp(name, "why") == 0 && count == 2)
		complain(output,
			"why: '%s' is one operand too many: it takes a path in a mount, as in why "
			"/MOUNTPOINT/%s, and is about your own last refusal there; of others tells "
			"`modelvault explain %s %s --user NAME`",
			operands[1], operands[1], operands[0], operands[1]);
	else
		return false;
	return true;
}

/* "rules VAULT grant user:alice ...": a command of its own. */
static bool meant_other_command(const struct invocation *invocation, struct output *output)
{
	static const char *const changes[][2] = {{"grant", "grant"}, {"add", "grant"},
		{"allow", "grant"}, {"deny", "deny"}, {"revoke", "revoke"}, {"remove", "revoke"},
		{"delete", "revoke"}, {"del", "revoke"}, {"rm", "revoke"}};
	const char *const *operands = invocation->operands;

	if (strcmp(invocation->command->name, "rules") != 0 || invocation->operand_count < 2)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		if (strcmp(changes[i][0], operands[1]) != 0)
			continue;
		complain(output, "rules: '%s' is a command of its own: modelvault %s %s ...",
			operands[1], changes[i][1], operands[0]);
		return true;
	}
	return false;
}

bool meant_operands(const struct invocation *invocation, struct output *output)
{
	return meant_without_vault(invocation, output) || meant_other_command(invocation, output) ||
	       meant_question(invocation, output);
}
