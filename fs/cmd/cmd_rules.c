/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_rules.c - `rules VAULT [list] | export | import FILE | lint [FILE] | suggest`: all of the
 * policy at once. The front reads the user's own file and passes it on; the words are looked up
 * here and done by rules_*.c.
 */
#include <limits.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/rules_verbs.h"
#include "fs/cmd/text_pass.h"
#include "policy/near_word.h"
#include "policy/rule_file.h"

#define WORD_OPTIONS 3

static const struct rules_word {
	const char *word;
	int (*verb)(struct vault *vault, struct verb_call *call);
	unsigned min_operands, max_operands; /* behind the word */
	bool takes_file;		     /* the first of them */
	const char *usage;
	const char *options[WORD_OPTIONS];
} words[] = {
	{"list", rules_list_verb, 0, 0, false, "[list] [--json]", {"json"}},
	{"export", rules_export_verb, 0, 0, false, "export", {0}},
	{"import", rules_import_verb, 1, 1, true, "import FILE|- [--replace] [--dry-run [--json]]",
		{"replace", "dry-run", "json"}},
	{"lint", rules_lint_verb, 0, 1, true, "lint [FILE|-] [--json]", {"json"}},
	{"suggest", rules_suggest_verb, 0, 0, false, "suggest [--since TIME] [--refused] [--json]",
		{"since", "refused", "json"}},
};
static const char *const options[] = {"json", "replace", "dry-run", "since", "refused"};

static bool takes_option(const struct rules_word *word, const char *name)
{
	for (size_t i = 0; i < WORD_OPTIONS && word->options[i]; i++)
		if (strcmp(word->options[i], name) == 0)
			return true;
	return false;
}

/* What other tools call it. */
static const char *word_called(const char *text)
{
	static const char *const known[][2] = {{"show", "list"}, {"ls", "list"}, {"load", "import"},
		{"apply", "import"}, {"restore", "import"}, {"dump", "export"}, {"save", "export"},
		{"backup", "export"}, {"check", "lint"}, {"verify", "lint"}, {"learn", "suggest"}};
	const char *names[ARRAY_SIZE(words)];

	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcasecmp(known[i][0], text) == 0)
			return known[i][1];
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		names[i] = words[i].word;
	return nearest_word(text, strlen(text), names, ARRAY_SIZE(names));
}

static void complain_about_word(const char *text, struct output *output)
{
	const char *meant = word_called(text);

	if (meant)
		complain(output, "rules: '%s' is not known; did you mean %s?", text, meant);
	else
		complain(output,
			"rules: '%s' is not known: list, export, import FILE, lint [FILE] and "
			"suggest are; `modelvault grant`, `deny` and `revoke` make and take one",
			text);
}

/* Complains; NULL when the words make no command. */
static const struct rules_word *find_word(const struct message *request, struct output *output)
{
	const char *text = message_at(request, "arg", 0, NULL);
	size_t count = message_count(request, "arg");
	const struct rules_word *word = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(words) && !word; i++)
		if (strcmp(words[i].word, text ? text : words[0].word) == 0)
			word = &words[i];
	if (!word) {
		complain_about_word(text, output);
		return NULL;
	}
	count -= count > 0;
	if (count < word->min_operands || count > word->max_operands) {
		complain(output, "rules: the words are: rules VAULT %s", word->usage);
		return NULL;
	}
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (!message_has(request, options[i]) || takes_option(word, options[i]))
			continue;
		complain(output, "rules: --%s does not go with %s: rules VAULT %s", options[i],
			word->word, word->usage);
		return NULL;
	}
	return word;
}

int verb_rules(struct vault *vault, struct verb_call *call)
{
	const struct rules_word *word = find_word(call->request, call->output);

	return word ? word->verb(vault, call) : EXIT_USAGE;
}

int run_rules(struct invocation *invocation)
{
	struct output output = output_to_terminal();
	const struct rules_word *word = find_word(invocation->request, &output);
	const char *file = message_at(invocation->request, "arg", 1, NULL);
	int code = EXIT_DONE;

	if (!word)
		return EXIT_USAGE;
	if (word->takes_file && file)
		code = text_pass(invocation->request, "rules", file, LIMIT_RULE_FILE, &output);
	return code == EXIT_DONE ? run_verb(invocation) : code;
}
