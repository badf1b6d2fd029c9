/* SPDX-License-Identifier: Apache-2.0 */
/*
 * command.h - what a command is. Its front (run) parses the command line into a request and prints;
 * its verb does the work on an open vault. The same verb runs in the server that holds the vault,
 * called over the socket, or in the command's own process after it unlocked the vault.
 */
#ifndef FS_CMD_COMMAND_H
#define FS_CMD_COMMAND_H

#include "fs/control/message.h"
#include "keystore/base/result.h"
#include "policy/policy.h"

/* The exit codes are a contract (contrib/man, DESIGN section 7) and never reused. */
enum exit_code {
	EXIT_DONE = 0,
	EXIT_FAILED = 1, /* also: done in part */
	EXIT_USAGE = 2,
	EXIT_REFUSED = 3, /* by policy or role */
	EXIT_KEY = 4,	  /* wrong key, or locked */
	EXIT_INTEGRITY = 5,
	EXIT_NOT_FOUND = 6,
	EXIT_BUSY = 7, /* or already mounted */
};

/* The exit code for a result; never EXIT_DONE for a negative one. */
int exit_code_of(int result);
/* Of several operands of which `done` came before: what all have in common; else done in part. */
int exit_code_join(int so_far, int code, size_t done);

struct vault;

/* Where a verb's words go, and a file's bytes. */
struct output {
	int (*write)(void *arg, int stream, const void *bytes, size_t len);
	/* A verb's: a file's bytes; never waits for ever. NULL: nobody takes such. */
	int (*pour)(void *arg, const void *bytes, size_t len);
	/* A caller's: a server pours into this pipe, which is the callee's. */
	int (*take_pipe)(void *arg, int fd);
	void *arg;
	int failed; /* the first failure of write, or 0 */
};

/* Text for standard output. */
void say(struct output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
void say_bytes(struct output *output, const void *bytes, size_t len);
/* One line for standard error: "modelvault: " and '\n' are added; control bytes are escaped. */
void complain(struct output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A line for standard error that is no complaint: only '\n' is added. */
void remark(struct output *output, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The ending of a noun after this number: "" for 1, else "s". */
const char *plural(uint64_t count);
/* Output to this process's own standard output and error. */
struct output output_to_terminal(void);
/* At the end: the exit code, or EXIT_FAILED when words for standard output were lost; complains. */
int output_check(int code, struct output *output);
/* For one who only looks whether it works. */
struct output output_to_nowhere(void);

/* One call of a verb. */
struct verb_call {
	struct message
		*request; /* fields: verb, arg (operands after VAULT, several), options by name */
	const struct subject *caller;
	const char *via; /* "socket" or "slot N": how the caller came by the right */
	bool by_slot;	 /* holds a slot secret: counts as every role */
	struct output *output;
};

struct option_spec {
	const char *name; /* without the dashes */
	bool takes_value;
};

enum needed_role {
	NEEDS_NOTHING, /* everybody; the verb itself judges */
	NEEDS_ADMIN,
	NEEDS_AUDITOR,
	NEEDS_CUSTODIAN,
	NEEDS_ADMIN_OR_AUDITOR,
	NEEDS_ANY_ROLE,
};

struct invocation;

struct command {
	const char *name;
	const char *operands; /* for help: "VAULT [PATH]" */
	const char *summary;
	const struct option_spec *options;   /* ends with a NULL name; NULL: none */
	unsigned min_operands, max_operands; /* VAULT included */
	/* NULL: run_verb, which finds the server or unlocks, and calls the verb of the same name.
	 */
	int (*run)(struct invocation *invocation);
	/* The work; NULL for commands that are none of a vault's. Returns an exit code. */
	int (*verb)(struct vault *vault, struct verb_call *call);
	enum needed_role needs;
	bool when_broken; /* gives nothing: the own user of the server may, when no role is sound */
	bool many_secrets; /* the options that unlock may be given more than once; run judges */
	bool internal;	   /* a verb only, between our own processes: not a command of the user's */
};

/* All commands; ends with a NULL name. */
extern const struct command commands[];
const struct command *command_find(const char *name);

/* One command line, parsed. */
struct invocation {
	const struct command *command;
	struct message *request;
	const char *vault;     /* first operand, or NULL */
	const char **operands; /* all of them */
	size_t operand_count;
};

/* The value of an option, or NULL. */
const char *invocation_option(const struct invocation *invocation, const char *name);

/* dispatch.c */

/* Calls the request's verb: through the server when there is one, else after unlocking here. */
int run_verb(struct invocation *invocation);

/* The operand after VAULT, or NULL. */
const char *verb_operand(const struct verb_call *call, size_t index, size_t *ret_len);
bool verb_flag(const struct verb_call *call, const char *name);
bool caller_holds(struct vault *vault, const struct verb_call *call, enum role role);
/*
 * EXIT_DONE when the caller holds what is needed; else that is recorded and complained about. For a
 * verb of which one part needs more than another.
 */
int verb_require(struct vault *vault, struct verb_call *call, const struct command *command,
	enum needed_role needs);
/* EXIT_DONE when the caller holds it; else refused, on record, and told: "rules import: ...". */
int caller_must_hold(
	struct vault *vault, const struct verb_call *call, enum role role, const char *what);
/* Checks the command's role, calls its verb. */
int verb_perform(struct vault *vault, struct verb_call *call);

#endif
