/* SPDX-License-Identifier: Apache-2.0 */
/* vault_own.c - accepts a vault as it is, on record and with everything told. */
#include "fs/cmd/vault_own.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "fs/cmd/aside.h"
#include "fs/cmd/backup_mark.h"
#include "fs/cmd/serve.h"

int vault_own_check(const struct vault_place *place, const char *what, struct output *output)
{
	if (!vault_is_held(place))
		return EXIT_DONE;
	complain(output, "%s: %s is in use by process %ld: unmount it first", what, place->path,
		(long)vault_holder(place->path));
	return EXIT_BUSY;
}

static void tell(
	const struct vault *vault, const struct vault_acceptance *acceptance, struct output *output)
{
	char fingerprint[2 * DIGEST_SIZE + 1];

	if (acceptance->older[0])
		remark(output, "accepted, and the anchor renewed: %s", acceptance->older);
	if (!acceptance->old_trail[0])
		return;
	hex_encode(acceptance->fingerprint, DIGEST_SIZE, fingerprint);
	say(output, "audit key fingerprint: %s\n", fingerprint);
	remark(output,
		"the audit trail could not be continued: a new one begins, and its fingerprint is "
		"above; the old one is kept as %s/%s and can still be verified with audit verify "
		"--trail",
		vault->place.path, acceptance->old_trail);
}

static int record(struct vault *vault, enum audit_action action, const char *detail,
	const struct vault_acceptance *acceptance, int unknown, struct output *output)
{
	struct subject caller = {0};
	char via[32];
	struct verb_call call = {.caller = &caller, .via = via, .by_slot = true, .output = output};
	scope_free char *words = NULL;
	struct audit_event event;
	int r;

	r = subject_of_process(geteuid(), getegid(), getpid(), &caller);
	if (r < 0)
		return r;
	snprintf(via, sizeof(via), "slot %u", vault->slot);
	event = vault_event(&call, action);
	if (asprintf(&words, "%s%s%s%s%s; %d object%s of unknown files kept aside", detail,
		    acceptance->older[0] ? "; " : "", acceptance->older,
		    acceptance->old_trail[0] ? "; the trail before this one is " : "",
		    acceptance->old_trail, unknown, plural((uint64_t)unknown)) < 0)
		words = NULL;
	event.detail = words;
	r = words ? vault_record(vault, &call, &event) : -ENOMEM;
	subject_done(&caller);
	return r;
}

/* Objects that the catalogue does not know would be collected by the next who opens the vault. */
static int keep_unknown(struct vault *vault, struct output *output)
{
	const char *path = keystore_objects_path(vault->keystore);
	scope_fd int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct aside aside;
	int count;

	aside_init(&aside, -1, "accept");
	count = fd < 0 ? -errno : aside_take_objects(&aside, vault->objects, fd, vault->keystore);
	if (count < 0)
		complain(output, "%s: objects of unknown files could not be kept aside: %s", path,
			result_text(count));
	if (count > 0)
		remark(output,
			"%d object%s belong to files that this keystore.db does not know; they "
			"are kept in %s/.%s",
			count, plural((uint64_t)count), path, aside.name);
	return count;
}

int vault_own_accept(const struct vault_place *place, const struct unlock_secrets *secrets,
	enum audit_action action, const char *detail, struct output *output)
{
	scope(vault_close) struct vault *vault = NULL;
	struct vault_acceptance acceptance;
	int code, unknown;

	code = vault_open_accepting(place, secrets, &acceptance, &vault, output);
	if (code != EXIT_DONE)
		return code;
	unknown = keep_unknown(vault, output);
	tell(vault, &acceptance, output);
	if (unknown < 0 || record(vault, action, detail, &acceptance, unknown, output) < 0)
		return EXIT_FAILED;
	vault_write_anchor(vault);
	backup_mark_remove(place->path);
	return EXIT_DONE;
}
