/* SPDX-License-Identifier: Apache-2.0 */
/* vault_access.c - the same verbs over the socket or in this process. */
#include "fs/cmd/vault_access.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "fs/cmd/serve.h"
#include "fs/cmd/unlock.h"
#include "keystore/base/clock.h"

/* The server closes a connection that says nothing for 30 s: one that old is made anew first. */
#define LINE_IDLE_NS (15 * NS_PER_S)

#define REACH_STEPS 250 /* of 20 ms */

struct vault_access {
	struct vault_place place;
	struct control_client *client; /* for the first line; it proved that there is a server */
	bool served;
	struct vault *vault; /* opened here, when not served */
	struct subject caller;
	char via[32];
};

struct access_line {
	struct vault_access *access;
	struct control_client *client;
	int64_t used_ns;
	bool dead;
};

int connect_server(const struct vault_place *place, struct control_client **ret_client)
{
	const uint32_t users[] = {0, geteuid(), place->owner};
	char path[4096];
	int r = -ENOENT;

	for (size_t i = 0; i < ARRAY_SIZE(users); i++) {
		int found = socket_path_of(users[i], place->socket_text, path, sizeof(path));

		if (found == 0)
			found = control_client_new(path, place->owner, ret_client);
		if (found == 0)
			return 0;
		if (found != -ENOENT && found != -ECONNREFUSED)
			r = found;
	}
	return r;
}

bool vault_is_held(const struct vault_place *place)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct control_client *client;
	scope_free char *name = NULL;
	scope_fd int fd = -1;

	if (asprintf(&name, "%s/lock", place->path) < 0)
		return false;
	fd = open(name, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0)
		return fcntl(fd, F_OFD_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;
	if (errno == ENOENT || connect_server(place, &client) < 0)
		return false;
	control_client_free(client);
	return true;
}

int reach_server(const struct vault_place *place, struct control_client **ret_client)
{
	const struct timespec step = {.tv_nsec = 20 * NS_PER_MS};
	int r;

	for (int i = 0; i < REACH_STEPS; i++) {
		r = connect_server(place, ret_client);
		if (r != -ENOENT || !vault_is_held(place))
			return r;
		nanosleep(&step, NULL);
	}
	return -ENOENT;
}

int subject_of_process(uint32_t uid, uint32_t gid, pid_t pid, struct subject *ret_subject)
{
	struct subject_origin origin = {.uid = uid, .gid = gid, .tid = pid};
	enum reason reason;
	int r;

	r = subject_capture(&origin, ret_subject, &reason);
	/* A contained one may read by a rule that names him, but asks for nothing else. */
	if (r == 0 && !ret_subject->initial_userns)
		r = -EACCES;
	if (r < 0)
		subject_done(ret_subject);
	return r;
}

static int unlock_here(struct vault_access *access, struct invocation *invocation,
	const struct unlock_secrets *known, struct output *output)
{
	struct unlock_secrets secrets = {0};
	int code;

	if (known && (known->key_file || known->passphrase))
		return vault_open(&access->place, known, &access->vault, output);
	code = unlock_secrets_get(invocation, access->place.path, &secrets, output);
	if (code == EXIT_DONE)
		code = vault_open(&access->place, &secrets, &access->vault, output);
	unlock_secrets_done(&secrets);
	return code;
}

static int open_here(struct vault_access *access, struct invocation *invocation,
	const struct unlock_secrets *known, struct output *output)
{
	int code, r;

	r = secret_init();
	if (r < 0) {
		complain(output, "no memory can be locked for keys (%s); raise `ulimit -l`",
			result_text(r));
		return EXIT_FAILED;
	}
	code = unlock_here(access, invocation, known, output);
	if (code != EXIT_DONE)
		return code;
	r = subject_of_process(geteuid(), getegid(), getpid(), &access->caller);
	if (r < 0) {
		access->caller = (struct subject){0};
		complain(output, "refused: what this process is cannot be told from /proc");
		return EXIT_REFUSED;
	}
	snprintf(access->via, sizeof(access->via), "slot %u", access->vault->slot);
	return EXIT_DONE;
}

static int open_place(struct vault_access *access, struct invocation *invocation,
	const struct unlock_secrets *known, struct output *output)
{
	const char *path = access->place.path;
	int r;

	r = reach_server(&access->place, &access->client);
	if (r == 0) {
		access->served = true;
		return EXIT_DONE;
	}
	if (r == -ENOENT)
		return open_here(access, invocation, known, output);
	complain(output, "the server of %s cannot be reached: %s", path, result_text(r));
	return r == -EACCES || r == -EPERM ? EXIT_REFUSED : EXIT_FAILED;
}

int access_open(
	struct invocation *invocation, struct vault_access **ret_access, struct output *output)
{
	return access_open_with(invocation, NULL, ret_access, output);
}

int access_open_with(struct invocation *invocation, const struct unlock_secrets *secrets,
	struct vault_access **ret_access, struct output *output)
{
	scope(access_close) struct vault_access *access = calloc(1, sizeof(*access));
	int code, r;

	if (!access) {
		complain(output, "out of memory");
		return EXIT_FAILED;
	}
	r = vault_locate(invocation->vault, &access->place, output);
	if (r < 0)
		return r == -ENOENT ? EXIT_NOT_FOUND : exit_code_of(r);
	code = open_place(access, invocation, secrets, output);
	if (code == EXIT_DONE)
		*ret_access = take(&access);
	return code;
}

struct vault_access *access_close(struct vault_access *access)
{
	if (!access)
		return NULL;
	control_client_free(access->client);
	vault_close(access->vault);
	subject_done(&access->caller);
	vault_place_done(&access->place);
	free(access);
	return NULL;
}

const struct vault_place *access_place(const struct vault_access *access)
{
	return &access->place;
}

bool access_is_served(const struct vault_access *access)
{
	return access->served;
}

int access_line_new(struct vault_access *access, struct access_line **ret_line)
{
	scope(access_line_free) struct access_line *line = calloc(1, sizeof(*line));
	int r;

	if (!line)
		return -ENOMEM;
	line->access = access;
	line->used_ns = clock_monotonic_ns();
	if (access->served) {
		line->client = take(&access->client);
		r = line->client ? 0 : connect_server(&access->place, &line->client);
		if (r < 0)
			return r;
	}
	*ret_line = take(&line);
	return 0;
}

struct access_line *access_line_free(struct access_line *line)
{
	if (!line)
		return NULL;
	control_client_free(line->client);
	free(line);
	return NULL;
}

static int call_server(struct access_line *line, struct message *request, struct output *output)
{
	const struct vault_place *place = &line->access->place;
	const struct control_sink sink = {output->write, output->take_pipe, output->arg};
	int r = vault_place_name(place, request);

	if (r == 0 && clock_monotonic_ns() - line->used_ns > LINE_IDLE_NS) {
		line->client = control_client_free(line->client);
		r = connect_server(place, &line->client);
	}
	if (r == 0)
		r = control_client_fetch(line->client, request, &sink);
	if (r < 0) {
		complain(output, "the server of %s went away: %s", place->path, result_text(r));
		line->dead = true;
		r = EXIT_FAILED;
	}
	line->used_ns = clock_monotonic_ns();
	return r;
}

uint32_t access_line_server_user(const struct access_line *line)
{
	return line->client ? control_client_server_user(line->client) : geteuid();
}

bool access_line_is_dead(const struct access_line *line)
{
	return line->dead;
}

int access_call(struct access_line *line, struct message *request, struct output *output)
{
	struct vault_access *access = line->access;
	struct verb_call call = {
		.request = request,
		.caller = &access->caller,
		.via = access->via,
		.by_slot = true,
		.output = output,
	};

	if (access->served)
		return call_server(line, request, output);
	return verb_perform(access->vault, &call);
}
