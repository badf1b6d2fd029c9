/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_grant.c - `grant` and `deny`: the rule's number alone on standard output, the rule in full
 * words and how many files it matches now on standard error.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/tree_walk.h"
#include "fs/cmd/vault.h"
#include "keystore/base/clock.h"
#include "policy/path_pattern.h"

struct matching {
	const struct path_pattern *pattern;
	uint64_t files;
};

static int count_match(void *arg, const char *path, size_t len, const struct entry_info *info)
{
	struct matching *matching = arg;

	if (info->kind == ENTRY_FILE && path_pattern_matches(matching->pattern, path, len))
		matching->files++;
	return 0;
}

static uint64_t matching_files(struct vault *vault, const struct rule *rule)
{
	scope(path_pattern_free) struct path_pattern *pattern = NULL;
	struct matching matching = {0};
	struct entry_info root;

	if (path_pattern_new(rule->pattern, rule->pattern_len, &pattern, NULL) < 0 ||
		keystore_stat(vault->keystore, ROOT_INO, &root) < 0)
		return 0;
	matching.pattern = pattern;
	tree_walk(vault->keystore, "", 0, &root, count_match, &matching);
	return matching.files;
}

static int parse_rule(struct verb_call *call, enum rule_effect effect, struct rule *ret_rule)
{
	size_t count = message_count(call->request, "arg");
	const char **words = calloc(count + 1, sizeof(*words));
	scope_free char *mistake = NULL;
	int r;

	if (!words)
		return -ENOMEM;
	for (size_t i = 0; i < count; i++)
		words[i] = verb_operand(call, i, NULL);
	r = rule_from_words(effect, words, count, ret_rule, &mistake);
	free(words);
	if (r < 0)
		complain(call->output, "%s: %s", effect == RULE_ALLOW ? "grant" : "deny",
			mistake ? mistake : result_text(r));
	return r;
}

static int add_rule(struct vault *vault, struct verb_call *call, struct rule *rule)
{
	scope(policy_change_free) struct policy_change *change = NULL;
	scope_buffer struct buffer words = {0};
	struct policy_edit edit = {.added = rule, .added_count = 1};
	bool deny = rule->effect == RULE_DENY;
	struct gate_effect effect;
	uint64_t files;
	int r;

	rule->created_ns = clock_now_ns();
	rule->created_by = call->caller->uid;
	r = policy_prepare(vault->policy, &edit, &change);
	if (r == 0)
		r = rule_describe(rule, &words);
	if (r < 0) {
		complain(call->output, "%s: %s", deny ? "deny" : "grant", result_text(r));
		return EXIT_FAILED;
	}
	r = vault_change_rules(vault, call, deny ? AUDIT_DENY : AUDIT_GRANT, &change, deny,
		buffer_text(&words), &effect);
	if (r < 0)
		return exit_code_of(r);
	say(call->output, "%llu\n", (unsigned long long)rule->number);
	files = matching_files(vault, rule);
	remark(call->output, "%s; it matches %llu file%s now", buffer_text(&words),
		(unsigned long long)files, plural(files));
	if (effect.ended)
		remark(call->output, "%llu open handle%s ended", (unsigned long long)effect.ended,
			plural(effect.ended));
	return r == 0 ? EXIT_DONE : EXIT_FAILED;
}

static int grant_or_deny(struct vault *vault, struct verb_call *call, enum rule_effect effect)
{
	scope_rule struct rule rule = {0};
	int code, r;

	r = parse_rule(call, effect, &rule);
	if (r < 0)
		return r == -EINVAL ? EXIT_USAGE : exit_code_of(r);
	pthread_mutex_lock(&vault->changing);
	code = add_rule(vault, call, &rule);
	pthread_mutex_unlock(&vault->changing);
	return code;
}

int verb_grant(struct vault *vault, struct verb_call *call)
{
	return grant_or_deny(vault, call, RULE_ALLOW);
}

int verb_deny(struct vault *vault, struct verb_call *call)
{
	return grant_or_deny(vault, call, RULE_DENY);
}
