/* SPDX-License-Identifier: Apache-2.0 */
/*
 * question.h - what explain, why and who ask about: a place in the vault with all its names, a
 * subject, the circumstances that were said; made of a request, by its caller's rights.
 */
#ifndef FS_CMD_QUESTION_H
#define FS_CMD_QUESTION_H

#include "fs/cmd/vault.h"
#include "fs/mount/visibility.h"
#include "policy/explain.h"

struct asked {
	struct circumstances circumstances;
	struct entry_info info;
	/*
	 * The caller asks about himself without a role that may know of others: what is hidden from
	 * him is not there, and rules that do not concern him are not named.
	 */
	bool own;
	/* Owned. */
	struct subject subject;
	char *user;
	struct name_list names;
	struct path_name *paths;
	uint8_t sha256[DIGEST_SIZE];
	char *vault; /* as a word of a command */
};
#define scope_asked __attribute__((cleanup(asked_done)))
void asked_done(struct asked *asked);

/* All of them: an exit code; they complain in the name of the request's verb. */

/*
 * The time, the clock, the permission (`at`, `perm`), and whose rights: own is set unless the
 * caller is an admin or an auditor. First of all.
 */
int asked_begin(struct vault *vault, struct verb_call *call, struct asked *ret_asked);
/* Who it is: `user`, `loginuid`, `userns`, `unit`, and the program: `exe`, `exe-id`, `sha256`. */
int asked_subject(struct vault *vault, struct verb_call *call, struct asked *asked);
/* What it is: the path, and where a symbolic link leads to. Needs `own` and the permission. */
int asked_place(struct vault *vault, struct verb_call *call, struct asked *asked);

/* How the rules' words, and the file's state, decide. */
struct decision asked_decide(struct vault *vault, const struct asked *asked,
	const struct ruleset *ruleset, const struct question *question);
/* The same of list, about one after the other: with a viewer of the same rule set. */
struct decision asked_decide_list(
	const struct asked *asked, struct viewer *viewer, const struct question *question);
/* For refusal_remedies and what may be named; borrows. */
struct refusal asked_refusal(
	const struct asked *asked, const struct verb_call *call, const struct ruleset *ruleset);

/*
 * In the caller's own process: adds to the request what his files say of --exe and --sha256 @FILE.
 */
int question_add_files(struct invocation *invocation, struct output *output);

#endif
