/* SPDX-License-Identifier: Apache-2.0 */
/* cmd_status.c - `status [VAULT] [--json]`: mounts, open handles (who has what open), counts,
 * trail. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fs/cmd/commands.h"
#include "fs/cmd/dead_mount.h"
#include "fs/cmd/mounts.h"
#include "fs/cmd/serve.h"
#include "keystore/base/clock.h"
#include "keystore/base/json.h"

#define ANSWER_MS 10000

static void say_json(struct output *output, struct json *json)
{
	scope_buffer struct buffer line = {0};

	if (json_line(json, &line) < 0)
		output->failed = -ENOMEM;
	else
		say_bytes(output, line.data, line.len);
}

static void show_vault(struct vault *vault, struct verb_call *call)
{
	struct catalogue_counts counts;
	struct gate_counts gate;
	struct audit_head head;
	bool broken = policy_is_broken(vault->policy) || keystore_is_broken(vault->keystore);
	unsigned unsaved = vault_unsaved_changes(vault);
	int health = audit_health(vault->audit);

	keystore_counts(vault->keystore, &counts);
	gate_counts(vault->gate, &gate);
	audit_head(vault->audit, &head);
	if (verb_flag(call, "json")) {
		scope(json_free) struct json *json = json_new();

		json_text(json, "kind", "vault");
		json_text(json, "vault", vault->place.path);
		json_text(json, "id", vault->place.id_text);
		json_bool(json, "served", vault->server != NULL);
		json_int(json, "pid", getpid());
		json_int(json, "files", (int64_t)counts.files);
		json_int(json, "bytes", (int64_t)counts.bytes);
		json_int(json, "handles", (int64_t)gate.handles);
		json_int(json, "opens_allowed", (int64_t)gate.opens_allowed);
		json_int(json, "opens_refused", (int64_t)gate.opens_refused);
		json_int(json, "reads", (int64_t)gate.reads);
		json_int(json, "bytes_served", (int64_t)gate.bytes);
		json_int(json, "damaged", (int64_t)gate.damaged);
		json_bool(json, "seal_broken", broken);
		json_int(json, "trail_seq", (int64_t)head.seq);
		json_int(json, "trail_segment", (int64_t)head.segment);
		json_int(json, "trail_lag", (int64_t)head.queued);
		json_text(json, "trail_problem", health < 0 ? result_text(health) : NULL);
		json_int(json, "unsaved_changes", unsaved);
		if (vault->server)
			json_time(json, "since", server_started_ns(vault->server));
		else
			json_unknown(json, "since");
		return say_json(call->output, json);
	}
	say(call->output, "%s: %llu file%s, %llu byte%s; %s\n", vault->place.path,
		(unsigned long long)counts.files, plural(counts.files),
		(unsigned long long)counts.bytes, plural(counts.bytes),
		vault->server ? "served" : "not mounted");
	say(call->output,
		"  opens: %llu allowed, %llu refused; %llu read%s, %llu byte%s; %llu damaged\n",
		(unsigned long long)gate.opens_allowed, (unsigned long long)gate.opens_refused,
		(unsigned long long)gate.reads, plural(gate.reads), (unsigned long long)gate.bytes,
		plural(gate.bytes), (unsigned long long)gate.damaged);
	say(call->output, "  trail: record %llu, segment %llu, %llu waiting%s%s\n",
		(unsigned long long)head.seq, (unsigned long long)head.segment,
		(unsigned long long)head.queued, health < 0 ? "; CANNOT BE WRITTEN: " : "",
		health < 0 ? result_text(health) : "");
	if (broken)
		say(call->output,
			"  keystore.db was changed by somebody without a key (seal-broken)\n");
}

static void show_mount(void *arg, struct session *session)
{
	static const char *const caches[] = {"keep", "open", "none"};
	struct verb_call *call = arg;
	const struct session_options *options = session_options(session);

	if (verb_flag(call, "json")) {
		scope(json_free) struct json *json = json_new();

		json_text(json, "kind", "mount");
		json_bytes(json, "mountpoint", session_mountpoint(session),
			strlen(session_mountpoint(session)));
		json_bool(json, "allow_other", options->allow_other);
		json_text(json, "cache", caches[options->cache]);
		json_int(json, "threads", options->threads);
		json_int(json, "handles", (int64_t)session_open_handles(session));
		return say_json(call->output, json);
	}
	say(call->output, "  mounted on %s (cache=%s, threads=%u%s)\n", session_mountpoint(session),
		caches[options->cache], options->threads,
		options->allow_other ? ", allow_other" : "");
}

/* Copied out: printing may wait for the client, and the table's lock must not. */
struct handle_lines {
	struct verb_call *call;
	struct buffer text;
};

static int copy_handle(void *arg, const struct handle_info *info)
{
	struct handle_lines *lines = arg;

	if (verb_flag(lines->call, "json")) {
		scope(json_free) struct json *json = json_new();

		json_text(json, "kind", "handle");
		json_bytes(json, "path", info->path, info->path_len);
		json_int(json, "uid", info->uid);
		json_int(json, "pid", info->pid);
		json_text(json, "exe", info->exe);
		json_int(json, "rule", (int64_t)info->rule);
		json_int(json, "bytes", (int64_t)info->bytes);
		json_time(json, "opened", info->opened_ns);
		json_text(json, "mountpoint", info->mountpoint);
		return json_line(json, &lines->text);
	}
	scope_free char *path = text_for_terminal(info->path, info->path_len);

	buffer_add_format(&lines->text,
		"  open: %s by pid %ld uid %u (%s), rule %llu, %llu byte%s\n", path ? path : "?",
		(long)info->pid, info->uid, info->exe ? info->exe : "?",
		(unsigned long long)info->rule, (unsigned long long)info->bytes,
		plural(info->bytes));
	return lines->text.failed ? -ENOMEM : 0;
}

int verb_status(struct vault *vault, struct verb_call *call)
{
	struct handle_lines lines = {.call = call};
	int r;

	show_vault(vault, call);
	if (vault->server)
		server_mounts(vault->server, show_mount, call);
	r = gate_handles(vault->gate, copy_handle, &lines);
	if (r == 0)
		say_bytes(call->output, lines.text.data, lines.text.len);
	buffer_done(&lines.text);
	if (r < 0)
		complain(call->output, "status: %s", result_text(r));
	return r < 0 || call->output->failed ? EXIT_FAILED : EXIT_DONE;
}

struct mounted {
	char **vaults;
	size_t count;
};

struct deserted {
	const struct vault_place *place;
	struct output *output;
	bool any;
};

static int complain_dead(void *arg, const struct mount_entry *entry)
{
	struct deserted *deserted = arg;

	if (strcmp(entry->source, deserted->place->path) != 0)
		return 0;
	complain(deserted->output,
		"%s: its server is dead; `modelvault umount %s` clears it, and so does the next "
		"mount there",
		deserted->place->path, entry->mountpoint);
	deserted->any = true;
	return 0;
}

/* True when the vault is mounted somewhere, but nobody serves it. */
static bool complain_of_dead(const struct vault_place *place, struct output *output)
{
	struct deserted deserted = {.place = place, .output = output};

	if (vault_is_deserted(place))
		mounts_each(complain_dead, &deserted);
	return deserted.any;
}

/* Of one vault, which is unlocked when nobody serves it. */
static int run_status_of(struct invocation *invocation)
{
	struct output output = output_to_terminal();
	struct vault_place place;
	int r;

	r = vault_locate(invocation->vault, &place, &output);
	if (r < 0)
		return r == -ENOENT ? EXIT_NOT_FOUND : exit_code_of(r);
	complain_of_dead(&place, &output);
	vault_place_done(&place);
	return run_verb(invocation);
}

static int add_vault(void *arg, const struct mount_entry *entry)
{
	struct mounted *mounted = arg;
	char **grown;

	for (size_t i = 0; i < mounted->count; i++) {
		if (strcmp(mounted->vaults[i], entry->source) == 0)
			return 0;
	}
	grown = reallocarray(mounted->vaults, mounted->count + 1, sizeof(*grown));
	if (!grown)
		return -ENOMEM;
	mounted->vaults = grown;
	grown[mounted->count] = strdup(entry->source);
	return grown[mounted->count++] ? 0 : -ENOMEM;
}

/* Only asks the server: a listing must not unlock anything. The exit code, or why it did not say.
 */
static int ask_server(const struct vault_place *place, bool json, struct output *output)
{
	scope(control_client_free) struct control_client *client = NULL;
	scope(message_free) struct message *request = NULL;
	int r;

	r = connect_server(place, &client);
	if (r == 0)
		r = message_new(&request);
	if (r == 0)
		r = message_add_text(request, "verb", "status");
	if (r == 0)
		r = vault_place_name(place, request);
	if (r == 0 && json)
		r = message_add_text(request, "json", "");
	if (r < 0)
		return r;
	control_client_limit(client, ANSWER_MS);
	return control_client_call(client, request, output->write, output->arg);
}

static int show_served(const char *path, bool json, struct output *output)
{
	struct vault_place place;
	int r;

	r = vault_locate(path, &place, output);
	if (r < 0)
		return EXIT_FAILED;
	r = ask_server(&place, json, output);
	if (r == -ETIMEDOUT)
		complain(output,
			"%s: its server, process %ld, does not answer; `modelvault umount --force` "
			"takes its mounts away",
			place.path, (long)vault_holder(place.path));
	else if (r < 0 && !(r == -ENOENT && complain_of_dead(&place, output)))
		complain(output, "%s: %s", place.path, result_text(r));
	vault_place_done(&place);
	return r < 0 ? EXIT_FAILED : r;
}

int run_status(struct invocation *invocation)
{
	struct output output = output_to_terminal();
	bool json = invocation_option(invocation, "json");
	struct mounted mounted = {0};
	int code = EXIT_DONE;

	if (invocation->vault)
		return run_status_of(invocation);
	if (mounts_each(add_vault, &mounted) < 0)
		code = EXIT_FAILED;
	if (!mounted.count && code == EXIT_DONE && !json)
		say(&output, "no vault is mounted\n");
	for (size_t i = 0; i < mounted.count; i++) {
		int one = show_served(mounted.vaults[i], json, &output);

		if (one != EXIT_DONE)
			code = one;
		free(mounted.vaults[i]);
	}
	free(mounted.vaults);
	return code;
}
