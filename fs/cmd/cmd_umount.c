/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cmd_umount.c - `umount MOUNTPOINT [--force|--kill]`: returns when it is gone; when it was the
 * last one, when the server has ended too, so that the vault can be used at once. Who uses a busy
 * mount is found out here, with the rights of whoever asks.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/dead_mount.h"
#include "fs/cmd/holders.h"
#include "fs/cmd/mounts.h"
#include "fs/cmd/serve.h"
#include "fs/cmd/vault.h"

#define GONE_STEPS	 1000  /* of 10 ms */
#define GONE_FORCE_STEPS 400   /* the server ends in half of that, or cannot */
#define ANSWER_MS	 30000 /* a server that lives says something by then */
#define ANSWER_FORCE_MS	 5000
#define ENDING_TRIES	 20 /* of a tenth of a second: a server that is killed, too, takes its time */
#define KILL_TRIES	 5 /* others may come while these go */

int verb_umount(struct vault *vault, struct verb_call *call)
{
	const char *mountpoint = verb_operand(call, 0, NULL);

	if (!vault->server || !mountpoint) {
		complain(call->output, "umount: nothing of this vault is mounted");
		return EXIT_NOT_FOUND;
	}
	return server_remove_mount(vault->server, mountpoint, verb_flag(call, "force"), call);
}

struct unmounting {
	const struct vault_place *place;
	const char *mountpoint;
	bool force, kill;
	pid_t server;	    /* who answered; 0: nobody did */
	struct buffer said; /* what it said, for standard error */
	struct output *output;
};

struct counting {
	const char *vault;
	unsigned mounts;
};

static int count_mount(void *arg, const struct mount_entry *entry)
{
	struct counting *counting = arg;

	counting->mounts += strcmp(entry->source, counting->vault) == 0;
	return 0;
}

/*
 * What another mount namespace has of a mount keeps it alive, and its server with it: a container
 * that started meanwhile, and got its mounts as private ones.
 */
static int wait_until_gone(const struct unmounting *unmounting, dev_t device)
{
	const struct vault_place *place = unmounting->place;
	struct counting counting = {.vault = place->path};
	const struct timespec step = {.tv_nsec = 10 * 1000 * 1000};
	const int steps = unmounting->force ? GONE_FORCE_STEPS : GONE_STEPS;

	for (int i = 0; i < steps && device && mounts_device_at(unmounting->mountpoint) == device;
		i++)
		nanosleep(&step, NULL);
	if (device && mounts_device_at(unmounting->mountpoint) == device) {
		complain(unmounting->output,
			"the server has taken its mount of %s away, but what is seen here is a "
			"copy that this mount namespace has: `umount %s` takes it away",
			unmounting->mountpoint, unmounting->mountpoint);
		return EXIT_BUSY;
	}
	mounts_each(count_mount, &counting);
	for (int i = 0; i < steps && !counting.mounts && vault_is_held(place); i++)
		nanosleep(&step, NULL);
	if (!counting.mounts && vault_is_held(place) && unmounting->server &&
		vault_holder(place->path) == unmounting->server)
		remark(unmounting->output,
			"%s is gone here; another mount namespace, perhaps a container's, still "
			"has it, and the server, process %ld, goes on for that one",
			unmounting->mountpoint, (long)unmounting->server);
	return EXIT_DONE;
}

static int keep_words(void *arg, int stream, const void *bytes, size_t len)
{
	struct unmounting *unmounting = arg;

	(void)stream;
	buffer_add(&unmounting->said, bytes, len);
	return unmounting->said.failed ? -ENOMEM : 0;
}

static int make_request(const struct unmounting *unmounting, struct message **ret_request)
{
	scope(message_free) struct message *request = NULL;
	int r;

	r = message_new(&request);
	if (r == 0)
		r = message_add_text(request, "verb", "umount");
	if (r == 0)
		r = vault_place_name(unmounting->place, request);
	if (r == 0)
		r = message_add_text(request, "arg", unmounting->mountpoint);
	if (r == 0 && unmounting->force)
		r = message_add_text(request, "force", "");
	if (r == 0)
		*ret_request = take(&request);
	return r;
}

/* The server's exit code, or why it did not answer. */
static int ask_server(struct unmounting *unmounting)
{
	scope(control_client_free) struct control_client *client = NULL;
	scope(message_free) struct message *request = NULL;
	int r;

	r = make_request(unmounting, &request);
	if (r == 0)
		r = connect_server(unmounting->place, &client);
	if (r < 0)
		return r;
	unmounting->server = control_client_server_pid(client);
	buffer_done(&unmounting->said);
	control_client_limit(client, unmounting->force ? ANSWER_FORCE_MS : ANSWER_MS);
	r = control_client_call(client, request, keep_words, unmounting);
	/* The server may be gone before its answer: it was the last mount. */
	if (r == -EPIPE && !mounts_is_mountpoint(unmounting->mountpoint))
		r = EXIT_DONE;
	return r;
}

static void pass_words_on(struct unmounting *unmounting)
{
	struct output *output = unmounting->output;

	if (unmounting->said.len)
		output->write(output->arg, 2, unmounting->said.data, unmounting->said.len);
}

/* The server has named this process already, with the file it has open. */
static bool is_named(const struct unmounting *unmounting, pid_t pid)
{
	char words[32];
	int len = snprintf(words, sizeof(words), "  pid %ld (", (long)pid);

	return unmounting->said.len &&
	       memmem(unmounting->said.data, unmounting->said.len, words, (size_t)len);
}

static void remark_holder(const struct unmounting *unmounting, const struct holder *holder)
{
	static const char *const words[] = {
		"working directory", "root directory", "open file", "mapped file"};
	unsigned how = holder->how;
	char text[96] = "";
	size_t len = 0;

	if (is_named(unmounting, holder->process.pid))
		how &= ~(unsigned)(HOLDS_FILE | HOLDS_MAPPING);
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (how & 1u << i)
			len += (size_t)snprintf(
				text + len, sizeof(text) - len, "%s%s", len ? ", " : "", words[i]);
	}
	if (how)
		remark(unmounting->output, "  pid %ld (uid %u, %s): %s", (long)holder->process.pid,
			holder->uid, holder->name, text);
}

static int list_holders(struct unmounting *unmounting)
{
	scope_free struct holder *holders = NULL;
	struct output *output = unmounting->output;
	size_t count = 0;
	int r;

	r = holders_find(mounts_device_at(unmounting->mountpoint), &holders, &count);
	for (size_t i = 0; i < count; i++)
		remark_holder(unmounting, &holders[i]);
	if (r < 0)
		remark(output, "  not all processes could be looked at: %s", result_text(r));
	else if (!count)
		remark(output, "  no process that you may look at is there%s",
			geteuid() ? "; root sees all" : "");
	remark(output,
		"end them and unmount again; `modelvault umount --kill %s` does it, --force cuts "
		"them off",
		unmounting->mountpoint);
	return EXIT_BUSY;
}

/* Count of the holders that are still there, or that could not be told. */
static size_t end_holders(struct unmounting *unmounting)
{
	scope_free struct holder *holders = NULL;
	scope_free struct process *all = NULL;
	size_t count = 0;
	int r;

	/* Some other process may keep whoever looks: those that were found are ended all the same.
	 */
	r = holders_find(mounts_device_at(unmounting->mountpoint), &holders, &count);
	if ((r < 0 && r != -ETIMEDOUT) || !count)
		return 1;
	all = calloc(count, sizeof(*all));
	if (!all)
		return count;
	for (size_t i = 0; i < count; i++)
		all[i] = holders[i].process;
	return end_processes(all, count, unmounting->server, unmounting->output);
}

static int kill_and_unmount(struct unmounting *unmounting)
{
	const struct timespec step = {.tv_nsec = 100 * 1000 * 1000};
	int r = EXIT_BUSY;

	remark(unmounting->output, "%s is busy; ending who uses it", unmounting->mountpoint);
	for (int i = 0; i < KILL_TRIES && r == EXIT_BUSY; i++) {
		size_t left = end_holders(unmounting);

		/* What a process had open is closed a moment after it has ended. */
		nanosleep(&step, NULL);
		r = ask_server(unmounting);
		if (left)
			break;
	}
	return r;
}

static int clear_dead(const char *mountpoint, struct output *output)
{
	int code = mount_detach(mountpoint, output);

	if (code == EXIT_DONE)
		remark(output, "the server of %s was dead; the mount was cleared", mountpoint);
	return code;
}

/* Nobody answers: what can be done without. */
static int unmount_alone(struct unmounting *unmounting, int result)
{
	const char *mountpoint = unmounting->mountpoint;
	struct output *output = unmounting->output;
	int code;

	if (result == -ENOENT && vault_is_deserted(unmounting->place))
		return clear_dead(mountpoint, output);
	if (unmounting->force && result != -EPERM) {
		code = mount_detach(mountpoint, output);
		if (code == EXIT_DONE)
			remark(output,
				"the server of %s does not answer; the mount was taken away, "
				"process %ld is still there",
				mountpoint, (long)vault_holder(unmounting->place->path));
		return code;
	}
	if (result == -ENOENT || result == -ETIMEDOUT) {
		complain(output,
			"process %ld holds %s and does not answer; `modelvault umount --force %s` "
			"takes the mount away all the same",
			(long)vault_holder(unmounting->place->path), unmounting->place->path,
			mountpoint);
		return EXIT_BUSY;
	}
	complain(output, "the server of %s cannot be asked: %s", unmounting->place->path,
		result_text(result));
	return exit_code_of(result);
}

/* Of one that was just ending and did not hear us nothing is left in the end. */
static int ask_until_heard(struct unmounting *unmounting)
{
	const struct timespec step = {.tv_nsec = 100 * 1000 * 1000};
	int r = ask_server(unmounting);

	for (int i = 0; i < ENDING_TRIES && r == -EPIPE; i++) {
		nanosleep(&step, NULL);
		r = ask_server(unmounting);
	}
	return r;
}

static int unmount(struct unmounting *unmounting)
{
	dev_t device = mounts_device_at(unmounting->mountpoint);
	int r = ask_until_heard(unmounting);

	if (r == EXIT_BUSY && unmounting->kill)
		r = kill_and_unmount(unmounting);
	if (r < 0)
		return unmount_alone(unmounting, r);
	pass_words_on(unmounting);
	if (r == EXIT_BUSY)
		return list_holders(unmounting);
	if (r == EXIT_DONE)
		r = wait_until_gone(unmounting, device);
	return r;
}

int run_umount(struct invocation *invocation)
{
	scope_free char *path = mounts_absolute(invocation->operands[0]);
	scope_free char *vault = path ? mounts_vault_at(path) : NULL;
	struct output output = output_to_terminal();
	struct unmounting unmounting = {
		.mountpoint = path,
		.force = invocation_option(invocation, "force"),
		.kill = invocation_option(invocation, "kill"),
		.output = &output,
	};
	struct vault_place place;
	int code, r;

	if (unmounting.force && unmounting.kill) {
		complain(&output, "umount: --force cuts users off, --kill ends them; give one");
		return EXIT_USAGE;
	}
	if (!vault) {
		complain(&output,
			"umount: %s is not the mount point of a vault; `modelvault status` "
			"lists them",
			invocation->operands[0]);
		return EXIT_NOT_FOUND;
	}
	/* Our own working directory is no reason. */
	if (chdir("/") < 0)
		return EXIT_FAILED;
	if (mount_is_dead(path))
		return clear_dead(path, &output);
	r = vault_locate(vault, &place, &output);
	if (r < 0)
		return exit_code_of(r);
	unmounting.place = &place;
	code = unmount(&unmounting);
	buffer_done(&unmounting.said);
	vault_place_done(&place);
	return code;
}
