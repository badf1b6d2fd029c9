/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_key.c - `key VAULT slots [--json]`: the ways to unlock. */
#include <errno.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/vault.h"
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

int verb_key(struct vault *vault, struct verb_call *call)
{
	const char *what = verb_operand(call, 0, NULL);
	int r;

	if (!what || strcmp(what, "slots") != 0) {
		complain(call->output, "key: '%s' is not known; `key VAULT slots` lists the slots",
			what ? what : "");
		return EXIT_USAGE;
	}
	r = keystore_slots(vault->keystore, show_slot, call);
	if (r < 0)
		complain(call->output, "key: %s", result_text(r));
	return r < 0 ? exit_code_of(r) : EXIT_DONE;
}
