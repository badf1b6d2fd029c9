/* SPDX-License-Identifier: Apache-2.0 */
/* rules_list.c - `rules VAULT [list] [--json]`: each rule, and what is the matter with it. */
#include "fs/cmd/rule_report.h"
#include "fs/cmd/rules_verbs.h"
#include "keystore/base/clock.h"

static int json_line_of(const struct rule *rule, int64_t now_ns, struct buffer *to)
{
	scope(json_free) struct json *json = json_new();
	int r = rule_to_json(rule, json);

	if (r < 0)
		return r;
	json_time(json, "created", rule->created_ns);
	json_int(json, "created_by", rule->created_by);
	json_bool(json, "stale", rule_is_stale(rule));
	json_text(json, "state", rule_state_word(rule_state_of(rule, now_ns)));
	return json_line(json, to);
}

/* What is the matter stands as a comment: the rest can be pasted. */
static int text_line_of(const struct rule *rule, int64_t now_ns, struct buffer *to)
{
	const char *matter = rule_state_text(rule_state_of(rule, now_ns));
	int r;

	buffer_add_format(to, "%llu ", (unsigned long long)rule->number);
	r = rule_to_text(rule, to);
	if (matter)
		buffer_add_format(to, "  # %s", matter);
	buffer_add_text(to, "\n");
	return r;
}

int rules_list_verb(struct vault *vault, struct verb_call *call)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	bool json = verb_flag(call, "json");
	int64_t now_ns = clock_now_ns();
	int r = 0;

	if (policy_is_broken(vault->policy))
		complain(call->output,
			"the rules in keystore.db were changed by somebody without a key: "
			"every open is refused (seal-broken) until it is restored");
	for (size_t i = 0; i < ruleset_count(ruleset) && r == 0; i++) {
		const struct rule *rule = ruleset_at(ruleset, i);
		scope_buffer struct buffer line = {0};

		r = json ? json_line_of(rule, now_ns, &line) : text_line_of(rule, now_ns, &line);
		if (r == 0)
			say_bytes(call->output, line.data, line.len);
	}
	if (r < 0)
		complain(call->output, "rules: %s", result_text(r));
	return r < 0 ? EXIT_FAILED : policy_is_broken(vault->policy) ? EXIT_INTEGRITY : EXIT_DONE;
}
