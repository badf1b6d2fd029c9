/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_explain.c - `explain VAULT PATH --user U ...`: the decision that enforcement would make, with
 * every rule that was considered, and for a refusal what would have to change. Exit 0 allow, 3
 * deny.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/question.h"
#include "keystore/base/json.h"
#include "policy/rule_text.h"

struct explaining {
	struct verb_call *call;
	const struct asked *asked;
	const struct ruleset *ruleset;
	struct supposed supposed;
	struct refusal refusal;
	bool json, all;
	size_t index;	 /* of the rule that is considered next */
	uint64_t hidden; /* rules that were left out as they have nothing to do with it */
	int failed;
};

static void say_json(struct explaining *explaining, struct json *json)
{
	scope_buffer struct buffer line = {0};

	if (json_line(json, &line) < 0)
		explaining->failed = -ENOMEM;
	say_bytes(explaining->call->output, line.data, line.len);
}

static void json_rule(struct json *json, const char *name, uint64_t rule)
{
	if (rule)
		json_int(json, name, (int64_t)rule);
	else
		json_unknown(json, name);
}

/* ---- the rules ---- */

static bool has_to_do_with_it(const struct explaining *explaining, size_t index)
{
	const struct circumstances *circumstances = &explaining->asked->circumstances;

	if (rule_may_concern(explaining->ruleset, index, &circumstances->subject))
		return true;
	for (size_t i = 0; i < circumstances->name_count; i++)
		if (ruleset_matches_path(explaining->ruleset, index, circumstances->names[i].path,
			    circumstances->names[i].len))
			return true;
	return false;
}

static void detail_of(const struct explaining *explaining,
	const struct consideration *consideration, size_t index, struct buffer *to)
{
	explain_obstacle(explaining->ruleset, index, &explaining->asked->circumstances,
		&explaining->supposed, consideration->obstacle, to);
	if (consideration->obstacle == OBSTACLE_SUBJECT && rule_is_stale(consideration->rule))
		buffer_add_text(to, "; stale: a name has another number now");
}

static void show_rule_json(struct explaining *explaining, const struct consideration *consideration,
	const struct buffer *detail, const struct buffer *words)
{
	scope(json_free) struct json *json = json_new();

	json_text(json, "kind", "rule");
	json_int(json, "rule", (int64_t)consideration->rule->number);
	json_text(json, "effect", rule_effect_word(consideration->rule->effect));
	json_bytes(json, "words", words->data, words->len);
	json_text(json, "obstacle",
		consideration->obstacle == OBSTACLE_NONE ? NULL
							 : obstacle_text(consideration->obstacle));
	json_text(json, "detail", detail->len ? buffer_text(detail) : NULL);
	json_bool(json, "matches", consideration->obstacle == OBSTACLE_NONE);
	say_json(explaining, json);
}

static void show_rule_text(struct explaining *explaining, const struct consideration *consideration,
	const struct buffer *detail, const struct buffer *words)
{
	enum obstacle obstacle = consideration->obstacle;
	/* What differs says enough; what is used up, or matches, is said first. */
	bool named = obstacle == OBSTACLE_NONE || obstacle == OBSTACLE_BUDGET || !detail->len;

	say(explaining->call->output, "rule %llu (%s%s%s) %s\n",
		(unsigned long long)consideration->rule->number,
		named ? obstacle_text(obstacle) : "", named && detail->len ? ": " : "",
		buffer_text(detail), buffer_text(words));
}

static void show_consideration(void *arg, const struct consideration *consideration)
{
	struct explaining *explaining = arg;
	scope_buffer struct buffer words = {0}, detail = {0};
	size_t index = explaining->index++;

	if (!refusal_may_name(&explaining->refusal, explaining->ruleset, index))
		return;
	if (!explaining->json && !explaining->all && !has_to_do_with_it(explaining, index)) {
		explaining->hidden++;
		return;
	}
	rule_to_text(consideration->rule, &words);
	detail_of(explaining, consideration, index, &detail);
	if (words.failed || detail.failed)
		explaining->failed = -ENOMEM;
	else if (explaining->json)
		show_rule_json(explaining, consideration, &detail, &words);
	else
		show_rule_text(explaining, consideration, &detail, &words);
}

/* ---- the names of a file that has several ---- */

static void show_name(struct explaining *explaining, const struct path_name *name,
	const struct decision *decision)
{
	bool allow = decision->verdict == VERDICT_ALLOW;

	if (explaining->json) {
		scope(json_free) struct json *json = json_new();

		json_text(json, "kind", "name");
		json_bytes(json, "path", name->path, name->len);
		json_text(json, "verdict", allow ? "allow" : "deny");
		json_rule(json, "rule", decision->rule);
		json_text(json, "reason", reason_word(decision->reason));
		say_json(explaining, json);
		return;
	}
	scope_free char *shown = text_for_terminal(name->path, name->len);

	say(explaining->call->output, "name %s: %s", shown ? shown : "",
		allow ? "allowed" : "refused");
	if (decision->rule)
		say(explaining->call->output, " by rule %llu", (unsigned long long)decision->rule);
	say(explaining->call->output, " (%s)\n", reason_word(decision->reason));
}

/* Each by itself: which rule covers it. */
static void show_names(struct explaining *explaining)
{
	const struct circumstances *circumstances = &explaining->asked->circumstances;
	struct question question = explaining->supposed.question;

	if (circumstances->name_count < 2)
		return;
	question.name_count = 1;
	for (size_t i = 0; i < circumstances->name_count; i++) {
		struct decision decision;

		question.names = &circumstances->names[i];
		decision = decide(explaining->ruleset, &question);
		show_name(explaining, &circumstances->names[i], &decision);
	}
}

/* ---- the verdict ---- */

static void show_verdict_json(struct explaining *explaining, const struct decision *decision,
	const struct remedies *remedies)
{
	scope(json_free) struct json *json = json_new();

	json_text(json, "kind", "verdict");
	json_text(json, "verdict", decision->verdict == VERDICT_ALLOW ? "allow" : "deny");
	json_rule(json, "rule", decision->rule);
	json_text(json, "reason", reason_word(decision->reason));
	json_text_array(json, "would_help", (const char *const *)remedies->texts, remedies->count);
	say_json(explaining, json);
}

static void show_verdict_text(struct explaining *explaining, const struct decision *decision,
	const struct remedies *remedies)
{
	struct output *output = explaining->call->output;

	say(output, "%s", decision->verdict == VERDICT_ALLOW ? "allow" : "deny");
	if (decision->rule)
		say(output, " by rule %llu", (unsigned long long)decision->rule);
	say(output, " (%s: %s)\n", reason_word(decision->reason), reason_text(decision->reason));
	for (size_t i = 0; i < remedies->count; i++)
		say(output, "%s: %s\n", i ? "or if" : "it would be allowed if", remedies->texts[i]);
	if (explaining->hidden)
		remark(output, "%llu more rule%s of others and for other paths: --all shows %s",
			(unsigned long long)explaining->hidden, plural(explaining->hidden),
			explaining->hidden == 1 ? "it" : "them");
}

static bool is_of_rules(enum reason reason)
{
	return reason != REASON_SEAL_BROKEN && reason != REASON_ROW_DAMAGED;
}

static int explain(struct vault *vault, struct explaining *explaining)
{
	const struct asked *asked = explaining->asked;
	scope_remedies struct remedies remedies = {0};
	struct decision decision;
	int r = 0;

	circumstances_suppose(explaining->ruleset, &asked->circumstances, &explaining->supposed);
	decide_traced(explaining->ruleset, &explaining->supposed.question, show_consideration,
		explaining);
	show_names(explaining);
	decision = asked_decide(vault, asked, explaining->ruleset, &explaining->supposed.question);
	if (decision.verdict != VERDICT_ALLOW && is_of_rules(decision.reason))
		r = refusal_remedies(&explaining->refusal, &remedies);
	/* A directory above is denied. */
	if (r == 0 && decision.reason == REASON_RULE_DENY && !remedies.count)
		r = remedies_add_revoke(&remedies, explaining->ruleset, decision.rule);
	if (explaining->json)
		show_verdict_json(explaining, &decision, &remedies);
	else
		show_verdict_text(explaining, &decision, &remedies);
	if (r < 0 || explaining->failed) {
		complain(explaining->call->output, "explain: %s",
			result_text(r < 0 ? r : explaining->failed));
		return EXIT_FAILED;
	}
	return decision.verdict == VERDICT_ALLOW ? EXIT_DONE : EXIT_REFUSED;
}

int verb_explain(struct vault *vault, struct verb_call *call)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	scope_asked struct asked asked = {0};
	struct explaining explaining = {
		.call = call,
		.asked = &asked,
		.ruleset = ruleset,
		.json = verb_flag(call, "json"),
		.all = verb_flag(call, "all"),
	};
	int code;

	code = asked_begin(vault, call, &asked);
	if (code == EXIT_DONE)
		code = asked_subject(vault, call, &asked);
	if (code == EXIT_DONE)
		code = asked_place(vault, call, &asked);
	if (code != EXIT_DONE)
		return code;
	explaining.refusal = asked_refusal(&asked, call, ruleset);
	return explain(vault, &explaining);
}

int run_explain(struct invocation *invocation)
{
	struct output output = output_to_terminal();
	int code = question_add_files(invocation, &output);

	return code == EXIT_DONE ? run_verb(invocation) : code;
}
