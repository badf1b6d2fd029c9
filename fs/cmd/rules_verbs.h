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

/* A file of rules that the front has passed. */
struct rules_text {
	struct rule_file file;		  /* rule_file_done it */
	char digest[2 * DIGEST_SIZE + 1]; /* SHA-256 of the text, in hex */
};
/* Reads it and complains about its lines; the exit code tells only whether it could be read. */
int rules_text_load(struct verb_call *call, const char *what, struct rules_text *ret_rules);

#endif
