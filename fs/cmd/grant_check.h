/* SPDX-License-Identifier: Apache-2.0 */
/*
 * grant_check.h - are what a new rule's words name there, and is it worth naming: programs of exe:,
 * roles of role:. Judged once, when the rule is made; who uses it later is judged by decide().
 */
#ifndef FS_CMD_GRANT_CHECK_H
#define FS_CMD_GRANT_CHECK_H

#include "fs/cmd/vault.h"

/* Exit code; complains. What is allowed but should be known is said in remarks. */
int grant_check_exes(struct verb_call *call, const struct rule *rule);
void grant_remark_on_login(struct verb_call *call, const struct rule *rule);
/* With vault->changing held. */
int grant_check_roles(struct vault *vault, struct verb_call *call, const struct rule *rule);

/*
 * A pattern that matches nothing and is a path below a mount point of this vault: EXIT_USAGE, with
 * the right spelling. With vault->changing held.
 */
int grant_check_pattern(struct vault *vault, struct verb_call *call, const struct rule *rule);
/*
 * Once the rule is made, or would be (after: the set with it): units that it names and that nobody
 * is in now, a pattern that matches nothing, and whatever else makes it do less or more than it
 * seems to. files: that it matches.
 */
void grant_remark_on_use(struct vault *vault, struct verb_call *call, const struct ruleset *after,
	const struct rule *rule, uint64_t files);
/* Files that the pattern matches now. */
uint64_t grant_matching_files(struct vault *vault, const struct rule *rule);
/*
 * A mistake that rule_from_words complained about, when what was meant is a role: replaces it.
 */
void grant_meant_role(struct vault *vault, const char *const *words, size_t count, char **mistake);
/*
 * The role of that name that somebody who mistyped may have meant, or NULL; borrowed from members.
 */
const char *near_role(const struct role_members *members, const char *name);

#endif
