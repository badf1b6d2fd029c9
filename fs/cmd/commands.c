/* SPDX-License-Identifier: Apache-2.0 */
/* commands.c - the table of all commands and nothing else: help, dispatch and tests read it. */
#include "fs/cmd/commands.h"

#include <string.h>

#define OPTIONS(...)                 \
	(const struct option_spec[]) \
	{                            \
		__VA_ARGS__,         \
		{                    \
			NULL, false  \
		}                    \
	}
#define FLAG(name)          \
	{                   \
		name, false \
	}
#define VALUE(name)        \
	{                  \
		name, true \
	}
#define CONDITIONS                                                                      \
	VALUE("from"), VALUE("until"), VALUE("for"), VALUE("hours"), VALUE("days"),     \
		VALUE("max-opens"), VALUE("max-bytes"), VALUE("note"), FLAG("dry-run"), \
		FLAG("json")
#define MANY 10000 /* operands: bounded by LIMIT_FIELDS anyway */

const struct command commands[] = {
	{
		.name = "init",
		.operands = "VAULT",
		.summary = "make an empty vault; who runs it becomes its admin",
		.options = OPTIONS(VALUE("new-key-file"), VALUE("new-passphrase-file"),
			VALUE("new-passphrase-fd"), VALUE("objects"), VALUE("cipher"),
			VALUE("chunk"), VALUE("timezone"), FLAG("private")),
		.min_operands = 1,
		.max_operands = 1,
		.run = run_init,
	},
	{
		.name = "import",
		.operands = "VAULT SOURCE... | -",
		.summary = "encrypt files and trees into it; names as with cp -r",
		.options = OPTIONS(VALUE("to"), FLAG("replace"), FLAG("skip"),
			FLAG("remove-source"), FLAG("dereference")),
		.min_operands = 2,
		.max_operands = MANY,
		.run = run_import,
		.needs = NEEDS_ADMIN,
	},
	{
		.name = "import-begin",
		.verb = verb_import_begin,
		.needs = NEEDS_ADMIN,
		.internal = true,
	},
	{
		.name = "import-entry",
		.verb = verb_import_entry,
		.needs = NEEDS_ADMIN,
		.internal = true,
	},
	{
		.name = "import-end",
		.verb = verb_import_end,
		.needs = NEEDS_ADMIN,
		.internal = true,
	},
	{
		.name = "export",
		.operands = "VAULT PATH DEST|-",
		.summary = "write a file or tree out in the clear; needs read, is on record",
		.options = OPTIONS(FLAG("replace"), FLAG("skip")),
		.min_operands = 3,
		.max_operands = 3,
		.run = run_export,
	},
	{
		.name = "export-look",
		.verb = verb_export_look,
		.internal = true,
	},
	{
		.name = "export-file",
		.verb = verb_export_file,
		.internal = true,
	},
	{
		.name = "ls",
		.operands = "VAULT [PATH]",
		.summary = "list what is in it",
		.options = OPTIONS(FLAG("l"), FLAG("json")),
		.min_operands = 1,
		.max_operands = 2,
		.verb = verb_ls,
		.needs = NEEDS_ANY_ROLE,
	},
	{
		.name = "rm",
		.operands = "VAULT [-r] PATH...",
		.summary = "remove names; a file's last name takes its key with it",
		.options = OPTIONS(FLAG("r")),
		.min_operands = 2,
		.max_operands = MANY,
		.verb = verb_rm,
		.needs = NEEDS_ADMIN,
	},
	{
		.name = "mv",
		.operands = "VAULT PATH... DEST",
		.summary = "rename, or move into a directory; rules go by the new names",
		.options = OPTIONS(FLAG("replace"), FLAG("dry-run")),
		.min_operands = 3,
		.max_operands = MANY,
		.verb = verb_mv,
		.needs = NEEDS_ADMIN,
	},
	{
		.name = "mkdir",
		.operands = "VAULT [-p] PATH...",
		.summary = "make directories",
		.options = OPTIONS(FLAG("p")),
		.min_operands = 2,
		.max_operands = MANY,
		.verb = verb_mkdir,
		.needs = NEEDS_ADMIN,
	},
	{
		.name = "mount",
		.operands = "VAULT MOUNTPOINT [-f] [-o OPTIONS]",
		.summary = "show the files at MOUNTPOINT to whom the rules allow",
		.options = OPTIONS(FLAG("f"), VALUE("o")),
		.min_operands = 2,
		.max_operands = 2,
		.run = run_mount,
		.verb = verb_mount,
		.needs = NEEDS_ADMIN,
	},
	{
		.name = "umount",
		.operands = "MOUNTPOINT [--force|--kill]",
		.summary = "take a mount away; lists the holders when it is busy",
		.options = OPTIONS(FLAG("force"), FLAG("kill")),
		.min_operands = 1,
		.max_operands = 1,
		.run = run_umount,
		.verb = verb_umount,
		.needs = NEEDS_ADMIN,
		.when_broken = true,
	},
	{
		.name = "status",
		.operands = "[VAULT]",
		.summary = "mounts, open files and who has them, the trail",
		.options = OPTIONS(FLAG("json")),
		.max_operands = 1,
		.run = run_status,
		.verb = verb_status,
		.needs = NEEDS_ANY_ROLE,
		.when_broken = true,
	},
	{
		.name = "grant",
		.operands = "VAULT SUBJECT... PERMS PATTERN",
		.summary = "allow: user: group: role: exe: sha256: unit: any; read,write,list",
		.options = OPTIONS(CONDITIONS),
		.min_operands = 1,
		.max_operands = MANY,
		.run = run_grant,
		.verb = verb_grant,
		.needs = NEEDS_ADMIN,
	},
	{
		.name = "deny",
		.operands = "VAULT SUBJECT... PERMS PATTERN",
		.summary = "deny, in the same words; deny wins",
		.options = OPTIONS(CONDITIONS),
		.min_operands = 1,
		.max_operands = MANY,
		.run = run_grant,
		.verb = verb_deny,
		.needs = NEEDS_ADMIN,
	},
	{
		.name = "revoke",
		.operands = "VAULT RULE... | --user NAME [--all]",
		.summary = "take rules back, open files and mappings included",
		.options = OPTIONS(
			VALUE("user"), FLAG("all"), FLAG("kill"), FLAG("dry-run"), FLAG("json")),
		.min_operands = 1,
		.max_operands = MANY,
		.run = run_revoke,
		.verb = verb_revoke,
		.needs = NEEDS_ADMIN,
	},
	{
		.name = "role",
		.operands = "VAULT list [ROLE] | add ROLE MEMBER... | remove ROLE MEMBER...",
		.summary = "who is in which role; a member is user:NAME or group:NAME",
		.options = OPTIONS(FLAG("dry-run"), FLAG("json")),
		.min_operands = 2,
		.max_operands = MANY,
		.verb = verb_role,
		.needs = NEEDS_ANY_ROLE,
	},
	{
		.name = "rules",
		.operands = "VAULT [list] | export | import FILE|- | lint [FILE|-] | suggest",
		.summary = "list the rules; all of them as a file, one a line, and back",
		.options = OPTIONS(FLAG("json"), FLAG("replace"), FLAG("dry-run"), VALUE("since"),
			FLAG("refused")),
		.min_operands = 1,
		.max_operands = 3,
		.run = run_rules,
		.verb = verb_rules,
		.needs = NEEDS_ANY_ROLE,
	},
	{
		.name = "mode",
		.operands =
			"VAULT [enforce | learn SUBJECT... PATTERN --for D | set SETTING=VALUE]",
		.summary = "show or end learning, learn accesses for a while; the vault's settings",
		.options = OPTIONS(FLAG("json"), VALUE("for"), VALUE("note"), FLAG("dry-run")),
		.min_operands = 1,
		.max_operands = MANY,
		.verb = verb_mode,
		.needs = NEEDS_ANY_ROLE,
	},
	{
		.name = "explain",
		.operands = "VAULT PATH --user U",
		.summary = "would it be allowed, by which rule, and what would change it",
		.options = OPTIONS(VALUE("user"), VALUE("perm"), VALUE("exe"), VALUE("sha256"),
			VALUE("unit"), VALUE("loginuid"), VALUE("userns"), VALUE("at"), FLAG("all"),
			FLAG("json")),
		.min_operands = 2,
		.max_operands = 2,
		.run = run_explain,
		.verb = verb_explain,
	},
	{
		.name = "why",
		.operands = "PATH-IN-A-MOUNT",
		.summary = "your own last refusal there, and what would have to change",
		.options = OPTIONS(FLAG("json")),
		.min_operands = 1,
		.max_operands = 1,
		.run = run_why,
		.verb = verb_why,
	},
	{
		.name = "who",
		.operands = "VAULT PATH",
		.summary = "who could read it today, and by which rule",
		.options = OPTIONS(VALUE("perm"), VALUE("at"), FLAG("json")),
		.min_operands = 2,
		.max_operands = 2,
		.verb = verb_who,
		.needs = NEEDS_ADMIN_OR_AUDITOR,
	},
	{
		.name = "audit",
		.operands = "VAULT [query|verify]",
		.summary = "ask the trail, or prove that it is whole",
		.options = OPTIONS(VALUE("user"), VALUE("group"), VALUE("path"), VALUE("action"),
			VALUE("outcome"), VALUE("rule"), VALUE("exe"), VALUE("unit"),
			VALUE("since"), VALUE("until"), VALUE("limit"), VALUE("order"),
			FLAG("count"), FLAG("json"), VALUE("public-key"), VALUE("trail")),
		.min_operands = 1,
		.max_operands = 2,
		.run = run_audit,
		.verb = verb_audit,
		.needs = NEEDS_AUDITOR,
		.when_broken = true,
	},
	{
		.name = "key",
		.operands = "VAULT slots | add | remove N | rotate | rekey | destroy PATH...",
		.summary = "the ways to unlock; new keys; the end of a file's key",
		.options = OPTIONS(FLAG("json"), VALUE("new-key-file"),
			VALUE("new-passphrase-file"), VALUE("new-passphrase-fd")),
		.min_operands = 2,
		.max_operands = MANY,
		.run = run_key,
		.verb = verb_key,
		.needs = NEEDS_CUSTODIAN,
		.many_secrets = true,
	},
	{
		.name = "backup",
		.operands = "VAULT DEST",
		.summary = "a copy of everything in DEST, while it is in use; again: what is new",
		.min_operands = 2,
		.max_operands = 2,
		.run = run_backup,
		.verb = verb_backup,
		.needs = NEEDS_CUSTODIAN,
	},
	{
		.name = "restore",
		.operands = "VAULT BACKUP",
		.summary = "put a backup in the place of a vault; what was there is kept aside",
		.min_operands = 2,
		.max_operands = 2,
		.run = run_restore,
	},
	{
		.name = "recover",
		.operands = "VAULT",
		.summary = "put keystore.copy in the place of a lost or broken keystore.db",
		.min_operands = 1,
		.max_operands = 1,
		.run = run_recover,
	},
	{
		.name = "accept",
		.operands = "VAULT --database | --clock",
		.summary = "the databases, or the clock, are right as they are",
		.options = OPTIONS(FLAG("database"), FLAG("clock")),
		.min_operands = 1,
		.max_operands = 1,
		.run = run_accept,
		.verb = verb_accept,
		.needs = NEEDS_ADMIN,
	},
	{
		.name = "verify",
		.operands = "VAULT [PATH...]",
		.summary = "check every byte of every object",
		.options = OPTIONS(FLAG("json")),
		.min_operands = 1,
		.max_operands = MANY,
		.verb = verb_verify,
		.needs = NEEDS_ANY_ROLE,
		.when_broken = true,
	},
	{
		.name = "version",
		.operands = "",
		.summary = "the program's version",
		.run = run_version,
	},
	{
		.name = "help",
		.operands = "[COMMAND]",
		.summary = "this, or a command's options",
		.options = OPTIONS(FLAG("table")),
		.max_operands = 1,
		.run = run_help,
	},
	{.name = NULL},
};

const struct command *command_find(const char *name)
{
	for (const struct command *command = commands; command->name; command++) {
		if (strcmp(command->name, name) == 0)
			return command;
	}
	return NULL;
}
