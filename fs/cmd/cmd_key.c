/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_key.c - `key VAULT slots | add | remove N | rotate | rekey | destroy PATH...`: the ways to
 * unlock, and new keys. The front reads secrets from the user's own files and passes them on; the
 * words are looked up here and done by key_*.c.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/key_verbs.h"
#include "fs/cmd/options.h"
#include "fs/cmd/secret_pass.h"
#include "fs/cmd/serve.h"
#include "fs/cmd/unlock.h"
#include "fs/cmd/vault_access.h"

static const struct key_word {
	const char *word;
	int (*verb)(struct vault *vault, struct verb_call *call);
	unsigned min_operands, max_operands; /* behind the word */
	const char *usage;
} words[] = {
	{"slots", key_slots_verb, 0, 0, "slots"},
	{"add", key_add_verb, 0, 0, "add"},
	{"remove", key_remove_verb, 1, 1, "remove N"},
	{"rotate", key_rotate_verb, 0, 0, "rotate"},
	{"rekey", key_rekey_verb, 0, 0, "rekey"},
	{"destroy", key_destroy_verb, 1, UINT_MAX, "destroy PATH..."},
};

/* Complains; NULL when the words make no command. */
static const struct key_word *find_word(const struct message *request, struct output *output)
{
	const char *word = message_at(request, "arg", 0, NULL);
	size_t count = message_count(request, "arg");

	for (size_t i = 0; word && i < ARRAY_SIZE(words); i++) {
		if (strcmp(words[i].word, word) != 0)
			continue;
		if (count - 1 >= words[i].min_operands && count - 1 <= words[i].max_operands)
			return &words[i];
		complain(output, "key: the words are: key VAULT %s", words[i].usage);
		return NULL;
	}
	complain(output,
		"key: '%s' is not known; slots, add, remove N, rotate, rekey and destroy PATH are",
		word ? word : "");
	return NULL;
}

int verb_key(struct vault *vault, struct verb_call *call)
{
	const struct key_word *word = find_word(call->request, call->output);

	return word ? word->verb(vault, call) : EXIT_USAGE;
}

/*
 * Secrets go into memory files beside the request, and out of here. A server that is not root's
 * cannot tell who a process is that hides from its own user.
 */
static int hand_over(struct secret_list *secrets, struct message *request, bool served)
{
	int r;

	r = secrets_pass(secrets, request);
	if (r < 0 || !served)
		return r;
	secret_list_done(secrets);
	return geteuid() == 0 ? 0 : secret_unhide_process();
}

/* Calls the verb with these secrets beside the request, in the server or here. */
static int call_with(struct invocation *invocation, const struct unlock_secrets *unlock,
	struct secret_list *secrets, struct output *output)
{
	scope(access_close) struct vault_access *access = NULL;
	scope(access_line_free) struct access_line *line = NULL;
	int code, r;

	code = access_open_with(invocation, unlock, &access, output);
	if (code != EXIT_DONE)
		return code;
	r = access_line_new(access, &line);
	if (r == 0)
		r = hand_over(secrets, invocation->request, access_is_served(access));
	if (r < 0) {
		complain(output, "key: the secrets cannot be passed on: %s", result_text(r));
		return EXIT_FAILED;
	}
	return access_call(line, invocation->request, output);
}

static int run_add(
	struct invocation *invocation, const struct vault_place *place, struct output *output)
{
	__attribute__((cleanup(secret_list_done))) struct secret_list secrets = {0};
	__attribute__((cleanup(unlock_secrets_done))) struct unlock_secrets unlock = {0};
	const char *made = invocation_option(invocation, "new-key-file");
	struct unlock_secrets fresh = {0};
	int code;

	/* What opens the vault is asked for before what will. */
	if (!vault_is_held(place)) {
		code = unlock_secrets_get(invocation, place->path, &unlock, output);
		if (code != EXIT_DONE)
			return code;
	}
	code = new_secrets_get(invocation, place->path, &fresh, output);
	if (code != EXIT_DONE)
		return code;
	if (secret_list_add(&secrets, &fresh) < 0)
		return EXIT_FAILED;
	code = call_with(invocation, &unlock, &secrets, output);
	if (made && (code == EXIT_USAGE || code == EXIT_REFUSED || code == EXIT_KEY))
		unlink(made);
	else if (made && code != EXIT_DONE)
		complain(output,
			"key: %s is kept, as its slot may be there: `modelvault key %s slots` "
			"shows "
			"it; remove the file when it is not",
			made, place->path);
	return code;
}

static int run_rekey(
	struct invocation *invocation, const struct vault_place *place, struct output *output)
{
	__attribute__((cleanup(secret_list_done))) struct secret_list secrets = {0};
	struct unlock_secrets unlock = {0};
	int code;

	code = offered_secrets_get(invocation, place->path, &secrets, output);
	if (code != EXIT_DONE)
		return code;
	/* Borrowed: the first of each kind opens the vault when nobody serves it. */
	for (size_t i = secrets.count; i-- > 0;) {
		if (secrets.list[i].key_file)
			unlock.key_file = secrets.list[i].key_file;
		else
			unlock.passphrase = secrets.list[i].passphrase;
	}
	return call_with(invocation, &unlock, &secrets, output);
}

/* Only a rekey takes the secrets of several slots. */
static bool unlocks_once(
	const struct key_word *word, const struct message *request, struct output *output)
{
	for (const struct option_spec *spec = unlock_options; spec->name; spec++) {
		if (word->verb == key_rekey_verb || message_count(request, spec->name) < 2)
			continue;
		complain(output, "key: option '--%s' is given twice; give it once", spec->name);
		return false;
	}
	return true;
}

int run_key(struct invocation *invocation)
{
	struct output output = output_to_terminal();
	const struct key_word *word = find_word(invocation->request, &output);
	struct vault_place place;
	int code, r;

	if (!word || !unlocks_once(word, invocation->request, &output))
		return EXIT_USAGE;
	if (word->verb != key_add_verb && word->verb != key_rekey_verb)
		return run_verb(invocation);
	r = secret_init();
	if (r < 0) {
		complain(&output, "no memory can be locked for keys (%s); raise `ulimit -l`",
			result_text(r));
		return EXIT_FAILED;
	}
	r = vault_locate(invocation->vault, &place, &output);
	if (r < 0)
		return r == -ENOENT ? EXIT_NOT_FOUND : exit_code_of(r);
	code = word->verb == key_add_verb ? run_add(invocation, &place, &output)
					  : run_rekey(invocation, &place, &output);
	vault_place_done(&place);
	return code;
}
