/* SPDX-License-Identifier: Apache-2.0 */
/* rule_edit.c - prepares a change and takes it through its steps. */
#include "fs/cmd/rule_edit.h"

int rule_edit_perform(struct vault *vault, struct verb_call *call, struct rule_edit *edit,
	struct gate_effect *ret_effect, struct ruleset **ret_after)
{
	scope(policy_change_free) struct policy_change *change = NULL;
	scope(ruleset_unref) struct ruleset *after = NULL;
	int r;

	*ret_effect = (struct gate_effect){0};
	r = policy_prepare(vault->policy, &edit->edit, &change);
	if (r < 0) {
		complain(call->output, "%s: %s", edit->command, result_text(r));
		return exit_code_of(r);
	}
	after = ruleset_ref(policy_change_ruleset(change));
	r = vault_change_rules(
		vault, call, edit->action, &change, edit->taking_away, edit->words, ret_effect);
	if (r < 0)
		return exit_code_of(r);
	if (ret_after)
		*ret_after = take(&after);
	return r == 0 ? EXIT_DONE : EXIT_FAILED;
}
