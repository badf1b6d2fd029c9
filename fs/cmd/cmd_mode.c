/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_mode.c - `mode VAULT`, and its words enforce, learn and set: whether accesses are learned,
 * and the sealed settings.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/mode_verbs.h"
#include "keystore/base/clock.h"
#include "keystore/base/json.h"
#include "policy/near_word.h"
#include "policy/time_zone.h"

static const struct mode_word {
	const char *word; /* NULL: no word */
	int (*verb)(struct vault *vault, struct verb_call *call);
	unsigned min_operands, max_operands; /* behind the word */
	const char *usage;
	const char *options[3];
} words[] = {
	{NULL, mode_show_verb, 0, 0, "[--json]", {"json"}},
	{"enforce", mode_enforce_verb, 0, 0, "enforce [--dry-run]", {"dry-run"}},
	{"learn", mode_learn_verb, 2, UINT_MAX, "learn SUBJECT... PATTERN --for DURATION",
		{"for", "note", "dry-run"}},
	{"set", mode_set_verb, 1, 1, "set audit=LEVEL | set timezone=ZONE | set private=yes|no",
		{"dry-run"}},
};
static const char *const options[] = {"json", "for", "note", "dry-run"};

static bool takes_option(const struct mode_word *word, const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(word->options) && word->options[i]; i++)
		if (strcmp(word->options[i], name) == 0)
			return true;
	return false;
}

/* "private=yes" without set, or "timezone Europe/Berlin" without '='; false: neither. */
static bool complain_about_setting(const struct message *request, struct output *output)
{
	static const char *const settings[] = {"audit", "timezone", "private"};
	const char *text = message_at(request, "arg", 0, NULL), *value, *setting;
	bool set = text && strcmp(text, "set") == 0;
	size_t len;

	text = set ? message_at(request, "arg", 1, NULL) : text;
	if (!text)
		return false;
	len = strcspn(text, "=");
	value = text[len] ? text + len + 1 : message_at(request, "arg", 1 + set, NULL);
	if (value && strcmp(value, "=") == 0)
		value = message_at(request, "arg", 2 + set, NULL);
	setting = nearest_word(text, len, settings, ARRAY_SIZE(settings));
	/* What is right, or has no value, is the setting's own to judge. */
	if (!setting || (set && (!value || (text[len] && strlen(setting) == len &&
						   memcmp(setting, text, len) == 0))))
		return false;
	complain(output, "mode: did you mean mode VAULT set %s=%s?", setting,
		value ? value : "VALUE");
	return true;
}

/* Complains; NULL when the words make no command. */
static const struct mode_word *find_word(const struct message *request, struct output *output)
{
	static const char *const verbs[] = {"enforce", "learn", "set"};
	const char *text = message_at(request, "arg", 0, NULL), *near;
	size_t count = message_count(request, "arg");
	const struct mode_word *word = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(words) && !word; i++)
		if (text ? words[i].word && strcmp(words[i].word, text) == 0 : !words[i].word)
			word = &words[i];
	if ((!word || word->verb == mode_set_verb) && complain_about_setting(request, output))
		return NULL;
	if (!word && (near = nearest_word(text, strlen(text), verbs, ARRAY_SIZE(verbs)))) {
		complain(output, "mode: '%s' is not known; did you mean %s?", text, near);
		return NULL;
	}
	if (!word) {
		complain(output,
			"mode: '%s' is not known: enforce, learn SUBJECT... PATTERN and set "
			"SETTING=VALUE are; without a word it is shown",
			text);
		return NULL;
	}
	count -= text != NULL;
	if (count < word->min_operands || count > word->max_operands) {
		complain(output, "mode: the words are: mode VAULT %s", word->usage);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!message_has(request, options[i]) || takes_option(word, options[i]))
			continue;
		complain(output, "mode: --%s does not go with that: mode VAULT %s", options[i],
			word->usage);
		return NULL;
	}
	return word;
}

int verb_mode(struct vault *vault, struct verb_call *call)
{
	const struct mode_word *word = find_word(call->request, call->output);

	return word ? word->verb(vault, call) : EXIT_USAGE;
}

/* ---- showing ---- */

struct mode_shown {
	const struct ruleset *ruleset;
	int64_t *learning; /* owned; numbers of learn rules that are not over */
	size_t learning_count;
	enum audit_level setting, in_force;
	const char *clock;
};

static int find_learning(struct mode_shown *shown)
{
	int64_t now_ns = clock_now_ns();

	shown->learning = calloc(ruleset_count(shown->ruleset) + 1, sizeof(*shown->learning));
	if (!shown->learning)
		return -ENOMEM;
	for (size_t i = 0; i < ruleset_count(shown->ruleset); i++) {
		const struct rule *rule = ruleset_at(shown->ruleset, i);

		if (rule->effect == RULE_LEARN && rule->condition.until_ns > now_ns)
			shown->learning[shown->learning_count++] = (int64_t)rule->number;
	}
	return 0;
}

static int show_json(struct verb_call *call, const struct mode_shown *shown)
{
	scope(json_free) struct json *json = json_new();
	scope_buffer struct buffer line = {0};
	int r;

	json_text(json, "mode", shown->learning_count ? "learn" : "enforce");
	json_number_array(json, "learning", shown->learning, shown->learning_count);
	json_text(json, "audit", audit_level_word(shown->setting));
	json_text(json, "audit_in_force", audit_level_word(shown->in_force));
	json_text(json, "timezone", time_zone_name());
	json_bool(json, "private", ruleset_is_private(shown->ruleset));
	json_text(json, "clock", shown->clock);
	r = json_line(json, &line);
	if (r == 0)
		say_bytes(call->output, line.data, line.len);
	return r;
}

static int show_text(struct verb_call *call, const struct mode_shown *shown)
{
	say(call->output, "mode      %s\n", shown->learning_count ? "learn" : "enforce");
	for (size_t i = 0; i < shown->learning_count; i++) {
		const struct rule *rule =
			ruleset_find(shown->ruleset, (uint64_t)shown->learning[i]);
		scope_buffer struct buffer line = {0};
		int r = rule_describe(rule, &line);

		if (r < 0)
			return r;
		say(call->output, "          %s\n", buffer_text(&line));
	}
	say(call->output, "audit     %s%s%s%s\n", audit_level_word(shown->setting),
		shown->setting == shown->in_force ? "" : " (a mount asks for ",
		shown->setting == shown->in_force ? "" : audit_level_word(shown->in_force),
		shown->setting == shown->in_force ? "" : ")");
	say(call->output, "timezone  %s\n", time_zone_name());
	say(call->output, "private   %s\n", ruleset_is_private(shown->ruleset) ? "yes" : "no");
	say(call->output, "clock     %s\n", shown->clock);
	return 0;
}

int mode_show_verb(struct vault *vault, struct verb_call *call)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	struct mode_shown shown = {.ruleset = ruleset,
		.setting = vault_audit_setting(vault),
		.in_force = audit_level(vault->audit),
		.clock = policy_clock_is_distrusted(vault->policy) ? "distrusted" : "trusted"};
	int r;

	if (policy_is_broken(vault->policy)) {
		complain(call->output,
			"the rules in keystore.db were changed by somebody without a key: "
			"every open is refused (seal-broken) until it is restored");
		return EXIT_INTEGRITY;
	}
	r = find_learning(&shown);
	if (r == 0)
		r = verb_flag(call, "json") ? show_json(call, &shown) : show_text(call, &shown);
	free(shown.learning);
	if (r < 0)
		complain(call->output, "mode: %s", result_text(r));
	return r < 0 ? EXIT_FAILED : EXIT_DONE;
}
