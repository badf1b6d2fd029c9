/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rule_edit.h - the way of every change of rules, roles and their settings: prepared, judged (who
 * makes it may not gain by it), shown instead of done with --dry-run, recorded, stored, in force.
 */
#ifndef FS_CMD_RULE_EDIT_H
#define FS_CMD_RULE_EDIT_H

#include "fs/cmd/vault.h"

struct rule_edit {
	const char *command; /* "grant": for complaints and remarks */
	enum audit_action action;
	struct policy_edit edit;
	bool taking_away;  /* only takes access away: holds in memory when the disk is full */
	const char *words; /* what it is, for the record; NULL: the rules that come and go */
};

/*
 * With vault->changing held. Exit code; complains. A change that another admin must make
 * (self-grant), or that leaves a role over the vault without a holder (last-holder), is refused and
 * that recorded. With the request's --dry-run it is shown, and nothing is changed or recorded;
 * `changing` is let go meanwhile. ret_effect: what it did to live handles, zeros for a dry run.
 * ret_after (may be NULL): the set that is in force, or would be; the caller unrefs.
 */
int rule_edit_perform(struct vault *vault, struct verb_call *call, struct rule_edit *edit,
	struct gate_effect *ret_effect, struct ruleset **ret_after);

/*
 * With vault->changing held: the same judgement of a change of the time zone, which is made by
 * others. Exit code; refuses, complains and records, but for a dry run says what would be.
 * *ret_recorded: an uncommon reason to record it with, or REASON_NONE.
 */
int rule_edit_judge_zone(
	struct vault *vault, struct verb_call *call, const char *words, enum reason *ret_recorded);

#endif
