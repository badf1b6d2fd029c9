/* SPDX-License-Identifier: Apache-2.0 */
/* rules_verbs.h - what the words of `rules` do on an open vault; for cmd_rules.c. Exit codes. */
#ifndef FS_CMD_RULES_VERBS_H
#define FS_CMD_RULES_VERBS_H

#include "fs/cmd/vault.h"
#include "policy/rule_file.h"

/* rules_list.c */
int rules_list_verb(struct vault *vault, struct verb_call *call);
/* rules_file.c */
int rules_export_verb(struct vault *vault, struct verb_call *call);
int rules_import_verb(struct vault *vault, struct verb_call *call);
/* rules_lint.c */
int rules_lint_verb(struct vault *vault, struct verb_call *call);
/* rules_suggest.c */
int rules_suggest_verb(struct vault *vault, struct verb_call *call);

/* A file of rules that the front has passed. */
struct rules_text {
	struct rule_file file;		  /* rule_file_done it */
	char digest[2 * DIGEST_SIZE + 1]; /* SHA-256 of the text, in hex */
};
/*
 * Reads the file that stands as the second operand; tell(arg, line, mistake) is called for its
 * first RULE_FILE_TOLD_MAX lines that are wrong. The exit code tells only whether it could be read.
 */
int rules_text_load(struct verb_call *call, const char *what,
	void (*tell)(void *arg, size_t line, const char *mistake), void *arg,
	struct rules_text *ret_rules);
/* How that file is named in what is said of it. */
const char *rules_text_name(const struct verb_call *call);

#endif
