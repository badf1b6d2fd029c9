/* SPDX-License-Identifier: Apache-2.0 */
/*
 * rules_file.c - `rules VAULT export`, and `rules VAULT import FILE [--replace] [--dry-run]`: every
 * rule of a file or none, in one change, between one pair of records.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/rule_edit.h"
#include "fs/cmd/rules_verbs.h"
#include "fs/cmd/text_pass.h"
#include "keystore/base/clock.h"
#include "keystore/base/digest.h"
#include "policy/rule_difference.h"
#include "policy/rule_file.h"
#include "policy/rule_line.h"

#define PIECE 65536 /* that is said at once */

static void say_piece(struct verb_call *call, struct buffer *text, size_t at_least)
{
	if (text->len < at_least)
		return;
	say_bytes(call->output, text->data, text->len);
	text->len = 0;
}

int rules_export_verb(struct vault *vault, struct verb_call *call)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(vault->policy);
	scope_buffer struct buffer text = {0};
	int r = 0;

	if (policy_is_broken(vault->policy)) {
		complain(call->output,
			"the rules in keystore.db were changed by somebody without a key: "
			"nothing is exported of what cannot be believed");
		return EXIT_INTEGRITY;
	}
	buffer_add_text(&text, RULE_FILE_HEADER "\n");
	for (size_t i = 0; i < ruleset_count(ruleset) && r == 0; i++) {
		r = rule_line_write(ruleset_at(ruleset, i), &text);
		say_piece(call, &text, PIECE);
	}
	if (r < 0 || text.failed) {
		complain(call->output, "rules: %s", result_text(r < 0 ? r : -ENOMEM));
		return EXIT_FAILED;
	}
	say_piece(call, &text, 1);
	return EXIT_DONE;
}

static int digest_of(const char *text, size_t len, char ret_hex[2 * DIGEST_SIZE + 1])
{
	const struct iovec part = PART(text, len);
	uint8_t digest[DIGEST_SIZE];
	int r = sha256_parts(&part, 1, digest);

	if (r == 0)
		hex_encode(digest, DIGEST_SIZE, ret_hex);
	return r;
}

const char *rules_text_name(const struct verb_call *call)
{
	const char *name = verb_operand(call, 1, NULL);

	return strcmp(name, "-") == 0 ? "standard input" : name;
}

int rules_text_load(struct verb_call *call, const char *what,
	void (*tell)(void *arg, size_t line, const char *mistake), void *arg,
	struct rules_text *ret_rules)
{
	scope_free char *text = NULL;
	size_t len;
	int r;

	r = text_receive(call->request, LIMIT_RULE_FILE, &text, &len);
	if (r == 0)
		r = digest_of(text, len, ret_rules->digest);
	if (r == 0)
		r = rule_file_read(text, len, clock_now_ns(), tell, arg, &ret_rules->file);
	if (r < 0)
		complain(call->output, "%s: %s: %s", what, rules_text_name(call),
			r == -E2BIG    ? "more rules than can be: a million in one file"
			: r == -EFBIG  ? "longer than 256 MiB"
			: r == -EINVAL ? "the request does not carry it as this program passes it"
				       : result_text(r));
	return r == 0					    ? EXIT_DONE
	       : r == -EINVAL || r == -EFBIG || r == -E2BIG ? EXIT_USAGE
							    : EXIT_FAILED;
}

static void tell_mistake(void *arg, size_t line, const char *mistake)
{
	const struct verb_call *call = arg;

	complain(call->output, "%s:%zu: %s", rules_text_name(call), line, mistake);
}

/* One import on its way. */
struct rules_import {
	struct vault *vault;
	struct verb_call *call;
	struct rules_text rules;
	struct rule_difference difference;
	struct rule *added; /* the missing ones of the file; what they own is the file's */
	size_t removed_count;
};

static void import_done(struct rules_import *import)
{
	rule_file_done(&import->rules.file);
	rule_difference_done(&import->difference);
	free(import->added);
}

static bool has_learning(const struct rule_file *file)
{
	for (size_t i = 0; i < file->count; i++)
		if (file->rules[i].effect == RULE_LEARN)
			return true;
	return false;
}

/* What is missing, and with --replace what is too much. */
static int compare(struct rules_import *import, const struct ruleset *ruleset)
{
	const struct rule_file *file = &import->rules.file;
	struct rule_difference *difference = &import->difference;
	int64_t now_ns = clock_now_ns();
	int r;

	r = rule_difference_find(ruleset, file->rules, file->count, difference);
	if (r < 0)
		return r;
	import->added = calloc(difference->missing_count + 1, sizeof(*import->added));
	if (!import->added)
		return -ENOMEM;
	for (size_t i = 0; i < difference->missing_count; i++) {
		import->added[i] = file->rules[difference->missing[i]];
		import->added[i].created_ns = now_ns;
		import->added[i].created_by = import->call->caller->uid;
	}
	if (verb_flag(import->call, "replace"))
		import->removed_count = difference->other_count;
	return 0;
}

static bool only_takes_away(const struct rules_import *import, const struct ruleset *ruleset)
{
	for (size_t i = 0; i < import->difference.missing_count; i++)
		if (import->added[i].effect != RULE_DENY)
			return false;
	for (size_t i = 0; i < import->removed_count; i++) {
		const struct rule *rule = ruleset_find(ruleset, import->difference.others[i]);

		if (!rule || rule->effect == RULE_DENY)
			return false;
	}
	return true;
}

/* "3 rules added, 1 removed, 95 as they were" */
static char *summary_of(const struct rules_import *import, size_t kept)
{
	size_t added = import->difference.missing_count;
	char *text = NULL;

	if (asprintf(&text, "%zu rule%s added, %zu removed, %zu as %s", added, plural(added),
		    import->removed_count, kept, kept == 1 ? "it was" : "they were") < 0)
		return NULL;
	return text;
}

static int perform(struct rules_import *import, const struct ruleset *ruleset, const char *summary)
{
	struct verb_call *call = import->call;
	scope_free char *words = NULL;
	struct gate_effect effect;
	struct rule_edit edit = {
		.command = "rules",
		.action = AUDIT_RULES,
		.edit = {.removed = import->difference.others,
			.removed_count = import->removed_count,
			.added = import->added,
			.added_count = import->difference.missing_count},
		.taking_away = only_takes_away(import, ruleset),
	};
	int code;

	if (asprintf(&words, "import: %s; sha256 %s", summary, import->rules.digest) < 0) {
		words = NULL;
		return EXIT_FAILED;
	}
	edit.words = words;
	code = rule_edit_perform(import->vault, call, &edit, &effect, NULL);
	if (code == EXIT_DONE && effect.ended)
		remark(call->output, "%llu open handle%s ended", (unsigned long long)effect.ended,
			plural(effect.ended));
	return code;
}

static int import_locked(struct rules_import *import)
{
	scope(ruleset_unref) struct ruleset *ruleset = policy_ruleset(import->vault->policy);
	bool dry_run = verb_flag(import->call, "dry-run");
	scope_free char *summary = NULL;
	int code = EXIT_DONE, r;

	r = compare(import, ruleset);
	if (r == 0)
		summary = summary_of(import, ruleset_count(ruleset) - import->removed_count);
	if (r < 0 || !summary) {
		complain(import->call->output, "rules: %s", result_text(r < 0 ? r : -ENOMEM));
		return EXIT_FAILED;
	}
	/* Of a dry run the totals are said, when they are 0 too. */
	if (dry_run || import->difference.missing_count || import->removed_count)
		code = perform(import, ruleset, summary);
	if (code == EXIT_DONE)
		remark(import->call->output, "%s%s", dry_run ? "would be: " : "", summary);
	return code;
}

int rules_import_verb(struct vault *vault, struct verb_call *call)
{
	__attribute__((cleanup(import_done))) struct rules_import import = {
		.vault = vault, .call = call};
	int code;

	code = caller_must_hold(vault, call, ROLE_ADMIN, "rules import");
	if (code == EXIT_DONE)
		code = rules_text_load(call, "rules import", tell_mistake, call, &import.rules);
	if (code != EXIT_DONE)
		return code;
	if (import.rules.file.mistakes > RULE_FILE_TOLD_MAX)
		complain(call->output, "%s: and %zu lines more", rules_text_name(call),
			import.rules.file.mistakes - RULE_FILE_TOLD_MAX);
	if (import.rules.file.mistakes) {
		complain(call->output, "rules import: nothing was changed");
		return EXIT_USAGE;
	}
	if (has_learning(&import.rules.file))
		code = caller_must_hold(vault, call, ROLE_CUSTODIAN, "rules import: learn");
	if (code != EXIT_DONE)
		return code;
	pthread_mutex_lock(&vault->changing);
	code = import_locked(&import);
	pthread_mutex_unlock(&vault->changing);
	return code;
}
