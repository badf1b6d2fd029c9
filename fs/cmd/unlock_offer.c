/* SPDX-License-Identifier: Apache-2.0 */
/* unlock_offer.c - all secrets that a command line offers, where one does not do. */
#include "fs/cmd/secret_pass.h"
#include "fs/cmd/unlock.h"

static const char *const options[] = {"key-file", "passphrase-file", "passphrase-fd"};

/* One option with its value, as if it stood alone on the command line. */
static int get_one(const char *option, const char *value, const char *vault_path,
	struct secret_list *secrets, struct output *output)
{
	scope(message_free) struct message *request = NULL;
	struct invocation alone = {0};
	struct unlock_secrets one = {0};
	int code;

	if (message_new(&request) < 0 || message_add_text(request, option, value) < 0)
		return EXIT_FAILED;
	alone.request = request;
	code = unlock_secrets_get(&alone, vault_path, &one, output);
	if (code != EXIT_DONE)
		return code;
	if (secret_list_add(secrets, &one) == 0)
		return EXIT_DONE;
	complain(output, "more than %d secrets; remove a slot first", LIMIT_DESCRIPTORS);
	return EXIT_USAGE;
}

int offered_secrets_get(const struct invocation *invocation, const char *vault_path,
	struct secret_list *ret_secrets, struct output *output)
{
	__attribute__((cleanup(secret_list_done))) struct secret_list secrets = {0};
	struct unlock_secrets one = {0};
	const char *value;
	int code = EXIT_DONE;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++)
		for (size_t n = 0; code == EXIT_DONE &&
				   (value = message_at(invocation->request, options[i], n, NULL));
			n++)
			code = get_one(options[i], value, vault_path, &secrets, output);
	if (code == EXIT_DONE && secrets.count == 0) {
		code = unlock_secrets_get(invocation, vault_path, &one, output);
		if (code == EXIT_DONE && secret_list_add(&secrets, &one) < 0)
			code = EXIT_FAILED;
	}
	if (code == EXIT_DONE) {
		*ret_secrets = secrets;
		secrets = (struct secret_list){0};
	}
	return code;
}
