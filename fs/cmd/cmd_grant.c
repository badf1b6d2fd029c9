/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_grant.c - `grant` and `deny`: the rule's number alone on standard output, the rule in full
 * words and how many files it matches now on standard error.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/grant_check.h"
#include "fs/cmd/rule_edit.h"
#include "keystore/base/clock.h"
#include "keystore/base/digest.h"

#define HASH_OF	   "sha256:@"
#define HASH_WORD  (sizeof("sha256:") + 2 * DIGEST_SIZE)
#define HASH_BLOCK (1 << 20)

static const char *command_of(enum rule_effect effect)
{
	return effect == RULE_DENY ? "deny" : "grant";
}

/* The words of the request. Exit code; complains. */
static int parse_words(
	struct vault *vault, struct verb_call *call, enum rule_effect effect, struct rule *ret_rule)
{
	size_t count = message_count(call->request, "arg");
	scope_free const char **words = calloc(count + 1, sizeof(*words));
	scope_free char *mistake = NULL;
	int r;

	if (!words)
		return EXIT_FAILED;
	for (size_t i = 0; i < count; i++)
		words[i] = verb_operand(call, i, NULL);
	r = rule_from_words(effect, words, count, ret_rule, &mistake);
	if (r == -EINVAL || r == -ENOENT)
		grant_meant_role(vault, words, count, &mistake);
	if (r < 0)
		complain(call->output, "%s: %s", command_of(effect),
			mistake ? mistake : result_text(r));
	return r == -EINVAL ? EXIT_USAGE : exit_code_of(r);
}

/* The options that say when and how often, and all of them together. Exit code; complains. */
static int parse_conditions(struct verb_call *call, struct rule *rule)
{
	static const char *const names[] = {
		"from", "until", "for", "hours", "days", "max-opens", "max-bytes", "note"};
	bool allows_read = rule->effect == RULE_ALLOW && (rule->permissions & PERMISSION_READ);
	int64_t now_ns = clock_now_ns();
	scope_free char *mistake = NULL;
	int r = 0;

	for (size_t i = 0; i < ARRAY_SIZE(names) && r == 0; i++) {
		const char *value = message_get(call->request, names[i], NULL);

		if (value)
			r = rule_condition_set(&rule->condition, names[i], value, now_ns, &mistake);
	}
	if (r == 0)
		r = rule_condition_check(&rule->condition, allows_read, now_ns, &mistake);
	if (r < 0)
		complain(call->output, "%s: %s", command_of(rule->effect),
			mistake ? mistake : result_text(r));
	return r == -EINVAL ? EXIT_USAGE : exit_code_of(r);
}

/* With the conditions it is longer than the words were. */
static int check_length(struct verb_call *call, const struct rule *rule)
{
	scope_buffer struct buffer text = {0};

	if (rule_to_text(rule, &text) == 0 && text.len <= LIMIT_RULE_TEXT)
		return EXIT_DONE;
	complain(call->output, "%s: the rule is longer than %d bytes: make several of it",
		command_of(rule->effect), LIMIT_RULE_TEXT);
	return EXIT_USAGE;
}

static int parse_rule(
	struct vault *vault, struct verb_call *call, enum rule_effect effect, struct rule *ret_rule)
{
	int code;

	if (verb_flag(call, "json") && !verb_flag(call, "dry-run")) {
		complain(call->output, "%s: --json goes with --dry-run", command_of(effect));
		return EXIT_USAGE;
	}
	code = parse_words(vault, call, effect, ret_rule);
	if (code == EXIT_DONE)
		code = parse_conditions(call, ret_rule);
	if (code == EXIT_DONE)
		code = check_length(call, ret_rule);
	if (code == EXIT_DONE)
		code = grant_check_exes(call, ret_rule);
	if (code == EXIT_DONE)
		grant_remark_on_login(call, ret_rule);
	return code;
}

/* What was made, once it is in force. */
static int tell(struct vault *vault, struct verb_call *call, const struct ruleset *after,
	const struct rule *rule, const struct gate_effect *effect)
{
	scope_buffer struct buffer words = {0};
	uint64_t files;

	say(call->output, "%llu\n", (unsigned long long)rule->number);
	if (rule_describe(rule, &words) < 0)
		return EXIT_FAILED;
	files = grant_matching_files(vault, rule);
	remark(call->output, "%s; it matches %llu file%s now", buffer_text(&words),
		(unsigned long long)files, plural(files));
	grant_remark_on_use(vault, call, after, rule, files);
	if (effect->ended)
		remark(call->output, "%llu open handle%s ended", (unsigned long long)effect->ended,
			plural(effect->ended));
	if (rule->effect != RULE_DENY && rule_condition_is_timed(&rule->condition) &&
		policy_clock_is_distrusted(vault->policy))
		remark(call->output,
			"the clock was set: rules that allow by time wait until an admin says that "
			"it is right, with `modelvault accept %s --clock`",
			vault->place.path);
	return EXIT_DONE;
}

static int add_rule(struct vault *vault, struct verb_call *call, struct rule *rule)
{
	scope(ruleset_unref) struct ruleset *after = NULL;
	bool deny = rule->effect == RULE_DENY;
	struct rule_edit edit = {
		.command = command_of(rule->effect),
		.action = deny ? AUDIT_DENY : AUDIT_GRANT,
		.edit = {.added = rule, .added_count = 1},
		.taking_away = deny,
	};
	struct gate_effect effect;
	int code, told;

	code = grant_check_roles(vault, call, rule);
	if (code == EXIT_DONE)
		code = grant_check_pattern(vault, call, rule);
	if (code != EXIT_DONE)
		return code;
	rule->created_ns = clock_now_ns();
	rule->created_by = call->caller->uid;
	code = rule_edit_perform(vault, call, &edit, &effect, &after);
	if (verb_flag(call, "dry-run") && code == EXIT_DONE)
		grant_remark_on_use(vault, call, after, rule, grant_matching_files(vault, rule));
	/* A deny may be in force and not saved. */
	if (verb_flag(call, "dry-run") || !after || !ruleset_find(after, rule->number))
		return code;
	told = tell(vault, call, after, rule, &effect);
	return code == EXIT_DONE ? told : code;
}

static int grant_or_deny(struct vault *vault, struct verb_call *call, enum rule_effect effect)
{
	scope_rule struct rule rule = {0};
	int code;

	code = parse_rule(vault, call, effect, &rule);
	if (code != EXIT_DONE)
		return code;
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

/* ---- in front of it: sha256:@FILE is a file of the user's, not of the server's ---- */

static int hash_descriptor(int fd, uint8_t ret_digest[DIGEST_SIZE])
{
	scope(sha256_free) struct sha256 *sha256 = NULL;
	scope_free uint8_t *block = malloc(HASH_BLOCK);
	struct stat attr;
	ssize_t len;
	int r;

	if (!block)
		return -ENOMEM;
	if (fstat(fd, &attr) < 0)
		return -errno;
	if (!S_ISREG(attr.st_mode))
		return S_ISDIR(attr.st_mode) ? -EISDIR : -EINVAL;
	r = sha256_new(&sha256);
	while (r == 0 && (len = read(fd, block, HASH_BLOCK)) != 0)
		r = len < 0 ? -errno : sha256_add(sha256, block, len);
	return r < 0 ? r : sha256_end(sha256, ret_digest);
}

static int hash_file(
	const char *command, const char *path, struct output *output, char ret_word[HASH_WORD])
{
	/* A pipe must not keep it waiting. */
	scope_fd int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	uint8_t digest[DIGEST_SIZE];
	int r;

	if (!*path) {
		complain(output, "%s: %s is not complete: the path of a program follows", command,
			HASH_OF);
		return EXIT_USAGE;
	}
	r = fd < 0 ? -errno : hash_descriptor(fd, digest);
	if (r < 0) {
		complain(output, "%s: %s%s: %s", command, HASH_OF, path,
			r == -EINVAL ? "no regular file" : result_text(r));
		return r == -ENOENT ? EXIT_NOT_FOUND : EXIT_FAILED;
	}
	memcpy(ret_word, "sha256:", sizeof("sha256:"));
	hex_encode(digest, sizeof(digest), ret_word + strlen(ret_word));
	return EXIT_DONE;
}

/* Of the subject words, which are all but the last two. */
static int hash_files(struct invocation *invocation, struct output *output)
{
	struct message *request = invocation->request;
	size_t count = message_count(request, "arg");
	int code = EXIT_DONE;

	for (size_t i = 0; i + 2 < count && code == EXIT_DONE; i++) {
		const char *word = message_at(request, "arg", i, NULL);
		char hashed[HASH_WORD];

		if (strncmp(word, HASH_OF, strlen(HASH_OF)) != 0)
			continue;
		code = hash_file(invocation->command->name, word + strlen(HASH_OF), output, hashed);
		if (code == EXIT_DONE && message_replace_text(request, "arg", i, hashed) < 0)
			code = EXIT_FAILED;
	}
	return code;
}

int run_grant(struct invocation *invocation)
{
	struct output output = output_to_terminal();
	int code = hash_files(invocation, &output);

	return code == EXIT_DONE ? run_verb(invocation) : code;
}
