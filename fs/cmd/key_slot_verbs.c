/* SPDX-License-Identifier: Apache-2.0 */
/* key_slot_verbs.c - `key VAULT slots | add | remove N`. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "fs/cmd/key_verbs.h"
#include "fs/cmd/options.h"
#include "fs/cmd/secret_pass.h"
#include "fs/cmd/vault_act.h"
#include "keystore/base/clock.h"
#include "keystore/base/json.h"

static int show_slot(void *arg, const struct slot_info *slot)
{
	struct verb_call *call = arg;
	char created[TIME_TEXT_SIZE];

	if (verb_flag(call, "json")) {
		scope(json_free) struct json *json = json_new();
		scope_buffer struct buffer line = {0};
		int r;

		json_int(json, "slot", slot->number);
		json_text(json, "kind", slot->kind);
		json_time(json, "created", slot->created_ns);
		r = json_line(json, &line);
		if (r < 0)
			return r;
		say_bytes(call->output, line.data, line.len);
		return call->output->failed;
	}
	time_to_text(slot->created_ns, created);
	say(call->output, "%u %s since %.10s\n", slot->number, slot->kind, created);
	return call->output->failed;
}

int key_slots_verb(struct vault *vault, struct verb_call *call)
{
	int r;

	r = keystore_slots(vault->keystore, show_slot, call);
	if (r < 0)
		complain(call->output, "key: %s", result_text(r));
	return r < 0 ? exit_code_of(r) : EXIT_DONE;
}

struct slot_change {
	struct vault_act act;
	const struct unlock_secrets *secrets; /* of a new slot */
	uint32_t number;
};

static int add_slot(struct vault *vault, struct verb_call *call, void *arg)
{
	struct slot_change *change = arg;
	int r;

	r = keystore_add_slot(vault->keystore, change->secrets, &change->number);
	if (r == -ENOSPC)
		complain(call->output,
			"key: the vault has %d slots, which is the most; remove one first",
			LIMIT_SLOTS);
	else if (r < 0)
		complain(call->output, "key: no slot was added: %s", result_text(r));
	else
		snprintf(change->act.done, sizeof(change->act.done), "%s: slot %u",
			change->act.words, change->number);
	return r;
}

int key_add_verb(struct vault *vault, struct verb_call *call)
{
	__attribute__((cleanup(secret_list_done))) struct secret_list secrets = {0};
	struct slot_change change = {.act = {.action = AUDIT_KEY, .run = add_slot}};
	const char *kind;
	int r;

	r = secrets_receive(call->request, &secrets);
	if (r < 0 || secrets.count != 1) {
		complain(call->output, "key: add takes one new secret (%s)",
			result_text(r < 0 ? r : -EINVAL));
		return EXIT_USAGE;
	}
	change.secrets = &secrets.list[0];
	kind = change.secrets->key_file ? "key file" : "passphrase";
	change.act.words =
		change.secrets->key_file ? "add a slot, key-file" : "add a slot, passphrase";
	change.act.arg = &change;
	r = vault_act(vault, call, &change.act);
	if (r < 0)
		return exit_code_of(r);
	say(call->output, "%u\n", change.number);
	remark(call->output, "slot %u: the new %s unlocks the vault, as the others do",
		change.number, kind);
	return EXIT_DONE;
}

static int remove_slot(struct vault *vault, struct verb_call *call, void *arg)
{
	struct slot_change *change = arg;
	int r;

	do
		r = keystore_remove_slot(vault->keystore, change->number);
	while (r < 0 && vault_make_room(vault, r));
	if (r == -ENOENT)
		complain(call->output,
			"key: there is no slot %u; `modelvault key %s slots` lists "
			"them",
			change->number, vault->place.path);
	else if (r == -EPERM)
		complain(call->output,
			"key: slot %u is the last one, without which nobody could ever unlock; "
			"`modelvault key %s add` another one first",
			change->number, vault->place.path);
	else if (r < 0)
		complain(call->output, "key: slot %u was not removed: %s", change->number,
			result_text(r));
	return r < 0 ? r : vault_settle(vault, call, "the slot is removed");
}

static void tell_opener(const struct vault *vault, const struct verb_call *call, uint32_t number)
{
	if (number != vault->slot)
		return;
	if (vault->server)
		remark(call->output,
			"it is the one that opened the running server, which goes on; the next "
			"mount needs the secret of another slot");
	else
		remark(call->output, "it is the one that this command itself came by");
}

int key_remove_verb(struct vault *vault, struct verb_call *call)
{
	struct slot_change change = {
		.act = {.action = AUDIT_KEY, .run = remove_slot, .takes_away = true}};
	const char *text = verb_operand(call, 1, NULL);
	char words[64];
	uint64_t number;
	int r;

	if (number_from_text(text, UINT32_MAX, &number) < 0) {
		complain(call->output,
			"key: '%s' is no slot number; `modelvault key %s slots` lists them", text,
			vault->place.path);
		return EXIT_USAGE;
	}
	snprintf(words, sizeof(words), "remove slot %u", (unsigned)number);
	change.number = (uint32_t)number;
	change.act.words = words;
	change.act.arg = &change;
	r = vault_act(vault, call, &change.act);
	if (r < 0)
		return r == -EPERM ? EXIT_FAILED : exit_code_of(r);
	say(call->output, "%u\n", change.number);
	remark(call->output, "slot %u is removed: its secret unlocks nothing any more",
		change.number);
	tell_opener(vault, call, change.number);
	return r > 0 ? EXIT_FAILED : EXIT_DONE;
}
